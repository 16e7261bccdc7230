"""Hours of signal, and how many a minute."""

from collections.abc import Sequence
from typing import Any

from tqdm.auto import tqdm

from signalscreen.screening.ready import Task


def bar(tasks: Sequence[Task], what: str, progress: bool | None) -> Any:
    """Hours of signal that are left to do."""
    return _SignalHours(
        total=sum(task.hours for task in tasks),
        desc=f"screening {what}",
        disable=None if progress is None else not progress,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.2f}/{total:.2f} h [{elapsed}<{remaining}{postfix}]",
    )


class _SignalHours(tqdm):  # type: ignore[type-arg]
    """A bar that says how many hours of signal are done in a minute."""

    def update(self, n: float | None = 1) -> bool | None:
        """Count hours."""
        seconds = self.format_dict["elapsed"]
        rate = (self.n + (n or 0) - self.initial) / seconds * 60 if seconds else 0.0
        self.set_postfix_str(f"{rate:.2g} h of signal/min", refresh=False)
        return super().update(n)
