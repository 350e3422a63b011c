"""Which tasks the callbacks of a message may name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from storehand_worker.callbacks import callback_problem


def _problem(callback: Any, *, allowed: list[str] | None = None, key: str = "callbacks") -> str | None:
    app = SimpleNamespace(tasks={"here.task": object()}, storehand_settings=SimpleNamespace(allowed_callbacks=allowed))
    return callback_problem(app, {key: callback if key == "chord" else [callback]})


@pytest.mark.parametrize("key", ["callbacks", "errbacks", "chain", "chord"])
def test_a_shops_own_task_may_be_named_by_default(key: str) -> None:
    assert (
        _problem({"task": "shop.save", "options": {"queue": "celery", "link": {"task": "shop.tell"}}}, key=key) is None
    )


@pytest.mark.parametrize("name", ["storehand.chat", "celery.map", "here.task", None, 5, {}])
def test_ours_celerys_and_those_of_this_worker_never(name: Any) -> None:
    assert _problem({"task": name}) is not None
    assert _problem({"task": name}, allowed=["*"]) is not None


def test_patterns_say_which_else() -> None:
    assert _problem({"task": "shop.save"}, allowed=["shop.*", "crm.note"]) is None
    assert "allowed_callbacks" in str(_problem({"task": "Shop.save"}, allowed=["shop.*"]))
    assert "allowed_callbacks" in str(_problem({"task": "erp.pay"}, allowed=["shop.*", "crm.note"]))
    assert _problem({"task": "shop.save"}, allowed=[]) is not None


@pytest.mark.parametrize(
    "callback",
    [
        {"task": "shop.x", "options": {"link": [{"task": "storehand.chat"}]}},
        {"task": "shop.x", "options": {"link_error": {"task": "storehand.chat"}}},
        {"task": "shop.x", "subtask_type": "chain", "kwargs": {"tasks": [{"task": "storehand.chat"}]}},
        {"task": "shop.x", "subtask_type": "group"},
        {"task": "shop.x", "options": {"chain": [{"task": "storehand.chat"}]}},
        {"task": "shop.x", "options": {"chord": {"task": "storehand.chat"}}},
        {"task": "shop.x", "options": {"serializer": "pickle"}},
        {"task": "shop.x", "options": {"connection": "redis://elsewhere"}},
        {"task": "shop.x", "options": [1]},
        "shop.x",
        5,
    ],
    ids=str,
)
def test_nothing_hides_in_a_callback(callback: Any) -> None:
    assert _problem(callback) is not None


@pytest.mark.parametrize(
    "callbacks", ["", 0, {}, {"task": "shop.x"}, [[{"task": "shop.x"}]], "shop.x", [None]], ids=str
)
def test_a_shape_that_celery_would_stumble_over_is_refused(callbacks: Any) -> None:
    app = SimpleNamespace(tasks={}, storehand_settings=SimpleNamespace(allowed_callbacks=None))

    assert "must be a list of objects" in str(callback_problem(app, {"callbacks": callbacks}))
    assert callback_problem(app, {"callbacks": None, "chain": [], "chord": None}) is None
