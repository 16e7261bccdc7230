"""``signalscreen features``: looking into a network, and what it makes of a data set."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from signalscreen.cli import values
from signalscreen.cli.expected import one_rate
from signalscreen.cli.layers import activations, filter_weights
from signalscreen.cli.model import CHANNELS, EXAMINATION, FS, MODEL, model_options
from signalscreen.cli.summary import summary
from signalscreen.cli.writing import free_paths, out_options, write_figure
from signalscreen.errors import InputError
from signalscreen.output import atomically

_DATA = click.argument("data", type=click.Path(path_type=Path))
_LABELS = click.option(
    "--label-names", metavar="A,B,...", help="Of labels 0, 1, ..., in order; where labels are other numbers, these."
)


@click.group(short_help="Look into a network: filters, feature maps, inputs made for a class, class averages.")
def features() -> None:
    """Look into a network, and at what it makes of a data set.

    DATA is an .npz with X (examples, ...) and Y (a whole number for each), or a pickle of the tuple (X, Y), which
    is read for NumPy arrays only and never run.
    """


features.add_command(summary, "model-summary")
features.add_command(filter_weights)
features.add_command(activations)


@features.command("get-labels")
@_DATA
@_LABELS
def get_labels(data: Path, label_names: str | None) -> None:
    """Print the number and the label of every example of DATA."""
    from signalscreen.classic.files import read_examples

    names = values.names(label_names)
    for i, label in enumerate(read_examples(data)[1]):
        click.echo(f"{i}: {_named(label, names)}")


@features.command("activation-max", short_help="Make the inputs that a class, a filter or a position answers to.")
@MODEL
@model_options
@CHANNELS
@EXAMINATION
@click.option(
    "-t",
    "--target",
    required=True,
    help="Class index or name, unit:LAYER:FILTER, unit:LAYER:FILTER:POSITION, or one element such as (120, 0).",
)
@click.option("--class-names", metavar="A,B,...", help="Names of the model's classes, in order.")
@click.option("--seeds", type=click.IntRange(min=1), default=4, show_default=True, help="Inputs that are made.")
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Of the optimiser.")
@FS
@click.option("--band", type=float, nargs=2, metavar="LOW HIGH", help="Keep to these frequencies, in Hz.")
@click.option("--limits", type=float, nargs=2, metavar="LOW HIGH", help="Lowest and highest value.")
@click.option("--option", multiple=True, metavar="KEY=VALUE", help="Of maximize_activation, as smoothness=0.1.")
@out_options
def activation_max(
    model: Path,
    weights: Path | None,
    until: str | None,
    target: str,
    class_names: str | None,
    option: tuple[str, ...],
    out: Path,
    overwrite: bool,
    **given: Any,
) -> None:
    """Make the inputs that a class, a filter or a position of MODEL answers to most.

    Writes <model>_activation-max_<target>.png and .npz (x, score, objective, history) into the folder of --out.
    """
    from signalscreen.synthesis import maximize_activation

    more = _options(option, maximize_activation, taken={"model", "target", "class_names", "progress", *given})
    stem = f"{model.stem}_activation-max_{_plain(target)}"
    picture, arrays = free_paths(out, overwrite, f"{stem}.png", f"{stem}.npz")
    names = values.names(class_names)
    given["fs"] = one_rate(model, given["fs"], until)
    given = {name: value for name, value in given.items() if value is not None}
    from signalscreen.models import load_model

    loaded = load_model(model, weights=weights, until=until)
    made = maximize_activation(loaded, values.target(target), class_names=names, **given, **more)
    from signalscreen.plot import plot_synthesis

    title = f"{model.name}: what {target} answers to most"
    drawn = _channels_last(made, ("x", "start"), loaded, given.get("channels"))
    figure = plot_synthesis(drawn, fs=given.get("fs") if drawn.x.ndim == 3 else None, title=title)
    write_figure(picture, figure)
    import numpy as np

    with atomically(arrays) as part, part.open("wb") as file:
        np.savez_compressed(file, x=made.x, score=made.score, objective=made.objective, history=made.history)
    click.echo(f"wrote {arrays}")


@features.command("average-maps", short_help="Average the maps of every class of DATA, and draw them.")
@MODEL
@_DATA
@model_options
@CHANNELS
@EXAMINATION
@click.option("-m", "--method", default="saliency", show_default=True, help='See "signalscreen methods".')
@click.option("-t", "--target", default="label", show_default=True, help="label: each example's own class.")
@_LABELS
@click.option("--difference", type=int, nargs=2, metavar="A B", help="Draw the mean of label A less that of B.")
@click.option(
    "--reduce",
    type=click.Choice(("max_abs", "sum", "mean", "abs_sum", "l2", "positive", "negative")),
    help="Merge channels before averaging; by default signed maps are averaged as they are.",
)
@FS
@click.option("--option", multiple=True, metavar="KEY=VALUE", help="Of the method. Repeat.")
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Examples per model call.")
@out_options
def average_maps(
    model: Path,
    data: Path,
    weights: Path | None,
    until: str | None,
    method: str,
    target: str,
    label_names: str | None,
    difference: tuple[int, int] | None,
    reduce: str | None,
    fs: float | None,
    option: tuple[str, ...],
    batch_size: int | None,
    out: Path,
    overwrite: bool,
    channels: str | None,
    examine: bool,
) -> None:
    """Average the maps of every class of DATA, and draw the difference of two.

    Writes <data>_average_<method>.png and .npz into the folder of --out.
    """
    from signalscreen.averages import class_averages
    from signalscreen.classic.files import read_examples

    [method] = values.methods([method])
    options = values.options(option, [method])[method]
    stem = f"{data.stem}_average_{method}"
    picture, arrays = free_paths(out, overwrite, f"{stem}.png", f"{stem}.npz")
    x, labels = read_examples(data)
    names = values.names(label_names)
    numbers = _numbers(names, labels.tolist())
    _check_pair(difference, set(labels.tolist()), data)
    fs = one_rate(model, fs, until)
    from signalscreen.models import load_model

    loaded = load_model(model, weights=weights, until=until)
    found = class_averages(
        loaded,
        x,
        labels,
        method=method,
        target="label" if target == "label" else values.target(target),
        class_names=numbers,
        reduce=reduce,
        batch_size=batch_size,
        channels=channels,
        examine=examine,
        **options,
    )
    found.save(arrays)
    click.echo(f"wrote {arrays}")
    from signalscreen.plot import plot_averages

    found = _channels_last(found, ("mean", "std", "signal"), loaded, channels)
    axes = next(iter(found.signal.values())).shape[:-1]
    middle = axes[0] // 2
    figure = plot_averages(
        found.slice(middle) if len(axes) == 3 else found,
        difference,
        class_names={label: str(label) if numbers else _named(label, names) for label in found.labels},
        fs=fs if len(axes) == 1 else None,
        title=f"{data.name}: mean {method}" + (f", slice {middle}" if len(axes) == 3 else ""),
        aspect="auto",
    )
    write_figure(picture, figure)


def _channels_last(found: Any, fields: Sequence[str], model: Any, channels: Any) -> Any:
    """A result whose arrays lie as they are drawn, channels last."""
    from signalscreen.surveys import channels_last

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(one) for key, one in value.items()}
        return channels_last(model, value, channels)

    return replace(found, **{name: turned(getattr(found, name)) for name in fields})


def _check_pair(pair: tuple[int, int] | None, labels: set[int], data: Path) -> None:
    """Before the work: a difference is of two labels that have examples."""
    if pair is None:
        return
    missing = [label for label in pair if label not in labels]
    if missing or pair[0] == pair[1]:
        wrong = (
            f"label {missing[0]} has no example in {data.name}" if missing else f"{pair[0]} twice is no difference"
        )
        raise InputError(
            f"{wrong}; its labels are {', '.join(map(str, sorted(labels)))}, and two of them are compared"
        )


def _numbers(names: Sequence[str] | None, labels: Sequence[int]) -> list[int] | None:
    """The names as numbers, where those are the labels themselves (-1 and 1), in the model's order."""
    if names is None or not all(re.fullmatch(r"-?\d+", name) for name in names):
        return None
    numbers = [int(name) for name in names]
    return numbers if set(labels) <= set(numbers) else None


def _named(label: Any, names: Sequence[str] | None) -> str:
    return names[label] if names is not None and 0 <= label < len(names) else f"label {label}"


def _plain(target: str) -> str:
    """A target as a part of a file's name."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in target.removeprefix("unit:"))
    return kept.strip("-")


def _options(words: Sequence[str], function: Callable[..., Any], taken: set[str]) -> dict[str, Any]:
    """``KEY=VALUE`` as keywords of a function that have no flag of their own."""
    allowed = [name for name in inspect.signature(function).parameters if name not in taken]
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in allowed:
            raise click.BadParameter(
                f"{word!r} is no option here; give KEY=VALUE with one of {', '.join(allowed)}",
                param_hint="--option",
            )
        found[key] = values.literal(value)
    return found
