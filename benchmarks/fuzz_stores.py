"""Stores and tables of verdicts for `benchmarks.fuzz`: read whole, and exported, as a review would."""

import json
import random
import shutil
import tempfile
from atexit import register
from functools import lru_cache
from pathlib import Path

from benchmarks.fuzz_kind import Kind
from benchmarks.fuzz_models import json_changed


@lru_cache(maxsize=1)
def _sound() -> Path:
    from signalscreen.verdicts import VerdictTable
    from tests.stores import fill, spec

    folder = tempfile.TemporaryDirectory(prefix="fuzz.")
    register(folder.cleanup)
    path = Path(folder.name) / "s.zarr"
    fill(path, spec())
    table = VerdictTable(path, "anna")
    table.set("artefact", start=100, stop=300, lead="V1", note="electrode off")
    table.set("relabel", start=400, stop=600, label="clean", note="ß 心")
    table.delete(table.set("accept", start=0, stop=200, window=0, meaning="the alarm is right").id)
    table.set("unsure", start=700, stop=900)
    table.undo()
    return path


def _store(folder: Path) -> Path:
    return Path(shutil.copytree(_sound(), folder / "s.zarr"))


def _read_store(path: Path) -> None:
    import signalscreen as ss
    from signalscreen.review.record import open_records
    from signalscreen.screening.summary import summarise

    ss.open_results(path).load()
    summarise(path)
    for record in open_records(path).values():
        record.read("signal")
    for name, kind in (("w.csv", "csv"), ("e.npz", "npz")):
        ss.export_results(path, path.parent / name, kind)


def _read_verdicts(path: Path) -> None:
    from signalscreen.verdicts import VerdictTable, export_csv, export_mne_text, export_wfdb, read_verdicts
    from signalscreen.verdicts.csv_export import read_csv_verdicts

    VerdictTable(path, "anna").current()
    found = read_verdicts(path)
    export_csv(found, path.parent / "v.csv")
    read_csv_verdicts(path.parent / "v.csv")
    export_mne_text(found, path.parent / "v.txt")
    export_wfdb(found, path.parent / "v", fs=100.0, leads=("II", "V1"))


def _store_changed(path: Path, chance: random.Random) -> None:
    """A file of the store is changed, gone, empty, or in the place of another."""
    from benchmarks.fuzz import changed

    files = sorted(file for file in path.rglob("*") if file.is_file())
    texts = [file for file in files if file.suffix == ".json"]
    file, what = chance.choice(files), chance.randrange(6)
    if what == 0:
        file.unlink()
    elif what == 1:
        shutil.copy(chance.choice(files), path / "part")
        (path / "part").replace(file)
    elif what < 4:
        json_changed(chance.choice(texts), chance)
    else:
        changed(file, chance)


def _verdicts_changed(path: Path, chance: random.Random) -> None:
    """The lines of the table are changed as bytes, or a value of one as JSON."""
    from benchmarks.fuzz import changed

    (journal,) = path.rglob("anna*.jsonl")
    if chance.random() < 0.4:
        changed(journal, chance)
        return
    lines = journal.read_text().splitlines()
    at = chance.choice([number for number, line in enumerate(lines) if _is_object(line)])
    part = path.parent / "line"
    part.write_text(lines[at])
    json_changed(part, chance)
    lines[at] = part.read_text()
    journal.write_text("\n".join(lines) + "\n")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


KINDS = {
    "zarr": Kind(_store, _read_store, change=_store_changed, seconds=30, memory=256 << 20),
    "verdicts": Kind(_store, _read_verdicts, change=_verdicts_changed, seconds=30, memory=256 << 20),
}
