"""The contract of `chat`: a conversation and the shop's knowledge in, an action and a cited answer out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from storehand.contracts.base import (
    Check,
    Generation,
    Locale,
    Markets,
    Model,
    NotBlank,
    Provenance,
    ShortText,
    TaskInput,
    TaskOutput,
    Text,
    Usage,
)
from storehand.contracts.product import Product
from storehand.contracts.sentiment import Label
from storehand.job import Priority

Action = Literal["answer", "clarify", "handoff", "create_ticket", "refuse"]
HandoffReason = Literal[
    "asked_for_human",
    "low_retrieval",
    "ungrounded",
    "conflict_in_sources",
    "negative_sentiment",
    "repeated_turns",
    "complaint",
    "legal_or_safety",
    "refund_or_money",
    "account_change",
    "order_not_found",
    "pii_request",
    "injection_suspected",
    "language_unsupported",
    "policy",
]
ComplaintCategory = Literal["delivery", "quality", "service", "billing", "description", "safety", "other"]


class ChatMessage(Model):
    """One turn. `agent` is a person of the shop, `assistant` a machine."""

    role: Literal["customer", "assistant", "agent"]
    content: Annotated[str, StringConstraints(min_length=1, max_length=20_000), NotBlank]
    ts: AwareDatetime | None = None


class Article(Model):
    """One piece of the shop's knowledge, kept as sent: citations point into it. `questions` are more ways in which
    customers ask for it. Outside `valid_from` to `valid_to` it is not quoted."""

    id: ShortText
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=50_000), NotBlank]
    questions: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    in_language: Locale | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None


class OrderItem(Model):
    name: ShortText
    sku: ShortText | None = None
    quantity: Annotated[int, Field(ge=1)] = 1


class Order(Model):
    """The order the customer talks about, as the shop's own system has it."""

    id: ShortText
    status: ShortText
    items: Annotated[tuple[OrderItem, ...], Field(max_length=100)] = ()
    carrier: ShortText | None = None
    tracking_number: ShortText | None = None
    eta: AwareDatetime | None = None


class Citation(Model):
    """Where a sentence of the reply comes from: characters `start` to `end` of that article's text are `quote`. The
    order is cited as `order`, the product as `product`; offsets then lie in the reply itself."""

    knowledge_id: str
    start: int
    end: int
    quote: str


class Complaint(Model):
    category: ComplaintCategory
    severity: Literal["low", "medium", "high"]


class MessageSentiment(Model):
    """Of the customer's last message; `score` runs from -1 to 1."""

    label: Label
    score: Annotated[float, Field(ge=-1, le=1)]


class Handoff(Model):
    """What a person needs to go on without asking again. `summary` is free of personal data other than the order's
    number; `collected` holds what the customer already said (order number, product, wish)."""

    reasons: Annotated[tuple[HandoffReason, ...], Field(min_length=1)]
    queue: Literal["general", "billing", "delivery", "product", "complaints", "legal"]
    priority: Literal["low", "normal", "high", "urgent"]
    summary: str
    collected: dict[str, str] = Field(default_factory=dict)


class ChatOutput(TaskOutput):
    """`action` says what happens next, and only `action` does: `reply` is for the customer's eyes.

    `grounded`: every sentence of the answer is covered by a citation. `confidence` is that of the answer's source.
    `knowledge_version` is the version of the named knowledge base that answered.
    """

    action: Action
    reply: str
    citations: tuple[Citation, ...] = ()
    grounded: bool
    confidence: Annotated[float, Field(ge=0, le=1)]
    intent: str
    sentiment: MessageSentiment
    complaint: Complaint | None = None
    handoff: Handoff | None = None
    suggested_replies: tuple[str, ...] = ()
    disclosure: str
    locale: Locale
    knowledge_version: str | None = None
    checks: tuple[Check, ...] = ()
    provenance: Provenance
    usage: Usage

    @model_validator(mode="after")
    def _handed_over_with_words(self) -> ChatOutput:
        if (self.action in ("handoff", "create_ticket")) != (self.handoff is not None):
            raise ValueError("a handoff or ticket carries `handoff`, no other action does")
        return self


class ChatInput(TaskInput[ChatOutput], task="chat", priority=Priority.INTERACTIVE):
    """Answer the customer's last message from the shop's knowledge, or hand over.

    Knowledge is given inline, or as the name of a knowledge base (`storehand knowledge`). `policies` are articles whose
    words decide: they are quoted, never put otherwise. `resolved_up_to` counts messages that belong to earlier,
    settled matters: nothing before it is read. `business_hours` is told to the customer on a hand-over.
    """

    conversation_id: ShortText
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=200)]
    resolved_up_to: Annotated[int, Field(ge=0)] = 0
    knowledge: Annotated[tuple[Article, ...], Field(max_length=500)] = ()
    knowledge_base: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] | None = None
    policies: Annotated[tuple[Article, ...], Field(max_length=50)] = ()
    order: Order | None = None
    product: Product | None = None
    allowed_actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=5)] = (
        "answer",
        "clarify",
        "handoff",
        "create_ticket",
        "refuse",
    )
    handoff_rules: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    """Words that, in the customer's message, always go to a person (the shop's own rules)."""
    business_hours: ShortText | None = None
    brand_voice: Text | None = None
    languages: Annotated[tuple[Locale, ...], Field(min_length=1, max_length=20)] = ("zh", "en")
    locale: Locale | None = None
    market: Markets = ()
    generation: Generation | None = None

    @model_validator(mode="after")
    def _has_a_question(self) -> ChatInput:
        if self.resolved_up_to >= len(self.messages):
            raise ValueError("resolvedUpTo leaves no message to answer")
        if self.messages[-1].role != "customer":
            raise ValueError("the last message must be the customer's")
        ids = [article.id for article in (*self.knowledge, *self.policies)]
        if len(set(ids)) < len(ids):
            raise ValueError("the ids of knowledge and policies must differ")
        if not {"handoff", "create_ticket"} & set(self.allowed_actions):
            raise ValueError("allowedActions needs handoff or create_ticket: some things only a person may do")
        return self
