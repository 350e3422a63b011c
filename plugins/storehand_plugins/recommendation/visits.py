"""A shopper's history as visits, and as the tokens that the sequence model reads; the same in training and serving."""

from __future__ import annotations

from collections.abc import Collection, Sequence

VIEW, CART, PURCHASE = 1, 2, 3
KINDS = {"view": VIEW, "cart": CART, "purchase": PURCHASE, "review": PURCHASE}
"""How much an event says. Who reviews an item has it: a review counts as a purchase."""

STRENGTHS = {VIEW: 0.4, CART: 0.8, PURCHASE: 1.0}

Visit = dict[int, int]
"""Item number -> its strongest kind, in the order the items came. An item a shopper looked at ten times, put into the
cart and bought is one entry: going round in circles says no more than going once."""

PAD, UNKNOWN, NEW_VISIT, VIEWED, CARTED = range(5)
SPECIAL_TOKENS = ("<pad>", "<unk>", "<visit>", "<view>", "<cart>")
FIRST_ITEM = len(SPECIAL_TOKENS)
_MARKS = {VIEW: VIEWED, CART: CARTED}

VISIT_GAP_S = 6 * 3600.0
"""A pause that ends a visit."""


def note(visit: Visit, item: int, kind: int) -> None:
    """Adds an event to a visit."""
    visit[item] = max(kind, visit.get(item, 0))


def token_ids(visits: Sequence[Visit], *, is_open: bool, marks: Collection[int], limit: int) -> list[int]:
    """The newest `limit` tokens. Each visit opens with its token; the last one too, unless `is_open`: then the shopper
    is still there, and the model says what comes next in this visit. `marks` are the kinds it has learnt to tell."""
    ids: list[int] = []
    for visit in visits:
        ids.append(NEW_VISIT)
        for item, kind in visit.items():
            if kind in marks and kind in _MARKS:
                ids.append(_MARKS[kind])
            ids.append(FIRST_ITEM + item)
    if not is_open:
        ids.append(NEW_VISIT)
    return ids[-limit:]


def token_name(token_id: int) -> str:
    """As the model folder's tokenizer spells it."""
    return SPECIAL_TOKENS[token_id] if token_id < FIRST_ITEM else f"i{token_id - FIRST_ITEM}"
