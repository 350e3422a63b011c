"""The chat task keeps the contract, on stand-ins and on its starter models."""

from __future__ import annotations

import pytest

from storehand.contracts.chat import ChatInput
from storehand.fakes import FakeContext
from storehand.task import Models
from storehand.testing import TaskContract, local_models
from storehand_plugins.chat.task import ChatTask

TASK = ChatTask()


class TestChat(TaskContract):
    task = TASK


class TestChatOnItsStarter(TaskContract):
    task = TASK
    float_tolerance = 1e-3

    def models(self) -> Models:
        return local_models([TASK])


@pytest.mark.parametrize(
    ("number", "action", "locale", "cited"),
    [(0, "answer", "en", "returns"), (1, "answer", "zh", "fahuo"), (2, "answer", "en", "order")],
)
def test_the_examples_are_answered_in_their_language_with_their_source(
    number: int, action: str, locale: str, cited: str
) -> None:
    output = TASK.run(TASK.examples[number], local_models([TASK]), FakeContext())

    assert (output.action, output.locale, output.grounded) == (action, locale, True)
    assert [citation.knowledge_id for citation in output.citations] == [cited]


def test_an_angry_customer_who_wants_his_money_gets_a_person_and_the_hours() -> None:
    output = TASK.run(TASK.examples[3], local_models([TASK]), FakeContext())

    assert output.action == "handoff"
    assert output.handoff is not None
    assert {"refund_or_money", "complaint", "negative_sentiment"} <= set(output.handoff.reasons)
    assert output.sentiment.label == "negative"
    assert "每天9:00至21:00" in output.reply


def test_chat_is_interactive_unless_asked_otherwise() -> None:
    assert ChatInput.default_priority == "interactive"
