"""Who is waited for when all workers are asked for their last report: each for a time counted from the asking."""

import math
from collections.abc import Callable

CUT_S = 3.0
"""A worker is heard every second: one that is silent for longer is cut off, and may not have heard the question."""

ASK_AGAIN_S = 5.0
"""A question or an answer may be lost with a connection; asking again costs one more report."""


class Muster:
    """The workers that `missing` names, each asked at once, again from time to time, and when it is heard again.

    An answer is waited for `bound_s` from the first asking; one that is cut off (`silent_s`) until it is missing no
    more, because it was given up, and from its return for `bound_s` again. Nobody is waited for beyond `overall_s`:
    a worker that is lost and back again and again must not prolong the end for ever.
    """

    def __init__(
        self,
        missing: Callable[[], set[str]],
        silent_s: Callable[[str], float],
        ask: Callable[[str], None],
        *,
        bound_s: float,
        overall_s: float = math.inf,
    ) -> None:
        self._missing = missing
        self._silent_s = silent_s
        self._ask = ask
        self._bound_s = bound_s
        self._overall_s = overall_s
        self._end_s = math.inf
        self._cut: set[str] = set()
        self._deadline_s: dict[str, float] = {}
        self._asked_s: dict[str, float] = {}

    def is_awaited(self, now_s: float) -> bool:
        """Asks whom it is time to ask; True while anybody is waited for. To be called again and again."""
        if self._end_s == math.inf:
            self._end_s = now_s + self._overall_s
        awaited = [name for name in self._missing() if self._is_awaited(name, now_s)]
        return bool(awaited) and now_s < self._end_s

    def hurry(self, now_s: float, wait_s: float) -> None:
        """From now on nobody is waited for longer than `wait_s`; all who are missing are asked again at once."""
        self._end_s = min(self._end_s, now_s + wait_s)
        self._asked_s.clear()

    def _is_awaited(self, name: str, now_s: float) -> bool:
        is_cut = self._silent_s(name) >= CUT_S
        is_back = name in self._cut and not is_cut
        (self._cut.add if is_cut else self._cut.discard)(name)
        if is_back or name not in self._deadline_s:
            self._deadline_s[name] = now_s + self._bound_s
        if is_back or now_s - self._asked_s.get(name, -ASK_AGAIN_S) >= ASK_AGAIN_S:
            self._asked_s[name] = now_s
            self._ask(name)
        return is_cut or now_s < self._deadline_s[name]
