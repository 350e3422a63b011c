"""What `storehand simulate` does with its options: traces, policies and seeds, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from storehand.cli.output import console
from storehand.errors import InvalidInput
from storehand.job import Priority
from storehand.pools import Pool
from storehand_worker.simulate.generators import GENERATORS
from storehand_worker.simulate.names import ALL_POLICIES, POLICIES, ServiceTime
from storehand_worker.simulate.nodes import NodePlan
from storehand_worker.simulate.policies import enough_always, policies
from storehand_worker.simulate.presets import PRESETS, Preset
from storehand_worker.simulate.run import Result, Setup, run
from storehand_worker.simulate.trace_file import read_trace
from storehand_worker.simulate.traffic import Span, Traffic

PEAK_S = 900.0


@dataclass(frozen=True)
class Asked:
    """As the command line says it."""

    traces: Sequence[str]
    policies: Sequence[str]
    workers: str
    seeds: int
    scale: float
    pool: Pool | None
    """None: that of the kind of worker."""
    pool_values: dict[str, float]
    """Which win over the pool's."""
    cold_start_s: float | None
    grace_s: float | None
    nodes: str | None
    service: ServiceTime
    service_error: float
    prometheus_away: str | None
    keep_points: bool


Source = Callable[[int], Traffic]
Pictures = list[tuple[Traffic, dict[str, Result]]]


def simulate_all(asked: Asked) -> tuple[list[Result], Pictures]:
    """Every trace under every policy with every seed; a bar on stderr. InvalidInput names what is not to be had."""
    preset = _preset(asked)
    setup = Setup(
        _pool(asked, preset), machine=preset.machine, nodes=_nodes(asked.nodes),
        how=asked.service, bias=asked.service_error,
    )  # fmt: skip
    away = _span(asked.prometheus_away)
    sources = [_source(name, preset, asked.scale, away) for name in asked.traces or tuple(GENERATORS)[:3]]
    return _run(sources, _chosen(asked.policies), setup, asked.seeds, keep_points=asked.keep_points)


def _run(
    sources: Sequence[Source], chosen: Sequence[str], setup: Setup, seeds: int, *, keep_points: bool
) -> tuple[list[Result], Pictures]:
    results: list[Result] = []
    pictures: Pictures = []
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        bar = progress.add_task("simulating", total=len(sources) * len(chosen) * seeds)
        for source in sources:
            for seed in range(1, seeds + 1):
                traffic = source(seed)
                known = policies(setup.pool, fixed=enough_always(setup.pool, peak_work_per_s=_peak(traffic, setup)))
                found: dict[str, Result] = {}
                for name in chosen:
                    progress.update(bar, description=f"{traffic.name}, {name}, seed {seed}")
                    found[name] = run(traffic, known[name], setup, seed=seed, keep_points=keep_points and seed == 1)
                    progress.advance(bar)
                results += found.values()
                if seed == 1:
                    pictures.append((traffic, found))
    return sorted(results, key=lambda each: chosen.index(each.policy)), pictures


def _peak(traffic: Traffic, setup: Setup) -> float:
    """Slot-seconds that arrive per second in the busiest quarter of an hour, bulk spread over its promise."""
    sums: dict[int, float] = {}
    bulk_s = 0.0
    for ask in traffic.asks:
        if ask.priority is Priority.BULK:
            bulk_s += ask.work_s
        else:
            quarter = int(ask.at_s / PEAK_S)
            sums[quarter] = sums.get(quarter, 0.0) + ask.work_s
    spread_s = setup.pool.wait_objective_s[Priority.BULK]
    slowed = 1.0 / setup.machine.speed(min(setup.pool.slots, setup.machine.engine_slots))
    return (max(sums.values(), default=0.0) / PEAK_S + bulk_s / spread_s) * slowed


def _chosen(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in ALL_POLICIES:
            raise InvalidInput(f"there is no policy {name!r}; there are {', '.join(ALL_POLICIES)}")
    return list(names or POLICIES)


def _preset(asked: Asked) -> Preset:
    preset = PRESETS.get(asked.workers)
    if preset is None:
        raise InvalidInput(f"there is no kind of worker {asked.workers!r}; there are {', '.join(PRESETS)}")
    machine = preset.machine
    if asked.cold_start_s is not None:
        machine = replace(machine, cold_start_s=asked.cold_start_s)
    if asked.grace_s is not None:
        machine = replace(machine, grace_s=asked.grace_s)
    return replace(preset, machine=machine)


def _pool(asked: Asked, preset: Preset) -> Pool:
    made = Pool(
        families=("text",), slots=preset.slots, cold_start_s=preset.machine.cold_start_s, min_workers=1, max_workers=30
    )
    try:
        return Pool.model_validate({**(asked.pool or made).model_dump(), **asked.pool_values})
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, each['loc']))} {each['msg']}".strip() for each in error.errors()]
        raise InvalidInput("; ".join(reasons)) from None


def _source(name: str, preset: Preset, scale: float, away: Span | None) -> Source:
    spans = (away,) if away else ()
    if name in GENERATORS:
        made = GENERATORS[name]
        return lambda seed: replace(made(seed, preset.scale * scale, preset.size), prometheus_away=spans)
    if not Path(name).is_file():
        raise InvalidInput(f"there is no trace {name!r} and no such file; there are {', '.join(GENERATORS)}")
    read = replace(read_trace(Path(name), size=preset.size), prometheus_away=spans)
    return lambda _: read


def _span(text: str | None) -> Span | None:
    if text is None:
        return None
    try:
        start, end = (float(part) for part in text.split(":"))
    except ValueError:
        raise InvalidInput(f"{text!r} is no START:END in seconds") from None
    if not 0 <= start < end:
        raise InvalidInput(f"{text!r}: END comes after START")
    return Span(start, end)


def _nodes(text: str | None) -> NodePlan:
    if text is None:
        return NodePlan()
    try:
        ready, most, seconds = text.split(":")
        plan = NodePlan(ready=int(ready), most=int(most), provision_s=float(seconds))
    except ValueError:
        raise InvalidInput(f"{text!r} is no READY:MOST:SECONDS such as 2:8:180") from None
    if not 0 <= plan.ready <= plan.most or plan.most < 1 or plan.provision_s < 0:
        raise InvalidInput(f"{text!r}: READY is 0 to MOST, MOST at least 1, SECONDS not negative")
    return plan
