"""Series that only Kubernetes, KEDA or an accelerator bring, served as their exporters do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from storehand_worker.operation.dashboards.foreign import OPTIONAL

PAGE = """\
kube_deployment_spec_replicas{namespace="shop",deployment="storehand-text"} 2
kube_deployment_status_replicas_ready{namespace="shop",deployment="storehand-text"} 1
keda_scaler_detail_errors_total{namespace="shop",scaledObject="storehand-text"} 3
keda_scaler_empty_upstream_responses_total{namespace="shop",scaledObject="storehand-text"} 0
DCGM_FI_DEV_GPU_UTIL{Hostname="node-1",gpu="0"} 71
storehand_device_memory_bytes{pool="text",device="cuda:0",state="used"} 11e9
storehand_device_memory_bytes{pool="text",device="cuda:0",state="total"} 24e9
storehand_device_up{pool="text",device="cuda:0"} 1
"""

assert all(name in PAGE for name in OPTIONAL)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Nobody reads it."""


@contextmanager
def foreign_exporter() -> Iterator[str]:
    """host:port"""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
