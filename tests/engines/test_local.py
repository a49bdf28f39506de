"""What an engine promises: the same answers in the same order, however many work on them."""

from __future__ import annotations

import os

import pytest

from mlassay.engines.local import LocalEngine, WorkerLost


def square(number):
    return number * number, os.getpid()


def end_when_three(number):
    if number == 3:
        os._exit(1)
    return number


def divide(number):
    return 6 // number


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_parts(workers):
    said = list(LocalEngine(workers, alone_seconds=0.0).map(square, range(40)))
    assert [answer for answer, _ in said] == [number * number for number in range(40)]
    assert (os.getpid() in {process for _, process in said}) == (workers == 1)


def test_quick_parts_start_no_process():
    assert {process for _, process in LocalEngine(2).map(square, range(5))} == {os.getpid()}


def test_nothing_to_do_is_done():
    assert list(LocalEngine(2, alone_seconds=0.0).map(square, [])) == []


def test_a_worker_that_dies_is_an_error_and_no_answer():
    with pytest.raises(WorkerLost, match="ended without an answer"):
        list(LocalEngine(2, alone_seconds=0.0).map(end_when_three, range(8)))


def test_an_error_in_a_part_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(LocalEngine(2, alone_seconds=0.0).map(divide, [1, 2, 0, 3]))
