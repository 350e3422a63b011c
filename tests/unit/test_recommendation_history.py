"""A shopper's events put in order: whatever a shop's log holds, the same shopper is seen the same way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from storehand.contracts.recommendation import UserEvent
from storehand_plugins.recommendation.catalogue import Catalogue, Item
from storehand_plugins.recommendation.history import SEARCHES, ShopperHistory, read_history
from storehand_plugins.recommendation.visits import CART, NEW_VISIT, PURCHASE, VIEW, VIEWED, token_ids, token_name

CATALOGUE = Catalogue(Item(sku=name) for name in "ABCD")
A, B, C, D = range(4)
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def event(sku: str, kind: str = "purchase", *, hours_ago: float | None = None) -> UserEvent:
    ts = None if hours_ago is None else NOW - timedelta(hours=hours_ago)
    return UserEvent(type=kind, sku=sku, ts=ts)  # type: ignore[arg-type]  # kinds there are


def search(query: str) -> UserEvent:
    return UserEvent(type="search", query=query)


def read(*events: UserEvent) -> ShopperHistory:
    return read_history(events, CATALOGUE, now=NOW)


def test_events_are_read_in_order_of_time_however_they_come():
    history = read(event("B", hours_ago=2), event("A", hours_ago=3), event("C", hours_ago=1))

    assert [list(visit) for visit in history.visits] == [[A, B, C]]


def test_events_without_a_time_keep_their_place():
    assert [list(visit) for visit in read(event("C"), event("A"), event("B")).visits] == [[C, A, B]]


def test_an_event_without_a_time_stays_behind_the_one_it_came_after():
    history = read(event("C", hours_ago=1), event("D"), event("A", hours_ago=3))

    assert [list(visit) for visit in history.visits] == [[A, C, D]]


def test_a_pause_of_hours_begins_a_new_visit():
    history = read(event("A", hours_ago=30), event("B", hours_ago=29), event("C", hours_ago=2))

    assert [list(visit) for visit in history.visits] == [[A, B], [C]]


def test_a_shopper_of_this_hour_is_still_there():
    assert read(event("A", hours_ago=1)).is_open
    assert not read(event("A", hours_ago=20)).is_open


def test_going_round_in_circles_says_no_more_than_going_once():
    circle = read(*[event("AB"[step % 2], "view", hours_ago=1) for step in range(1000)])

    assert circle == read(event("A", "view", hours_ago=1), event("B", "view", hours_ago=1))


def test_the_strongest_thing_done_with_an_item_on_a_visit_counts():
    history = read(
        event("A", "view"), event("A", "purchase"), event("A", "view"), event("B", "view"), event("B", "cart")
    )

    assert history.visits == ({A: PURCHASE, B: CART},)
    assert history.times == {A: 1}


def test_who_reviews_an_item_has_it():
    assert read(event("A", "review")).bought == {A}


def test_events_from_the_future_are_left_out_and_named():
    history = read(event("A", hours_ago=-48), event("B", hours_ago=1))

    assert history.future == (0,)
    assert history.visits == ({B: PURCHASE},)


def test_a_clock_that_is_hours_ahead_is_forgiven():
    assert read(event("A", hours_ago=-5)).future == ()


def test_unknown_skus_are_named_once_and_harm_nothing():
    history = read(event("X"), event("A"), event("X"), event("Y"))

    assert history.missing == ("X", "Y")
    assert history.visits == ({A: PURCHASE},)


def test_the_newest_searches_come_first_each_once():
    history = read(*[search(f"query {number % 7}") for number in range(20)])

    assert history.searches[:2] == ("query 5", "query 4")
    assert len(history.searches) == SEARCHES


def test_no_events_are_no_history():
    assert read().is_empty
    assert read(event("X")).is_empty


def test_the_model_reads_visits_as_words():
    ids = token_ids([{A: PURCHASE, B: VIEW}, {C: CART}], is_open=False, marks={VIEW}, limit=20)

    assert " ".join(map(token_name, ids)) == "<visit> i0 <view> i1 <visit> i2 <visit>"


def test_a_model_that_never_saw_views_reads_them_as_items():
    assert VIEWED not in token_ids([{A: VIEW}], is_open=True, marks=(), limit=20)


def test_a_long_history_is_cut_at_its_old_end():
    ids = token_ids([{A: PURCHASE}] * 50 + [{B: PURCHASE}], is_open=False, marks=(), limit=5)

    assert [token_name(each) for each in ids] == ["<visit>", "i0", "<visit>", "i1", "<visit>"]
    assert ids[-1] == NEW_VISIT


_EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["A", "B", "C", "X"]),
        st.sampled_from(["view", "cart", "purchase", "review"]),
        hours_ago=st.none() | st.floats(-1000, 100_000, allow_nan=False),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(_EVENTS)
def test_any_events_make_a_history_of_known_items(events):
    history = read(*events)

    assert all(visit and set(visit) <= {A, B, C} for visit in history.visits)
    assert history.bought <= {item for visit in history.visits for item in visit}
    assert set(history.missing) <= {"X"}
