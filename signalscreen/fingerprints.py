"""What a trace depends on besides the values of weights: which layers a model has, and what is set on them.

A trace holds the Python of a model as it was. `refresh` looks a model over and gives it a new version where a layer
was put in another's place, an attribute was set (a slope, an activation, a rate), or a function that it calls is
another one. `settle` is called after each trace: what a call itself changes (a list of losses, the attention
weights of the last call) is no change by the user.
"""

import threading
import types
import weakref
import zlib
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from signalscreen.backend import keras, tf

# Keras' own bookkeeping on every layer and model; the layers among it are walked by themselves.
_BOOKS = frozenset(
    """
    _allow_non_tensor_positional_args _auto_config _build_shapes_dict _call_context_args _call_has_context_arg
    _call_has_mask_arg _call_has_training_arg _call_signature _called _convert_input_args _inbound_nodes _input_spec
    _layers _lock _loss_ids _losses _losses_override _metrics _non_trainable_variables _outbound_nodes _parent_path
    _path _remat_mode _saved_model_arg_spec _saved_model_inputs_spec _seed_generators _supports_masking _tracked
    _tracker _trainable _trainable_variables activity_regularizer build built call_signature_parameters name
    quantize supports_jit _compute_loss_has_training_arg _distribute_strategy _expects_training_arg
    _expects_mask_arg
    """.split()
)
# And on models, what training sets.
_BOOKS_OF_MODELS = frozenset(
    """
    _compile_config _compile_loss _compile_metrics _compiled_trainable_state _operations_by_depth
    _eval_epoch_iterator _initial_epoch _inputs _inputs_struct _jit_compile _loss_tracker _nodes
    _nodes_by_depth _outputs _outputs_struct _run_eagerly compiled history loss optimizer output_names
    predict_function steps_per_execution stop_evaluating stop_predicting stop_training test_function
    train_function unrolled_steps_per_execution
    """.split()
)
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")  # of a weight, if no plain value
_LIBRARIES = ("keras", "tensorflow", "numpy", "builtins")
_DEPTH, _MOST = 20, 100_000  # how deep into a value one looks, and at how many values of a model
_LARGE = 2**26  # bytes of an array of which not every one is read

_TF_FUNCTION = type(tf.function(lambda: None))

Facts = dict[Any, Any]


class _Same:
    """An object by identity, without keeping it alive: the number of one that is gone may be given to another."""

    __slots__ = ("_id", "_ref")

    def __init__(self, thing: Any) -> None:
        self._id = id(thing)
        try:
            self._ref: Any = weakref.ref(thing)
        except TypeError:
            self._ref = lambda: thing

    def __eq__(self, other: object) -> bool:
        mine = self._ref()
        return self is other or (isinstance(other, _Same) and mine is not None and mine is other._ref())

    def __hash__(self) -> int:
        return self._id


class _State:
    """What is known of a model: its version, what it was seen to depend on, and what its own calls change."""

    def __init__(self, facts: Facts) -> None:
        self.version = 0
        self.seen = facts
        self.changed: set[Any] = set()  # by one call
        self.ignored: set[Any] = set()  # by one call after the other


_states: "weakref.WeakKeyDictionary[Any, _State]" = weakref.WeakKeyDictionary()
_updating = threading.Lock()


def version(model: Any) -> int:
    """The number of the model's version that `refresh` found."""
    state = _states.get(model)
    return 0 if state is None else state.version


def refresh(model: Any) -> None:
    """Look the model over, and give it a new version where something that a trace depends on is another."""
    facts = _facts(model)
    with _updating:
        state = _states.setdefault(model, _State(facts))
        if _differences(state.seen, facts) - state.ignored:
            state.version += 1
        state.seen = facts


def settle(model: Any) -> None:
    """Take the model as it is after a call of ours: what that changed needs no new trace."""
    facts = _facts(model)
    with _updating:
        state = _states.setdefault(model, _State(facts))
        changed = _differences(state.seen, facts)
        # What the first call sets may have been waiting for it (`if self.window is None`), and may be set again.
        state.ignored |= changed & state.changed
        state.changed |= changed
        state.seen = facts


def of_function(function: Any) -> Any:
    """What a function depends on besides its arguments: itself, its closure, its defaults, plain globals."""
    return _Walk().of(function, _DEPTH)


def _differences(old: Facts, new: Facts) -> set[Any]:
    if old == new:
        return set()
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _facts(model: Any) -> Facts:
    walk = _Walk()
    walk.of(model, _DEPTH)
    config = keras.config
    facts: Facts = {"keras": (config.epsilon(), config.floatx(), config.image_data_format())}
    while walk.waiting:
        layer = walk.waiting.pop()
        number, kind = id(layer), type(layer)
        facts[number] = _Same(layer)
        if not _is_library(kind) and kind not in walk.kinds:
            walk.kinds.add(kind)
            facts[kind.__qualname__, id(kind)] = walk.class_of(kind)
        is_model = isinstance(layer, keras.Model)
        for name, value in list(vars(layer).items()):
            if _counted(name, is_model, type(value) in _SIMPLE and value is not None):
                facts[number, name] = walk.of(value, _DEPTH)
        facts[number, "_layers"] = tuple([walk.of(inner, 1) for inner in getattr(layer, "_layers", ())])
    return facts


@cache
def _counted(name: str, of_model: bool, is_simple: bool) -> bool:
    """Whether an attribute of this name may be what a call depends on."""
    books = name in _BOOKS or (of_model and name in _BOOKS_OF_MODELS)
    return not books and not name.startswith("_self_") and (is_simple or not name.endswith(_OF_TRAINING))


def _is_library(thing: Any) -> bool:
    home = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", None)
    return (home or "builtins").split(".")[0] in _LIBRARIES


_SIMPLE = (bool, int, float, str, bytes, complex, types.NoneType)


@cache
def _way(kind: type) -> str:
    """How a value of this type is told from another; looked up for each type once, since there are many values."""
    if kind in _SIMPLE:
        return "itself"
    ways = {
        "layer": keras.layers.Layer,
        "array": (np.ndarray, np.generic),
        "mapping": Mapping,
        "sequence": (list, tuple),
        "set": (set, frozenset),
        "policy": keras.DTypePolicy,
        "callable": (
            types.MethodType,
            types.FunctionType,
            partial,
            property,
            staticmethod,
            classmethod,
            _TF_FUNCTION,
        ),
    }
    for way, kinds in ways.items():
        if issubclass(kind, kinds):
            return way
    return "same" if _is_library(kind) or issubclass(kind, type | types.ModuleType) else "object"


class _Walk:
    """From values to what can be compared with that of another day; layers met on the way are put aside."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.met: dict[int, Any] = {}  # layers and objects; held, so that no number is given twice
        self.kinds: set[type] = set()
        self.left = _MOST

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        way = _way(kind)  # type: ignore[arg-type]
        if way == "itself":
            return value if kind is str or value is None else (kind, value)
        self.left -= 1
        if way == "same" or depth <= 0 or self.left < 0:
            return _Same(value)
        return getattr(self, f"_{way}")(value, depth - 1)

    def _array(self, value: Any, _: int) -> Any:
        array = np.asarray(value)
        if array.dtype.hasobject:
            return (array.shape, _Same(array))
        some = np.ascontiguousarray(array.reshape(-1)[:: array.nbytes // _LARGE + 1])
        return (array.shape, array.dtype.str, zlib.crc32(some.tobytes()))

    def _mapping(self, value: Any, depth: int) -> Any:
        return tuple([(self.of(k, 1), self.of(v, depth)) for k, v in list(value.items())])

    def _sequence(self, value: Any, depth: int) -> Any:
        return tuple([self.of(v, depth) for v in value])

    def _set(self, value: Any, depth: int) -> Any:
        return frozenset([self.of(v, depth) for v in value])

    def _policy(self, value: Any, _: int) -> Any:
        return ("policy", value.name)

    def _layer(self, layer: Any, _: int) -> Any:
        if id(layer) not in self.met:
            self.met[id(layer)] = layer
            self.waiting.append(layer)
        return _Same(layer)

    def _callable(self, value: Any, depth: int) -> Any:
        """Itself, and what it holds."""
        if isinstance(value, types.FunctionType):
            return (_Same(value), () if _is_library(value) else self._holds(value, depth))
        if isinstance(value, types.MethodType):
            return self.of(value.__func__, depth), self.of(value.__self__, depth)
        if isinstance(value, partial):
            return tuple(self.of(v, depth) for v in (value.func, value.args, value.keywords))
        if isinstance(value, property):
            return self.of(value.fget, depth)
        return _Same(value), self.of(getattr(value, "python_function", None) or value.__func__, depth)

    def _holds(self, function: Any, depth: int) -> Any:
        code = function.__code__
        cells = [_content(cell) for cell in function.__closure__ or ()]
        names = _names(code)
        outside = [function.__globals__[name] for name in names if name in function.__globals__]
        held: Iterable[Any] = [*cells, *(v for v in outside if not isinstance(v, types.ModuleType | type))]
        defaults = (function.__defaults__, function.__kwdefaults__)
        inside = [
            v for holder in (*cells, *outside) for v in _values_in(holder, names)
        ]  # of modules and classes of the user's: `config.slope`
        return (code, *(self.of(v, depth) for v in (*defaults, *held, *inside)))

    def class_of(self, kind: type) -> Any:
        """What a layer's own classes say: their methods, and the plain values they hold."""
        own = [base for base in kind.__mro__ if not _is_library(base)]
        return tuple(
            (name, self.of(v, _DEPTH)) for base in own for name, v in list(vars(base).items()) if _says(name)
        )

    def _object(self, value: Any, depth: int) -> Any:
        inside = _attributes(value)
        if not inside or id(value) in self.met:
            return _Same(value)
        self.met[id(value)] = value
        return (_Same(value), *[(name, self.of(v, depth)) for name, v in list(inside.items())])


def _attributes(value: Any) -> dict[str, Any]:
    """What is set on an object, slots included."""
    slots = [
        name for kind in type(value).__mro__ for name in np.atleast_1d(vars(kind).get("__slots__", ())).tolist()
    ]
    there = {name: getattr(value, name) for name in slots if hasattr(value, name) and not name.startswith("__")}
    return {**there, **getattr(value, "__dict__", {})}


def _values_in(holder: Any, names: Iterable[str]) -> list[Any]:
    """What a module or a class of the user's holds under names that a function mentions."""
    if not isinstance(holder, types.ModuleType | type) or _is_library(holder):
        return []
    held = vars(holder)
    return [held[name] for name in names if name in held and not isinstance(held[name], types.ModuleType)]


def _says(name: str) -> bool:
    """Whether an attribute of a class is no bookkeeping of Python's."""
    return not (name.startswith("__") and name.endswith("__")) and not name.startswith("_abc")


def _names(code: Any) -> tuple[str, ...]:
    """The global names in a function and in the functions inside it."""
    inner = [name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const)]
    return (*code.co_names, *inner)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None
