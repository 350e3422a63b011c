"""Random faults on one combination, then calm, then the count."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from storehand import Client
from tests.chaos.hands import Hands
from tests.chaos.load import Load
from tests.chaos.mixed import Mixed
from tests.chaos.plan import plan
from tests.chaos.play import LEAVE_S, direct
from tests.chaos.stand import Combination, Scene, Stand
from tests.chaos.witness import Verdict, Witness
from tests.rigs import namespace

SETTINGS: dict[str, object] = {
    "lease_s": 4, "reconcile_s": 1, "publish_grace_s": 3, "concurrency": 16, "visibility_s": 20, "drain_s": 20,
}  # fmt: skip
"""Short, so that minutes hold many recoveries."""

CALM_S = 120.0
STEP_S = 0.05
TYPED_SHARE = 0.8

Tell = Callable[[float, str], None]


class Storm:
    def __init__(self, combination: Combination, folder: Path, *, duration_s: float, seed: int, per_s: float) -> None:
        self._combination = combination
        self._folder = folder
        self._duration_s = duration_s
        self._seed = seed
        self._per_s = per_s
        self._deaths = 0

    def run(self, tell: Tell) -> tuple[Verdict, Counter[str]]:
        """What became of the promises, and how often each fault came."""
        with ExitStack() as stack:
            tell(0, "servers start")
            stand = stack.enter_context(Stand(self._combination))
            has_network = stand.broker is not None and stand.store is not None and not namespace.why_not()
            tell(0, "workers start")
            scene = stack.enter_context(
                Scene(stand, self._folder, workers=3, is_proxied=True, has_network=has_network, **SETTINGS)
            )
            client = stack.enter_context(Client(scene.shop.settings))
            eye = stack.enter_context(Client(direct(scene)))
            load = stack.enter_context(self._load(client))
            witness = stack.enter_context(Witness(eye, load.promised))
            mixed = stack.enter_context(
                Mixed(client, load.promised, per_s=self._per_s * (1 - TYPED_SHARE), seed=self._seed)
            )
            hands = Hands(scene, load, witness)
            done = self._act(hands, scene, witness, tell)
            return self._calm(scene, load, mixed, witness, eye, tell), done

    def _load(self, client: Client) -> Load:
        per_s = self._per_s * TYPED_SHARE
        return Load(client, jobs=int(per_s * self._duration_s), per_s=per_s, work_s=0.1, seed=self._seed)

    def _act(self, hands: Hands, scene: Scene, witness: Witness, tell: Tell) -> Counter[str]:
        done = Counter[str]()
        began = time.monotonic()

        def until(at_s: float, state: str) -> None:
            while (now_s := time.monotonic() - began) < at_s:
                tell(now_s, f"{state}; {witness.answered} answered, {witness.open} open")
                self._deaths += scene.fleet.mend()
                time.sleep(STEP_S)  # between two looks; when to go on is decided by `at_s`

        for each in plan(self._seed, self._duration_s, self._has(scene)):
            until(each.at_s, "fine")
            hands.act(each.fault.begin)
            until(each.at_s + each.hold_s, each.fault.name)
            if each.fault.end:
                hands.act(each.fault.end)
            done[each.fault.name] += 1
        until(self._duration_s, "fine")
        return done

    def _calm(self, scene: Scene, load: Load, mixed: Mixed, witness: Witness, eye: Client, tell: Tell) -> Verdict:
        end = time.monotonic() + CALM_S
        mixed.stop()
        while time.monotonic() < end and not (load.is_over and witness.open == 0):
            tell(self._duration_s, f"calm; {witness.answered} answered, {witness.open} open")
            self._deaths += scene.fleet.mend()
            if load.is_over:
                mixed.settle(eye.store)
            time.sleep(STEP_S)  # between two looks at what is open
        load.stop()
        scene.fleet.leave(LEAVE_S)
        notes = [*mixed.broken, *mixed.contradictions()]
        notes += [f"{self._deaths} workers died of themselves"] if self._deaths else []
        bad = [code for code in scene.fleet.exit_codes if code]
        notes += [f"exit codes {bad}"] if bad else []
        return witness.verdict(scene.shop.noted("starts"), notes=notes)

    @staticmethod
    def _has(scene: Scene) -> list[str]:
        found = {"broker": scene.stand.broker, "store": scene.stand.store, "network": scene.namespace}
        return [name for name, thing in found.items() if thing is not None]
