"""The exact timer; how exact it is, is a matter of measuring, not of a test."""

import asyncio
import time

from fleetlm_users.standin.timers import ExactTimer, LoopTimer


def test_it_runs_in_the_order_of_due_times():
    """Equal moments in the order they were given; a shorter one overtakes."""

    async def run():
        timer, done, ran = ExactTimer(asyncio.get_running_loop()), asyncio.Event(), []
        now_s = time.perf_counter() + 1.0  # all are given before the first is due
        timer.at(now_s + 0.03, lambda: (ran.append("last"), done.set()))
        for number in range(3):
            timer.at(now_s + 0.01, lambda number=number: ran.append(number))
        timer.at(now_s, lambda: ran.append("first"))
        await asyncio.wait_for(done.wait(), 60)
        timer.stop()
        return ran

    assert asyncio.run(run()) == ["first", 0, 1, 2, "last"]


def test_the_loops_own_timer():
    """It runs what it is given."""

    async def run():
        done = asyncio.Event()
        LoopTimer(asyncio.get_running_loop()).after(0, done.set)
        await asyncio.wait_for(done.wait(), 60)

    asyncio.run(run())


def test_stopping_an_unused_or_idle_timer_ends_its_thread():
    """Nothing is left behind."""

    async def run():
        ExactTimer(asyncio.get_running_loop()).stop()
        timer, done = ExactTimer(asyncio.get_running_loop()), asyncio.Event()
        timer.at(time.perf_counter(), done.set)
        await asyncio.wait_for(done.wait(), 60)
        thread = timer._thread
        timer.stop()
        await asyncio.to_thread(thread.join, 60)
        return thread.is_alive()

    assert asyncio.run(run()) is False
