"""The demo's recording: two minutes of simulated ECG with artefacts at known places, as a WFDB record."""

import tempfile
from pathlib import Path

import numpy as np

from signalscreen.errors import OutputError
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

NAME = "ecg"
SECONDS = 120
FS = 360
SEED = 7

# Far enough apart for clean windows in between; ventricular beats stay in, as what must not be flagged.
ARTEFACTS = (
    Artefact("electrode_motion", 13.0, 17.5),
    Artefact("lead_off", 35.5, 40.0),
    Artefact("muscle", 57.5, 62.0),
    Artefact("baseline_jump", 80.0, 83.0),
    Artefact("saturation", 102.0, 105.5),
)


def write_example(folder: Path) -> Path:
    """Write the recording: ``ecg.hea``, ``.dat`` (16 bit, 1000 units/mV) and ``.atr`` (beats, artefacts).

    Parameters
    ----------
    folder
        Where to; files of these three names are replaced, each at once.

    Returns
    -------
    Path
        The record's path without ending, as ``read_recording`` takes it.

    Raises
    ------
    OutputError
        When the folder cannot be written to.
    """
    import wfdb  # a second to import

    ecg = simulate_ecg(SECONDS, FS, SEED)
    spoiled = add_artefacts(ecg.signal, FS, ARTEFACTS, SEED)
    samples, symbols, notes = _annotations(ecg.beats.tolist(), ecg.symbols)
    try:
        with tempfile.TemporaryDirectory(prefix=".ecg-", dir=folder) as partial:
            wfdb.wrsamp(
                NAME,
                fs=FS,
                units=["mV"],
                sig_name=["II"],
                p_signal=spoiled[:, np.newaxis],
                fmt=["16"],
                adc_gain=[1000.0],
                baseline=[0],
                comments=["Simulated: made by signalscreen demo"],
                write_dir=partial,
            )
            wfdb.wrann(NAME, "atr", samples, symbols, aux_note=notes, write_dir=partial)
            for ending in ("dat", "atr", "hea"):
                Path(partial, f"{NAME}.{ending}").replace(folder / f"{NAME}.{ending}")
    except OSError as error:
        raise OutputError(f"the recording cannot be written to {folder}: {error.strerror or error}") from error
    return folder / NAME


def _annotations(beats: list[int], symbols: tuple[str, ...]) -> tuple[np.ndarray, list[str], list[str]]:
    """Beats, and a '~' (change of signal quality) where an artefact begins and ends, in order of time."""
    marks = [(sample, symbol, "") for sample, symbol in zip(beats, symbols, strict=True)]
    for artefact in ARTEFACTS:
        marks.append((round(artefact.start * FS), "~", f"({artefact.kind}"))
        marks.append((round(artefact.end * FS), "~", "(clean"))
    marks.sort()
    return np.array([m[0] for m in marks]), [m[1] for m in marks], [m[2] for m in marks]
