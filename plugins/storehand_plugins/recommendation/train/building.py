"""From a shop to its recommender: train on the past, stop and weigh on what came after, then train once more on all."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from storehand.errors import InvalidInput
from storehand_plugins.recommendation.catalogue import Catalogue
from storehand_plugins.recommendation.evidence import DEFAULT_BLEND, evidence
from storehand_plugins.recommendation.tables import ItemTables
from storehand_plugins.recommendation.train import blend, cold, counting
from storehand_plugins.recommendation.train.histories import DAY_S, Events, histories
from storehand_plugins.recommendation.train.measuring import FLOORS, Case, Figures, best, cases, floor_lists, measure
from storehand_plugins.recommendation.train.network import Recommender, Shape, train, user_vectors
from storehand_plugins.recommendation.train.reading import Shop
from storehand_plugins.recommendation.visits import CART, VIEW, token_ids

SEEN = ("exclude", "allow")
MOST_NUMBERS = 4_000_000
"""Shoppers times items that the blend is learnt from; more is memory, not wisdom."""

FEW_CASES = 30
"""Shoppers who came back in the validation time below which nothing can be validated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `minutes` bounds both trainings together; `patience` counts epochs without a better validation."""

    shape: Shape = field(default_factory=Shape)
    epochs: int = 30
    patience: int = 4
    minutes: float | None = None
    seed: int = 7
    validate_share: float = 0.15
    refit: bool = True


@dataclass(frozen=True, slots=True)
class Built:
    """A trained recommender. `figures` are of the validation time: protocol -> what -> Figures."""

    network: Recommender
    catalogue: Catalogue
    tables: ItemTables
    blend: dict[str, dict[str, float]]
    figures: dict[str, dict[str, Figures]]
    epochs: int
    marks: tuple[int, ...]
    validated_from: float | None


Report = Callable[[str, float, str], None]
"""Called with the phase, the share of it that is done, and a line about how it goes."""


def build(shop: Shop, plan: Plan, report: Report = lambda phase, done, line: None) -> Built:
    catalogue = Catalogue(shop.items)
    events, marks = shop.events, _marks(shop.events)
    started = time.monotonic()
    ends = [None, None] if plan.minutes is None else [started + 60 * plan.minutes * share for share in (0.5, 0.95)]
    moment, found = _validation(events, plan)
    if not found:
        report("training", 0.0, "too few shoppers came back: nothing to validate on")
        epochs = min(plan.epochs, 10)
        network = _train(events, catalogue, plan, marks, epochs, ends[1], report, "training")
        return _built(network, catalogue, events, marks, {s: dict(DEFAULT_BLEND) for s in SEEN}, {}, epochs, None)
    past = events.before(moment)
    network, epochs = _train_and_watch(past, catalogue, plan, marks, found, ends[0], report)
    tables = count_tables(network, past, catalogue)
    report("weighing", 0.0, f"{len(found):,} shoppers who came back")
    blends, figures = _weigh(network, tables, catalogue, found, marks, plan)
    if plan.refit:
        network = _train(events, catalogue, plan, marks, epochs, ends[1], report, "training on all")
    return _built(network, catalogue, events, marks, blends, figures, epochs, moment)


def count_tables(network: Recommender, events: Events, catalogue: Catalogue) -> ItemTables:
    """All counts of the events, beside the network's item vectors; cold items are placed by their texts."""
    count = len(catalogue)
    bought = events.purchases
    people = list(histories(bought).values())
    shoppers = counting.shoppers_by_item(bought, count)
    is_cold = counting.shoppers_by_item(events, count) == 0
    rng, texts = np.random.default_rng(0), catalogue.texts
    vectors = network.shape.scale * network.vectors.detach().cpu().numpy()
    return ItemTables(
        vectors=cold.place(vectors, is_cold, texts).astype(np.float16),
        bias=cold.place(network.bias.detach().cpu().numpy(), is_cold, texts).astype(np.float32),
        shoppers=shoppers,
        month=counting.recent_shoppers(bought, count, days=28),
        week=counting.recent_shoppers(bought, count, days=7),
        is_cold=is_cold,
        together=cold.borrow(counting.bought_together(people, shoppers, rng=rng), is_cold, texts),
        later=cold.borrow(counting.bought_later(people, shoppers, rng=rng), is_cold, texts),
    ).in_single()


def _marks(events: Events) -> tuple[int, ...]:
    """The kinds worth telling apart: those that stand beside others."""
    kinds = set(np.unique(events.kind).tolist())
    return tuple(kind for kind in (VIEW, CART) if kind in kinds and len(kinds) > 1)


def _validation(events: Events, plan: Plan) -> tuple[float, list[Case]]:
    first, last = float(events.at.min()), float(events.at.max())
    moment = last - max(plan.validate_share * (last - first), min(DAY_S, (last - first) / 4))
    found = cases(events, moment)
    if len(found) < FEW_CASES:
        return moment, []
    most = max(FEW_CASES, MOST_NUMBERS // (int(events.item.max()) + 1))
    if len(found) > most:
        chosen = np.random.default_rng(plan.seed).choice(len(found), most, replace=False)
        found = [found[index] for index in sorted(chosen.tolist())]
    return moment, found


def _train(
    events: Events, catalogue: Catalogue, plan: Plan, marks: Sequence[int], epochs: int, until_s: float | None,
    report: Report, phase: str,
) -> Recommender:  # fmt: skip
    return train(
        events, len(catalogue), plan.shape, marks=marks, epochs=epochs, seed=plan.seed, until_s=until_s,
        progress=lambda done, line: report(phase, done, line),
    )  # fmt: skip


def _train_and_watch(
    events: Events, catalogue: Catalogue, plan: Plan, marks: Sequence[int], found: Sequence[Case],
    until_s: float | None, report: Report,
) -> tuple[Recommender, int]:  # fmt: skip
    """The state of the best epoch, and how many epochs that were."""
    sequences = _sequences(found, marks, plan.shape.limit)
    known = np.zeros(len(catalogue), bool)
    known[events.item] = True
    held: dict[str, Any] = {"ndcg": -1.0, "epoch": 0, "state": None, "line": ""}

    def watch(network: Recommender, epoch: int) -> bool:
        users = user_vectors(network, sequences)
        scores = users @ (network.shape.scale * network.vectors.detach().cpu().numpy()).T
        scores += network.bias.detach().cpu().numpy()
        ndcg = _ndcg(scores, found, known)
        held["line"] = f", validation NDCG {ndcg:.3f}"
        if ndcg > held["ndcg"]:
            held.update(ndcg=ndcg, epoch=epoch, state=copy.deepcopy(network.state_dict()))
        return epoch - held["epoch"] < plan.patience

    network = train(
        events, len(catalogue), plan.shape, marks=marks, epochs=plan.epochs, seed=plan.seed, until_s=until_s,
        progress=lambda done, line: report("training", done, line + held["line"]), after_epoch=watch,
    )  # fmt: skip
    if held["state"] is None:
        raise InvalidInput("the time was over before the first epoch; give it more minutes")
    network.load_state_dict(held["state"])
    return network.eval(), held["epoch"]


def _ndcg(scores: Any, found: Sequence[Case], known: Any) -> float:
    """Over both protocols: new items and old friends matter alike."""
    figures = []
    for seen in SEEN:
        lists = [best(scores[index], _allowed(case, known, seen)) for index, case in enumerate(found)]
        figures.append(measure(lists, [case.targets(seen) for case in found], items=len(known)).ndcg)
    return sum(figures) / len(figures)


def _allowed(case: Case, known: Any, seen: str) -> Any:
    allowed = known.copy()
    if seen == "exclude":
        allowed[list(case.own())] = False
    return allowed


def _sequences(found: Sequence[Case], marks: Sequence[int], limit: int) -> list[list[int]]:
    return [token_ids(case.visits, is_open=False, marks=marks, limit=limit) for case in found]


def _weigh(
    network: Recommender, tables: ItemTables, catalogue: Catalogue, found: Sequence[Case], marks: Sequence[int],
    plan: Plan,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Figures]]]:  # fmt: skip
    """Blends learnt on all cases; their figures come from blends learnt on the other half."""
    users = user_vectors(network, _sequences(found, marks, plan.shape.limit))
    rows = [evidence(tables, catalogue.texts, case.visits, users[index]) for index, case in enumerate(found)]
    known = tables.shoppers > 0
    blends, figures = {}, {}
    for seen in SEEN:
        wanted = [case.targets(seen) & set(np.flatnonzero(known).tolist()) for case in found]
        allowed = [_allowed(case, known, seen) for case in found]
        usable = [index for index, targets in enumerate(wanted) if targets]

        def learn(indices: Sequence[int], wanted: Any = wanted, allowed: Any = allowed, seen: str = seen) -> Any:
            parts = ([part[index] for index in indices] for part in (rows, wanted, allowed))
            return blend.learn(*parts, uses_own=seen == "allow")

        blends[seen] = learn(usable)
        halves = [learn(usable[1::2]), learn(usable[0::2])]
        side = {index: place % 2 for place, index in enumerate(usable)}
        lists = [
            best(blend.vector(halves[side.get(index, 0)]) @ rows[index], allowed[index]) for index in range(len(found))
        ]
        targets = [case.targets(seen) for case in found]
        figures[seen] = {
            name: measure(floor_lists(floor, tables, found, seen), targets, items=len(catalogue))
            for name, floor in FLOORS.items()
        }
        alone = [best(rows[index][0], allowed[index]) for index in range(len(found))]
        figures[seen]["sequence model alone"] = measure(alone, targets, items=len(catalogue))
        figures[seen]["this recommender"] = measure(lists, targets, items=len(catalogue))
    return blends, figures


def _built(
    network: Recommender, catalogue: Catalogue, events: Events, marks: tuple[int, ...],
    blends: dict[str, dict[str, float]], figures: dict[str, dict[str, Figures]], epochs: int, moment: float | None,
) -> Built:  # fmt: skip
    return Built(network, catalogue, count_tables(network, events, catalogue), blends, figures, epochs, marks, moment)
