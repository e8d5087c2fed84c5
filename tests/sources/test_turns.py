"""Much work holds the loop no longer than a turn, and is done in order."""

from __future__ import annotations

import asyncio
from time import perf_counter

from clawsocket.sources.turns import TURN, Turns
from tests.sources.running import settled


async def test_work_is_done_in_order_in_turns() -> None:
    done: list[int] = []

    def do(number: int) -> None:
        done.append(number)
        end = perf_counter() + TURN / 4
        while perf_counter() < end:
            pass

    turns = Turns(do)
    await turns.done()
    for number in range(20):
        turns.add(number)
    assert done == []
    most = 0
    while len(done) < 20:
        before = len(done)
        await asyncio.sleep(0)
        most = max(most, len(done) - before)
    assert done == list(range(20))
    assert most <= 5


async def test_a_thing_waits_once_and_may_come_again() -> None:
    done: list[str] = []

    def do(thing: str) -> None:
        done.append(thing)
        if len(done) < 6:
            turns.add(thing)

    turns = Turns(do)
    for thing in "abab":
        turns.add(thing)
    turns.add("c")
    turns.discard("c")
    turns.discard("never")
    assert "a" in turns
    assert "c" not in turns
    await turns.done()
    assert done == list("abababa")[: len(done)]
    assert len(done) == 7


async def test_what_fails_costs_no_other() -> None:
    done: list[int] = []
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))

    def do(number: int) -> None:
        done.append(1 // number)

    turns = Turns(do)
    for number in (1, 0, -1):
        turns.add(number)
    await turns.done()
    assert done == [1, -1]
    assert len(errors) == 1


async def test_nothing_is_done_after_close() -> None:
    done: list[int] = []
    turns = Turns(done.append)
    turns.add(1)
    turns.close()
    await turns.done()
    await settled()
    assert done == []
