"""What an order's data says to the customer: facts as the shop's system has them, in sentences."""

from __future__ import annotations

import re
from datetime import datetime

from storehand.contracts.chat import Order
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.patterns import plain
from storehand_plugins.chat.phrases import joined, phrase
from storehand_plugins.checks import fold

_STATES = {
    "pending": "pending|awaiting payment|unpaid|new|待付款|待支付|未付款",
    "paid": "paid|confirmed|ordered|received|已付款|待发货|已支付|未发货|已下单",
    "processing": "processing|preparing|packed|picking|备货中|打包中|处理中|配货中|已接单|出库中",
    "shipped": "shipped|dispatched|sent|fulfilled|已发货|已出库|已揽收|待收货",
    "in_transit": "in transit|on the way|on its way|transit|运输中|在途|运送中|配送途中",
    "out_for_delivery": "out for delivery|派送中|配送中|派件中",
    "delivered": "delivered|complete|completed|已签收|已送达|已完成|已收货|交易成功",
    "cancelled": "cancelled|canceled|已取消|交易关闭|已关闭",
    "returned": "returned|已退货|退货完成",
    "refunded": "refunded|已退款|退款成功",
    "delayed": "delayed|exception|on hold|延误|异常",
}
_STATE = {fold(word).squashed().text: state for state, words in _STATES.items() for word in words.split("|")}
_OVER = frozenset(("delivered", "cancelled", "returned", "refunded"))
_ITEMS = 5
_WHEN = re.compile(r"\bwhen\b|\bhow (long|soon)\b|\barriv|\beta\b|什么时候|啥时候|几天|几号|多久|哪天|几时")
_TRACKING = re.compile(r"\btracking (number|code|link)\b|单号")
_OF_ORDER = re.compile(
    r"\bwhere (is|are) (it|they|this|my \w+)\b(?!.*\b(from|made|produced|sold)\b)"
    r"|\bwhen (does|do|will|is|are|should) (it|they)\b"
    r"|\b(has|have|is|are|did) (it|they)\b.{0,15}\b(ship\w*|sent|left|dispatched|arriv\w*|delivered|on (its|the) way)\b"
    r"|\b(what|which|who) (is (the|its|my) )?(tracking|carrier|courier)|\btracking (number|code)\b|\border status\b"
    r"|(什么|哪家|哪个)快递|(快递|物流|运)?单号|到哪|(什么时候|啥时候|几号|哪天|几天|多久)(能|可以|会)?(到|送|收)|发货了"
)


def order_reply(order: Order, language: Language, now: datetime) -> str:
    """The state, the items, the carrier and the expected day; a state nobody knows is quoted."""
    state = _state(order)
    sentences = [order_state(order, language)]
    if order.items:
        sentences.append(phrase(language, "order_items", items=_items(order, language)))
    if order.carrier and state not in ("cancelled", "refunded"):
        sentences.append(phrase(language, "order_carrier", carrier=order.carrier))
    if order.tracking_number and state not in ("cancelled", "refunded"):
        sentences.append(phrase(language, "order_tracking", tracking=order.tracking_number))
    if order.eta is not None and state not in _OVER:
        name = "order_eta" if order.eta >= now else "order_eta_past"
        sentences.append(phrase(language, name, eta=_day(order.eta, language)))
    return joined(language, *sentences)


def order_state(order: Order, language: Language) -> str:
    """Its state alone, in one sentence."""
    state = _state(order)
    words = phrase(language, f"states.{state}") if state else phrase(language, "order_said", status=order.status)
    return phrase(language, "order_status", id=f" {order.id} " if language == "zh" else order.id, state=words)


def lacking(order: Order, question: str, language: Language) -> list[str]:
    """What is asked of it that its data does not say."""
    if _state(order) in _OVER:
        return []
    asked = plain(question)
    without_eta = order.eta is None and _WHEN.search(asked)
    without_number = order.tracking_number is None and _TRACKING.search(asked)
    names = (["order_no_eta"] if without_eta else []) + (["order_no_tracking"] if without_number else [])
    return [phrase(language, name) for name in names]


def is_of_order(question: str) -> bool:
    """Whether one who has an order asks about it: "where is it", 单号多少."""
    return _OF_ORDER.search(plain(question)) is not None


def _state(order: Order) -> str | None:
    return _STATE.get(fold(order.status).squashed().text.replace("_", ""))


def is_order_number(order: Order, number: str) -> bool:
    """Whether the customer means this order, whatever spaces, hyphens and capitals he writes."""
    asked, known = fold(number).squashed().text, fold(order.id).squashed().text
    return (
        asked == known
        or (len(asked) >= 4 and known.endswith(asked))
        or (order.tracking_number is not None and asked == fold(order.tracking_number).squashed().text)
    )


def _items(order: Order, language: Language) -> str:
    names = [f"{item.name} × {item.quantity}" if item.quantity > 1 else item.name for item in order.items[:_ITEMS]]
    rest = len(order.items) - _ITEMS
    if rest > 0:
        names.append(f"{rest} more" if language == "en" else f"等另外{rest}件")
    return ("、" if language == "zh" else ", ").join(names)


def _day(day: datetime, language: Language) -> str:
    """In the time zone the shop gave."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
