"""Who turns DOT into a picture: the system's Graphviz, else one that pip installs.

`graphviz-pure` (Graphviz ported to Rust, one program, the same picture everywhere) needs no system
package and makes SVG and PNG. For PDF its SVG goes through `svg2pdf-py`. Both are small wheels for
Linux, macOS and Windows. The system's ``dot`` is taken first, since its fonts are the user's.
Neighbours: `stategraph` writes the DOT.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from modelcheck.errors import ModelcheckError, UsageError

FORMATS = ("svg", "png", "pdf")

TIMEOUT_S = 300
"""Seconds that one layout may take."""

_SYSTEM = "your system's Graphviz (apt install graphviz, brew install graphviz)"


def image(dot: str, format: str) -> bytes:
    """The picture of a graph in DOT.

    Parameters
    ----------
    dot : str
        The graph.
    format : str
        One of `FORMATS`.

    Raises
    ------
    UsageError
        If no installed engine makes this format: it says what to install.
    ModelcheckError
        If the engine fails, or takes longer than `TIMEOUT_S`.
    """
    system = shutil.which("dot")
    if system:
        return _run(system, dot, f"-T{format}")
    pure = _graphviz_pure()
    if pure is None:
        packages = "graphviz-pure svg2pdf-py" if format == "pdf" else "graphviz-pure"
        raise UsageError(
            f"no Graphviz was found to draw the state graph as {format.upper()}: install one with "
            f"pip install {packages}, or {_SYSTEM}, or write a .dot file instead"
        )
    if format == "pdf":
        return svg_to_pdf(_run(pure, dot, "-Tsvg").decode("utf-8"))
    return _run(pure, dot, f"-T{format}")


@lru_cache(maxsize=16)
def layout(dot: str) -> str:
    """Where the nodes and edges of a graph in DOT go: Graphviz's own JSON.

    Raises
    ------
    UsageError
        If no engine is installed: it says what to install.
    ModelcheckError
        If the engine fails, or takes longer than `TIMEOUT_S`.
    """
    engine = program()
    if engine is None:
        raise UsageError(
            "no Graphviz was found to lay out the state graph: install one with "
            f"pip install 'modelcheck[graph]', or {_SYSTEM}"
        )
    return _run(engine, dot, "-Tjson").decode("utf-8")


def svg_converter(format: str) -> Callable[[str], bytes]:
    """The function that makes a PNG or PDF of an SVG document.

    Raises
    ------
    UsageError
        If nothing is installed that can: it says what to install.
    """
    if format == "pdf" and find_spec("svg2pdf_py") is not None:
        return svg_to_pdf
    program = shutil.which("rsvg-convert")
    if program is None:
        package = "pip install svg2pdf-py, or " if format == "pdf" else ""
        raise UsageError(
            f"nothing here makes a {format.upper()} of an SVG: {package}rsvg-convert (apt install "
            "librsvg2-bin, brew install librsvg) does; a .svg file needs neither"
        )
    return lambda svg: _run(program, svg, "-f", format)


def svg_to_pdf(svg: str) -> bytes:
    """An SVG document (of a state graph, or of the lanes) as PDF with its text as text.

    Raises
    ------
    UsageError
        If `svg2pdf-py` is not installed, or the system has no font to set the text in.
    """
    try:
        import svg2pdf_py
    except ImportError:
        raise UsageError(
            "a PDF needs pip install svg2pdf-py, or, for a state graph, "
            f"{_SYSTEM}; a .svg file needs neither"
        ) from None
    fonts = svg2pdf_py.FontDatabase.system()
    # Text in a font that it does not find is left out, and nobody is told.
    pdf = bytes(svg2pdf_py.svg_to_pdf(svg, fonts))
    if "<text" in svg and b"/Font" not in pdf:
        raise UsageError(
            "a PDF needs one of the usual fonts and this system has none of them: install one "
            "(apt install fonts-dejavu) or write a .svg file instead"
        )
    return pdf


def program() -> str | None:
    """The Graphviz that draws here, None where there is none."""
    return shutil.which("dot") or _graphviz_pure()


def _graphviz_pure() -> str | None:
    """The program of `graphviz-pure`, also where the environment's scripts are not on the path."""
    folders = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    found = shutil.which("graphviz-pure")
    for folder in folders:
        found = found or shutil.which("graphviz-pure", path=str(folder))
    return found


def _run(program: str, given: str, *options: str) -> bytes:
    import subprocess  # every start imports this module, and few draw

    try:
        done = subprocess.run(
            [program, *options],
            input=given.encode("utf-8"),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelcheckError(
            f"{program} took more than {TIMEOUT_S} s to draw: draw fewer states"
        ) from None
    # Warnings about the width of letters go to stderr and do no harm; only an empty picture does.
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise ModelcheckError(f"{program} failed with exit code {done.returncode}: {said}")
    return done.stdout
