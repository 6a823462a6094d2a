"""For how long others have said nothing: counted in ticks of this process, on no clock."""

TICK_S = 0.5


class Silence:
    """Seconds of silence by name.

    A tick counts as one however late it comes: a process that was itself stopped for a minute has not listened, so it
    must not take that minute for the silence of the others.
    """

    def __init__(self) -> None:
        self._silent_s: dict[str, float] = {}

    def heard(self, name: str) -> float:
        """Something was heard: the silence before it, in seconds, is over."""
        silent_s = self.of(name)
        self._silent_s[name] = 0.0
        return silent_s

    def tick(self) -> None:
        """TICK_S have passed."""
        for name in self._silent_s:
            self._silent_s[name] += TICK_S

    def of(self, name: str) -> float:
        """Seconds since that one was heard; 0 for one that never was."""
        return self._silent_s.get(name, 0.0)
