"""Damaged and hostile files: none may end in a traceback, hang, or take much more memory than it is large.

    python -m benchmarks.fuzz                       # every kind
    python -m benchmarks.fuzz wfdb csv --cases 1000
    python -m benchmarks.fuzz wfdb --case 17        # one again, with its traceback

Each case begins with the sound files of its kind. Their bytes, numbers or lines are changed at random, or one of
the kind's own tricks is played. A process of its own opens the result, and is watched from outside. A further kind
of file is a further entry in `KINDS`.
"""

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import numpy as np

import signalscreen as ss
from benchmarks import fuzz_models, fuzz_stores
from benchmarks.fuzz_kind import Kind
from signalscreen.errors import SignalScreenError

_TIMES_SIZE = 40  # so many times its size may opening a file take, beside the kind's own limit
_ROOM = 4 * 2**30  # address space beyond what the process has; more is a MemoryError
_OUTCOMES = ("read", "refused", "traceback", "hang", "memory", "died")


# --- recordings -----------------------------------------------------------------------------------------------


def _signal() -> np.ndarray:
    return np.round(np.cumsum(np.random.default_rng(0).normal(size=(500, 2)), axis=0), 3)


def _wfdb(folder: Path) -> Path:
    samples = (_signal() * 100).astype("<i2")
    (folder / "r.dat").write_bytes(samples.tobytes())
    lead = "r.dat 16 100(0)/mV 16 0 {} 0 0 {}\n"
    leads = lead.format(samples[0, 0], "II") + lead.format(samples[0, 1], "V1")
    (folder / "r.hea").write_text("r 2 250 500 10:00:00 01/02/2003\n" + leads + "# a comment\n")
    words = [22 << 10, 63 << 10 | 24, *np.frombuffer(b"## time resolution: 250\0", "<u2")]
    words += [code << 10 | 50 for code in (1, 5, 1, 28)] + [63 << 10 | 6, *np.frombuffer(b"(AFIB\0", "<u2"), 0]
    (folder / "r.atr").write_bytes(np.array(words, "<u2").tobytes())
    return folder / "r"


def _segments(folder: Path) -> Path:
    _wfdb(folder)
    (folder / "l.hea").write_text("l 2 250 0\n~ 0 100/mV 16 0 0 0 0 II\n~ 0 100/mV 16 0 0 0 0 V1\n")
    (folder / "s.hea").write_text("s/4 2 250 1300\nl 0\nr 500\n~ 300\nr 500\n")
    return folder / "s"


def _frames(folder: Path) -> Path:
    """One lead of four samples a frame beside a slow one, and a file of differences."""
    _wfdb(folder)
    lines = ["f 3 50 100", "r.dat 16x4 100/mV 16 0 0 0 0 II", "r.dat 16 1/mmHg 16 0 0 0 0 ABP"]
    (folder / "f.hea").write_text("\n".join([*lines, "d.dat 8x2 1/mV 8 0 0 0 0 X"]) + "\n")
    (folder / "d.dat").write_bytes(np.random.default_rng(1).integers(-5, 5, 200).astype(np.int8).tobytes())
    return folder / "f"


def _csv(folder: Path) -> Path:
    rows = "".join(f"{i / 250:.3f},{a},{b}\n" for i, (a, b) in enumerate(_signal()))
    (folder / "r.csv").write_text("time_s,II [mV],V1 [mV]\n" + rows)
    return folder / "r.csv"


def _clock(folder: Path) -> Path:
    rows = "".join(f"23:59:{59 + i / 250:.3f};{a}\n".replace(".", ",") for i, (a, _) in enumerate(_signal()[:250]))
    (folder / "r.csv").write_text("# made by hand\ntime;II\n" + rows)
    return folder / "r.csv"


def _npy(folder: Path) -> Path:
    np.save(folder / "r.npy", _signal())
    return folder / "r.npy"


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "r.npz", signal=_signal(), fs=250.0, names=["II", "V1"], other=np.arange(9))
    return folder / "r.npz"


def _in(name: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _pipe(name: str) -> Callable[[Path], object]:
    def trick(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return trick


def _device(name: str) -> Callable[[Path], object]:
    def trick(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to("/dev/zero")

    return trick


def _npy_header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def _zip_of(name: str, content: bytes) -> Callable[[Path], object]:
    def trick(folder: Path) -> None:
        from zipfile import ZipFile

        with ZipFile(folder / "r.npz", "w") as archive:
            archive.writestr(name, content)

    return trick


_HEADERS = (
    *("r 2 0 500", "r 2 -360 500", "r 2 nan 500", "r 2 1e2 500", "r 2 250 99999999999999", "r 2 250 500 12-Jan"),
    *("r 2 250 500 00:00:00 2006", "r/9 2 250 500", "r 99999999 250 500", "r", "folder/r 2 250 500", "r 2 250 -1"),
)
_LEADS = (
    *("r.dat 16 2OO/mV", "r.dat 16 nan/mV", "r.dat 16 inf/mV", "r.dat 16 0/mV", "r.dat 16x999999999 1/mV"),
    *("r.dat 0 1/mV", "r.dat 99 1/mV", "r.dat 16+999999999 1/mV", "r.dat 16:99999999 1/mV", "- 16 1/mV"),
    *("/dev/zero 16 1/mV", "../../r.dat 16 1/mV", "r.dat 516 1/mV", "r.dat 16 1e-320/mV", "r.dat 16 1/\u00b5V"),
)
_EMPTY_NOTE = np.array([22 << 10, 63 << 10 | 3, 0x2323, 0x20, 0], "<u2").tobytes()
_WFDB_TRICKS = (
    *(_in("r.hea", f"{line}\nr.dat 16 1/mV\nr.dat 16 1/mV\n") for line in _HEADERS),
    *(_in("r.hea", f"r 1 250 400\n{line}\n") for line in _LEADS),
    *(_pipe(name) for name in ("r.dat", "r.hea", "r.atr")),
    *(_device(name) for name in ("r.dat", "r.hea", "r.atr")),
    *(_in("r.atr", _EMPTY_NOTE[:n]) for n in range(11)),
    *(_in("r.dat", b""), _in("r.hea", b""), _in("r.hea", b"\xff\xfe" * 50)),
)
_SEGMENT_TRICKS = tuple(
    _in("s.hea", text)
    for text in (
        *(
            "s/2 2 250 99999999999999\nr 500\n~ 99999999999499\n",
            "s/1 2 250 500\ns 500\n",
            "s/1 2 250 500\n~ 500\n",
        ),
        *("s/2 2 250 9000000500\nr 500\n~ 9000000000\n", "s/2 2 250 500\nr 0\nr 500\n", "s/0 2 250 500\n"),
    )
)
_CSV_TRICKS = tuple(
    _in("r.csv", text)
    for text in (
        *("time,a\n0,1\n1,2\n2,3\n", "a,\n1,\n2,\n", "a,b\n1,2,3\n", "\0\0\0", "a\n" + "1" * 200000 + "\n"),
        *('"' * 300000, "time,a\n0,1\n0,1\n", "time,a\nnan,1\nnan,1\n", "time,a\n0,1\n1e300,1\n1e301,3\n"),
        *("time,a\n1:2:3,1\n1:2,1\n", "time,a\n2024-13-01,5\n2024-01-01,5\n", ",,,\n,,,\n", "#\n#\n", "1_0\n1_1\n"),
        *(
            "time,a\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:01,1\n",
            "a;b\n1,5;2,5\n",
            "t,a\n0.1,1\n0.1000001,1\n9,1\n",
        ),
    )
)
_NPY_TRICKS = (
    *(
        _in("r.npy", _npy_header(shape))
        for shape in ("(10**12,)", "(999999999999,)", "(9999999999999999999,)", "()")
    ),
    *(_in("r.npy", _npy_header(shape)) for shape in ("(-1,)", "(True,)", "('a',)", "(" * 2000, "(0, 5)")),
    *(_in("r.npy", _npy_header("(1,)", dtype) + b"\0" * 64) for dtype in ("O", "V8", "<M8[s]", "?", "<c16", "|S9")),
    *(_pipe("r.npy"), _device("r.npy")),
)
_NPZ_TRICKS = (
    *(_zip_of("signal.npy", _npy_header(shape)) for shape in ("(999999999999,)", "(99999999,)", "(0,)", "()")),
    *(_zip_of("signal.npy", _npy_header("(2,)", dtype) + b"\0" * 64) for dtype in ("O", "V8", "<M8[s]", "<U4")),
    *(_zip_of("a/../../b", b"x"), _zip_of("signal", b"x"), _in("r.npz", _npy_header("(1,)") + b"\0" * 8)),
    *(_pipe("r.npz"), _device("r.npz")),
)

KINDS: dict[str, Kind] = {
    "wfdb": Kind(_wfdb, ss.read_recording, _WFDB_TRICKS),
    "wfdb-segments": Kind(_segments, ss.read_recording, _SEGMENT_TRICKS),
    "wfdb-frames": Kind(_frames, ss.read_recording),
    "csv": Kind(_csv, ss.read_recording, _CSV_TRICKS),
    "csv-clock": Kind(_clock, ss.read_recording),
    "npy": Kind(_npy, ss.read_recording, _NPY_TRICKS),
    "npz": Kind(_npz, ss.read_recording, _NPZ_TRICKS),
    **fuzz_models.KINDS,
    **fuzz_stores.KINDS,
}


# --- changes --------------------------------------------------------------------------------------------------

_NUMBERS = ["0", "-1", "1", "nan", "inf", "-inf", "1e308", "99999999999999999999", "0x10", "", "1,5", "1_0", "é"]
_NUMBER = re.compile(rb"-?\d+\.?\d*")


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 2, 8])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    content[at : at + chance.choice([1, 2, 4, 8])] = chance.choice([b"\0", b"\xff"]) * chance.choice([1, 2, 4, 8])


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _remove(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    del content[at : at + chance.choice([1, 2, 3, 16, 100])]


def _repeat(content: bytearray, chance: random.Random) -> None:
    at, size = chance.randrange(len(content)), chance.choice([1, 4, 20, 100])
    content[at:at] = content[at : at + size]


def _other_number(content: bytearray, chance: random.Random) -> None:
    found = list(_NUMBER.finditer(content[:4096]))
    if found:
        one = chance.choice(found)
        content[one.start() : one.end()] = chance.choice(_NUMBERS).encode()


def _other_lines(content: bytearray, chance: random.Random) -> None:
    lines = bytes(content).split(b"\n")
    chance.choice([chance.shuffle, lambda rows: rows.pop(chance.randrange(len(rows)))])(lines)
    content[:] = b"\n".join(lines)


_CHANGES = (_flip, _flip, _overwrite, _cut, _remove, _repeat, _other_number, _other_number, _other_lines)


def prepared(kind: Kind, folder: Path, seed: int, number: int) -> Path:
    """Write the files of one case: first the kind's tricks, then changes at random."""
    path = kind.make(folder)
    if number < len(kind.tricks):
        kind.tricks[number](folder)
        return path
    chance = random.Random(f"{seed} {number}")
    if kind.change is not None:
        kind.change(path, chance)
        return path
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    small = [file for file in files for _ in range(1 + 3 * (file.stat().st_size < 1000))]  # headers more often
    changed(chance.choice(small), chance)
    return path


def changed(file: Path, chance: random.Random) -> None:
    """Change a file's bytes, numbers or lines."""
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        if content:
            chance.choice(_CHANGES)(content, chance)
    file.write_bytes(content)


# --- one process opens, the other watches ---------------------------------------------------------------------


def opened(kind: Kind, seed: int, number: int) -> tuple[str, str]:
    """Open one case; return its outcome, and what was raised and where."""
    with tempfile.TemporaryDirectory(prefix="fuzz.") as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = prepared(kind, Path(place), seed, number)
        size = sum(
            file.stat().st_size for file in Path(place).rglob("*") if file.is_file() and not file.is_symlink()
        )
        before = _peak(reset=True)
        try:
            kind.open(path)
            outcome, what = "read", ""
        except (SignalScreenError, FileNotFoundError) as error:
            outcome, what = "refused", str(error)
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome, what = "traceback", f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
        grown = _peak() - before
        if grown > kind.memory + _TIMES_SIZE * size:
            return "memory", f"{grown / 2**20:.0f} MiB for {size / 2**10:.0f} KiB"
        return outcome, what


def _peak(reset: bool = False) -> int:
    """Highest resident memory of this process in bytes, since it was reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found[1]) if found else 0


def _child(name: str, seed: int, first: int, stop: int) -> None:
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz.") as place:  # what is imported late is no part of a case
        kind.open(kind.make(Path(place)))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM,) * 2)
    print("ready", flush=True)
    for number in range(first, stop):
        outcome, what = opened(kind, seed, number)
        print(f"{number}\t{outcome}\t{' '.join(what.split())}", flush=True)


def outcomes(name: str, seed: int, first: int, stop: int) -> Iterator[tuple[int, str, str]]:
    """Open cases in other processes; one that says nothing for too long is killed and has hung."""
    while first < stop:
        command = [sys.executable, "-m", "benchmarks.fuzz", name, "--seed", str(seed)]
        command += ["--child", str(first), str(stop)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            ready = False
            for line in _lines(process, lambda: KINDS[name].seconds if ready else 300):  # noqa: B023
                if line == "ready":
                    ready = True
                    continue
                number, outcome, what = line.split("\t")
                first = int(number) + 1
                yield int(number), outcome, what
            hung = process.poll() is None
            process.kill()
        if not ready:
            print(f"the sound files of {name} cannot be opened")
            return
        if first < stop:
            yield first, "hang" if hung else "died", ""
            first += 1


def _lines(process: subprocess.Popen[bytes], patience: Callable[[], float]) -> Iterator[str]:
    """Lines that a process prints, until it ends or is silent for too long."""
    assert process.stdout is not None
    read, rest = process.stdout.fileno(), b""
    with DefaultSelector() as selector:
        selector.register(read, EVENT_READ)
        while selector.select(patience()):
            block = os.read(read, 1 << 16)
            if not block:
                process.wait()
                return
            *lines, rest = (rest + block).split(b"\n")
            yield from (line.decode() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, default=400, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this one, here, with its traceback")
    parser.add_argument("--child", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(given.kinds[0], given.seed, *given.child)
        return
    if given.case is not None:
        with tempfile.TemporaryDirectory(prefix="fuzz.") as place:
            kind = KINDS[given.kinds[0]]
            print(kind.open(prepared(kind, Path(place), given.seed, given.case)))
        return
    print(f"{'kind':16}{'cases':>7}" + "".join(f"{outcome:>11}" for outcome in _OUTCOMES) + f"{'seconds':>9}")
    seen: Counter[str] = Counter()
    bad: dict[str, str] = {}
    for name in given.kinds:
        began, counts = time.monotonic(), Counter[str]()
        for number, outcome, what in outcomes(name, given.seed, 0, given.cases):
            counts[outcome] += 1
            if outcome not in ("read", "refused"):
                bad.setdefault(f"{name}: {outcome} {what}", f"--case {number}")
                seen[f"{name}: {outcome} {what}"] += 1
        row = "".join(f"{counts[outcome]:>11}" for outcome in _OUTCOMES)
        print(f"{name:16}{given.cases:>7}{row}{time.monotonic() - began:>9.1f}", flush=True)
    for what, times in seen.most_common():
        print(f"{times:5} times {what} ({bad[what]})")
    sys.exit(bool(seen))


if __name__ == "__main__":
    main()
