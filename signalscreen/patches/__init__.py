"""Exact fast occlusion: the cost of an edit is the cost of what it changes."""
