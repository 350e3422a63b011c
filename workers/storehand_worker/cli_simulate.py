"""`storehand simulate`: what an autoscaling policy would have done with a day's traffic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storehand.cli.exits import extra_missing
from storehand.cli.options import AsJson, load_settings
from storehand.cli.output import print_json, print_table, say
from storehand.errors import InvalidInput, SettingsError
from storehand.pools import Pool
from storehand_worker.simulate.names import ALL_POLICIES, KINDS, TRACES, ServiceTime

if TYPE_CHECKING:
    from storehand_worker.simulate.session import Pictures


def simulate(
    trace: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(TRACES)}, or a CSV file; again for more. Default: the first three."),
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(ALL_POLICIES)}; again for more. Default: eight.")
    ] = None,
    workers: Annotated[str, typer.Option(help=f"Kind of worker: {', '.join(KINDS)}.")] = "text",
    pool: Annotated[
        str | None, typer.Option(help="Promises and bounds of this pool of the setting `pools`.", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Each cell is run with the seeds 1 to N.")] = 3,
    scale: Annotated[float, typer.Option(min=0.001, help="Multiplies the rates of built-in traces.")] = 1.0,
    least: Annotated[int | None, typer.Option("--min", min=0, help="Least workers; default 1.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Most workers; default 30.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="c of the rule; default: the kind of worker's.")] = None,
    utilization: Annotated[float | None, typer.Option(min=0.05, max=1.0, help="rho of the rule.")] = None,
    catch_up: Annotated[float | None, typer.Option(min=1, help="D of the rule, seconds.")] = None,
    cold_start: Annotated[float | None, typer.Option(min=0, help="Seconds from node to serving, median.")] = None,
    grace: Annotated[float | None, typer.Option(min=0, help="Seconds a leaving worker may drain.")] = None,
    nodes: Annotated[str | None, typer.Option(help="READY:MOST:SECONDS, e.g. 2:8:180; default: endless.")] = None,
    service: Annotated[
        ServiceTime, typer.Option(help="How the rule reads the seconds a job takes.")
    ] = ServiceTime.LARGER,
    service_error: Annotated[float, typer.Option(min=0.01, help="Multiplies that reading.")] = 1.0,
    prometheus_away: Annotated[str | None, typer.Option(help="START:END in seconds of the trace.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the first seed to this .svg or .png (extra `operation`).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare autoscaling policies on traffic, without a cluster. 自动扩缩策略模拟。

    Runs every trace under every policy, event by event: jobs by priority, workers whose engines slow down as they fill,
    cold starts, nodes that must be had first, the HPA's tolerance, windows and paces, KEDA's polling, the delays of
    scrapes and rules, broker restarts, deaths, and drains. The same seed gives the same result. Each table shows the
    share of jobs that started within their wait objective, the 95th percentile of wait and of wait and work together,
    worker-hours (GPU-hours where a worker has one), jobs killed with our drain, jobs that a policy would have killed if
    workers did not drain, how often the number of workers changed, and the most there were. Means of the seeds, with
    the lowest and highest.

    A CSV file is told by its header: AzureLLMInferenceTrace and BurstGPT as published, or a column `at` (seconds or
    ISO) and, if you like, `priority`, `task`, `service_s`. Policies: `rule` is ours (docs/scaling.md), `in-hand` its
    fallback by the broker's counts alone, the others are what KEDA and the HPA do by default.

    \b
    Examples / 示例
      storehand simulate                                   # three traces, eight policies / 三种流量、八种策略
      storehand simulate --trace flash-sale --policy rule --policy keda-redis --plot sale.svg
      storehand simulate --trace AzureLLMInferenceTrace_conv.csv --seeds 1
      storehand simulate --workers encoder --cold-start 420 --min 2 --json
      storehand simulate --trace diurnal --nodes 2:8:180 --service-error 0.5
    """
    from storehand_worker.simulate.report import HEAD, grouped, rows, to_json
    from storehand_worker.simulate.session import Asked, simulate_all

    values = {
        "slots": slots, "utilization": utilization, "catch_up_s": catch_up, "min_workers": least, "max_workers": most,
    }  # fmt: skip
    asked = Asked(
        traces=trace or (),
        policies=policy or (),
        workers=workers,
        seeds=seeds,
        scale=scale,
        pool=_pool(pool),
        pool_values={name: value for name, value in values.items() if value is not None},
        cold_start_s=cold_start,
        grace_s=grace,
        nodes=nodes,
        service=service,
        service_error=service_error,
        prometheus_away=prometheus_away,
        keep_points=plot is not None,
    )
    _check_plot(plot)
    results, pictures = simulate_all(asked)
    if plot is not None:
        _draw(plot, pictures)
    if as_json:
        print_json([to_json(result) for result in results])
        return
    for name, by_policy in grouped(results).items():
        jobs = next(iter(by_policy.values()))[0].jobs
        print_table(HEAD, rows(by_policy), title=f"{name}: {jobs} jobs, workers of kind {workers}")
    if plot is not None:
        say(f"drawn: {plot}")


def _pool(name: str | None) -> Pool | None:
    if name is None:
        return None
    pools = load_settings().pools
    if name not in pools:
        raise SettingsError(f"the setting pools has no {name!r}; it has {', '.join(pools) or 'none'}")
    return pools[name]


def _check_plot(file: Path | None) -> None:
    """Before minutes are spent on it."""
    if file is None:
        return
    if file.suffix.lower() not in (".svg", ".png"):
        raise InvalidInput(f"{file}: a picture is .svg or .png")
    if not file.parent.is_dir():
        raise InvalidInput(f"{file}: there is no folder {file.parent}")


def _draw(file: Path, pictures: Pictures) -> None:
    from storehand_worker.simulate.plot import draw

    try:
        draw(file, pictures)
    except ModuleNotFoundError as error:
        raise extra_missing("simulate --plot", f"no module {error.name!r}: the extra `operation`") from None
