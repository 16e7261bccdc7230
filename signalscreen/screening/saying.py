"""What of a job the command line can say. What it cannot is named, so that nobody takes a command for the whole."""

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.screening.job import Job, said
from signalscreen.targets import Unit

_READING = ("fs", "start", "end", "leads", "annotator")


def kept_for_again(job: Job) -> dict[str, Any]:
    """What ``signalscreen screen`` would have to be told, where the settings do not say it.

    Returns
    -------
    dict, as JSON
        ``reading``: options that were given for reading record and model. ``target``: the words of a target that is
        a unit or a reduction. ``examine``: False where the model was not examined. ``unsaid``: names of what only
        Python can say. Each is there only where it says something, but for ``reading``.
    """
    named = _READING if isinstance(job.record, str | os.PathLike) else ()  # one in memory may have other leads
    reading = {name: said(value) for name in named if (value := getattr(job, name)) is not None}
    if job.weights is not None:
        reading["weights"] = Path(job.weights).name
    words = words_of_target(job.target)
    return {
        "reading": reading,
        **({"target": words} if words is not None else {}),
        **({} if job.examine else {"examine": False}),
        **({"unsaid": unsaid} if (unsaid := _unsaid(job)) else {}),
    }


def words_of_target(target: Any) -> str | None:
    """How ``--target`` says a unit, or a reduction that it made itself; None for all others.

    >>> words_of_target(Unit("conv1d_2", 5)), words_of_target(Unit("a", position=(3, 1))), words_of_target(0)
    ('unit:conv1d_2:5', 'unit:a:*:(3, 1)', None)
    """
    if not isinstance(target, Unit):
        return getattr(target, "words", None)
    if not isinstance(target.layer, str | int) or target.reduce != "mean" or ":" in str(target.layer):
        return None
    if isinstance(target.layer, str) and target.layer.removeprefix("-").isdecimal():
        return None  # would be read as an index
    index = ["*" if value is None else str(_plain(value)) for value in (target.filter, target.position)]
    while index and index[-1] == "*":
        index.pop()
    return ":".join(["unit", str(target.layer), *index])


def can_be_said(value: Any) -> bool:
    """Whether the words for a value, read as a Python literal, are the value again.

    >>> can_be_said((1, 0.5)), can_be_said(float("inf")), can_be_said(sorted)
    (True, False, False)
    """
    try:
        plain = _plain(value)
        return bool(ast.literal_eval(repr(plain)) == plain)
    except (ValueError, SyntaxError, TypeError):
        return False


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, also inside a tuple or list."""
    if isinstance(value, tuple | list):
        return type(value)(_plain(one) for one in value)
    return value.item() if isinstance(value, np.generic) else value


def _unsaid(job: Job) -> list[str]:
    """Names of settings that no command can say."""
    found = [] if isinstance(job.model, str | os.PathLike) else ["model"]
    found += [] if job.custom_objects is None else ["custom_objects"]
    if not can_be_said(job.target) and words_of_target(job.target) is None:
        found.append("target")
    if any("," in name or name != name.strip() for name in job.class_names or ()):
        found.append("class_names")
    if job.channels not in (None, "first", "last"):
        found.append("channels")
    if not isinstance(job.leads, str | int | None) and not all(isinstance(one, str | int) for one in job.leads):
        found.append("leads")
    methods: Mapping[str, Mapping[str, Any]] = job.methods
    found += [f"{name}.{key}" for name, given in methods.items() for key in given if not can_be_said(given[key])]
    return found
