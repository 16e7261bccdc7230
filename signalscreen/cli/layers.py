"""``signalscreen features filter-weights`` and ``activations``: one layer, drawn."""

from pathlib import Path

import click
import numpy as np

from signalscreen.cli.expected import expected, fit, one_rate, say_taken
from signalscreen.cli.model import CHANNELS, EXAMINATION, FS, MODEL, model_options
from signalscreen.cli.writing import free_paths, out_options, write_figure
from signalscreen.expectations import SCALINGS

_LAYER = click.argument("layer")
_FILTERS = click.option("--filter", "filters", type=int, multiple=True, metavar="N", help="Repeat for several.")


@click.command("filter-weights")
@MODEL
@_LAYER
@model_options
@FS
@_FILTERS
@out_options
def filter_weights(
    model: Path,
    layer: str,
    weights: Path | None,
    until: str | None,
    fs: float | None,
    filters: tuple[int, ...],
    out: Path,
    overwrite: bool,
) -> None:
    """Draw the filters of LAYER; with --fs, what 1D ones let through by frequency.

    Writes <model>_<layer>_weights.png into the folder of --out.
    """
    [picture] = free_paths(out, overwrite, f"{model.stem}_{_plain(layer)}_weights.png")
    from signalscreen.kernels import filter_weights as weights_of
    from signalscreen.models import load_model
    from signalscreen.plot import plot_filter_weights

    fs = one_rate(model, fs)
    found = weights_of(load_model(model, weights=weights, until=until), _layer(layer))
    write_figure(picture, plot_filter_weights(found, fs, list(filters) or None))


@click.command("activations")
@MODEL
@click.argument("signal")
@_LAYER
@model_options
@CHANNELS
@EXAMINATION
@FS
@click.option("--start", type=float, metavar="S", help="Begin here, in seconds; one window of the model is taken.")
@click.option("-l", "--lead", multiple=True, metavar="NAME", help="Lead by name or index; repeat for several.")
@click.option("--resample", type=float, metavar="HZ", help="The model's sampling rate.")
@click.option("--normalise", type=click.Choice(SCALINGS), help="Scale the window as in training; none: as it is.")
@_FILTERS
@out_options
def activations(
    model: Path,
    signal: str,
    layer: str,
    weights: Path | None,
    until: str | None,
    fs: float | None,
    start: float | None,
    lead: tuple[str, ...],
    resample: float | None,
    normalise: str | None,
    filters: tuple[int, ...],
    out: Path,
    overwrite: bool,
    channels: str | None,
    examine: bool,
) -> None:
    """Draw what LAYER gives for a window of SIGNAL, under it.

    SIGNAL is read as by explain. Writes <record>_<layer>_activations.png into the folder of --out.
    """
    from signalscreen.recording import read_recording

    recording = read_recording(signal, fs=fs, start=start, leads=list(lead) or None)
    expected_ones = say_taken(model, {"resample": resample, "normalise": normalise}, until)
    resample, how = expected_ones.get("resample", resample), expected_ones.get("normalise", normalise)
    normalise = None if how == "none" else how
    recording = fit(recording, resample, normalise, expected(model, until))
    stem = Path(recording.source).stem or "signal"
    [picture] = free_paths(out, overwrite, f"{stem}_{_plain(layer)}_activations.png")
    from signalscreen.features import activations as given_by
    from signalscreen.models import load_model
    from signalscreen.plot import plot_activations
    from signalscreen.screening import cut_for, taken_by
    from signalscreen.surveys import layer_places

    network = load_model(model, weights=weights, until=until)
    windows = cut_for(network, recording, normalise=normalise, channels=channels)
    taken = taken_by(network, channels)
    x, which = taken.of(windows.values[:1]), _layer(layer)
    maps = given_by(network, x, which, channels=channels, examine=examine)[0]
    # Time first, as it is drawn.
    maps = np.moveaxis(maps, 0, -1) if taken.order.is_first and maps.ndim > 1 else maps
    where = layer_places(network, x, which, channels)
    where = where if where is not None and len(where) == maps.ndim - 1 else None
    begins = "" if recording.fs is None else f" from {recording.time[windows.starts[0]]:g} s"
    name = f"layer {layer}" if isinstance(which, int) else layer
    figure = plot_activations(
        windows.values[0],
        maps,
        recording.fs,
        recording.names,
        list(filters) or None,
        positions=where,
        units=None if normalise else recording.units,
        title=f"{recording.source}{begins}: what {name} of {model.name} gives",
    )
    write_figure(picture, figure)


def _layer(text: str) -> str | int:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _plain(layer: str) -> str:
    return layer.replace("/", "-")
