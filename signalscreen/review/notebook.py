"""The review page in a notebook cell."""

import os
from html import escape
from urllib.parse import urlsplit

from signalscreen.errors import OptionError
from signalscreen.review.server import RunningReview, start_in_thread

# One server per store and reviewer: running a cell again must not leave the last one behind.
_RUNNING: dict[tuple[str, str | None], "NotebookReview"] = {}


class NotebookReview:
    """A review that a notebook shows where it is the value of a cell.

    Attributes
    ----------
    url : str
        Of the page, for a browser tab of its own. What a cell shows is saved with the notebook, so its output holds
        an address that leads to the page once, and no token.
    """

    def __init__(self, running: RunningReview, height: int) -> None:
        self.url = running.url
        self._running = running
        self._height = height

    def stop(self) -> None:
        """End its server; verdicts are saved already."""
        self._running.stop()

    def _repr_html_(self) -> str:
        title = "Review of a screened recording"
        return (
            f'<iframe src="{escape(self._running.way_in())}" title="{title}" width="100%" height="{self._height}" '
            'style="border:1px solid #ccc" allow="clipboard-write"></iframe>'
        )

    def __repr__(self) -> str:
        return f"review on port {urlsplit(self.url).port} (its address is .url)"


def show_review(store: str | os.PathLike[str], *, reviewer: str | None = None, height: int = 760) -> NotebookReview:
    """Show the page of ``signalscreen review`` in a notebook cell.

    The notebook's kernel has to run on the computer of the browser: the page is served to that computer only.
    Where it does not, forward the port of ``.url`` (``ssh -L``), or use `write_report`.

    Parameters
    ----------
    store : path
        What `screen_recording` wrote.
    reviewer : str, optional
        Whose verdicts these are; by default the name of the user.
    height : int
        Of the cell's frame, in pixels.

    Returns
    -------
    NotebookReview
        The last value of a cell is shown. ``stop()`` ends its server, and so does the end of the kernel; the same
        store shown again replaces it.

    Raises
    ------
    RecordingError
        If there is no such store.
    OptionError
        If `height` is not positive.
    """
    if height < 1:
        raise OptionError(f"a frame {height} pixels high shows nothing; give some hundreds")
    key = (os.path.realpath(store), reviewer)
    if key in _RUNNING:
        _RUNNING.pop(key).stop()
    shown = NotebookReview(start_in_thread(store, reviewer=reviewer, notebook=True), height)
    _RUNNING[key] = shown
    return shown
