"""A thread that does one thing after the other: who asked is told, whenever it is done."""

from __future__ import annotations

import gc
from functools import partial

from clawsocket.log.worker import Job


def test_who_asks_when_it_is_done_is_told_at_once_and_nothing_is_left_of_it() -> None:
    told: list[object] = []

    def wake(job: Job[int]) -> None:
        told.append(job.result)

    gc.collect()
    gc.disable()
    try:
        job = Job(lambda: 7)
        job.run()
        job.then(partial(wake, job))
        del job
        assert told == [7]
        assert not [one for one in gc.get_objects() if isinstance(one, Job)]
    finally:
        gc.enable()
