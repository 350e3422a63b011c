"""Training text for the bundled text model: random plans and the realiser's drafts of them, made on the fly."""

from __future__ import annotations

import random
from collections.abc import Iterator

from storehand_plugins.description.groups import GROUPS
from storehand_plugins.description.kinds import BODY, LANGUAGES, MAX_FACTS, MODEL_KINDS, TONES, FactKind
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.realiser import Draft, Realiser

_KINDS_BY_SHAPE: dict[str, tuple[FactKind, ...]] = {
    "line": (FactKind.FEATURE, FactKind.FEATURE, FactKind.FEATURE, FactKind.QUALITY),
    "table": (FactKind.AMOUNT, FactKind.AMOUNT, FactKind.WORD, FactKind.WORD, FactKind.WORD, FactKind.NOTE),
    "mixed": (FactKind.FEATURE, FactKind.FEATURE, FactKind.QUALITY, FactKind.AMOUNT, FactKind.WORD, FactKind.NOTE),
}
_SHAPES = ("line",) * 7 + ("table",) * 5 + ("mixed",) * 8
_COUNTS = ((0, 0), (1, 5), (1, 5), (1, 5), (3, 9), (3, 9), (3, 9), (6, MAX_FACTS), (9, MAX_FACTS))


def random_plan(rng: random.Random) -> Plan:
    """A plan of any language, tone, group and mix of facts; the words behind its slots play no part."""
    kinds = _KINDS_BY_SHAPE[rng.choice(_SHAPES)]
    chosen = [rng.choice(kinds) for _ in range(rng.randint(*rng.choice(_COUNTS)))]
    for kind in (FactKind.MATERIAL, FactKind.COLOR, FactKind.SIZE):
        if rng.random() < 0.25 and len(chosen) < MAX_FACTS:
            chosen.append(kind)
    order = MODEL_KINDS
    return Plan(
        language=rng.choice(LANGUAGES),
        tone=rng.choice(TONES),
        group=rng.choice(GROUPS),
        name="name",
        brand=rng.choice(("", "brand")),
        is_plural=rng.random() < 0.3,
        facts=tuple(
            Fact(kind, "value", key="key", key_is_plural=rng.random() < 0.2) for kind in sorted(chosen, key=order.index)
        ),
    )


def answer(draft: Draft, plan: Plan) -> str:
    """A draft as the model writes it."""
    return draft.title + BODY + (" " if plan.language == "en" else "").join(draft.sentences)


def pairs(seed: int) -> Iterator[tuple[str, str]]:
    """Prompts with answers, endless, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311  # training data, no secrets
    while True:
        plan = random_plan(rng)
        yield plan.prompt(), answer(Realiser(plan, rng.randrange(2**31)).draft(), plan)
