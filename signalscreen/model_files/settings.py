"""Settings in a config that the installed Keras does not take: left out where they say nothing, refused otherwise.

Each version of Keras writes some that others do not know: Keras 2 and tf_keras those that Keras 3 gave up, a newer
Keras 3 those that an older one does not have yet.
"""

import inspect
import re
from collections.abc import Collection
from functools import cache
from typing import Any

from signalscreen.backend import keras
from signalscreen.errors import ModelError
from signalscreen.model_files.config import Config

_ANY = object()
# setting -> the values at which leaving it out changes nothing that is computed
_NOTHING: dict[str, tuple[Any, ...]] = {
    # Keras 2
    "causal": (False,),
    "dynamic": (_ANY,),
    "function_type": (_ANY,),
    "fused": (_ANY,),
    "groups": (1,),
    "input_length": (_ANY,),
    "key_shape": (_ANY,),
    "module": (_ANY,),
    "noise_shape": (None,),
    "output_shape_module": (_ANY,),
    "output_shape_type": (_ANY,),
    "query_shape": (_ANY,),
    "ragged": (False,),
    "renorm": (False,),
    "renorm_clipping": (_ANY,),  # read under renorm only
    "renorm_momentum": (_ANY,),
    "softmax_robust_masking": (_ANY,),  # how what is masked gets the weight 0
    "time_major": (False,),
    "trainable": (_ANY,),
    "value_shape": (_ANY,),
    "virtual_batch_size": (None,),
    # newer versions of Keras 3
    "flash_attention": (_ANY,),  # how it is computed
    "gptq_unpacked_column_size": (None,),
    "lora_alpha": (None,),
    "oov_method": ("floormod",),
    "optional": (False,),
    "quantization_config": (None,),
    "rms_scaling": (False,),
    "salt": (None,),
    "sliding_window": (None,),
    "use_gate": (False,),
    "zero_output_for_mask": (False,),
}
_MADE_FROM_KWARGS = {"LayerNormalization": {"rms_scaling"}}  # taken, though the signature does not name them


def is_newer(version: str) -> bool:
    """Whether a file was written by a newer Keras than the installed one.

    Examples
    --------
    >>> is_newer("2.15.0"), is_newer("99.0.0")
    (False, True)
    """
    return _numbers(version) > _numbers(keras.__version__)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def known_settings(value: Any, own: Collection[str] = ()) -> Any:
    """A config of a newer Keras 3, each layer of Keras' own (none of the classes `own`) with what it takes here.

    Raises
    ------
    ModelError
        A layer would compute something else.
    """
    if isinstance(value, list):
        return [known_settings(part, own) for part in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    is_layer = isinstance(kind, str) and isinstance(value.get("config"), dict) and hasattr(keras.layers, kind)
    if is_layer and kind not in own:
        value = gone_settings(training_parts(value))
    return {key: known_settings(part, own) for key, part in value.items()}


def training_parts(layer: Config) -> Config:
    """How weights began and were held in bounds plays no part in inference, and has changed often.

    Among it ``dtype`` in the configs of initialisers, which Keras 3 does not take.
    """
    endings = ("_initializer", "_regularizer", "_constraint")
    kept = {key: value for key, value in layer["config"].items() if not key.endswith(endings)}
    return {**layer, "config": kept}


def gone_settings(layer: Config) -> Config:
    """A layer's config without the settings that its class does not take.

    Raises
    ------
    ModelError
        One of them says something, by which the layer would compute something else.
    """
    for key in unknown_settings(layer):
        values = _NOTHING.get(key)
        if values is None:
            continue  # Keras says that it does not take it
        value = layer["config"][key]
        if _ANY not in values and value not in values:
            raise ModelError(
                f"layer {layer['config'].get('name')!r} ({layer['class_name']}) has {key}={_short(value)}, which "
                f"Keras {keras.__version__} does not have; explain the model where the Keras runs that wrote it, "
                "or rebuild that layer"
            )
        layer = {**layer, "config": {name: kept for name, kept in layer["config"].items() if name != key}}
    return layer


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def unknown_settings(layer: Config) -> list[str]:
    """The settings of a layer of Keras' own that its class does not take."""
    known = _taken(getattr(keras.layers, layer["class_name"], None))
    settings = layer["config"]
    return [key for key in settings if key not in known] if known and isinstance(settings, dict) else []


@cache
def _taken(kind: Any) -> frozenset[str]:
    """The settings that a layer's class takes, by its signature and those of its bases that get the rest."""
    found: set[str] = set()
    if not (inspect.isclass(kind) and issubclass(kind, keras.layers.Layer)):
        return frozenset()
    for base in kind.__mro__:
        made = vars(base).get("__init__")
        if made is None:
            continue
        parameters = inspect.signature(made).parameters.values()
        found |= {p.name for p in parameters} | _MADE_FROM_KWARGS.get(base.__name__, set())
        if all(p.kind is not p.VAR_KEYWORD for p in parameters) or base is keras.layers.Layer:
            break
    return frozenset(found)
