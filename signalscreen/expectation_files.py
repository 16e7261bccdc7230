"""Where expectations are kept: beside a model, or inside its ``.keras`` file. Standard library only."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from signalscreen.errors import ModelError, OptionError
from signalscreen.expectations import Expectations, expectations_from, remembered
from signalscreen.output import atomically

_ENDINGS = (".keras", ".h5", ".hdf5", ".json")
_METADATA, _KEY = "metadata.json", "signalscreen"
LARGEST = 1 << 16  # bytes of a sidecar, of the metadata or of a card: more is not read


class Carried(NamedTuple):
    """What a model's file says that the model expects.

    Attributes
    ----------
    expects : Expectations
    source : Path
        The file that says so.
    """

    expects: Expectations
    source: Path

    def card(self) -> str:
        """The text of the card; "" where none is named, or it is not there, too long or no text."""
        if self.expects.card is None:
            return ""
        file = self.source.with_name(self.expects.card)
        try:
            return "" if not _is_small(file) else file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""


def sidecar_of(model: str | os.PathLike[str]) -> Path:
    """The file beside a model that says what it expects.

    >>> sidecar_of("nets/beats.keras").name, sidecar_of("nets/saved.v2").name
    ('beats.signalscreen.toml', 'saved.v2.signalscreen.toml')
    """
    path = Path(model)
    stem = path.stem if path.suffix.lower() in _ENDINGS else path.name
    return path.with_name(f"{stem}.signalscreen.toml")


def carried_by(model: str | os.PathLike[str]) -> Carried | None:
    """What a model's file says that it expects: the file beside it, or else what is inside.

    Parameters
    ----------
    model : path
        Of the model.

    Returns
    -------
    Carried or None
        None where nothing is said.

    Raises
    ------
    ModelError
        What is said cannot be read; the message names the file and the field.
    """
    sidecar = sidecar_of(model)
    if sidecar.exists():
        return Carried(_read(sidecar, _of_toml(sidecar)), sidecar)
    inside = _inside(Path(model))
    return None if inside is None else Carried(_read(Path(model), inside), Path(model))


def expectations_of(model: Any) -> Expectations | None:
    """What a model expects of a recording, as far as its file says.

    Parameters
    ----------
    model : path or keras.Model
        A model's file; or a model that `load_model` gave.

    Returns
    -------
    Expectations or None
        None where nothing is known.

    Raises
    ------
    ModelError
        The file beside the model, or what is inside it, holds something that is not allowed.

    Examples
    --------
    >>> import signalscreen as ss
    >>> print(ss.expectations_of("data/ecg_quality.keras").words())  # doctest: +SKIP
    125 Hz, units mV, each window by zscore, one lead at a time, class artefact, alarm artefact, ...
    """
    if isinstance(model, str | os.PathLike):
        carried = carried_by(model)
        return None if carried is None else carried.expects
    return remembered(model)


def write_expectations(
    model: str | os.PathLike[str], expects: Expectations, *, inside: bool = False, overwrite: bool = False
) -> Path:
    """Write what a model expects into a file beside it, or into the ``.keras`` file itself.

    Parameters
    ----------
    model : path
        Of the model. The file beside it is called ``NAME.signalscreen.toml``.
    expects : Expectations
    inside : bool
        Write into the ``.keras`` file instead: into its ``metadata.json``. Architecture and weights stay as they
        are, byte for byte. Keras does not hand it on when it saves the model anew.
    overwrite : bool
        Replace what is said there; otherwise an error.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ModelError
        There is no such model, something is said already, or the file is no ``.keras`` file.
    OutputError
        The file cannot be written.
    """
    path, sidecar = Path(model), sidecar_of(model)
    if not path.exists():
        raise ModelError(f"model file {str(path)!r} does not exist; give the file or folder of a model")
    target = path if inside else sidecar
    if not overwrite and (sidecar.exists() if not inside else _inside(path) is not None):
        raise ModelError(f"{target} says already what the model expects; overwrite it, or edit it by hand")
    if inside:
        if sidecar.exists():
            raise ModelError(f"{sidecar} stands in place of what is inside {path.name}; remove it first")
        _write_inside(path, expects)
        return path
    with atomically(sidecar) as part:
        part.write_text(_toml(expects), encoding="utf-8")
    return sidecar


def _read(source: Path, values: Any) -> Expectations:
    if not isinstance(values, Mapping):
        raise ModelError(f"{source} says what the model expects, but not as fields and values; write it anew")
    try:
        return expectations_from(values)
    except OptionError as error:
        raise ModelError(f"what the model expects cannot be read from {source}: {error}") from error


def _of_toml(sidecar: Path) -> Any:
    if not _is_small(sidecar):
        raise ModelError(f"{sidecar} is no file of up to {LARGEST} bytes; write what the model expects anew")
    try:
        return tomllib.loads(sidecar.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{sidecar} is not valid TOML ({error}); correct it") from error
    except OSError as error:
        raise ModelError(f"{sidecar} cannot be read ({error.strerror or error}); check its permissions") from error


def _inside(path: Path) -> Any:
    """What the metadata of a ``.keras`` file says; None for nothing. Damage is up to whoever loads the model."""
    if not path.is_file():
        return None
    try:
        with ZipFile(path) as archive:
            return _metadata(archive).get(_KEY)
    except Exception:  # zipfile and zlib raise many kinds for damaged files
        return None


def _metadata(archive: ZipFile) -> dict[str, Any]:
    with archive.open(_METADATA) as member:
        text = member.read(LARGEST + 1)  # no more is unpacked, whatever the archive says
    found = json.loads(text) if len(text) <= LARGEST else None
    if not isinstance(found, dict):
        raise ValueError(f"its {_METADATA} holds no fields")
    return found


def _write_inside(path: Path, expects: Expectations) -> None:
    try:
        with ZipFile(path) as archive:
            metadata = {**_metadata(archive), _KEY: expects.given()}
            parts = [(info, archive.read(info)) for info in archive.infolist()]
    except Exception as error:  # as above
        raise ModelError(
            f"{path.name!r} is no .keras file that can be written into; write beside it (inside=False)"
        ) from error
    text = json.dumps(metadata)
    if len(text) > LARGEST:
        raise ModelError(f"what the model expects takes more than {LARGEST} bytes; give fewer or shorter names")
    with atomically(path) as part, ZipFile(part, "w") as archive:
        for info, content in parts:
            archive.writestr(info, text if info.filename == _METADATA else content)


def _is_small(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= LARGEST


_COMMENTS = {
    "fs": "Hz",
    "units": "of the signal",
    "normalise": "zscore, minmax, robust or none: each window by itself",
    "leads": '"one": one at a time; or a list of names',
    "window": "seconds, where the model takes any length",
    "class_names": "of the outputs, in order",
    "alarm": "the class that flags a window",
    "threshold": "of its probability",
    "kind": "ecg, ppg or other",
    "card": "a text beside the model that says what was measured of it",
}


def _toml(expects: Expectations) -> str:
    lines = ["# What the model beside this file expects of a recording. Options of a command win over it."]
    for name, value in expects.given().items():
        shown = list(value) if isinstance(value, tuple) else value
        lines.append(f"{name} = {json.dumps(shown, ensure_ascii=False)}  # {_COMMENTS[name]}")
    return "\n".join([*lines, ""])
