"""Names, arguments and file names of three older systems, thin over this package.

* The older SignalScreen: a script written for its two modules runs with ``from signalscreen.classic import
  signal_screen, signal_screen_tools`` in place of its import lines. Their functions can be imported from here too.
* vis: `visualize` and its parts, and the command ``signalscreen classic vis``.
* CNN-vis: the command ``signalscreen classic cnn-vis``; its functions are those of `signalscreen.classic.cnn_vis`.

Where an original was wrong, this differs, and the documentation says so (:doc:`migrating`).
"""

from signalscreen.classic import signal_screen, signal_screen_tools
from signalscreen.classic.signal_screen import (
    calculate_grad_cam,
    calculate_occlusion_sensitivity,
    calculate_saliency_map,
)
from signalscreen.classic.signal_screen_tools import (
    add_zeros,
    change_last_activation_to_linear,
    clone_model,
    normalise_array,
    plot_with_gradient,
)
from signalscreen.classic.vis import visualize, visualize_integrated_gradients, visualize_shap
from signalscreen.classic.vis_figures import display_1d, display_2d

__all__ = [
    "add_zeros",
    "calculate_grad_cam",
    "calculate_occlusion_sensitivity",
    "calculate_saliency_map",
    "change_last_activation_to_linear",
    "clone_model",
    "display_1d",
    "display_2d",
    "normalise_array",
    "plot_with_gradient",
    "signal_screen",
    "signal_screen_tools",
    "visualize",
    "visualize_integrated_gradients",
    "visualize_shap",
]
