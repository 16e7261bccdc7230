"""`@method`: turns a formula of a score into a public method, and lists it in `METHODS`.

A formula is a pure function ``formula(score, x, *, options)`` of a bound score and a checked array. The
decorator gives it the public face ``f(model, x, target=None, *, options, score=..., ...)``: it binds model and
target, checks the names of options, cuts many examples into batches, and takes models with several inputs
apart. A method over another one (an option ``base_method``) is cut and taken apart as that one is.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy.typing as npt

from signalscreen.errors import InputError, LayerError, MethodError, OptionError
from signalscreen.streams import in_batches

Array = npt.NDArray[Any]

_COMMON: dict[str, Any] = {
    "score": "logit",
    "class_names": None,
    "batch_size": None,
    "progress": None,
    "channels": None,
    "examine": True,
}


class Method(NamedTuple):
    """An entry of `METHODS`.

    Attributes
    ----------
    name : str
    fn : callable
        The public method, ``fn(model, x, target=None, **options)``.
    formula : callable
        The pure function of a score behind it, ``formula(score, x, **options)``.
    summary : str
        First line of the docstring.
    options : dict
        Option to its default.
    gives : {"input", "map"}
        Whether the result has the shape of `x`, or ``(batch, *axes)``.
    complete : bool
        Whether it promises that attributions add up to the change of the score.
    variants : bool
        Whether the formula takes leading axes of variants of each example.
    one_input : bool
        Whether the formula needs the signal's axes, so that several inputs are explained one by one.
    per_example : tuple of str
        Options that may hold one array per example.
    references : tuple of str
        Options that say what `x` is compared with, read as `signalscreen.references` says.
    """

    name: str
    fn: Callable[..., Any]
    formula: Callable[..., Any]
    summary: str
    options: dict[str, Any]
    gives: str
    complete: bool
    variants: bool
    one_input: bool
    per_example: tuple[str, ...]
    references: tuple[str, ...]


METHODS: dict[str, Method] = {}


def method(
    *,
    gives: str = "input",
    complete: bool = False,
    one_input: bool = False,
    per_example: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
    variants: bool = True,
    listed: bool = True,
) -> Callable[[Callable[..., Array]], Callable[..., Any]]:
    """Make a formula a public method.

    Parameters
    ----------
    gives : {"input", "map"}
    complete : bool
    one_input : bool
        The formula needs the signal's axes: with several inputs it runs on each in turn, the others held.
    per_example : tuple of str
        Options that may hold one array per example, like a fill; they are cut with the batch.
    references : tuple of str
        Options that say what `x` is compared with, such as a baseline; they are cut with the batch.
    variants : bool
        The formula also takes leading axes of variants of each example.
    listed : bool
        In `METHODS`: its result is one attribution per example, which can be drawn, stitched and averaged.
    """

    def decorate(formula: Callable[..., Array]) -> Callable[..., Any]:
        given = inspect.signature(formula).parameters.values()
        options = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
        takes_more = any(p.kind is p.VAR_KEYWORD for p in given)

        def public(model: Any, x: Any, target: Any = None, **options_given: Any) -> Any:
            common = {k: options_given.pop(k) for k in _COMMON if k in options_given}
            if not takes_more:
                _check_names(formula.__name__, options_given, options)
            from signalscreen.score import Score

            bound, x = _as_score(model, target, common, Score).bind(x)
            # A method over another takes the signal, and what goes with it, as that one does.
            shape = based_on(public.method, options_given)  # type: ignore[attr-defined]
            like_x = shape.gives == "input" or bool(options_given.get("per_channel"))
            if shape.one_input and not bound.layout.single:
                return _each_input(formula, bound, x, options_given, shape, like_x)
            for name in set(shape.references) & set(options_given):
                options_given[name] = bound.layout.references(options_given[name], len(x), what=name)
            for name in set(shape.per_example) & set(options_given):
                options_given[name] = bound.layout.option(options_given[name])
            result = in_batches(formula, bound, x, options_given, (*shape.per_example, *shape.references))
            return bound.layout.given_back(result) if like_x else result

        public.__name__ = public.__qualname__ = formula.__name__
        public.__module__ = formula.__module__
        public.__doc__ = formula.__doc__
        public.__signature__ = _signature(formula)  # type: ignore[attr-defined]
        public.formula = formula  # type: ignore[attr-defined]
        summary = (formula.__doc__ or "").strip().partition("\n")[0]  # none under python -OO
        entry = Method(
            formula.__name__,
            public,
            formula,
            summary,
            options,
            gives,
            complete,
            variants,
            one_input,
            per_example,
            references,
        )
        public.method = entry  # type: ignore[attr-defined]
        if listed:
            METHODS[formula.__name__] = entry
        return public

    return decorate


def explain(model: Any, x: Any, target: Any = None, *, method: str, **options: Any) -> Any:
    """Explain a batch by the method of this name.

    Parameters
    ----------
    model : keras.Model, path or Score
    x : array_like, shape (batch, *axes, channels)
    target : None, int, sequence of int, str, tuple or callable
    method : str
        A name in `METHODS`.
    **options
        Those of the method, and ``score``, ``class_names``, ``batch_size``, ``progress``, ``channels``,
        ``examine``.

    Returns
    -------
    ndarray

    Raises
    ------
    MethodError
        No method has this name.
    """
    return find_method(method).fn(model, x, target, **options)


def find_method(name: str) -> Method:
    """The entry of `METHODS` under a name.

    Raises
    ------
    MethodError
        No method has this name.
    """
    if name not in METHODS:
        raise MethodError(f"method {name!r} is not known; choose one of {', '.join(METHODS)}")
    return METHODS[name]


def based_on(entry: Method, options: dict[str, Any]) -> Method:
    """The method that says how `x`, and what goes with it, is taken: another one's where it runs over that.

    Raises
    ------
    MethodError
        No method has the name given as ``base_method``.
    """
    inner = options.get("base_method", entry.options.get("base_method"))
    return entry if inner is None else find_method(inner)


def bind_one(model: Any, x: Any, target: Any, common: dict[str, Any], which: int | str | None) -> tuple[Any, Array]:
    """A score of one input, the others held, for functions that edit one signal.

    Parameters
    ----------
    model : keras.Model, path or Score
    x : array_like, or a list or dict of them
    target : None, int, sequence of int, str, tuple or callable
    common : dict
        The options that all methods share, as given or as they are by default.
    which : int, str or None
        The input's name or number; None where there is one only.

    Returns
    -------
    Score
        Bound to these examples.
    ndarray, shape (batch, *axes, channels)

    Raises
    ------
    InputError
        The model has several inputs and `which` is none of them, or the input has no axes.
    """
    from signalscreen.score import Score

    usual = {k: _COMMON[k] for k in ("score", "examine")}
    common = {k: v for k, v in common.items() if v is not None and not (k in usual and v == usual[k])}
    bound, x = _as_score(model, target, common, Score).bind(x)
    names = [spec.name for spec in bound.layout.specs]
    known = [*names, *range(len(names))]
    if (which is not None or len(names) > 1) and which not in known:
        raise InputError(
            f"input {which!r} does not say which of the model's inputs is edited; give one of {', '.join(names)}"
        )
    if len(names) > 1:
        position = known.index(which) % len(names)
        bound, x = bound.holding(position, x), bound.bound.values(x)[position]
    if x.ndim < 3:
        raise InputError(
            f"the model's input is (batch, {x.shape[-1]}), with no axis along which to edit it: its numbers count "
            "as channels; put a Reshape in front of the model so that it takes (batch, samples, 1)"
        )
    return bound, x


def _as_score(model: Any, target: Any, common: dict[str, Any], kind: type) -> Any:
    if not isinstance(model, kind):
        return kind(model, target, **common)
    if target is not None or common:
        names = ", ".join([*(["target"] if target is not None else []), *common])
        raise OptionError(f"{names} given beside a Score, which already says it; give it to the Score")
    return model


def _check_names(name: str, given: dict[str, Any], allowed: dict[str, Any]) -> None:
    unknown = [option for option in given if option not in allowed]
    if unknown:
        raise OptionError(
            f"{name} has no option {', '.join(map(repr, unknown))}; its options are "
            f"{', '.join([*allowed, *_COMMON])}"
        )


def _each_input(
    formula: Callable[..., Array], bound: Any, x: Array, options: dict[str, Any], shape: Method, like_x: bool
) -> Any:
    """Run the formula on each input that has axes, the others held.

    Inputs without axes get None, and so do those that the layer asked for does not see, and those that have no
    gradient where the method gives one.
    """
    own = {name: bound.layout.parts(options[name]) for name in shape.per_example if name in options}
    held = bound.bound.held if shape.gives == "input" else {}
    results: list[Any] = []
    refused: list[LayerError] = []
    for position, part in enumerate(bound.bound.values(x)):
        results.append(None)
        if part.ndim > 2 and position not in held:
            mine = {**options, **{name: values[position] for name, values in own.items()}}
            try:
                results[-1] = in_batches(formula, bound.holding(position, x), part, mine, shape.per_example)
            except LayerError as error:
                refused.append(error)
    if refused and all(result is None for result in results):
        raise refused[0]
    return bound.layout.pack(results, like_x)


def _signature(formula: Callable[..., Any]) -> inspect.Signature:
    kinds = inspect.Parameter
    own = [p for p in inspect.signature(formula).parameters.values() if p.kind is p.KEYWORD_ONLY]
    more = [p for p in inspect.signature(formula).parameters.values() if p.kind is p.VAR_KEYWORD]
    return inspect.Signature(
        [
            kinds("model", kinds.POSITIONAL_OR_KEYWORD),
            kinds("x", kinds.POSITIONAL_OR_KEYWORD),
            kinds("target", kinds.POSITIONAL_OR_KEYWORD, default=None),
            *own,
            *(kinds(name, kinds.KEYWORD_ONLY, default=value) for name, value in _COMMON.items()),
            *more,
        ]
    )
