"""Class averages: what a method shows for each class of a data set, which need not fit in memory."""

from signalscreen.averages.averaging import class_averages
from signalscreen.averages.result import ClassAverages, Difference, load_averages

__all__ = ["ClassAverages", "Difference", "class_averages", "load_averages"]
