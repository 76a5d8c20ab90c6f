"""A page about a check over executions: the verdict, the story, the graphs. It has no script.

Pictures are drawn by Graphviz; where none is installed the page has the words alone.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

from modelcheck.errors import UsageError
from modelcheck.show.execution import EventGraph, execution_svg
from modelcheck.show.summary import counts_line, safe_lines, title_of, verdict_line
from modelcheck.show.text import clean

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #17202b; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; }
pre { background: #f6f8fa; padding: 1rem; overflow: auto; border-radius: 6px; }
figure { margin: 1rem 0; overflow: auto; } img { max-width: 100%; height: auto; }
.violated { color: #b3201a; } .holds { color: #1a7f37; }
"""


def execution_page(result: Any) -> str:
    """Return the page as text, ASCII only: the same for the same result."""
    evidence = result.evidence
    parts = [
        f"<h1>{escape(title_of(result))}</h1>",
        f'<p class="{escape(str(result.verdict))}"><strong>{escape(verdict_line(result))}</strong>'
        f"<br>{escape(counts_line(result))}</p>",
    ]
    parts += [f"<p>warning: {escape(clean(w))}</p>" for w in result.warnings]
    if evidence.story:
        parts += ["<h2>The execution</h2>", _picture(evidence.graph), _words(evidence.story)]
    for found in evidence.forbidden:
        parts += [f"<h2>Why {escape(clean(found.property))} is not broken</h2>"]
        parts += [_picture(found.graph), _words(found.why)]
    for name, told in evidence.witnesses.items():
        parts += [f"<h2>Witness: {escape(clean(name))}</h2>", _words(told or "none was found")]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title_of(result))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )
    whole = head + "\n".join(parts) + "\n</body>\n</html>\n"
    return whole.encode("ascii", "xmlcharrefreplace").decode()


def _words(text: str) -> str:
    return f"<pre>{escape(safe_lines(text))}</pre>"


def _picture(graph: EventGraph | None) -> str:
    """Return a graph as an image, which runs nothing; or why there is none."""
    if graph is None:
        return ""
    try:
        svg = execution_svg(graph)
    except UsageError as error:
        return f"<p>No picture: {escape(str(error))}</p>"
    data = base64.b64encode(svg.encode()).decode()
    alt = escape(clean(graph.title))
    source = f"data:image/svg+xml;base64,{data}"
    return f'<figure><img alt="the execution graph of {alt}" src="{source}"></figure>'


__all__ = ["execution_page"]
