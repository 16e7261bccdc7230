"""Which axes of a model's inputs and layers are the signal's, and where a layer's positions lie on it.

`terms` is the arithmetic of axes, `rules` what each op does to them, `walk` carries them through a graph, `survey`
traces a model for it, `reading` and `roles` say what was found. docs/decisions/0011-axes.md draws it.
"""
