"""Doctor's checks of a job store on a server: will it keep what it has answered?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from storehand.cli import servers
from storehand.cli.checks import Check, Light
from storehand.settings import Settings

OLDEST_POSTGRES = 13
_ASKED = ("server_version", "synchronous_commit", "fsync", "full_page_writes", "transaction_read_only")


def checks(settings: Settings) -> Iterator[Check]:
    """Nothing for stores that have no server."""
    url = settings.store_url.get_secret_value()
    if url.startswith(("redis", "sentinel", "unix")):
        yield from servers.judge_redis("store", _redis_facts(settings, url), visibility_s=settings.visibility_s)
    elif url.startswith("postgres"):
        yield from judge_postgres(postgres_facts(url))


def _redis_facts(settings: Settings, url: str) -> Mapping[str, object]:
    """As of a broker at that address: the questions are the same."""
    named = {"ca": settings.store_ca_file, "cert": settings.store_cert_file, "key": settings.store_key_file}
    as_broker = {f"broker_{name}_file": file for name, file in named.items()}
    address = settings.store_url if not url.startswith("unix:") else type(settings.store_url)(f"redis+socket{url[4:]}")
    return servers.redis_facts(settings.model_copy(update={"broker_url": address, **as_broker}))


def postgres_facts(url: str) -> dict[str, str]:
    """Server parameters by name, as this user's sessions have them."""
    import psycopg

    with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
        found = {}
        for name in _ASKED:
            row = connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
            found[name] = str(row[0]) if row else ""
        return found


def judge_postgres(facts: Mapping[str, str]) -> Iterator[Check]:
    version = facts.get("server_version", "?")
    major = int(version.split(".")[0]) if version.split(".")[0].isdigit() else 0
    light = Light.GREEN if major >= OLDEST_POSTGRES else Light.YELLOW
    advice = "" if light is Light.GREEN else f"PostgreSQL {OLDEST_POSTGRES} or newer is what we test with"
    yield Check("store", "version", light, f"PostgreSQL {version}", advice)
    if facts.get("transaction_read_only") == "on":
        detail = "the server is read-only: a standby, or set so"
        yield Check("store", "writable", Light.RED, detail, "name the primary in store_url")
    if facts.get("fsync") == "off" or facts.get("full_page_writes") == "off":
        detail = "fsync or full_page_writes is off: a power cut may destroy the database"
        yield Check("store", "guarantee", Light.RED, detail, "set both on in postgresql.conf")
    elif facts.get("synchronous_commit") == "off":
        detail = "synchronous_commit is off: a crash of the server may lose the jobs of the last second"
        yield Check("store", "guarantee", Light.YELLOW, detail, "set synchronous_commit on, at least for this user")
    else:
        detail = f"synchronous_commit {facts.get('synchronous_commit')}: an accepted job survives a power cut"
        yield Check("store", "guarantee", Light.GREEN, detail)
