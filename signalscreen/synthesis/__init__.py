"""Inputs made for a unit: activation maximisation, class images, deep dream, inversion; over one optimiser loop."""

from signalscreen.synthesis.activation import maximize_activation
from signalscreen.synthesis.class_image import generate_class
from signalscreen.synthesis.dream import deep_dream
from signalscreen.synthesis.inversion import invert
from signalscreen.synthesis.result import Inversion, Synthesis

__all__ = ["Inversion", "Synthesis", "deep_dream", "generate_class", "invert", "maximize_activation"]
