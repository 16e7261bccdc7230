"""Can an explanation be trusted: numbers that say how well it points at what is known to matter."""

from signalscreen.metrics.agreement import Agreement, annotation_agreement, interval_mask
from signalscreen.metrics.deletion import Curve, deletion_curve
from signalscreen.metrics.localisation import LocalisationScore, localisation_score

__all__ = [
    "Agreement",
    "Curve",
    "LocalisationScore",
    "annotation_agreement",
    "deletion_curve",
    "interval_mask",
    "localisation_score",
]
