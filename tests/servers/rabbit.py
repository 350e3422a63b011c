"""RabbitMQ: a node of its own with its own epmd, cookie and folders; no plugins, no management."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.servers.certificates import Certificates
from tests.servers.server import Server, answers, free_port, fresh_name, program
from tests.waiting import until


class RabbitServer(Server):
    """`url` is the virtual host `/`; `fresh_url()` a new one (0.1 s); `call()` asks the node itself.

    lines: of rabbitmq.conf, e.g. `RabbitServer("consumer_timeout = 60000")`. tls: `url` is amqps.
    Erlang's own programs only: rabbitmqctl takes seconds to start, erl_call milliseconds.
    """

    programs: ClassVar[tuple[str, ...]] = ("rabbitmq-server", "epmd", "erl_call")
    package: ClassVar[str] = "rabbitmq-server"

    def __init__(self, *lines: str, tls: bool = False) -> None:
        super().__init__()
        self.lines = lines
        self.certificates = Certificates(self.folder / "tls") if tls else None
        self.node = f"{fresh_name('storehand')}@localhost"
        self._epmd_port, self._distribution_port = free_port(), free_port()
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.host_url("")

    def host_url(self, virtual_host: str) -> str:
        scheme = "amqps" if self.certificates else "amqp"
        return f"{scheme}://guest:guest@127.0.0.1:{self.port}/{virtual_host}"

    def fresh_url(self) -> str:
        name = fresh_name()
        everything = ", ".join(['<<".*">>'] * 3)
        self.call(f'rabbit_vhost:add(<<"{name}">>, <<"tests">>)')
        self.call(f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, {everything}, <<"tests">>)')
        return self.host_url(name)

    def call(self, expression: str) -> str:
        """The value of an Erlang expression on the node, printed; what rabbitmqctl does in seconds."""
        for _ in range(3):  # on a busy machine its handshake is refused now and then, before anything is done
            done = self._erl_call(f"{expression}.\n".encode())
            if done.returncode == 0:
                break
        answer = done.stdout.decode()
        assert answer.startswith("{ok, "), answer or done.stderr.decode()
        return answer[len("{ok, ") : -1]

    def flush(self) -> None:
        """What it writes half a second late goes to disk now. 3.10, killed before that, may bring a new quorum queue
        back without a leader (docs/brokers.md)."""
        self.call("[dets:sync(Table) || Table <- dets:all()]")

    def _erl_call(self, expression: bytes) -> subprocess.CompletedProcess[bytes]:
        cookie = (self.folder / ".erlang.cookie").read_text().strip()
        return subprocess.run(
            [program("erl_call"), "-n", self.node, "-c", cookie, "-e"],
            input=expression, capture_output=True, check=False, timeout=60,
            env={"ERL_EPMD_PORT": str(self._epmd_port), "HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip

    def close(self) -> None:
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def _prepare(self) -> None:
        if self._epmd is None:  # in the foreground and ours; Erlang would leave one behind
            self._epmd = subprocess.Popen(
                [program("epmd"), "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            until(lambda: answers(self._epmd_port))
        configuration = [*self._listeners(), "log.console = true", "log.console.level = warning", "log.file = false"]
        (self.folder / "rabbitmq.conf").write_text("\n".join([*configuration, *self.lines]) + "\n")
        (self.folder / "enabled_plugins").write_text("[].\n")

    def _listeners(self) -> list[str]:
        if self.certificates is None:
            return [f"listeners.tcp.1 = 127.0.0.1:{self.port}"]
        made = self.certificates
        files = {"cacertfile": made.ca, "certfile": made.cert, "keyfile": made.key}
        options = [f"ssl_options.{name} = {file}" for name, file in files.items()]
        asks = ["ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = true"]
        return ["listeners.tcp = none", f"listeners.ssl.1 = 127.0.0.1:{self.port}", *options, *asks]

    def _command(self) -> list[str]:
        debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on the path changes user and folder
        return [str(debian) if debian.exists() else program("rabbitmq-server")]

    def _environment(self) -> Mapping[str, str]:
        folder = self.folder
        return {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server instead of watching it
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log.d"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }

    def _companions(self) -> list[int]:
        return [self._epmd.pid] if self._epmd else []

    def _is_up(self) -> bool:
        return answers(self.port)


_ERLANG = "+S 2:2 +A 8 -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
