"""SignalScreen: why a 1D convolutional network decided what it did about a signal.

Public names are loaded when first used (PEP 562), so that ``import signalscreen``, plotting and reading
recordings do not import TensorFlow.
"""

from importlib import import_module
from typing import Any

from signalscreen import errors

__version__ = "0.1.0"

# public name -> the module that holds it
_HOMES = {
    "METHODS": "methods",
    "explain": "methods",
    "saliency": "methods",
    "input_x_gradient": "methods",
    "guided_backprop": "methods",
    "deconvnet": "methods",
    "smooth_grad": "methods",
    "var_grad": "methods",
    "integrated_gradients": "methods",
    "deep_lift": "methods",
    "lrp": "methods",
    "occlusion": "methods",
    "occlusion_scales": "methods",
    "grad_cam": "methods",
    "grad_cam_plus_plus": "methods",
    "layer_cam": "methods",
    "guided_grad_cam": "methods",
    "score_cam": "methods",
    "in_silico_mutagenesis": "mutagenesis",
    "Edit": "edits",
    "edit_effects": "edits",
    "deletion_curve": "metrics",
    "reduce": "reduction",
    "Score": "score",
    "Unit": "targets",
    "activations": "features",
    "layer_saliency": "features",
    "class_averages": "averages",
    "ClassAverages": "averages",
    "load_averages": "averages",
    "maximize_activation": "synthesis",
    "generate_class": "synthesis",
    "deep_dream": "synthesis",
    "invert": "synthesis",
    "FilterWeights": "filters",
    "filter_weights": "kernels",
    "layer_positions": "receptive",
    "load_model": "models",
    "Expectations": "expectations",
    "expectations_of": "expectation_files",
    "write_expectations": "expectation_files",
    "bad_signal": "quality",
    "share_on_bad": "quality",
    "Recording": "recording",
    "Annotation": "recording",
    "read_recording": "recording",
    "open_recording": "recording",
    "screen_recording": "screening",
    "screen_recordings": "screening",
    "open_results": "screening",
    "export_results": "exports",
    "write_report": "report",
    "show_review": "review",
    "plot_averages": "plot",
    "plot_with_gradient": "plot",
    "plot_image": "plot",
    "plot_scales": "plot",
    "plot_activations": "plot",
    "plot_filter_weights": "plot",
    "saliency_plot": "plot",
    "plot_synthesis": "plot",
    "plot_volume": "plot",
}

__all__ = ["__version__", "errors", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'signalscreen' has no attribute {name!r}")
    return getattr(import_module(f"signalscreen.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
