"""Every example of every built-in task, from the client through queue and worker and back, as typed objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storehand import Client
from storehand.contracts import INPUTS
from storehand.settings import Settings
from storehand_worker.loader import load_plugins
from tests.pipeline.workers import Shop

BUILT_IN = sorted(INPUTS)
TASKS = load_plugins(Settings(plugins=BUILT_IN)).tasks
EXAMPLES = [
    pytest.param(example, id=f"{name}-{number}")
    for name in BUILT_IN
    for number, example in enumerate(TASKS[name].examples)
]


@pytest.fixture(scope="module")
def served(five: Shop) -> Iterator[Client]:
    with Client(five.settings) as client:
        yield client


def test_all_five_tasks_are_installed() -> None:
    assert sorted(TASKS) == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_task_has_an_example_in_both_languages(name: str) -> None:
    texts = [example.model_dump_json() for example in TASKS[name].examples]

    assert any(any("\u4e00" <= char <= "\u9fff" for char in text) for text in texts)
    assert any(text.isascii() for text in texts)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_comes_back_as_the_type_its_input_names(served: Client, example) -> None:
    handle = served.submit(example)

    output = handle.result(timeout=60)

    assert type(output) is example.output_type
    assert output.provenance.plugin == example.task_name
    assert handle.job.input == example.to_json_dict()
    assert handle.job.priority is example.default_priority


@pytest.mark.parametrize("example", EXAMPLES)
def test_plain_data_goes_the_same_way(served: Client, example) -> None:
    """As another language would send it."""
    sent = example.to_json_dict()

    output = served.submit_raw(example.task_name, sent).result(timeout=60)

    assert type(output) is example.output_type
