"""How a job's wishes and a task's choice become the options of one model call."""

from __future__ import annotations

import pytest

from storehand.contracts import Generation
from storehand.task import GenerateOptions


def test_a_job_that_says_nothing_gets_the_tasks_choice():
    options = GenerateOptions(max_new_tokens=400, temperature=0.7, n=3, seed=5, stop=("\n",))

    for generation in (None, Generation()):
        assert GenerateOptions.of(generation, max_new_tokens=400, temperature=0.7, n=3, seed=5, stop=("\n",)) == options


def test_what_the_job_says_wins_also_where_it_says_zero():
    generation = Generation(max_new_tokens=50, temperature=0, top_p=0.5, n=2, seed=0)

    options = GenerateOptions.of(generation, max_new_tokens=400, temperature=0.7, top_p=0.9, n=3, seed=5, top_k=40)

    assert options == GenerateOptions(max_new_tokens=50, temperature=0, top_p=0.5, n=2, seed=0, top_k=40)


def test_stop_strings_of_task_and_job_both_count_once():
    options = GenerateOptions.of(Generation(stop=("###", "\n")), stop=("\n",))

    assert options.stop == ("\n", "###")


@pytest.mark.parametrize(("room", "tokens"), [(1000, 300), (300, 300), (120, 120), (0, 1), (-40, 1)])
def test_no_text_gets_more_than_the_model_has_room_for(room, tokens):
    for generation in (None, Generation(max_new_tokens=300)):
        assert GenerateOptions.of(generation, room=room, max_new_tokens=300).max_new_tokens == tokens


def test_a_misspelt_option_is_no_option():
    with pytest.raises(TypeError, match="max_tokens"):
        GenerateOptions.of(None, max_tokens=5)
