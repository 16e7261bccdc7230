"""In-silico mutagenesis: every letter of a sequence changed into every other one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, OptionError
from signalscreen.method import bind_one
from signalscreen.streams import Patches, blocks_of_content, in_batches

Array = npt.NDArray[Any]


def in_silico_mutagenesis(
    model: Any,
    x: Any,
    target: Any = None,
    *,
    positions: Any = None,
    input: int | str | None = None,
    score: str = "logit",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Array:
    """S(x with another letter at one position) minus S(x), for every position and letter.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress, channels, examine
        See the conventions page of the documentation. `x` is one-hot, ``(batch, n, letters)``: DNA, RNA, protein,
        any alphabet. A position that holds no letter (N: all zero, or the same share of each) may stand in it.
    positions : slice, or sequence of int or bool, optional
        Where letters are changed, as they index an axis of `n`; everywhere by default.
    input : int or str, optional
        Of a model with several inputs: the one that holds the sequence. The others are held.

    Returns
    -------
    ndarray of float32, shape (batch, positions, letters)
        Letters first where `x` has them so. Units of the score. Positive: this letter here raises it. Exactly 0 at
        the letter that is there; where there is none, each letter is compared with none. With `positions`, these
        only, in their order.

    Raises
    ------
    InputError
        `x` is not one-hot.
    OptionError
        `positions` is empty or outside the sequence.

    Notes
    -----
    Exact: every substitution is scored, letters - 1 for each position. Only what it changes in the network is
    recomputed (`Score.patched`), for all examples together. Of a result ``a``, ``a - a.mean(-1, keepdims=True)``
    are the centred effects that tangermeme calls hypothetical attributions, and those at the letters that are
    there, ``-(x * a.mean(-1, keepdims=True))``, its attributions.

    References
    ----------
    Zhou, Troyanskaya 2015, "Predicting effects of noncoding variants with deep learning-based sequence model";
    Nair et al. 2022, "fastISM: performant in silico saturation mutagenesis for convolutional neural networks".

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[0.0], [1.0], [2.0], [5.0], [3.0], [0.0]]), np.zeros(1)])
    >>> in_silico_mutagenesis(net, np.eye(3)[[[1, 0]]], target=0)
    array([[[-1.,  0.,  1.],
            [ 0., -2., -5.]]], dtype=float32)
    """
    common = {
        "score": score,
        "class_names": class_names,
        "batch_size": batch_size,
        "progress": progress,
        "channels": channels,
        "examine": examine,
    }
    bound, x = bind_one(model, x, target, common, input)
    _check_letters(x)
    found = in_batches(_effects, bound, x, {"places": _places(positions, x.shape[1])})
    return bound.layout.own(found, bound.bound.position)


def _effects(score: Any, x: Array, *, places: Array) -> Array:
    """The formula: ``(batch, places, ..., letters)``."""
    letters, rest = x.shape[-1], x.shape[2:-1]
    grid = [g.ravel() for g in np.meshgrid(places, *map(np.arange, rest), indexing="ij")]
    everyone: Any = slice(None)
    here = x[(everyone, *grid)]  # (batch, starts, letters)
    there, known = here.argmax(-1), here.max(-1) == 1
    # A substitution is a step to another letter of the alphabet; the step back to a letter is needed for none only.
    step = np.repeat(np.arange(1, letters + 1)[:, None], len(grid[0]), axis=1)
    needed = (step < letters) | ~known.all(0)
    step, start = step[needed], np.broadcast_to(np.arange(len(grid[0])), needed.shape)[needed]
    letter = ((there[:, start] + step) % letters).T  # (edits, batch)
    before = score(x)
    found = score.patched(x, _patches(np.stack(grid, -1)[start], letter, letters, x.dtype)) - before
    result = np.zeros((len(x), len(grid[0]), letters), before.dtype)
    result[np.arange(len(x)), start[:, None], letter] = found
    result[known[..., None] & (np.arange(letters) == there[..., None])] = 0  # the signal itself, but for rounding
    return result.reshape(len(x), len(places), *rest, letters)


def _patches(starts: Array, letter: Array, letters: int, dtype: Any) -> Iterator[Patches]:
    """Edits of one letter: each writes ``letter[edit, example]``."""
    alphabet = np.eye(letters, dtype=dtype)
    window = (1,) * starts.shape[1]
    for some in blocks_of_content(len(starts), letter.shape[1] * alphabet[0].nbytes):
        content = alphabet[letter[some]]
        yield Patches(starts[some], window, content.reshape(*letter[some].shape, *window, letters))


def _check_letters(x: Array) -> None:
    letters = x.shape[-1]
    if letters < 2:
        raise InputError(f"x has shape {x.shape}, one letter only; give it one-hot, (batch, n, letters)")
    is_letter = ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) <= 1)
    is_none = np.abs(x - 1 / letters).max(-1) < 1e-3
    bad = np.argwhere(~(is_letter | is_none))
    if len(bad):
        example, *place = bad[0].tolist()
        shown = np.array2string(x[tuple(bad[0])], precision=3, separator=", ", threshold=8)
        raise InputError(
            f"x is not one-hot: example {example} has {shown} at position {', '.join(map(str, place))}; give 1 for "
            f"the letter there and 0 elsewhere (all 0, or all 1/{letters}, for no letter), or use edit_effects"
        )


def _places(positions: Any, n: int) -> Array:
    """The positions asked for, counted from the start."""
    if positions is None:
        return np.arange(n)
    try:
        places = np.atleast_1d(np.arange(n)[positions if isinstance(positions, slice) else np.asarray(positions)])
    except (IndexError, TypeError, ValueError):
        places = np.arange(0)
    if not places.size or places.ndim > 1:
        raise OptionError(
            f"positions {positions!r} does not name positions of a sequence of {n}; give a slice, or whole numbers "
            f"from {-n} to {n - 1}"
        )
    return places
