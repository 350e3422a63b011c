"""Every knob of Storehand: name, unit, default, one sentence. Read once at start, passed as an argument.

Sources, strongest first: arguments, environment (`STOREHAND_LEASE_S=20`, nested with `__`), files of secrets
(`STOREHAND_BROKER_URL_FILE=/run/secrets/broker`, or all of `STOREHAND_SECRETS_DIR`), the TOML file that
`STOREHAND_CONFIG` names, defaults.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from storehand.errors import SettingsError
from storehand.job import Priority
from storehand.model_binding import ModelBinding
from storehand.payloads import checked_url
from storehand.pools import WAIT_OBJECTIVE_S, Pool, WaitObjective
from storehand.retry import Retries
from storehand.secret_files import SecretFiles
from storehand.tenants import TenantLimit

__all__ = ["EMBEDDED_SCHEME", "ModelBinding", "Names", "Retries", "Settings", "read_settings"]

EMBEDDED_SCHEME = "embedded"
BROKER_SCHEMES = (EMBEDDED_SCHEME, "redis", "rediss", "sentinel", "amqp", "amqps", "pyamqp", "memory")


def _state_dir() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "storehand"


def _named(value: Any) -> Any:
    """`a,b` is easier to write in an environment than a JSON list."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_named)]


def _keys(value: Any) -> Any:
    """One key a line is easier to write into a file than a JSON list, which it may also be."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else value.split()


Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_keys)]


class Settings(BaseSettings):
    """All settings. `Settings()` reads environment and file; arguments win."""

    model_config = SettingsConfigDict(
        env_prefix="STOREHAND_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True,
        hide_input_in_errors=True,  # URLs carry passwords
    )  # fmt: skip

    data_dir: Path = Field(default_factory=_state_dir, description="folder of the embedded queue and job store")
    broker_url: SecretStr = Field(default=SecretStr(""), description="embedded:///file, redis://, amqp://")
    store_url: SecretStr = Field(
        default=SecretStr(""), description="sqlite:///file, redis://, postgresql://; default in data_dir"
    )
    store_ca_file: Path | None = Field(
        default=None, description="authorities that signed the store's certificate; default: the system's"
    )
    store_cert_file: Path | None = Field(default=None, description="this client's certificate for the store")
    store_key_file: Path | None = Field(default=None, description="the key of store_cert_file")
    broker_ca_file: Path | None = Field(
        default=None, description="authorities that signed the broker's certificate; default: the system's"
    )
    broker_cert_file: Path | None = Field(default=None, description="this client's certificate for the broker")
    broker_key_file: Path | None = Field(default=None, description="the key of broker_cert_file")
    broker_master_name: str = Field(default="mymaster", description="Sentinel: what it calls the broker's master")
    visibility_s: float = Field(
        default=120.0,
        ge=3,
        description="Redis: a dead worker's messages come back so late; renewed while it lives",
    )
    delivery_limit: int = Field(
        default=20,
        ge=3,
        description="RabbitMQ: deliveries of a message before it is laid aside and judged",
    )
    synchronous: Literal["FULL", "NORMAL"] = Field(
        default="FULL", description="SQLite: FULL survives power loss, NORMAL survives any process death"
    )
    tenant: str = Field(default="default", max_length=64, description="tenant of jobs that name none")
    queue_prefix: str = Field(default="storehand", pattern=r"^[a-z][a-z0-9_-]*$", description="first word of queues")
    routes: dict[str, str] = Field(
        default_factory=lambda: {
            "chat": "text",
            "copy": "text",
            "description": "text",
            "recommendation": "encoder",
            "sentiment": "encoder",
        },
        description="task -> model family; a family has its own three queues",
    )

    plugins: Names | None = Field(
        default=None, description="entry points to load (`a,b` or a list); default all installed"
    )
    models: dict[str, ModelBinding] = Field(default_factory=dict, description="role -> model; default starter")
    memory_share: float = Field(
        default=0.9, gt=0, description="share of a device's free memory that the models may plan with at the start"
    )
    knowledge_dir: Path | None = Field(
        default=None, description="folder of the knowledge bases that chat names; default knowledge/ in data_dir"
    )
    queues: Names | None = Field(
        default=None, description="families this worker serves (`a,b` or a list); default: those of its tasks"
    )
    concurrency: int = Field(default=64, ge=2, le=4096, description="messages in hand at once, threads of the pool")
    reserved_interactive: float = Field(
        default=0.25, ge=0, lt=1, description="share of the concurrency that only interactive jobs may use"
    )
    item_threads: int = Field(default=64, ge=1, le=4096, description="threads that run the items of envelopes")
    job_places: int = Field(
        default=1, ge=0, description="standard and bulk jobs that run Python at once, besides those that wait; 0: all"
    )
    envelope_items: int = Field(default=32, ge=1, le=500, description="most jobs in one message of submit_many")
    publish_timeout_s: float = Field(
        default=3.0, gt=0, description="longest wait of a submit for the broker; the job is stored all the same"
    )

    payload_max_bytes: int = Field(default=256 * 1024, ge=1024, description="largest JSON input in a job's row")
    payload_url: SecretStr | None = Field(
        default=None, description="where larger inputs lie: file:///shared/payloads, s3://bucket/prefix; none: refused"
    )
    payload_ref_max_bytes: int = Field(default=16 * 2**20, ge=1024, description="largest JSON input at payload_url")
    tenant_limits: dict[str, TenantLimit] = Field(
        default_factory=dict, description="tenant -> jobs_per_s, burst, open_jobs; `*` for each that is not named"
    )
    result_ttl_s: float = Field(default=7 * 86400, gt=0, description="how long finished jobs stay readable")
    deadline_s: float | None = Field(default=None, gt=0, description="default time until a job expires; none: never")
    lease_s: float = Field(default=15.0, gt=1, description="a worker's claim on a job; renewed at a third of it")
    watch_s: float = Field(default=0.25, gt=0, le=0.5, description="how often cancel flags and deadlines are read")
    max_crashes: int = Field(default=3, ge=1, description="worker deaths under a job before it is poison")
    max_attempts: int = Field(default=5, ge=1, description="tries of a job that fails with a retryable error")
    retries: dict[str, Retries] = Field(
        default_factory=dict, description="task -> when its failed jobs come again; default: what the task says"
    )
    reconcile_s: float = Field(default=5.0, gt=0, description="how often the reconciler looks for lost jobs")
    publish_grace_s: float = Field(default=10.0, gt=0, description="age of an unpublished row before it is rung again")
    soft_time_limit_s: float = Field(default=540.0, gt=0, description="a job is asked to stop with time_limit")
    time_limit_s: float = Field(default=600.0, gt=0, description="a job is given up with time_limit")
    drain_s: float = Field(default=45.0, ge=0, description="SIGTERM: time to finish before jobs are handed back")
    stuck_limit: int = Field(default=4, ge=1, description="threads that will not stop before the worker leaves")

    allowed_callbacks: Names | None = Field(
        default=None,
        description="name patterns (`shop.*`) of tasks that link, link_error, chain and chord may name; default: any."
        " Tasks of Storehand, of Celery and of this worker are never allowed",
    )
    signing_keys: Keys = Field(
        default=(),
        description="keys of 32 characters or more, a list or one a line, that sign messages: the first signs, all are"
        " accepted",
    )
    require_signature: bool = Field(
        default=False, description="the worker lays messages aside that no key of signing_keys has signed"
    )
    remote_control: Literal["none", "safe", "all"] = Field(
        default="safe",
        description="Celery's remote control: safe is inspect, events and revoke; all adds shutdown, limits and queues",
    )

    pools: dict[str, Pool] = Field(
        default_factory=dict, description="pool -> its families, slots and promises, for the exporter; default: one"
    )
    wait_objective_s: WaitObjective = Field(
        default_factory=lambda: dict(WAIT_OBJECTIVE_S), description="priority -> a job that starts later is late"
    )

    http_host: str = Field(default="127.0.0.1", description="address of /metrics and the health probes")
    http_port: int = Field(default=9464, ge=0, le=65535, description="port of /metrics and the probes; 0: any free one")
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object a line, for collectors")
    tracing: bool = Field(default=False, description="OpenTelemetry spans; where to is said by its own OTEL_ variables")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least severe log line")

    @model_validator(mode="before")
    @classmethod
    def _fill_urls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        folder = Path(data.get("data_dir") or _state_dir()).expanduser().absolute()
        data = {**data, "data_dir": folder}
        data["broker_url"] = data.get("broker_url") or f"{EMBEDDED_SCHEME}://{folder / 'queue.db'}"
        data["knowledge_dir"] = Path(data.get("knowledge_dir") or folder / "knowledge").expanduser().absolute()
        data["store_url"] = data.get("store_url") or f"sqlite://{folder / 'jobs.db'}"
        return data

    @model_validator(mode="after")
    def _limits_in_order(self) -> Settings:
        if self.soft_time_limit_s > self.time_limit_s:
            raise ValueError("soft_time_limit_s must not be over time_limit_s")
        if self.broker_scheme not in BROKER_SCHEMES:
            raise ValueError(f"broker_url has the scheme {self.broker_scheme!r}; there are {', '.join(BROKER_SCHEMES)}")
        if any((self.broker_ca_file, self.broker_cert_file, self.broker_key_file)) and not self.is_tls:
            raise ValueError("broker_ca_file and broker_cert_file need TLS: rediss://, amqps:// or sentinel://")
        is_plain = self.store_url.get_secret_value().startswith(("sqlite:", "redis:", "redis+socket:", "unix:"))
        if any((self.store_ca_file, self.store_cert_file, self.store_key_file)) and is_plain:
            raise ValueError("store_ca_file and store_cert_file need TLS: rediss://, sentinel:// or postgresql://")
        if (self.broker_key_file is None) != (self.broker_cert_file is None):
            raise ValueError("broker_cert_file and broker_key_file belong together")
        if any(len(key.get_secret_value()) < 32 for key in self.signing_keys):
            raise ValueError("signing_keys: a key has fewer than 32 characters")
        if self.require_signature and not self.signing_keys:
            raise ValueError("require_signature needs signing_keys")
        if self.payload_url is not None:
            checked_url(self.payload_url.get_secret_value())
        if self.plugins is not None and not self.plugins:
            raise ValueError("plugins is an empty list: name at least one, or leave it out for all")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("STOREHAND_CONFIG")
        toml = (TomlConfigSettingsSource(settings_cls, Path(file)),) if file else ()
        return (init_settings, env_settings, SecretFiles(settings_cls), *toml)

    @property
    def is_embedded(self) -> bool:
        """One host, no broker server."""
        return self.broker_url.get_secret_value().startswith(f"{EMBEDDED_SCHEME}://")

    @property
    def broker_scheme(self) -> str:
        return self.broker_url.get_secret_value().partition(":")[0].partition("+")[0]

    @property
    def is_amqp(self) -> bool:
        return self.broker_scheme in ("amqp", "amqps", "pyamqp")

    @property
    def is_redis(self) -> bool:
        """Alone or behind Sentinel."""
        return self.broker_scheme in ("redis", "rediss", "sentinel")

    @property
    def is_tls(self) -> bool:
        """Whether the connection to the broker is encrypted; behind Sentinel the URL's scheme can't say so."""
        has_files = any((self.broker_ca_file, self.broker_cert_file))
        return self.broker_scheme in ("rediss", "amqps") or (self.broker_scheme == "sentinel" and has_files)

    @property
    def reserved_threads(self) -> int:
        """Places in the pool that only interactive jobs may take; at least one when there is a reserve."""
        return max(1, round(self.concurrency * self.reserved_interactive)) if self.reserved_interactive else 0

    @property
    def message_max_bytes(self) -> int:
        """Largest body of one message: as many of the largest inputs as an envelope of the client holds jobs."""
        return self.payload_max_bytes * max(self.envelope_items, 32)

    def queue(self, task: str, priority: Priority) -> str:
        """The broker queue of a task's jobs."""
        return f"{self.queue_prefix}.{self.routes.get(task, 'default')}.{priority}"

    def families(self) -> list[str]:
        """The model families this worker serves, in a fixed order."""
        return self.queues if self.queues is not None else sorted({*self.routes.values(), "default"})

    def binding(self, role: str) -> ModelBinding:
        return self.models.get(role, ModelBinding())


def read_settings(**arguments: Any) -> Settings:
    """`Settings(...)`, whose errors are SettingsError and name every wrong knob."""
    try:
        return Settings(**arguments)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()]
        raise SettingsError("; ".join(lines)) from None
    except (SourceError, ValueError, OSError) as error:  # unreadable environment value, or a broken TOML file
        raise SettingsError(f"the settings can't be read: {error}") from None
