"""Workers of one search: all have ended before anything else goes on."""

from __future__ import annotations

import threading
import time

import pytest

from modelcheck.explore.native.crew import Crew


def test_parts_run_at_the_same_time_in_threads_that_stay():
    """Each waits for the other; the second round starts no thread."""
    crew, together = Crew(2), threading.Barrier(2)

    def part(number):
        together.wait(10)
        return number, threading.get_ident()

    first, second = crew.each(part, [1, 2]), crew.each(part, [1, 2])
    assert [number for number, _ in first] == [1, 2]
    assert first == second


def test_one_part_is_the_callers_own():
    """A single worker needs no threads."""
    assert Crew(1).each(lambda part: threading.get_ident(), [0]) == [threading.get_ident()]


@pytest.mark.parametrize("raising", [0, 1])
def test_an_error_of_one_waits_for_the_others(raising):
    """They share arrays: whoever goes on must find nobody at work."""
    ended = []

    def part(number):
        if number == raising:
            raise ValueError(number)
        time.sleep(0.1)
        ended.append(number)

    with pytest.raises(ValueError, match=str(raising)):
        Crew(2).each(part, [0, 1])
    assert ended == [1 - raising]


def test_ctrl_c_waits_for_all(monkeypatch):
    """It comes while the caller waits for another one, and once more while all are waited for."""
    ended, begun = [], threading.Event()

    def part(number):
        if number == 0:
            assert begun.wait(10)
            return
        begun.set()
        time.sleep(0.2)
        ended.append(number)

    crew = Crew(2)
    crew.each(lambda number: None, [0, 1])
    submit, shutdown, again = crew._pool.submit, crew._pool.shutdown, []

    def interrupting(*given):
        other = submit(*given)
        other.result = raises
        return other

    def raises():
        raise KeyboardInterrupt

    def interrupted_once(**asked):
        if not again:
            again.append(True)
            raise KeyboardInterrupt
        shutdown(**asked)

    monkeypatch.setattr(crew._pool, "submit", interrupting)
    monkeypatch.setattr(crew._pool, "shutdown", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        crew.each(part, [0, 1])
    assert (ended, again) == ([1], [True])


def test_a_thread_that_cannot_start_waits_for_those_that_could(monkeypatch):
    """It is the second one; the first is at work by then."""
    start, ended, asked = threading.Thread.start, [], []

    def failing(thread):
        asked.append(thread)
        if len(asked) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    def part(number):
        time.sleep(0.1)
        ended.append(number)

    monkeypatch.setattr(threading.Thread, "start", failing)
    crew = Crew(3)
    with pytest.raises(RuntimeError, match="start"):
        crew.each(part, [0, 1, 2])
    assert 1 in ended
    monkeypatch.undo()
    begun = len(ended)
    time.sleep(0.2)
    assert len(ended) == begun, "nothing went on behind the caller's back"
    assert crew.each(lambda number: number, [0, 1, 2]) == [0, 1, 2]


def test_the_threads_end_with_the_crew():
    """A search that nobody holds any more leaves no thread behind."""
    crew = Crew(2)
    _, other = crew.each(lambda _: threading.current_thread(), [0, 1])
    assert other.is_alive()
    del crew
    other.join(10)
    assert not other.is_alive()
