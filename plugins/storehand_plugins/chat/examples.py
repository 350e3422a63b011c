"""Inputs that warm the models up, document the task and feed the contract kit."""

from __future__ import annotations

from storehand.contracts.chat import Article, ChatInput, ChatMessage, Order, OrderItem

_KNOWLEDGE_EN = (
    Article(
        id="returns",
        title="What is your return policy?",
        text="You can return most items within 30 days of delivery. Items must be unused and in their packaging.",
    ),
    Article(
        id="delivery",
        title="How long does delivery take?",
        text="Standard delivery takes 3 to 5 working days. Express delivery takes 1 to 2 working days.",
    ),
    Article(
        id="refunds",
        title="How long does a refund take?",
        text="Refunds go to the payment method you used and take 5 to 7 working days.",
    ),
)
_KNOWLEDGE_ZH = (
    Article(
        id="tuihuo",
        title="支持七天无理由退货吗？",
        text="自签收之日起7天内，商品未使用、不影响二次销售的，支持无理由退货。",
    ),
    Article(id="fahuo", title="多久发货？", text="工作日14点前付款的订单当天发货，其他订单次日发货。"),
)


def _asked(text: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage(role="customer", content=text),)


EXAMPLES: tuple[ChatInput, ...] = (
    ChatInput(
        conversation_id="example-1",
        messages=_asked("How many days do I have to return a jacket?"),
        knowledge=_KNOWLEDGE_EN,
    ),
    ChatInput(conversation_id="example-2", messages=_asked("什么时候能发货呀？"), knowledge=_KNOWLEDGE_ZH),
    ChatInput(
        conversation_id="example-3",
        messages=_asked("Where is my parcel?"),
        order=Order(
            id="A-10234",
            status="shipped",
            items=(OrderItem(name="Harbour Kettle"),),
            carrier="Northline",
            tracking_number="NL99812",
        ),
    ),
    ChatInput(
        conversation_id="example-4",
        messages=_asked("收到的杯子是碎的，太让人生气了，我要退款！"),
        knowledge=_KNOWLEDGE_ZH,
        business_hours="每天9:00至21:00",
    ),
)
