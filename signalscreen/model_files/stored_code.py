"""Python code stored in a model file: where it is, and how much of the network does without it. It is never run."""

from typing import Any, NamedTuple

from signalscreen.errors import LayerError, ModelError
from signalscreen.model_files.config import (
    Config,
    Reference,
    before,
    inputs_of,
    is_network,
    layer_configs,
    name_of,
    outputs_of,
)

_CODE = ("__lambda__", "TorchModuleWrapper")  # classes whose config is code, marshalled or pickled


class Cut(NamedTuple):
    """Where a network ends when a part of it cannot be used."""

    outputs: list[Reference]
    left_out: list[str]  # layers, by name


def without_function(layer: Config, given: set[str]) -> str | None:
    """The path of the first layer in `layer`, itself included, whose function is code in the file, or is missing.

    Layers named in `given` are replaced by the user and do not count; functions named in it are there.
    """
    name = name_of(layer)
    if is_network(layer):
        paths = (without_function(inner, given) for inner in layer_configs(layer))
        path = next((p for p in paths if p is not None), None)
        return None if path is None else f"{name}/{path}"
    return name if name not in given and holds_code(layer, given) else None


def holds_code(value: Any, given: set[str]) -> bool:
    """Whether a part of a config is code, or a Lambda layer whose function is not in `given`."""
    if isinstance(value, list):
        return any(holds_code(part, given) for part in value)
    if not isinstance(value, dict):
        return False
    if value.get("class_name") in _CODE or _is_lambda_without_function(value, given):
        return True
    return any(holds_code(part, given) for part in value.values())


def _is_lambda_without_function(layer: Config, given: set[str]) -> bool:
    if layer.get("class_name") != "Lambda" or not isinstance(layer.get("config"), dict):
        return False
    function = layer["config"].get("function")
    if isinstance(function, dict) and function.get("class_name") == "function":
        return False  # a function by its name, which Keras looks for
    return not isinstance(function, str) or function not in given


def cut(network: Config, missing: dict[str, str], weighted: set[str], until: str | None) -> Cut | None:
    """Where to end a network some of whose layers have no function; None where it is usable as it is.

    Parameters
    ----------
    network : dict
        A config.
    missing : dict
        Layer of `network` that cannot be used -> path of the code in it.
    weighted : set of str
        The layers with weights.
    until : str or None
        The layer whose output the user wants; it ends there.

    Raises
    ------
    ModelError
        What is asked for cannot be computed without the missing functions.
    LayerError
        `until` is no layer of the network.
    """
    inputs = inputs_of(network)
    if until is not None:
        return _until(network, inputs, missing, until)
    needed = before([reference.layer for reference in outputs_of(network)], inputs)
    if not needed & missing.keys():
        return None
    ends = [_end(output, inputs, missing, weighted) for output in outputs_of(network)]
    kept = before([reference.layer for reference in ends], inputs)
    return Cut(list(dict.fromkeys(ends)), [name for name in inputs if name in needed - kept])


def _until(network: Config, inputs: dict[str, list[Reference]], missing: dict[str, str], until: str) -> Cut:
    if until not in inputs:
        raise LayerError(f"until={until!r} is no layer of the network; its layers are {', '.join(inputs)}")
    layer = next(layer for layer in layer_configs(network) if name_of(layer) == until)
    if len(layer.get("inbound_nodes", [0])) > 1:
        raise LayerError(
            f"until={until!r} is used at several places of the network; name a layer that is used once"
        )
    used = before([until], inputs)
    for name in inputs:
        if name in used & missing.keys():
            raise ModelError(_refusal(missing[name], f"until={until!r} lies behind it"))
    return Cut([Reference(until, 0, 0)], [name for name in inputs if name not in used])


def _end(
    output: Reference, inputs: dict[str, list[Reference]], missing: dict[str, str], weighted: set[str]
) -> Reference:
    """The tensor that stands for `output`: itself, or what enters the tail that begins with a missing function."""
    used = before([output.layer], inputs)
    tail = {name for name in used if before([name], inputs) & missing.keys()}
    if not tail:
        return output
    first = next(name for name in inputs if name in tail & missing.keys())
    learnt = [name for name in inputs if name in tail & weighted]
    if learnt:
        raise ModelError(_refusal(missing[first], f"layers with weights lie in or behind it ({', '.join(learnt)})"))
    entering = {r for name in tail for r in inputs[name] if r.layer not in tail}
    if len(entering) != 1:
        raise ModelError(_refusal(missing[first], f"{len(entering)} tensors enter it and what follows"))
    [end] = entering
    if not inputs[end.layer]:
        raise ModelError(_refusal(missing[first], "nothing but the input lies before it"))
    return end


def _refusal(path: str, reason: str) -> str:
    name = path.split("/")[-1]
    return (
        f"layer {path!r} is Python code stored in the file, or a function that is not in it; such code is never "
        f"run, and {reason}; give what it computes as custom_objects={{{name!r}: function or layer}}, or until= "
        "the name of a layer before it"
    )


def find_missing(network: Config, given: set[str]) -> dict[str, str]:
    """Layer of the network -> path of the first code in it."""
    paths = {name_of(layer): without_function(layer, given) for layer in layer_configs(network)}
    return {name: path for name, path in paths.items() if path is not None}


def told(file: str, found: Cut, missing: dict[str, str]) -> str:
    """What was cut and why, in words."""
    code = ", ".join(repr(path) for name, path in missing.items() if name in found.left_out)
    ends = ", ".join(repr(reference.layer) for reference in found.outputs)
    return (
        f"{file} is used up to layer {ends} only: {code} behind it is Python code stored in the file, which is "
        f"never run (left out: {', '.join(found.left_out)}); give what it computes as "
        "custom_objects={name: function} to have the whole network"
    )
