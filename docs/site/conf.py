"""Settings of the site; `build.py` assembles what it is made from and calls Sphinx."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from docstrings import in_restructured_text

from mien import __version__

project = "mien"
author = "The mien developers"
copyright = "the mien developers, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
highlight_language = "none"  # indented blocks of the pages are commands and files, not Python
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    name: name for name in ("FloatArray", "IntArray", "BoolArray", "ArrayLike", "Json", "Progress")
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_attr_annotations = False  # types stand in the signature

html_theme = "furo"
html_title = f"mien {release}"
html_static_path = [str(Path(__file__).resolve().parent / "static")]
html_css_files = ["mien.css"]
html_copy_source = False
html_show_sphinx = False


def setup(app):
    """Tell autodoc how this package writes docstrings; before napoleon, which sees sections only."""
    app.connect("autodoc-process-docstring", in_restructured_text, priority=400)
