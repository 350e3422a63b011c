"""A forward that fails is repeated in halves: the innocent are answered, the guilty stand alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand.errors import EngineError, OutOfMemory
from storehand_worker.engines.failures import is_fatal, is_out_of_memory
from storehand_worker.engines.isolation import Ladder, Piece, in_halves


class Model:
    """Fails on some rows, runs out of memory on some or on more than `room` of them; counts its forwards."""

    def __init__(self, guilty=(), *, large=(), room: int = 1 << 30) -> None:
        self.guilty, self.large, self.room = set(guilty), set(large), room
        self.forwards: list[tuple[int, int]] = []
        self.errors: list[Exception] = []
        self.too_large: list[tuple[int, int]] = []

    def forward(self, low: int, high: int) -> list[int]:
        self.forwards.append((low, high))
        rows = set(range(low, high))
        if high - low > self.room or rows & self.large:
            raise MemoryError
        if rows & self.guilty:
            raise ValueError("a kernel said no")
        return list(range(low, high))

    def run(self, low: int, high: int, **more) -> list[Piece[list[int]]]:
        ladder = Ladder(self.errors.append, lambda low, high: self.too_large.append((low, high)), **more)
        return list(in_halves(self.forward, low, high, ladder))


def answered(pieces: list[Piece[list[int]]]) -> set[int]:
    return {row for piece in pieces for row in piece.value or ()}


@given(st.integers(0, 40), st.integers(1, 48), st.data())
def test_all_but_the_guilty_are_answered_in_order_and_each_once(low: int, count: int, data: st.DataObject):
    rows = range(low, low + count)
    guilty, large = data.draw(st.sets(st.sampled_from(rows))), data.draw(st.sets(st.sampled_from(rows)))
    model = Model(guilty, large=large, room=data.draw(st.integers(1, 48)))

    pieces = model.run(low, low + count)

    assert answered(pieces) == set(rows) - guilty - large
    assert [row for piece in pieces for row in range(piece.low, piece.high)] == list(rows)
    alone = {piece.low: piece.failure for piece in pieces if piece.failure is not None}
    assert set(alone) == guilty | large
    assert all(isinstance(alone[row], OutOfMemory) == (row in large) for row in alone)


@pytest.mark.parametrize("rows", [2, 7, 32, 512])
def test_one_guilty_row_costs_two_forwards_per_halving(rows: int):
    for guilty in {0, rows // 2, rows - 1}:
        model = Model([guilty])
        model.run(0, rows)

        assert len(model.forwards) <= 1 + 2 * math.ceil(math.log2(rows))


def test_a_batch_that_goes_well_is_one_forward_and_one_piece():
    model = Model()

    assert model.run(3, 20) == [Piece(3, 20, list(range(3, 20)))]
    assert model.forwards == [(3, 20)]


def test_a_batch_that_was_only_too_large_is_told_so_and_nobody_fails():
    model = Model(room=10)

    assert answered(model.run(0, 32)) == set(range(32))
    assert model.too_large == [(0, 16), (16, 32), (0, 32)]


def test_a_row_that_does_not_fit_alone_says_nothing_about_the_batch_and_is_tried_twice():
    model = Model(large=[5])

    [failed] = [piece for piece in model.run(0, 8) if piece.failure]

    assert isinstance(failed.failure, OutOfMemory)
    assert failed.low == 5
    assert model.too_large == []
    assert model.forwards.count((5, 6)) == 2


def test_more_rows_than_fitted_before_are_not_tried_together():
    model = Model()

    model.run(0, 32, most=10)

    assert {high - low for low, high in model.forwards} == {8}


def test_what_nobody_waits_for_any_more_is_not_computed():
    model = Model([0])

    pieces = model.run(0, 8, is_done=lambda low, high: low >= 4)

    assert pieces[-1] == Piece(4, 8, None)
    assert (4, 8) not in model.forwards


def test_an_error_that_is_not_to_be_gone_on_from_leaves_at_once():
    model = Model([1])

    def failed(error: Exception) -> None:
        raise error

    with pytest.raises(ValueError, match="a kernel said no"):
        list(in_halves(model.forward, 0, 8, Ladder(failed)))
    assert len(model.forwards) == 1


def test_the_failed_forwards_tensors_are_gone_before_the_next_one():
    """A traceback keeps its frames, and they their tensors: then halving frees nothing."""
    import weakref

    class Tensor:
        pass

    alive: list[weakref.ref[Tensor]] = []

    def forward(low: int, high: int) -> int:
        assert all(each() is None for each in alive)
        held = Tensor()
        alive.append(weakref.ref(held))
        if high - low > 1:
            raise MemoryError
        return low

    assert [piece.value for piece in in_halves(forward, 0, 4, Ladder(lambda error: None))] == [0, 1, 2, 3]


class AcceleratorError(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "is_memory", "is_end"),
    [
        (MemoryError(), True, False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."), True, False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True, False),
        (AcceleratorError("CUDA error: out of memory"), True, False),
        (AcceleratorError("CUDA error: device-side assert triggered"), False, True),
        (AcceleratorError("CUDA error: something new"), False, True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False, True),
        (RuntimeError("cuDNN error: unspecified launch failure"), False, True),
        (RuntimeError("CUDA error: invalid argument"), False, False),
        (RuntimeError("The size of tensor a (3) must match"), False, False),
        (ValueError("unknown error"), False, False),
        (EngineError("out of memory"), False, False),
        (OutOfMemory(), True, False),
    ],
)
def test_errors_are_told_apart_by_what_can_follow(error: Exception, is_memory: bool, is_end: bool):
    assert (is_out_of_memory(error), is_fatal(error)) == (is_memory, is_end)
