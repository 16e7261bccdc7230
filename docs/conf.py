"""Sphinx configuration: pages, API from docstrings, gallery from executed examples."""

import re
import sys
from pathlib import Path

import signalscreen

sys.path.insert(0, str(Path(__file__).parent))  # gallery_order, mathml, model_card

project = "SignalScreen"
author = "The SignalScreen developers"
copyright = "2026, the SignalScreen developers"
release = version = signalscreen.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "model_card",
    "mathml",
]
html_math_renderer = "mathml"  # the default fetches MathJax from a network
html_theme = "pydata_sphinx_theme"
html_title = "SignalScreen"
html_theme_options = {"navigation_with_keys": False, "show_toc_level": 2}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"*": [], "gallery/*": ["sidebar-nav-bs"]}  # only the gallery has pages below it
exclude_patterns = ["_build", "decisions"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
napoleon_use_param = False  # "model, x, target, ...: ..." stays one entry
napoleon_custom_sections = [("Warns", "returns_style")]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "show_memory": False,
    "min_reported_time": 10,
    "capture_repr": (),
    "write_computation_times": False,
    "download_all_examples": False,
    "thumbnail_size": (480, 300),
    "image_srcset": ["2x"],
    "within_subsection_order": "gallery_order.Reading",
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "remove_config_comments": True,
}


def _polish(_app, _what, _name, _object, _options, lines):
    """Write stars, as in "(batch, *axes)", so that they are not taken for emphasis, and link to the conventions."""
    for i, line in enumerate(lines):
        line = re.sub(r"``[^`]*``|(?<!\\)\*(?=axes|window)", lambda m: r"\*" if m[0] == "*" else m[0], line)
        lines[i] = line.replace("the conventions page of the documentation", ":doc:`/conventions`")


def setup(app):
    app.connect("autodoc-process-docstring", _polish, priority=900)  # after napoleon
