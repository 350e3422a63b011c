"""The worker's HTTP port: /metrics for Prometheus; /livez, /readyz and /startupz for Kubernetes and for people."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from storehand.errors import SettingsError
from storehand.settings import Settings

log = logging.getLogger(__name__)

SLOW_CLIENT_S = 10.0
"""A connection lives no longer than this, however slowly somebody speaks."""

MOST_CLIENTS = 64
"""Connections at a time, a thread each; more are closed at once."""

CLOSE_POLL_S = 0.1


Route = Callable[[Mapping[str, str]], tuple[int, Mapping[str, Any]]]
"""From what the query names to status and JSON."""

NO_ROUTES: Mapping[str, Route] = {}


class Probes(Protocol):
    """The three questions; see `liveness.Checks`."""

    def live(self) -> list[str]: ...
    def ready(self) -> list[str]: ...
    def started(self) -> list[str]: ...


class HealthServer:
    """Answers GET on `http_host:http_port` from `start` to `close`; port 0 takes any free one, see `port`. `routes` are
    paths of the caller's own."""

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        checks: Probes,
        *,
        routes: Mapping[str, Route] = NO_ROUTES,
    ) -> None:
        self._host = settings.http_host
        self._wanted_port = settings.http_port
        self._registry = registry
        self._checks = checks
        self._routes = routes
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """SettingsError when the port is taken or the address is not ours."""
        probes: Mapping[str, Callable[[], list[str]]] = {
            "/livez": self._checks.live,
            "/readyz": self._checks.ready,
            "/startupz": self._checks.started,
        }
        handler = type("Handler", (_Handler,), {"registry": self._registry, "probes": probes, "routes": self._routes})
        try:
            self._server = _server_class(self._host)((self._host, self._wanted_port), handler)
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"the port for /metrics and the probes can't be opened: {self._host}:{self._wanted_port}: {error}; "
                "another worker may have it: set STOREHAND_HTTP_PORT, 0 takes any free port"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(CLOSE_POLL_S,), name="http", daemon=True
        )
        self._thread.start()
        log.info("metrics and probes are at http://%s:%d/metrics, /livez, /readyz, /startupz", self._host, self.port)

    @property
    def port(self) -> int:
        """The port it listens on; 0 before `start`."""
        return int(self._server.server_address[1]) if self._server else 0

    def close(self) -> None:
        """Frees the port; may be called again."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()

    def __enter__(self) -> HealthServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that never reads must not hold up the worker's end

    def __init__(self, *args: Any, **options: Any) -> None:
        self._since: dict[Any, float] = {}
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._since) >= MOST_CLIENTS:
            self.shutdown_request(request)
            return
        self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called every CLOSE_POLL_S: a timeout of the socket counts from its last byte, this from the first."""
        eldest = time.monotonic() - SLOW_CLIENT_S
        for request, since in list(self._since.items()):
            if since < eldest:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("http: a connection ended early", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_class(host: str) -> type[_Server]:
    return _Server6 if ":" in host else _Server


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    probes: Mapping[str, Callable[[], list[str]]]
    routes: Mapping[str, Route]
    timeout = SLOW_CLIENT_S

    def do_GET(self) -> None:  # the name that http.server calls
        path, _, query = self.path.partition("?")
        path = path.rstrip("/") or "/"
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept") or "")
            self._answer(200, encode(self.registry), content_type)
        elif path in self.probes:
            reasons = self.probes[path]()
            self._say(503 if reasons else 200, {"ok": not reasons, "reasons": reasons})
        elif path in self.routes:
            self._say(*self.routes[path](dict(parse_qsl(query))))
        else:
            self._say(404, {"ok": False, "reasons": [f"there are /metrics, {', '.join([*self.probes, *self.routes])}"]})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Without http.server's page, which repeats what was asked."""
        self.close_connection = True
        self._say(code, {"ok": False, "reasons": ["only GET is answered here"]})

    def _say(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content, ensure_ascii=False).encode() + b"\n"
        self._answer(status, body, "application/json; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "storehand"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that http.server gives
        log.debug("http: " + format, *args)
