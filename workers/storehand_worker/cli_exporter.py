"""`storehand exporter`: what waits and runs, and how many workers that takes, as metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from storehand.cli.exits import extra_missing
from storehand.cli.options import DataDir, load_settings

EXTRA_MODULES = frozenset({"prometheus_client", "redis", "psycopg"})


def exporter(
    http_host: Annotated[
        str | None, typer.Option(help="Address of /metrics and probes; 0.0.0.0: all.", show_default=False)
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(help="Port of /metrics and probes; 0: any.", show_default=False)
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two reads of broker and store.")] = 5.0,
    data_dir: DataDir = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.", show_default=False)] = None,
) -> None:
    """Serve metrics of queues and jobs, whether or not a worker runs: for autoscalers and alerts. 导出队列与任务指标。

    Reads the broker and the job store every few seconds and answers GET /metrics from what it read last: jobs that
    wait, are scheduled or run, by pool, queue, task and priority; how long the oldest waits; messages at the broker;
    dead letters; whether somebody reconciles; and how many workers each pool of the setting `pools` needs. A source
    that is away is asked again and again; its figures vanish after 60 s, storehand_exporter_up says 0 and /readyz why.
    One exporter is enough; it holds no lock, so two do no harm. No GPU, no models, under 150 MB.

    GET /required?pool=chat answers {"pool": "chat", "required": 3.33, "desired": 4} for scalers that read JSON, or 503
    while the store can't be read: unknown is not zero. 读不到数据时返回 503,绝不当作 0。

    \b
    Examples / 示例
      storehand exporter                                  # http://127.0.0.1:9464/metrics
      storehand exporter --http-host 0.0.0.0 --http-port 9465
      curl -s localhost:9465/metrics | grep jobs_waiting  # 等待中的任务
      curl -s 'localhost:9465/required?pool=default'      # 需要多少工作进程
      STOREHAND_POOLS='{"chat": {"families": ["text"], "slots": 32}}' storehand exporter
    """
    settings = load_settings(
        http_host=http_host,
        http_port=http_port,
        data_dir=data_dir,
        log_level=log_level.upper() if log_level else None,
    )
    try:
        from storehand_worker.exporter.exporter import run_exporter
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA_MODULES:
            raise
        raise extra_missing("exporter", f"no module {error.name!r}") from None
    raise typer.Exit(run_exporter(settings, every_s=every))
