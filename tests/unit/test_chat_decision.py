"""The decision core: every situation ends in an allowed action with its reasons."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from storehand.contracts.chat import Action, Complaint, HandoffReason
from storehand_plugins.chat.decision import OrderState, Situation, Strength, decide

ALL = get_args(Action)
STRONG = Situation(found="strong")


def test_a_strong_find_is_answered_and_a_weak_one_asked_about():
    assert decide(STRONG, ALL).action == "answer"
    assert decide(Situation(found="weak"), ALL).action == "clarify"


def test_the_assistant_asks_back_only_once():
    decision = decide(Situation(found="weak", asked_back=1), ALL)
    assert (decision.action, decision.reasons) == ("handoff", ("low_retrieval",))


@pytest.mark.parametrize("reason", get_args(HandoffReason))
def test_every_reason_of_the_words_hands_over_whatever_was_found(reason: HandoffReason):
    for found in get_args(Strength):
        decision = decide(Situation(reasons=(reason,), found=found, smalltalk="thanks"), ALL)
        assert decision.action == "handoff"
        assert reason in decision.reasons


@pytest.mark.parametrize(
    "actions", [("handoff",), ("create_ticket",), ("answer", "create_ticket"), ("clarify", "handoff"), ALL]
)
def test_only_allowed_actions_come_out(actions: tuple[Action, ...]):
    complaint = Complaint(category="quality", severity="medium")
    for found, order, small, injected, ticket in product(
        get_args(Strength), get_args(OrderState), (None, "greeting", "vague"), (True, False), (True, False)
    ):
        seen = Situation(
            found=found, order=order, smalltalk=small, is_injected=injected, is_empty=injected, wants_ticket=ticket
        )
        for each in (seen, replace(seen, complaint=complaint), replace(seen, wants_fake_review=True)):
            decision = decide(each, actions)
            assert decision.action in actions
            assert decision.reasons or decision.action not in ("handoff", "create_ticket")


def test_safety_is_urgent_and_not_quoted():
    decision = decide(replace(STRONG, reasons=("legal_or_safety",), is_safety=True), ALL)
    assert (decision.queue, decision.priority, decision.quotes) == ("legal", "urgent", False)


def test_a_ticket_asked_for_does_not_keep_the_law_waiting():
    legal = Situation(reasons=("legal_or_safety",), wants_ticket=True)
    assert decide(legal, ALL).action == "handoff"
    assert decide(legal, ("answer", "create_ticket")).action == "create_ticket"
    assert decide(Situation(reasons=("refund_or_money",), wants_ticket=True), ALL).action == "create_ticket"


def test_mere_anger_goes_to_the_complaints():
    assert decide(Situation(is_angry=True, intent="shipping"), ALL).queue == "complaints"


def test_money_is_handed_over_with_the_policy_where_there_is_one():
    assert decide(replace(STRONG, reasons=("refund_or_money",)), ALL).quotes
    assert not decide(Situation(reasons=("refund_or_money",)), ALL).quotes


def test_a_late_parcel_is_answered_and_a_broken_item_handed_over():
    late = Complaint(category="delivery", severity="low")
    assert decide(Situation(complaint=late, order="known"), ALL).action == "answer"
    assert decide(Situation(complaint=late), ALL).reasons == ("complaint",)
    assert decide(replace(STRONG, complaint=Complaint(category="quality", severity="medium")), ALL).action == "handoff"


def test_a_swear_word_in_a_plain_question_fetches_nobody():
    assert decide(replace(STRONG, is_angry=True, is_general=True), ALL).action == "answer"
    assert decide(Situation(is_angry=True), ALL).reasons == ("negative_sentiment",)


def test_orders_to_the_machine_are_refused_and_travel_with_a_hand_over():
    assert decide(Situation(is_injected=True, is_empty=True), ALL).action == "refuse"
    both = decide(Situation(is_injected=True, reasons=("refund_or_money",)), ALL)
    assert both.reasons == ("refund_or_money", "injection_suspected")
