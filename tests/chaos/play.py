"""Plays a scenario on a stand: load, faults at their time, then waits for every promise and counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from storehand import Client
from storehand.settings import Settings
from tests.chaos.hands import Hands
from tests.chaos.load import Load
from tests.chaos.scenarios import QUICK_SETTINGS, Scenario
from tests.chaos.stand import Scene, Stand
from tests.chaos.witness import Verdict, Witness

DEFAULTS: dict[str, object] = {
    name: Settings.model_fields[name].default for name in ("lease_s", "reconcile_s", "publish_grace_s", "synchronous")
}
"""The test shop has shorter ones; a table of recovery times must not."""

ON_WORKERS = ("kill_worker", "terminate_worker", "pause_worker")
"""They hit one that works, not one that is just starting."""

PATIENCE_S = 150.0
LEAVE_S = 90.0

Tell = Callable[[str], None]


def play(
    scenario: Scenario,
    stand: Stand,
    folder: Path,
    *,
    quick: bool = False,
    seed: int = 1,
    tell: Tell = lambda line: None,
) -> Verdict:
    """Raises nothing for a broken promise: the verdict says it."""
    if quick:
        scenario = scenario.quick()
    settings = {**DEFAULTS, **(QUICK_SETTINGS if quick else {})}
    with ExitStack() as stack:
        scene = stack.enter_context(
            Scene(stand, folder, workers=scenario.workers, is_proxied=scenario.is_proxied, **settings)
        )
        client = stack.enter_context(Client(scene.shop.settings))
        eye = stack.enter_context(Client(direct(scene)))
        load = stack.enter_context(
            Load(client, jobs=scenario.jobs, per_s=scenario.per_s, work_s=scenario.work_s, seed=seed)
        )
        witness = stack.enter_context(Witness(eye, load.promised))
        hands = Hands(scene, load, witness)
        deaths = _run(scenario, scene, load, witness, hands, tell)
        scene.fleet.leave(LEAVE_S)
        notes = [] if scenario.deaths or not deaths else [f"{deaths} workers died of themselves"]
        bad = [code for code in scene.fleet.exit_codes if code]
        notes += [f"exit codes {bad}"] if bad and not scenario.deaths else []
        return witness.verdict(scene.shop.noted("starts"), notes=notes)


def _run(scenario: Scenario, scene: Scene, load: Load, witness: Witness, hands: Hands, tell: Tell) -> int:
    """Deaths of workers that nobody killed."""
    deaths = 0
    last_at = time.monotonic()

    def wait_for(is_time: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        nonlocal deaths
        end = time.monotonic() + patience_s
        while not is_time() and time.monotonic() < end:
            tell(f"{witness.answered}/{scenario.jobs} answered, {len(hands.done)}/{len(scenario.steps)} faults")
            deaths += scene.fleet.mend()
            time.sleep(0.05)  # between two looks at `is_time`
        return is_time()

    for step in scenario.steps:
        if step.at is not None:
            share = step.at * scenario.jobs
            wait_for(lambda share=share: witness.answered >= share)  # type: ignore[misc]  # bound by its default
        due = last_at + step.after_s
        wait_for(lambda due=due: step.at is not None or time.monotonic() >= due)  # type: ignore[misc]  # noqa: B023  # called at once
        if step.do in ON_WORKERS:
            wait_for(lambda: scene.fleet.has_ready)
        hands.act(step.do)
        last_at = time.monotonic()
    wait_for(lambda: load.is_over)
    load.stop()
    wait_for(lambda: witness.open == 0)
    return deaths


def direct(scene: Scene) -> Settings:
    """Past all proxies."""
    return scene.shop.settings.model_copy(update={name: SecretStr(url) for name, url in scene.real_urls.items()})
