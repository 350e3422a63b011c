from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from storehand_worker.engines.pace import DELIVERY_S, FADE, Pace
from storehand_worker.engines.prefix import BLOCK, Prefixes


def prompt(*blocks: int, end: int = 1) -> list[int]:
    """Blocks of one token each, and some tokens of the next one."""
    return [token for block in blocks for token in [block] * BLOCK] + [99] * end


def test_what_two_prompts_have_in_common_is_kept_and_found_in_the_third() -> None:
    prefixes = Prefixes(8)

    assert prefixes.learn(prompt(1, 2, 3)) == []
    assert prefixes.find(prompt(1, 2, 4)) == []
    copies = prefixes.learn(prompt(1, 2, 4))

    assert [number for number, _ in copies] == [0, 1]
    assert prefixes.find(prompt(1, 2, 5)) == [place for _, place in copies]
    assert prefixes.find(prompt(2, 1)) == []


def test_the_last_token_of_a_prompt_is_never_among_what_is_known() -> None:
    prefixes = Prefixes(8)
    for _ in range(2):
        prefixes.learn(prompt(1, 2))

    assert len(prefixes.find(prompt(1, 2, end=1))) == 2
    assert len(prefixes.find(prompt(1, 2, end=0))) == 1
    assert prefixes.find([1]) == []


def test_a_block_is_known_by_what_stands_before_it_too() -> None:
    prefixes = Prefixes(8)
    for first in (1, 1, 2, 2):
        prefixes.learn(prompt(first, 3))

    assert prefixes.find(prompt(1, 3)) != prefixes.find(prompt(2, 3))
    assert len(set(prefixes.find(prompt(1, 3)) + prefixes.find(prompt(2, 3)))) == 4


def test_the_longest_unused_goes_first_and_a_chain_s_end_before_its_beginning() -> None:
    prefixes = Prefixes(4)
    for blocks in ((1, 2), (1, 2), (3, 4), (3, 4)):
        prefixes.learn(prompt(*blocks))
    prefixes.find(prompt(1, 2))
    for _ in range(2):
        prefixes.learn(prompt(5))

    assert len(prefixes.find(prompt(1, 2))) == 2
    assert len(prefixes.find(prompt(3, 4))) == 1
    assert len(prefixes.find(prompt(5))) == 1


def test_a_prompt_that_is_longer_than_all_places_keeps_its_beginning() -> None:
    prefixes = Prefixes(2)
    for _ in range(2):
        prefixes.learn(prompt(1, 2, 3, 4))

    assert len(prefixes.find(prompt(1, 2, 3, 4))) == 2


def test_without_places_nothing_is_kept() -> None:
    prefixes = Prefixes(0)

    assert [prefixes.learn(prompt(1)) for _ in range(3)] == [[], [], []]
    assert prefixes.find(prompt(1)) == []


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.lists(st.integers(1, 3), max_size=5), st.booleans()), max_size=40),
)
def test_a_place_always_holds_the_block_that_is_found_there(places: int, steps: list[tuple[list[int], bool]]) -> None:
    prefixes, memory = Prefixes(places), {}
    for blocks, is_learnt in steps:
        tokens = prompt(*blocks)
        if is_learnt:
            for number, place in prefixes.learn(tokens):
                memory[place] = tokens[: (number + 1) * BLOCK]
        found = prefixes.find(tokens)

        assert all(place < places for place in found)
        assert [memory[place] for place in found] == [tokens[: (at + 1) * BLOCK] for at in range(len(found))]


def test_a_slow_step_counts_less_with_each_one_after_it() -> None:
    pace = Pace()
    for seconds in (0.01, 1.0, 0.01):
        pace.observe(seconds)

    assert abs(pace.reserve_s - DELIVERY_S - FADE) < 1e-9
    for _ in range(100):
        pace.observe(0.01)
    assert abs(pace.reserve_s - DELIVERY_S - 0.01) < 1e-9
