"""Peak memory of screening an hour and a day, each in a process of its own.

python -m benchmarks.screening_memory FOLDER

FOLDER holds the record of ``python -m benchmarks.day FOLDER``, and gets the stores.
"""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

HOURS = (1.0, 6.0, 24.0)


def measure(folder: Path, hours: float) -> None:
    """Print the peak of this process in MiB."""
    import signalscreen as ss
    from benchmarks.day import MODEL, SETTINGS

    out = folder / "memory.zarr"
    shutil.rmtree(out, ignore_errors=True)
    ss.screen_recording(str(folder / "day"), MODEL, out=out, end=hours * 3600, progress=False, **SETTINGS)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(folder: Path) -> None:
    for hours in HOURS:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.screening_memory", str(folder), str(hours)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{hours:4g} h: peak {float(done.stdout):6.0f} MiB", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(Path(sys.argv[1]), float(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))
