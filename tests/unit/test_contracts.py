"""What all contracts share: names that load at first use, and the output an input names."""

from __future__ import annotations

import subprocess
import sys
from typing import Generic, TypeVar

import pytest

from storehand import contracts
from storehand.contracts import INPUTS, DescriptionInput, DescriptionOutput, SentimentOutput, TaskInput, TaskOutput

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
    assert {task: kind.output_type for task, kind in INPUTS.items()} == {
        "description": DescriptionOutput,
        "sentiment": SentimentOutput,
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
