"""The learned token budget: cut when memory runs out, grown again with care, kept across restarts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand.engine import EngineSpec
from storehand.settings import ModelBinding
from storehand_worker.engines.budget import (
    CLEAN_BATCHES,
    SHORTAGE_WINDOW_S,
    SHORTAGES,
    Budget,
    KeptBudget,
)


def kept(folder: Path | str, *, place: str = "NVIDIA L4, bfloat16", name: str = "shop/model", tokens: int = 1000):
    binding = ModelBinding(model="m", batch_tokens=tokens)
    spec = EngineSpec(role="text", kind="generate", name=name, folder="", binding=binding, state_dir=str(folder))
    return KeptBudget(spec, place=place)


def well(budget: Budget | KeptBudget, batches: int) -> None:
    for _ in range(batches):
        budget.went_well()


def test_a_batch_that_does_not_fit_cuts_the_budget_below_that_batch():
    budget = Budget(1000)

    budget.ran_out(1000)
    assert budget.tokens == 700
    budget.ran_out(300)  # less than the budget, and still too much
    assert budget.tokens == 210


def test_clean_batches_let_it_grow_slowly_up_to_what_is_configured():
    budget = Budget(1000)
    budget.ran_out(1000)

    well(budget, CLEAN_BATCHES - 1)
    before = budget.tokens
    well(budget, 1)
    after = budget.tokens
    well(budget, 40 * CLEAN_BATCHES)

    assert (before, after) == (700, 714)
    assert budget.tokens == 1000


def test_a_cut_starts_the_count_of_clean_batches_anew():
    budget = Budget(1000)
    budget.ran_out(1000)
    well(budget, CLEAN_BATCHES - 1)
    budget.ran_out(700)
    well(budget, CLEAN_BATCHES - 1)

    assert budget.tokens == 489


@given(st.integers(1, 5000), st.lists(st.one_of(st.none(), st.integers(1, 6000)), max_size=25))
def test_whatever_happens_it_stays_between_one_and_the_configured(configured: int, story: list[int | None]):
    budget = Budget(configured)
    for size in story:
        if size is None:
            well(budget, CLEAN_BATCHES)
        else:
            budget.ran_out(size)
            assert budget.tokens < max(size, 2)
        assert 1 <= budget.tokens <= configured


def test_even_a_budget_of_one_grows_again():
    budget = Budget(10)
    for _ in range(20):
        budget.ran_out(1)

    well(budget, 10 * CLEAN_BATCHES)

    assert budget.tokens == 10


def test_what_was_learned_holds_after_a_restart_on_the_same_device_and_type_only(tmp_path: Path):
    kept(tmp_path).ran_out(1000)

    assert kept(tmp_path).tokens == 700
    assert kept(tmp_path, tokens=500).tokens == 500  # configured lower by now
    assert kept(tmp_path, place="NVIDIA L4, float32").tokens == 1000
    assert kept(tmp_path, name="shop/other").tokens == 1000


def test_growth_is_kept_too(tmp_path: Path):
    budget = kept(tmp_path)
    budget.ran_out(1000)
    well(budget, CLEAN_BATCHES)

    assert kept(tmp_path).tokens == 714


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": null}', '{"tokens": "many"}', "\x00\xff"])
def test_an_unreadable_file_is_a_fresh_start_and_a_warning(tmp_path: Path, content: str, caplog):
    kept(tmp_path).ran_out(1000)
    [file] = (tmp_path / "budgets").iterdir()
    file.write_text(content, encoding="latin-1")

    assert kept(tmp_path).tokens == 1000
    assert "can't be read" in caplog.text


def test_the_file_is_written_whole_and_says_what_it_is_about(tmp_path: Path):
    kept(tmp_path).ran_out(1000)

    [file] = (tmp_path / "budgets").iterdir()
    about = {"model": "shop/model", "place": "NVIDIA L4, bfloat16"}
    assert json.loads(file.read_text()) == {**about, "tokens": 700}


def test_a_folder_that_can_not_be_written_is_told_once_and_learning_goes_on(tmp_path: Path, caplog):
    (tmp_path / "file").touch()
    budget = kept(tmp_path / "file")

    budget.ran_out(1000)
    budget.ran_out(1000)

    assert budget.tokens == 489
    assert caplog.text.count("can't be kept") == 1


def test_without_a_folder_or_a_device_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    kept("").ran_out(1000)
    kept(tmp_path, place="").ran_out(1000)

    assert list(tmp_path.iterdir()) == []


def test_memory_is_short_while_it_ran_out_several_times_of_late():
    budget = kept("")
    for at in range(SHORTAGES - 1):
        budget.note_shortage(float(at))
    assert not budget.is_short(2.0)

    budget.note_shortage(2.0)

    assert budget.is_short(2.0)
    assert not budget.is_short(SHORTAGE_WINDOW_S + 1.0)
    assert budget.shortages == SHORTAGES
