"""Can an explanation be trusted: numbers that say how well it points at what is known to matter."""

from signalscreen.metrics.deletion import Curve, deletion_curve
from signalscreen.metrics.localisation import LocalisationScore, localisation_score

__all__ = ["Curve", "LocalisationScore", "deletion_curve", "localisation_score"]
