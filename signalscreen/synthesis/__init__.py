"""Inputs made for a unit: activation maximisation, class images, deep dream, inversion; over one optimiser loop."""

from signalscreen.synthesis.activation import maximize_activation
from signalscreen.synthesis.result import Inversion, Synthesis

__all__ = ["Inversion", "Synthesis", "maximize_activation"]
