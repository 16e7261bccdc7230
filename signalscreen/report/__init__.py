"""One HTML page about a screened recording, or a database of them: no script, and nothing loaded. No TensorFlow."""

from signalscreen.report.writing import write_report

__all__ = ["write_report"]
