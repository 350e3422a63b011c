"""Where spans go: OpenTelemetry's own variables say so, and a provider that somebody has set up already is kept.

`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER` (otlp over HTTP, console, none), `OTEL_TRACES_SAMPLER`,
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_*` and `OTEL_SDK_DISABLED` mean what OpenTelemetry says.
"""

from __future__ import annotations

import logging
import os
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING

from storehand.errors import SettingsError
from storehand.settings import Settings
from storehand_worker.job_trace import Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

SERVICE = "storehand-worker"
FLUSH_S = 2.0
"""How long a worker that leaves waits for its last spans to be sent; a collector that is away must not hold it."""

PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
"""The first one that is set counts."""

EXPORTERS = ("otlp", "console", "none")


def open_tracer(settings: Settings, owner: str) -> Tracer:
    """One that tells nobody unless the setting `tracing` is on. SettingsError where OpenTelemetry is not installed, or
    is told to export in a way that is not there."""
    if not settings.tracing:
        return Tracer()
    try:
        from opentelemetry import trace as api
        from opentelemetry.sdk.trace import TracerProvider

        from storehand_worker.tracing import OpenTelemetryTracer
    except ImportError as error:
        raise SettingsError(f"the setting tracing needs pip install 'storehand[tracing]' ({error})") from None
    if isinstance(api.get_tracer_provider(), TracerProvider):  # by `opentelemetry-instrument`, whose it stays
        return OpenTelemetryTracer(settings, api.get_tracer("storehand"), owner=owner)
    try:
        provider = _provider(owner)
    except ValueError as error:
        raise SettingsError(f"OpenTelemetry refuses what its variables (OTEL_*) say: {error}") from None
    api.set_tracer_provider(provider)
    tracer = provider.get_tracer("storehand", version("storehand"))
    return OpenTelemetryTracer(settings, tracer, owner=owner, close=lambda: close_provider(provider))


def close_provider(provider: TracerProvider, *, within_s: float = FLUSH_S) -> None:
    """The provider's own end may take half a minute, so it is waited for only so long."""
    thread = threading.Thread(target=provider.shutdown, name="storehand-spans", daemon=True)
    thread.start()
    thread.join(within_s)
    if thread.is_alive():
        log.warning("the last spans could not be sent in %.0f s; they are dropped, the worker leaves", within_s)


def _provider(owner: str) -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    exporter = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if exporter not in EXPORTERS:
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {exporter!r}; there are {', '.join(EXPORTERS)}")
    provider = TracerProvider(resource=_resource(owner), shutdown_on_exit=False)
    if exporter == "console":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    elif exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        for name in PROTOCOLS:
            if protocol := os.environ.get(name):
                if protocol != "http/protobuf":
                    raise SettingsError(f"{name} is {protocol!r}; this worker speaks http/protobuf")
                break
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _resource(owner: str) -> Resource:
    from opentelemetry.sdk.resources import Resource

    given = Resource.create()
    ours = Resource({"service.version": version("storehand"), "service.instance.id": owner})
    if str(given.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        return given.merge(ours).merge(Resource({"service.name": SERVICE}))
    return ours.merge(given)
