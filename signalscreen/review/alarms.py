"""The alarms of a record (its flagged windows), and which of them a reviewer has judged. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signalscreen.review.record import StoredRecord
from signalscreen.verdicts import Verdict


@dataclass(frozen=True, eq=False)
class Alarms:
    """The flagged windows of one record.

    Attributes
    ----------
    row, start, lead : ndarray of int, shape (alarms,)
        Of each: its row in the store, its first sample, the index of its lead (-1 for all).
    length : int
        Samples in a window.
    leads : sequence of str
        Names; empty where there is no alarm.
    windows : int
        Flagged or not.
    done : float
        Share of the record that has been screened.
    """

    row: NDArray[np.integer]
    start: NDArray[np.integer]
    lead: NDArray[np.integer]
    length: int
    leads: Sequence[str]
    windows: int
    done: float

    def judged(self, verdicts: Sequence[Verdict]) -> NDArray[np.bool_]:
        """Say of each alarm whether it has one of these verdicts, as the page does.

        A verdict is on a window, or on a span, which counts for the windows whose middle it covers.

        Returns
        -------
        ndarray of bool, shape (alarms,)
        """
        found = np.zeros(len(self.row), bool)
        middle = self.start + self.length / 2
        for one in verdicts:
            if one.window is not None:
                found |= self.row == one.window
            else:
                found |= (one.start <= middle) & (middle < one.stop) & self._on(one.lead)
        return found

    def _on(self, lead: str) -> NDArray[np.bool_]:
        """Which alarms are on a lead: those of all leads are on each, and "" is all."""
        named = self.leads.index(lead) if lead in self.leads else len(self.leads)
        return (self.lead < 0) | (self.lead == named) | (lead == "")


def alarms_of(record: StoredRecord) -> Alarms:
    """Read the alarms of a record; the names and places of windows only where there are any.

    Raises
    ------
    RecordingError
        If the store is damaged.
    """
    flagged = record.read("flagged")
    row = np.flatnonzero(flagged)
    none = np.empty(0, np.int64)
    return Alarms(
        row=row,
        start=record.read("window_start")[row] if len(row) else none,
        lead=record.read("window_lead")[row] if len(row) else none,
        length=int(record.attributes["window_samples"]),
        leads=record.leads if len(row) else (),
        windows=len(flagged),
        done=record.done,
    )
