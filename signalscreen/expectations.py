"""What a model expects of a recording: its rate, units, scaling, leads, classes. Read as data; nothing is executed.

It is kept in a file beside the model (``NAME.signalscreen.toml``), or inside a ``.keras`` file, in its
``metadata.json``, which Keras does not look at. ``docs/expectations.rst`` lists the fields.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any
from weakref import WeakKeyDictionary

from signalscreen.errors import OptionError

KINDS = ("ecg", "ppg", "other")
SCALINGS = ("zscore", "minmax", "robust", "none")
ONE_LEAD = "one"
_LONGEST = 200  # characters of a name
_MOST = 10_000  # names


@dataclass(frozen=True)
class Expectations:
    """What a model expects of a recording. A field that is None says nothing.

    Parameters
    ----------
    fs : float, optional
        Samples per second that the model was trained on, in Hz.
    units : str, optional
        Physical unit of the signal, such as "mV".
    normalise : {"zscore", "minmax", "robust", "none"}, optional
        How each window is scaled before the model sees it; "none": it is not.
    leads : "one" or tuple of str, optional
        "one": the model takes one lead at a time, whichever it is. Names: these leads, in this order.
    window : float, optional
        Seconds of a window, where the model takes any length.
    class_names : tuple of str, optional
        Of the model's outputs, in order.
    alarm : str, optional
        Class that flags a window: one of `class_names`.
    threshold : float, optional
        A window is flagged where the probability of the alarm is above it.
    kind : {"ecg", "ppg", "other"}, optional
        What the signal is of.
    card : str, optional
        Name of a .md or .txt file beside the model that says what was measured of it.

    Raises
    ------
    OptionError
        A field holds something that is not allowed; the message names it.

    Examples
    --------
    >>> Expectations(fs=125, normalise="zscore", leads="one", class_names=("artefact",)).words()
    '125 Hz, each window by zscore, one lead at a time, class artefact'
    """

    fs: float | None = None
    units: str | None = None
    normalise: str | None = None
    leads: str | tuple[str, ...] | None = None
    window: float | None = None
    class_names: tuple[str, ...] | None = None
    alarm: str | None = None
    threshold: float | None = None
    kind: str | None = None
    card: str | None = None

    def __post_init__(self) -> None:
        set_here = object.__setattr__
        for name in ("fs", "window"):
            set_here(self, name, _positive(name, getattr(self, name)))
        set_here(self, "units", _text("units", self.units))
        set_here(self, "normalise", _choice("normalise", self.normalise, SCALINGS))
        set_here(self, "kind", _choice("kind", self.kind, KINDS))
        set_here(self, "leads", self.leads if self.leads == ONE_LEAD else _names("leads", self.leads))
        set_here(self, "class_names", _names("class_names", self.class_names))
        set_here(self, "threshold", _share("threshold", self.threshold))
        set_here(self, "alarm", _text("alarm", self.alarm))
        if self.alarm is not None and self.alarm not in (self.class_names or ()):
            listed = ", ".join(self.class_names or ()) or "none is given"
            raise OptionError(f"alarm is {self.alarm!r}; give one of class_names ({listed})")
        set_here(self, "card", _file_name("card", self.card))

    def given(self) -> dict[str, Any]:
        """The fields that say something, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def words(self) -> str:
        """In words, for a terminal."""
        return ", ".join(words_of(name, value) for name, value in self.given().items())

    def of_layer(self) -> "Expectations":
        """The same for a part of the model, whose outputs are no classes."""
        kept = self.given()
        return Expectations(**{k: v for k, v in kept.items() if k not in ("class_names", "alarm", "threshold")})

    def defaults(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Options that nobody gave, as the model expects them.

        Parameters
        ----------
        given : mapping
            Options of a command or of `screen_recording` by name: ``resample``, ``normalise``, ``leads``,
            ``each_lead``, ``class_names``, ``alarm``, ``target``, ``threshold``, ``kind``. Those that are not in it
            are not asked about, and one that is None was not given.

        Returns
        -------
        dict
            A value for each option that is None and that the model says something about. The alarm is taken only
            where no target was given either, and names of leads only where not each lead is taken by itself.
        """
        found: dict[str, Any] = {
            "resample": self.fs,
            "normalise": self.normalise,
            "leads": self.leads if isinstance(self.leads, tuple) and not given.get("each_lead") else None,
            "class_names": self.class_names,
            "alarm": self.alarm if given.get("target") is None else None,
            "threshold": self.threshold,
            "kind": self.kind,
        }
        return {k: v for k, v in found.items() if v is not None and k in given and given[k] is None}


def expectations_from(values: Mapping[str, Any]) -> Expectations:
    """Expectations from what a file holds.

    Raises
    ------
    OptionError
        A field is not known, or holds something that is not allowed.
    """
    known = [f.name for f in fields(Expectations)]
    unknown = [str(name) for name in values if name not in known]
    if unknown:
        raise OptionError(f"there is no field {unknown[0][:80]!r}; the fields are {', '.join(known)}")
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Expectations(**{**values, **lists})


def words_of(name: str, value: Any) -> str:
    """One field, or the option that it stands for, in words.

    >>> words_of("resample", 125.0), words_of("leads", ("I", "V1"))
    ('125 Hz', 'leads I, V1')
    """
    if name in ("fs", "resample"):
        return f"{value:g} Hz"
    if name == "normalise":
        return "windows as they are" if value == "none" else f"each window by {value}"
    if name == "leads":
        return "one lead at a time" if value == ONE_LEAD else f"leads {', '.join(value)}"
    if name == "class_names":
        return f"class{'es' * (len(value) > 1)} {', '.join(value)}"
    if name == "window":
        return f"windows of {value:g} s"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


# Of models in memory, for as long as they live.
_of_models: "WeakKeyDictionary[Any, Expectations]" = WeakKeyDictionary()


def remember(model: Any, expects: Expectations) -> None:
    """Keep what a model in memory expects beside it; the model itself is not changed."""
    _of_models[model] = expects


def remembered(model: Any) -> Expectations | None:
    """What a model in memory expects, where it was loaded from a file that says so."""
    try:
        return _of_models.get(model)
    except TypeError:  # it cannot be referred to weakly, so nothing was kept
        return None


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value > 0):
        raise OptionError(f"{name} is {_short(value)}; give a number above 0")
    return float(value)


def _share(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise OptionError(f"{name} is {_short(value)}; give a number from 0 to 1")
    return float(value)


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> str | None:
    if value is not None and (not isinstance(value, str) or value not in allowed):
        raise OptionError(f"{name} is {_short(value)}; choose {', '.join(allowed)}")
    return value


def _text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST:
        raise OptionError(f"{name} is {_short(value)}; give a name of up to {_LONGEST} printable characters")
    return value


def _names(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    what = ' or "one"' if name == "leads" else ""
    if not isinstance(value, tuple | list) or not 0 < len(value) <= _MOST:
        raise OptionError(f"{name} is {_short(value)}; give a list of names{what}")
    names = tuple(_text(f"{name}[{i}]", one) or "" for i, one in enumerate(value))
    if "" in names or len(set(names)) < len(names):
        raise OptionError(f"{name} is {_short(list(names))}; give every one a name of its own")
    return names


def _file_name(name: str, value: Any) -> str | None:
    text = _text(name, value)
    if text is not None and (set(text) & {"/", "\\", ":"} or not text.lower().endswith((".md", ".txt"))):
        raise OptionError(
            f"{name} is {text!r}; give the name of a .md or .txt file beside the model, without a folder"
        )
    return text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
