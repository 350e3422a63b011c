"""The task itself: read the turn, look for the answer, decide, say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from storehand.contracts.base import Provenance
from storehand.contracts.chat import ChatInput, ChatOutput
from storehand.errors import InvalidInput
from storehand.knowledge import KnowledgeStore
from storehand.task import Context, Models, Task
from storehand_plugins.chat import mood, script, similarity, writer
from storehand_plugins.chat.answers import Found, find_answer, is_empty
from storehand_plugins.chat.compose import Reply, compose, suggestions
from storehand_plugins.chat.decision import Decision, Situation, decide, handoff_of
from storehand_plugins.chat.examples import EXAMPLES
from storehand_plugins.chat.findings import findings
from storehand_plugins.chat.hanzi import traditional
from storehand_plugins.chat.index import Index
from storehand_plugins.chat.library import Library, Shelf
from storehand_plugins.chat.phrases import phrase
from storehand_plugins.chat.retrieval import Retriever
from storehand_plugins.chat.signals import Signals, read_signals
from storehand_plugins.chat.summary import collect, summary_of
from storehand_plugins.chat.turn import Turn, read_turn
from storehand_plugins.checks import find_words

if TYPE_CHECKING:
    from storehand.settings import Settings

_STARTERS = Path(__file__).parent.parent / "starter"
_QUOTE_ANYWAY = 0.7
"""From this confidence on an article is quoted where the model had nothing to say that holds."""


def _now() -> datetime:
    return datetime.now(UTC)


class ChatTask(Task[ChatInput, ChatOutput]):
    """Answers a customer from the shop's knowledge, or hands over to a person.

    Without an instruction model answers are quotations; with one (of the format "chat", bound to `text`) they are
    written from the sources and checked sentence by sentence. What may be answered at all is decided before, by rules.
    """

    name = "chat"
    input_type = ChatInput
    output_type = ChatOutput
    roles: ClassVar = {writer.ROLE: "generate", mood.ROLE: "classify"}
    optional_roles: ClassVar = {similarity.ROLE: "encode"}
    starters: ClassVar = {writer.ROLE: _STARTERS / "text", mood.ROLE: _STARTERS / "sentiment"}
    examples = EXAMPLES

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._library: Library | None = None

    def prepare(self, settings: Settings) -> None:
        assert settings.knowledge_dir is not None, "settings fill it"
        self._library = Library(KnowledgeStore(settings.knowledge_dir))

    def run(self, input: ChatInput, models: Models, context: Context) -> ChatOutput:
        now = self._clock()
        context.check()
        turn = read_turn(input)
        signals = read_signals(turn.text, turn.language, before=turn.earlier[-1] if turn.earlier else "")
        shelf = self._shelf(input, context)
        found = find_answer(input, turn, signals, self._retriever(input, turn, shelf, models, context, now), now)
        situation = _situation(input, turn, signals, found)
        decision = decide(situation, input.allowed_actions)
        context.check()

        written = _written(input, turn, decision, found, models, context)
        if written is not None and not written.sentences and found.confidence < _QUOTE_ANYWAY:
            ungrounded = replace(situation, reasons=(*situation.reasons, "ungrounded"), found="none")
            decision, found = decide(ungrounded, input.allowed_actions), replace(found, parts=())
        reply = _reply(input, turn, signals, decision, found, written)
        if script.wants_traditional(input, turn) and (written is None or not written.sentences):
            reply = script.in_traditional(reply, input, found)
        if written is None or not written.has_streamed:
            for piece in reply.pieces:
                context.emit(piece)
        return _output(input, turn, signals, decision, found, reply, written, models, shelf, self)

    def _shelf(self, input: ChatInput, context: Context) -> Shelf | None:
        if input.knowledge_base is None:
            return None
        if self._library is None:
            raise InvalidInput(f"there is no knowledge base {input.knowledge_base!r} here: give the knowledge inline")
        return self._library.open(context.tenant, input.knowledge_base)

    def _retriever(
        self,
        input: ChatInput,
        turn: Turn,
        shelf: Shelf | None,
        models: Models,
        context: Context,
        now: datetime,
    ) -> Retriever:
        """Knowledge in the request and a named base are one; of equal ids the request's article counts."""
        near = None
        if models.has(similarity.ROLE):
            kept = shelf.vectors if shelf is not None and not input.knowledge else None
            near = similarity.Similarity(models, context, kept)
        if shelf is not None and input.knowledge:
            ids = {article.id for article in input.knowledge}
            index = Index([*input.knowledge, *(each for each in shelf.index.articles if each.id not in ids)])
        else:
            index = shelf.index if shelf is not None else Index(input.knowledge)
        return Retriever(index, Index(input.policies), now=now, language=turn.language, similarity=near)


def _situation(input: ChatInput, turn: Turn, signals: Signals, found: Found) -> Situation:
    reasons = signals.reasons if input.order is None else tuple(dict.fromkeys(signals.reasons + signals.possible))
    if find_words(turn.whole, input.handoff_rules):
        reasons = (*reasons, "policy")
    return Situation(
        reasons=reasons,
        complaint=signals.complaint,
        is_angry=signals.is_angry,
        is_general=signals.is_general,
        is_language_accepted=turn.is_language_accepted,
        is_injected=turn.is_injected,
        is_empty=is_empty(turn.text),
        is_repeated=turn.is_repeated,
        is_topical=signals.is_topical or input.product is not None,
        is_safety=signals.is_safety,
        smalltalk=signals.smalltalk,
        wants_ticket=signals.wants_ticket,
        wants_fake_review=signals.wants_fake_review,
        order=found.order,
        found=found.strength,
        intent=signals.intent,
        asked_back=turn.asked_back,
    )


def _written(
    input: ChatInput,
    turn: Turn,
    decision: Decision,
    found: Found,
    models: Models,
    context: Context,
) -> writer.Written | None:
    """None where the answer is quoted: no instruction model, a policy, a product's or an order's data."""
    quoted = found.quoted
    if decision.say != "answer" or len(quoted) != len(found.parts) or not quoted:
        return None
    if any(each.is_policy for each in quoted) or models.info(writer.ROLE).format != "chat":
        return None
    first = [*quoted, *(each for each in found.finding.candidates if each not in quoted)]
    last = turn.said[0].index
    return writer.write(
        turn.question,
        first,
        models,
        language=turn.language,
        earlier=input.messages[input.resolved_up_to : last],
        brand_voice=input.brand_voice,
        generation=input.generation,
        seed=context.seed,
        emit=context.emit,
    )


def _reply(
    input: ChatInput,
    turn: Turn,
    signals: Signals,
    decision: Decision,
    found: Found,
    written: writer.Written | None,
) -> Reply:
    if written is not None and written.sentences:
        space = " " if turn.language == "en" else ""
        pieces = tuple((space if number else "") + each for number, each in enumerate(written.sentences))
        return Reply(pieces, written.citations)
    return compose(
        decision,
        found,
        turn.language,
        smalltalk=signals.smalltalk,
        is_sorry=signals.complaint is not None or "negative_sentiment" in decision.reasons,
        is_safety=signals.is_safety,
        hours=input.business_hours,
    )


def _output(
    input: ChatInput,
    turn: Turn,
    signals: Signals,
    decision: Decision,
    found: Found,
    reply: Reply,
    written: writer.Written | None,
    models: Models,
    shelf: Shelf | None,
    task: ChatTask,
) -> ChatOutput:
    by_model = written is not None and bool(written.sentences)
    summary = summary_of(
        input, turn, signals, decision, near=found.finding.candidates, conflicts=found.finding.conflicts
    )
    sentiment = mood.message_sentiment(turn.text, signals, models)
    return ChatOutput(
        action=decision.action,
        reply=reply.text,
        citations=reply.citations,
        grounded=bool(reply.citations) or decision.say == "smalltalk",
        confidence=1.0 if decision.say == "smalltalk" else round(found.confidence, 4),
        intent="policy" if "policy" in decision.reasons else signals.intent,
        sentiment=sentiment,
        complaint=signals.complaint,
        handoff=handoff_of(decision, summary=summary, collected=collect(input, turn, signals)),
        suggested_replies=suggestions(decision, found, turn.language),
        disclosure=_disclosure(input, turn, reply, by_model=by_model),
        locale=_locale(input, turn),
        knowledge_version=shelf.version if shelf is not None else None,
        checks=findings(turn, found.finding, decision, written.dropped if written else ()),
        provenance=_provenance(models, written, task, by_model=by_model),
        usage=models.usage.as_usage(),
    )


def _disclosure(input: ChatInput, turn: Turn, reply: Reply, *, by_model: bool) -> str:
    name = "disclosure_model" if by_model else "disclosure_quoted" if reply.citations else "disclosure"
    said = phrase(turn.language, name)
    return traditional(said) if script.wants_traditional(input, turn) else said


def _locale(input: ChatInput, turn: Turn) -> str:
    if input.locale and input.locale.split("-")[0].lower() == turn.language:
        return input.locale
    return script.LOCALE if script.wants_traditional(input, turn) else turn.language


def _provenance(models: Models, written: writer.Written | None, task: ChatTask, *, by_model: bool) -> Provenance:
    if by_model and written is not None:
        info = models.info(writer.ROLE)
        return Provenance(
            model=info.name, revision=info.revision, plugin=task.name, plugin_version=task.version, written_by="model",
            prompt_sha256=written.prompt_sha256,
        )  # fmt: skip
    embedding = models.info(similarity.ROLE) if models.has(similarity.ROLE) else None
    return Provenance(
        model=embedding.name if embedding else "bm25", revision=embedding.revision if embedding else None,
        plugin=task.name, plugin_version=task.version, written_by="retrieval", digital_source_type="default",
    )  # fmt: skip
