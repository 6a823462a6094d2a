"""Which number each virtual user of a run has: the same user has the same one, however many processes there are. Pure.

Locust spawns the planned users in one order and deals them out to the workers in turn, like cards. They are numbered in
that order, from 1. A process that knows its turn knows the numbers of its users without asking anybody, and no two
processes have one in common. Everything that is drawn for a user follows from its number (identity.rng_for).

A user that the plan does not know (in the place of one that was lost with its worker, on a worker that came late, of a
class that is not the benchmark's) gets a number from a block that is its process's own.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import islice
from math import log2

from fleetlm_users.workload.identity import vu_number


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """A process in a run: its index among all workers that the master ever knew, and its turn among those it dealt to.

    `turn` is None for a worker that came later.
    """

    worker_index: int
    turn: int | None
    turns: int


ALONE = WorkerSlot(0, 0, 1)
"""The only process there is."""


def slot_of(worker_index: int, dealt_to: Sequence[int]) -> WorkerSlot:
    """Return the slot of a worker, `dealt_to` being the indexes of the workers in the order of their turns."""
    turn = dealt_to.index(worker_index) if worker_index in dealt_to else None
    return WorkerSlot(worker_index, turn, len(dealt_to))


def spawn_order(users: Mapping[str, int]) -> Iterator[str]:
    """Yield the names of the classes of all planned users, in the order in which Locust spawns them.

    At each step it is the class whose next user brings the mixture closest to the counts, by Kullback–Leibler
    divergence; of equal ones the smaller by number and name (locust/dispatch.py:_kl_generator, with fixed_count).
    """
    heap = [(_divergence(count, count), count + 1.0, count, name) for name, count in users.items() if count > 0]
    heapify(heap)
    for _ in range(sum(users.values())):
        _, spawned, count, name = heap[0]
        yield name
        heapreplace(heap, (_divergence(count, spawned), spawned + 1.0, count, name))


class Numbering:
    """Gives each user of one process its number. `order` are the run's users by `classes`, as they are spawned."""

    def __init__(self, classes: Collection[str], order: Iterable[str], slot: WorkerSlot) -> None:
        self.slot = slot
        self._classes = frozenset(classes)
        self._own = _own_of(order, slot)
        self._passed: defaultdict[str, deque[int]] = defaultdict(deque)
        self._beyond = 0

    def take(self, name: str) -> int:
        """Return the number of the next user of a class on this process; no process of the run gives it again."""
        passed = self._passed[name]
        while not passed:
            found = next(self._own, None) if name in self._classes else None
            if found is None:
                self._beyond += 1
                return vu_number(self.slot.worker_index + 1, self._beyond)
            number, whose = found
            self._passed[whose].append(number)
        return passed.popleft()


def _own_of(order: Iterable[str], slot: WorkerSlot) -> Iterator[tuple[int, str]]:
    """Return this process's users with their numbers."""
    if slot.turn is None:
        return iter(())
    return islice(((vu_number(0, n), name) for n, name in enumerate(order, 1)), slot.turn, None, slot.turns)


def _divergence(count: float, spawned: float) -> float:
    return count * log2(spawned / (spawned + 1.0))
