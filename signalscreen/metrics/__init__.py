"""Can an explanation be trusted: numbers that say how well it points at what is known to matter."""

from signalscreen.metrics.localisation import LocalisationScore, localisation_score

__all__ = ["LocalisationScore", "localisation_score"]
