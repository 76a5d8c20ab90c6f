"""How results and traces show themselves in a notebook: the picture, and the page to walk through.

What is above the fold is static (text and SVG), so that it is there in a notebook that is only
read. The page stands in a frame of its own that opens on demand; it shares nothing with the
notebook. Neighbours: `html` makes the page, `lanes` the picture.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from modelcheck.show import summary
from modelcheck.show.html import result_page, trace_page
from modelcheck.show.lanes import lanes_svg

if TYPE_CHECKING:
    from modelcheck.show.trace import Trace

_BOX = "max-height:42em;overflow:auto;border:1px solid rgba(128,128,128,.4);border-radius:6px"
_FRAME = "width:100%;height:780px;border:1px solid rgba(128,128,128,.4);border-radius:6px"


def result_html(result: Any) -> str:
    """A result as a fragment of HTML: verdict and counts, its picture, its page in a frame."""
    walkable = result.trace is not None or any(result.witnesses.values())
    return summary.result_html(result) + (_frame(result_page(result)) if walkable else "")


def trace_html(trace: Trace) -> str:
    """A trace as a fragment of HTML: its picture, and its page in a frame."""
    return _picture(trace) + _frame(trace_page(trace))


def _picture(trace: Trace) -> str:
    return f'<div style="{_BOX}">{lanes_svg(trace)}</div>'


def _frame(page: str) -> str:
    """The page in a frame that has scripts and nothing else of its surroundings."""
    return (
        "<details><summary>Walk through it</summary>"
        f'<iframe sandbox="allow-scripts" loading="lazy" title="modelcheck" style="{_FRAME}" '
        f'srcdoc="{escape(page, quote=True)}"></iframe></details>'
    )


__all__ = ["result_html", "trace_html"]
