"""Pictures of signals, images and volumes with their attributions. Nothing is computed here, only drawn."""

from .activations import plot_activations
from .averages import plot_averages
from .compare import compare_methods
from .filter_weights import plot_filter_weights
from .image import plot_image
from .line import plot_with_gradient
from .saliency_plot import saliency_plot
from .scales import plot_scales
from .synthesis import plot_synthesis
from .volume import plot_volume

__all__ = [
    "compare_methods",
    "plot_activations",
    "plot_averages",
    "plot_filter_weights",
    "plot_image",
    "plot_scales",
    "plot_synthesis",
    "plot_volume",
    "plot_with_gradient",
    "saliency_plot",
]
