"""How the documentation is built: `python -m sphinx -W docs build/docs`.

Pages are Markdown (MyST) and notebooks; the reference of names comes from the docstrings. In
`.ci/run` a warning is an error: a broken link, a page in no table of contents, a docstring that
does not parse.
"""

import re
from pathlib import Path

import modelcheck

project = "modelcheck"
author = "modelcheck contributors"
project_copyright = "modelcheck contributors"
version = release = modelcheck.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = f"modelcheck {release}"
html_show_copyright = False
html_show_sourcelink = False

# Notebooks are kept without outputs and run here, each in a kernel of its own.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120

myst_heading_anchors = 3
# Directives stand between colons: a fence of backquotes is code, and tests run it.
myst_enable_extensions = ["colon_fence", "deflist"]

# A docstring's order is its author's, and its annotations belong into its parameters.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Names in single backquotes are code, as everywhere in this project's docstrings.
default_role = "code"

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


def _link(found: re.Match[str]) -> str:
    """A link of the README, as seen from here; one to a file that is no page is its text."""
    text, path, anchor = found[1], found[2], found[3] or ""
    inside = path.startswith("docs/") and path.endswith(".md")
    return f"[{text}]({path.removeprefix('docs/')}{anchor})" if inside else text


def _read(app: object, page: str, source: list[str]) -> None:
    """Make the README a page, and links to it links to that page."""
    if page == "readme":
        source[0] = LINK.sub(_link, (ROOT / "README.md").read_text("utf-8"))
    source[0] = source[0].replace("](../README.md", "](readme.md")


def setup(app):
    """Register what Sphinx calls while it reads."""
    app.connect("source-read", _read)
