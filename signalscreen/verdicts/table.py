"""The verdicts of one reviewer on one screened recording: an append-only table that survives kill -9."""

import os
from collections.abc import Iterable
from pathlib import Path

from signalscreen.errors import DamagedTableWarning, OptionError, RecordingError, warn
from signalscreen.verdicts.bounds import Bounds, checked, store_bounds
from signalscreen.verdicts.journal import Journal
from signalscreen.verdicts.reviewer import file_name, reviewer_name
from signalscreen.verdicts.verdict import Deletion, Entry, Undo, Verdict, from_line, to_line

FOLDER = "verdicts"


class VerdictTable:
    """What one reviewer says of the spans of one recording.

    Every edit is one line appended to ``verdicts/REVIEWER.jsonl`` in the store's folder, on the disk when the
    method returns. The state is what replaying the lines gives; nothing is ever overwritten. Several processes
    may hold the same reviewer's table open.

    Parameters
    ----------
    store : path
        Folder of the store of one recording.
    who : str
        The reviewer's name, any Unicode text.
    bounds : Bounds, optional
        What verdicts may name; by default read from the store.

    Raises
    ------
    RecordingError
        If the folder is not there, or is no store.
    OptionError
        If the name is empty or no text.

    Examples
    --------
    >>> import tempfile
    >>> from signalscreen.verdicts import Bounds, VerdictTable
    >>> folder = tempfile.TemporaryDirectory()
    >>> table = VerdictTable(folder.name, "anna", Bounds(fs=360, samples=3600, leads=("MLII", "V1")))
    >>> _ = table.set("artefact", start=720, stop=1080, lead="V1", note="electrode off")
    >>> _ = table.set("accept", start=720, stop=1080, lead="V1")
    >>> [(one.verdict, one.start_s, one.stop_s) for one in table.current()]
    [('accept', 2.0, 3.0)]
    >>> table.undo().verdict, table.current()[0].note
    ('accept', 'electrode off')
    >>> folder.cleanup()
    """

    def __init__(self, store: str | os.PathLike[str], who: str, bounds: Bounds | None = None) -> None:
        self.who = reviewer_name(who)
        if not Path(store).is_dir():
            raise RecordingError(f"there is no store at {Path(store)}; screen a recording first")
        self.bounds = store_bounds(store) if bounds is None else bounds
        self.path = Path(store) / FOLDER / f"{file_name(self.who)}.jsonl"
        self._journal = Journal(self.path)
        self._entries: list[Entry] = []

    def set(
        self,
        verdict: str,
        *,
        start: int,
        stop: int,
        lead: str = "",
        window: int | None = None,
        label: str = "",
        note: str = "",
        meaning: str = "",
    ) -> Verdict:
        """Give a verdict on a span; it takes the place of an earlier one on the same span and lead.

        Parameters
        ----------
        verdict : str
            "accept", "reject", "artefact", "unsure" or "relabel".
        start, stop : int
            Samples of the store's timeline, ``stop`` one past the last.
        lead : str
            "" for all leads together.
        window : int, optional
            The row of the store it is about.
        label : str
            With "relabel" only: a class of the model's, or a label of your own, in one line.
        note : str
            Any text, of any length.
        meaning : str
            What the verdict says in the words of the model's classes, in one line; see `Verdict`.

        Returns
        -------
        Verdict
            It is on the disk.

        Raises
        ------
        OptionError
            If something does not fit the store.
        OutputError
            If it cannot be saved; then nothing has changed.
        """
        given = {"verdict": verdict, "start": start, "stop": stop, "lead": lead}
        words = {"label": label, "note": note, "meaning": meaning}
        made = checked(self.bounds, self.who, {**given, "window": window, **words})
        with self._journal.locked():
            self._refresh()  # to speak of a damaged line before, not after something is written
            self._keep(made)
        return made

    def delete(self, id: str) -> Verdict:
        """Take a verdict back, and return it; `taken_back` returns the edit, too.

        Raises
        ------
        OptionError
            If this reviewer has no such verdict.
        OutputError
            If it cannot be saved; then nothing has changed.
        """
        return self.taken_back(id)[0]

    def taken_back(self, id: str) -> tuple[Verdict, Deletion]:
        """Do as `delete`, and return the verdict with the edit, whose id `undo` takes."""
        with self._journal.locked():
            found = next((one for one in self.current() if one.id == id), None)
            if found is None:
                raise OptionError(f"{self.who} has no verdict {id!r} now; take one of the ids of current()")
            edit = Deletion(found.id, self.who)
            self._keep(edit)
        return found, edit

    def undo(self, edit: str | None = None) -> Verdict | None:
        """Undo an edit of the reviewer's that stands, a verdict given or taken back.

        Parameters
        ----------
        edit : str, optional
            The edit's id: that of a `Verdict`, or of a `Deletion`. By default the latest, whichever process made
            it; call again to go on.

        Returns
        -------
        Verdict or None
            The verdict that was taken away, or that is there again; None when nothing was left to undo, when the
            edit does not stand, or when a later edit changed what is said of the same span and lead.

        Raises
        ------
        OutputError
            If it cannot be saved; then nothing has changed.
        """
        self._refresh()
        if _undoable(self._entries, edit) is None:
            return None  # also in a folder that cannot be written to
        with self._journal.locked():
            self._refresh()
            last = _undoable(self._entries, edit)
            if last is None:
                return None
            self._keep(Undo(last.id, self.who))
        about = last.deletes if isinstance(last, Deletion) else last.id
        return next((one for one in self._entries if isinstance(one, Verdict) and one.id == about), None)

    def current(self) -> list[Verdict]:
        """The verdicts that stand now, those of other processes of this reviewer too, in order of time."""
        self._refresh()
        return replayed(self._entries)

    def _keep(self, entry: Entry) -> None:
        self._journal.append(to_line(entry))
        self._refresh()

    def _refresh(self) -> None:
        lines, anew = self._journal.new_lines()
        if anew:
            self._entries = []
        entries, damaged = _read(lines)
        self._entries += entries
        _say(damaged, self.path)


def read_verdicts(store: str | os.PathLike[str]) -> list[Verdict]:
    """Read the verdicts that stand, of all reviewers, in order of time.

    Parameters
    ----------
    store : path
        Folder of the store of one recording.

    Returns
    -------
    list of Verdict
        Empty where nobody has reviewed it yet. Two reviewers may say different things of one span.

    Raises
    ------
    RecordingError
        If the folder is not there.

    Warns
    -----
    DamagedTableWarning
        If a line cannot be read; the others are. The last line without its end, which a killed writer leaves,
        was never acknowledged and is no reason to warn.
    """
    if not Path(store).is_dir():
        raise RecordingError(f"there is no store at {Path(store)}; screen a recording first")
    found: list[Verdict] = []
    for path in sorted((Path(store) / FOLDER).glob("*.jsonl")):
        lines, _ = Journal(path).new_lines()
        entries, damaged = _read(lines)
        _say(damaged, path)
        found += replayed(entries)
    return _by_time(found)


def replayed(entries: Iterable[Entry]) -> list[Verdict]:
    """Give the verdicts that stand after all edits of one reviewer that were not undone."""
    by_place: dict[tuple[int, int, str], Verdict] = {}
    for edit in _standing(entries):
        if isinstance(edit, Verdict):
            by_place[edit.place] = edit
        else:
            by_place = {place: one for place, one in by_place.items() if one.id != edit.deletes}
    return _by_time(by_place.values())


def _standing(entries: Iterable[Entry]) -> list[Verdict | Deletion]:
    """Edits that were not undone, oldest first."""
    entries = list(entries)
    undone = {entry.undoes for entry in entries if isinstance(entry, Undo)}
    return [entry for entry in entries if not isinstance(entry, Undo) and entry.id not in undone]


def _undoable(entries: Iterable[Entry], edit: str | None) -> Verdict | Deletion | None:
    """The edit of that id, the latest by default, if it stands and nothing later is on its span and lead."""
    entries = list(entries)
    standing = _standing(entries)
    if edit is None:
        return standing[-1] if standing else None
    at = next((i for i, one in enumerate(standing) if one.id == edit), None)
    if at is None:
        return None
    places = {one.id: one.place for one in entries if isinstance(one, Verdict)}
    place, *later = [places.get(one.deletes if isinstance(one, Deletion) else one.id) for one in standing[at:]]
    return None if place in later else standing[at]


def _by_time(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda one: (one.start, one.stop, one.lead, one.who, one.id))


def _read(lines: list[bytes]) -> tuple[list[Entry], list[bytes]]:
    """Entries, and the lines that hold none."""
    found: list[Entry] = []
    damaged = []
    for line in lines:
        try:
            found.append(from_line(line))
        except (ValueError, RecursionError):
            damaged.append(line)
    return found, damaged


def _say(damaged: list[bytes], path: Path) -> None:
    if damaged:
        warn(
            f"{len(damaged)} lines of {path} are damaged and left out, the first begins {damaged[0][:60]!r}; "
            "restore the file from a copy, or correct them",
            DamagedTableWarning,
        )
