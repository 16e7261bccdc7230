"""The methods, one file each: the formula, its docstring, nothing else."""

from signalscreen.method import METHODS, explain, find_method
from signalscreen.methods.deep_lift import deep_lift
from signalscreen.methods.grad_cam import grad_cam, grad_cam_plus_plus, layer_cam
from signalscreen.methods.guided import deconvnet, guided_backprop, guided_grad_cam
from signalscreen.methods.integrated_gradients import integrated_gradients
from signalscreen.methods.lrp import lrp
from signalscreen.methods.occlusion import occlusion
from signalscreen.methods.occlusion_scales import occlusion_scales
from signalscreen.methods.saliency import input_x_gradient, saliency
from signalscreen.methods.score_cam import score_cam
from signalscreen.methods.smooth_grad import smooth_grad, var_grad

__all__ = [
    "METHODS",
    "deconvnet",
    "deep_lift",
    "explain",
    "find_method",
    "grad_cam",
    "grad_cam_plus_plus",
    "guided_backprop",
    "guided_grad_cam",
    "input_x_gradient",
    "integrated_gradients",
    "layer_cam",
    "lrp",
    "occlusion",
    "occlusion_scales",
    "saliency",
    "score_cam",
    "smooth_grad",
    "var_grad",
]
