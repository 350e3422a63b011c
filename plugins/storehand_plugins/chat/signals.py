"""What the customer's words say, before any knowledge is looked at."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from storehand.contracts.chat import Complaint, ComplaintCategory, HandoffReason
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.patterns import Patterns, clauses, is_found, patterns, plain
from storehand_plugins.chat.words import CONCEPT, bag

_REASONS: tuple[tuple[str, HandoffReason], ...] = (
    ("safety", "legal_or_safety"),
    ("legal", "legal_or_safety"),
    ("allergy", "legal_or_safety"),
    ("refund", "refund_or_money"),
    ("account_change", "account_change"),
    ("pii", "pii_request"),
    ("asked_for_human", "asked_for_human"),
    ("repeated", "repeated_turns"),
)
_CATEGORIES: tuple[ComplaintCategory, ...] = (
    "safety", "description", "quality", "service", "billing", "delivery", "other"
)  # fmt: skip
_ORDER_NUMBER = re.compile(
    r"(?:(?:order|purchase|订单号?|单号)\s*(?:no\.?|nr\.?|number|num|id|code|号码|编号)?\s*(?:is|是|为)?\s*[:：#＃]?\s*|[#＃])"
    r"(?P<named>(?=[A-Za-z-]*[0-9])[A-Za-z0-9][A-Za-z0-9-]{2,29})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?![A-Z]{2}[0-9]{13})[A-Z]{1,5}-?[0-9]{4,20}(?:-[0-9]{1,6})?(?![A-Za-z0-9])", re.IGNORECASE
)
"""An order's number by its looks alone; two letters and many digits are a bank account."""

_NUMBER_ONLY = re.compile(rf"^\W*(?:{_ORDER_NUMBER.pattern})\W*$", re.IGNORECASE)
_SMALLTALK_CHARS = 200
_LONE = re.compile(r"^\W*(?P<lone>[A-Za-z]{0,5}-?[0-9]{4,20})\W*$")

INTENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("refund", ("refund",)),
    ("return", ("return",)),
    ("exchange", ("exchange",)),
    ("cancel", ("cancel",)),
    ("promotion", ("discount", "price_match", "combine", "gift_card", "membership", "bulk")),
    ("account", ("account", "password", "login", "register", "newsletter", "privacy", "address")),
    ("payment", ("pay", "instalment", "cod")),
    ("invoice", ("invoice", "tax")),
    ("warranty", ("warranty", "faulty")),
    ("order_status", ("track",)),
    ("shipping", ("shipping_fee", "ship", "dispatch", "arrive", "parcel", "abroad", "late", "lost", "store", "area")),
    (
        "product",
        (
            "stock",
            "size",
            "color",
            "material",
            "weight",
            "battery",
            "capacity",
            "power",
            "waterproof",
            "compatible",
            "authentic",
            "preorder",
            "discontinued",
            "charge_device",
            "installation",
            "price",
        ),
    ),
    ("contact", ("contact", "hours", "human")),
    ("order", ("order", "change", "gift_wrap", "record")),
)  # fmt: skip
"""Topic intents by their concepts, in the order in which they win; beside them `greeting`, `thanks`, `goodbye`,
`identity`, `human`, `complaint`, `policy` and `other`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """`reasons`: why only a person may go on, from the words alone. `is_general`: a question of how things work.
    `mood` runs from -1 to 1 by the words; `is_angry`: strong words among them. `smalltalk` names what the whole message
    is, if it is nothing else. `is_topical`: it has a word of a shop's business. `possible`: why a person would have to
    go on if the question ("can I still cancel it?") is about an order that is known."""

    reasons: tuple[HandoffReason, ...]
    complaint: Complaint | None
    intent: str
    is_general: bool
    is_angry: bool
    mood: float
    smalltalk: str | None
    asks_order: bool
    asks_how_to_track: bool
    wants_ticket: bool
    wants_fake_review: bool
    is_safety: bool
    is_topical: bool
    order_numbers: tuple[str, ...]
    possible: tuple[HandoffReason, ...] = ()

    @property
    def order_number(self) -> str | None:
        return self.order_numbers[0] if self.order_numbers else None


def read_signals(text: str, language: Language, *, before: str = "") -> Signals:
    """Every clause is judged by itself; what is only supposed ("if it arrives broken") is no fact. Who only urges
    ("hurry up") says again what he said in his message `before`."""
    table = patterns(language)
    if before and is_found(table.forms["urging"], plain(text)):
        text = f"{before}\n{text}"
    whole = plain(text)
    short = whole[:_SMALLTALK_CHARS]
    pieces = clauses(whole) or [short]
    numbers = find_order_numbers(text)
    found = Counter(name for piece in pieces for name in _meanings(piece, table, has_number=bool(numbers)))
    found["order_status"] += _NUMBER_ONLY.match(text) is not None
    reasons: tuple[HandoffReason, ...] = tuple(dict.fromkeys(reason for name, reason in _REASONS if found[name]))
    strong = sum(
        is_found(table.mood["strong"], piece) and not is_found(table.mood["strong_unless"], piece) for piece in pieces
    )
    general = any(is_found(table.forms["general"], piece) for piece in pieces)
    complaint = _complaint(found, strong=strong, reasons=reasons)
    concepts = [token.removeprefix(CONCEPT) for token in bag(text) if token.startswith(CONCEPT)]
    may_be_small = len(whole) <= _SMALLTALK_CHARS
    small = next((name for name, each in table.smalltalk.items() if may_be_small and is_found(each, whole)), None)
    mood = _mood(whole, table, strong)
    asks = general or any(is_found(table.forms["question"], piece) for piece in pieces)
    if small is None and mood > 0 and not (concepts or general or reasons or complaint or "?" in whole):
        small = "thanks"  # praise, and nothing asked
    return Signals(
        reasons=reasons,
        complaint=complaint,
        intent=_intent([] if strong and len(concepts) == 1 and not asks else concepts, found, small, complaint),
        is_general=general,
        is_angry=strong > 0,
        mood=mood,
        smalltalk=small,
        asks_order=bool(found["order_status"] or found["complaint.delivery"]),
        asks_how_to_track=general and "track" in concepts,
        wants_ticket=bool(found["ticket"]),
        wants_fake_review=bool(found["review_writing"]),
        is_safety=bool(found["safety"]),
        is_topical=bool(concepts),
        order_numbers=numbers,
        possible=tuple(dict.fromkeys(reason for name, reason in _REASONS if found[f"possible.{name}"])),
    )


def find_order_number(text: str) -> str | None:
    """The first of `find_order_numbers`."""
    return next(iter(find_order_numbers(text)), None)


def find_order_numbers(text: str) -> tuple[str, ...]:
    """What is called an order's number, and what looks the same; else what looks like one."""
    named = [match["named"] for match in _ORDER_NUMBER.finditer(text)]
    coded = [match[0] for match in _CODE.finditer(text)]
    if named:
        shapes = {_shape(each) for each in named}
        return tuple(dict.fromkeys([*named, *(each for each in coded if _shape(each) in shapes)]))
    lone = [match["lone"] for line in text.splitlines() if (match := _LONE.match(line))]
    return tuple(dict.fromkeys([*coded, *lone]))


def _shape(number: str) -> str:
    return re.sub(r"[A-Za-z]", "a", re.sub(r"[0-9]", "0", number))


def _meanings(piece: str, table: Patterns, *, has_number: bool) -> list[str]:
    supposed = is_found(table.forms["supposed"], piece)
    general = supposed or is_found(table.forms["general"], piece)
    direct = is_found(table.forms["direct"], piece) or (has_number and any(map(str.isdigit, piece)))
    asks = not general and (direct or not is_found(table.forms["mild"], piece))
    tells = asks and (direct or not is_found(table.forms["question"], piece))
    found = [
        name
        for name, rule in table.rules.items()
        if (asks and rule.is_request(piece))
        or (tells and rule.is_pair(piece))
        or ((rule.is_fact(piece) or rule.is_harm(piece)) and not (supposed and name in ("refund", "account_change")))
    ]
    if not asks and not general:
        found += [f"possible.{name}" for name in ("refund", "account_change") if table.rules[name].is_request(piece)]
    kind = "mild" if general else "complaint"  # "it came broken, what now" is no plain question, "it broke, how ..." is
    found += [
        f"{kind}.{name}"
        for name, rule in table.complaints.items()
        if (asks and rule.is_request(piece)) or (not supposed and rule.is_fact(piece))
    ]
    return found


def _complaint(found: Counter[str], *, strong: int, reasons: tuple[HandoffReason, ...]) -> Complaint | None:
    """The first category that was found, in the order of `_CATEGORIES`; money that went wrong is billing."""
    plainly = {name.removeprefix("complaint.") for name in found if name.startswith("complaint.")}
    names = plainly | {name.removeprefix("mild.") for name in found if name.startswith("mild.")}
    if found["safety"]:
        names = {"safety"}
    elif names == {"other"} and found["refund"]:
        names = {"billing"}
    elif len(names) > 1:
        names.discard("other")
    if not names:
        return None
    category: ComplaintCategory = next(each for each in _CATEGORIES if each in names)
    severity: Literal["low", "medium", "high"] = "medium"
    if strong or found["safety"] or "legal_or_safety" in reasons or "repeated_turns" in reasons:
        severity = "high"
    elif not plainly or plainly == {"delivery"}:
        severity = "low"
    return Complaint(category=category, severity=severity)


def _mood(whole: str, table: Patterns, strong: int) -> float:
    mild = len(set(table.mood["mild"].findall(whole))) if table.mood["mild"] else 0
    glad = len(set(table.mood["positive"].findall(whole))) if table.mood["positive"] else 0
    return max(-1.0, min(1.0, 0.5 * min(glad, 2) - 0.3 * min(mild, 3) - 0.7 * strong))


def _intent(concepts: list[str], found: Counter[str], small: str | None, complaint: Complaint | None) -> str:
    if small in ("greeting", "thanks", "goodbye", "identity"):
        return small
    if found["asked_for_human"]:
        return "human"
    if found["order_status"]:
        return "order_status"
    if found["refund"]:
        return "cancel" if "cancel" in concepts and "refund" not in concepts else "refund"
    if complaint is not None and complaint.severity != "low":
        return "complaint"
    for intent, members in INTENTS:
        if any(concept in members for concept in concepts):
            return intent
    return "complaint" if complaint else "other"
