"""Review of a screened recording: the server on this computer, what it reads, and its page. No TensorFlow.

Tornado and Bokeh (the extra ``review``) are imported when a server starts.
"""

from signalscreen.review.notebook import NotebookReview, show_review
from signalscreen.review.server import RunningReview, serve, start_in_thread

__all__ = ["NotebookReview", "RunningReview", "serve", "show_review", "start_in_thread"]
