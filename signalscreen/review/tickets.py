"""Ways in that open once: what stands in a file or a notebook is worth nothing to whoever reads it later."""

import secrets
from collections import OrderedDict
from threading import Event, Lock
from time import monotonic

LIFE = 300.0  # s: a browser that is not running yet takes some
_KEPT = 64  # that are remembered, used ones too, so that they are told from what never was one


class Tickets:
    """Random words, each of which lets one browser in, once.

    Parameters
    ----------
    life : float
        Seconds for which one is good.

    Attributes
    ----------
    used : Event
        Set when the first was taken.

    Examples
    --------
    >>> tickets = Tickets()
    >>> one = tickets.issue()
    >>> tickets.take(one), tickets.take(one), tickets.knows(one), tickets.knows("x")
    (True, False, True, False)
    """

    def __init__(self, life: float = LIFE) -> None:
        self.used = Event()
        self._life = life
        self._ends: OrderedDict[str, float] = OrderedDict()
        self._turn = Lock()

    def issue(self) -> str:
        """Make one of 192 bits."""
        ticket = secrets.token_urlsafe(24)
        with self._turn:
            self._ends[ticket] = monotonic() + self._life
            while len(self._ends) > _KEPT:
                self._ends.popitem(last=False)
        return ticket

    def knows(self, ticket: str) -> bool:
        """Whether it was issued, whatever has become of it."""
        with self._turn:
            return ticket in self._ends

    def take(self, ticket: str) -> bool:
        """Use it up; whether it was good."""
        with self._turn:
            good = self._ends.get(ticket, 0.0) > monotonic()
            if good:
                self._ends[ticket] = 0.0
        if good:
            self.used.set()
        return good
