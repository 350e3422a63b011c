"""What all contracts share: names that load at first use, and the output an input names."""

from __future__ import annotations

import subprocess
import sys
from typing import Generic, TypeVar

import pytest
from pydantic import ValidationError

from storehand import contracts
from storehand.contracts import (
    INPUTS,
    DescriptionInput,
    DescriptionOutput,
    Product,
    SentimentOutput,
    TaskInput,
    TaskOutput,
    default_priority,
)
from storehand.handle import read_output
from storehand.job import Priority

O = TypeVar("O", bound=TaskOutput)  # noqa: E741  # output


def test_every_public_name_is_there():
    assert [name for name in contracts.__all__ if not hasattr(contracts, name)] == []
    assert set(contracts.__all__) <= set(dir(contracts))


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="DescriptionInptu"):
        contracts.DescriptionInptu  # noqa: B018  # looking is the test


def test_a_contract_is_loaded_when_it_is_first_used():
    code = (
        "import sys\n"
        "from storehand.contracts import INPUTS, DescriptionInput\n"
        "assert 'sentiment' in INPUTS and 'storehand.contracts.sentiment' not in sys.modules\n"
        "assert INPUTS['sentiment'].task_name == 'sentiment'\n"
        "assert 'storehand.contracts.sentiment' in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_built_in_inputs_are_a_mapping_by_task():
    assert {task: kind.output_type.__name__ for task, kind in INPUTS.items()} == {
        "chat": "ChatOutput",
        "copy": "CopyOutput",
        "description": "DescriptionOutput",
        "recommendation": "RecommendationOutput",
        "sentiment": "SentimentOutput",
    }
    assert all(kind.task_name == task for task, kind in INPUTS.items())
    assert INPUTS.get("tagline") is None
    with pytest.raises(KeyError):
        INPUTS["tagline"]


def test_an_input_inherits_task_and_output_and_may_name_its_own():
    class Plain(DescriptionInput):
        note: str = ""

    class Special(DescriptionInput, task="special"):
        note: str = ""

    assert (Plain.task_name, Plain.output_type) == ("description", DescriptionOutput)
    assert (Special.task_name, Special.output_type) == ("special", DescriptionOutput)
    assert Special(product="Kettle", note="gift").to_json_dict()["note"] == "gift"


def test_a_family_of_inputs_may_leave_the_output_open():
    class Family(TaskInput[O], Generic[O]):
        tone: str = "warm"

    class Member(Family[SentimentOutput], task="member"):
        pass

    assert (Member.task_name, Member.output_type) == ("member", SentimentOutput)
    assert Member(tone="plain").to_json_dict() == {"schemaVersion": 1, "tone": "plain"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ket\x00tle", "Kettle"),
        ("\ufeff\u7535\u200b\u6c34\u58f6\u202e", "\u7535\u6c34\u58f6"),
        ("Kettle\n1.7 L", "Kettle 1.7 L"),
        ("Gift \U0001f468\u200d\U0001f469\u200d\U0001f467", "Gift \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("Mug \u2764\ufe0f", "Mug \u2764\ufe0f"),
    ],
)
def test_a_name_is_kept_as_people_see_it(sent, kept):
    assert Product(name=sent).name == kept


@pytest.mark.parametrize("nothing", ["", "   ", "\u200b", "\ufeff\u202e\x00", "\u200d\ufe0f"])
def test_a_name_of_nothing_to_see_is_refused(nothing):
    with pytest.raises(ValidationError, match="at least 1 character"):
        Product(name=nothing)


def test_half_of_a_character_is_refused_with_its_place():
    with pytest.raises(ValidationError, match="unable to parse raw data as a unicode string"):
        Product(name="\ud83d Kettle")


def test_an_answer_of_a_newer_worker_is_read_without_what_is_new():
    data = {"schemaVersion": 1, "label": "x", "shine": 3}

    class Answer(TaskOutput):
        label: str

    assert read_output("any", data, Answer) == Answer(label="x")


def test_a_chat_goes_before_the_others_unless_it_says_otherwise():
    assert [default_priority(task) for task in ("chat", "description", "tagline")] == [
        Priority.INTERACTIVE,
        Priority.STANDARD,
        Priority.STANDARD,
    ]
