"""Pictures of signals, images and volumes with their attributions. Nothing is computed here, only drawn."""

from .activations import plot_activations
from .compare import compare_methods
from .filter_weights import plot_filter_weights
from .image import plot_image
from .line import plot_with_gradient
from .saliency_plot import saliency_plot
from .scales import plot_scales
from .volume import plot_volume

__all__ = [
    "compare_methods",
    "plot_activations",
    "plot_filter_weights",
    "plot_image",
    "plot_scales",
    "plot_volume",
    "plot_with_gradient",
    "saliency_plot",
]
