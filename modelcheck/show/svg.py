"""A small SVG canvas: shapes and measured text, everything escaped on its way in.

No text reaches the output but through `escape`, so that no value can break out of its element,
and the result is well-formed XML whatever it shows. Text is measured without a font library:
code is set in monospace, whose advance is 0.6 em in every common font. Neighbours: `lanes` draws
with it, `palette` has the colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape as escape_html

from modelcheck.show.text import clean, columns, cut

ADVANCE = 0.605
"""Width of a monospaced character, in em (DejaVu, Menlo 0.602; Consolas 0.55: narrower is safe)."""

SANS_ADVANCE = 0.56
"""Width of an average proportional character, in em, a little on the safe side."""


def escape(text: str) -> str:
    r"""`text` for an XML element or attribute: on one line, printable, with entities.

    Examples
    --------
    >>> print(escape('a < "b"\0 ]]>'))
    a &lt; &quot;b&quot;\x00 ]]&gt;
    """
    return escape_html(clean(text), quote=True)


def text_width(text: str, size: float, advance: float = ADVANCE) -> float:
    """Width of `text` in pixels at a font size in pixels."""
    return columns(text) * size * advance


def fitting(width: float, size: float, advance: float = ADVANCE) -> int:
    """How many characters fit into `width` pixels; at least one."""
    return max(1, int(width / (size * advance)))


def wrap(text: str, limit: int, lines: int) -> list[str]:
    """`text` on at most `lines` lines of `limit` columns, broken where code may be broken.

    Examples
    --------
    >>> wrap("smp_call_function_many(cpus, do_nothing)", 24, 3)
    ['smp_call_function_many(', 'cpus, do_nothing)']
    >>> wrap("a" * 30, 8, 2)
    ['aaaaaaaa', 'aaaaaaa…']
    """
    rest = clean(text)
    found: list[str] = []
    while rest and len(found) < lines - 1 and columns(rest) > limit:
        at = _break_at(rest, limit)
        found.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    if rest:
        found.append(fit(rest, limit))
    return found


def fit(text: str, limit: int) -> str:
    """`text` cut to `limit` columns (wide characters count double)."""
    shown = cut(text, limit)
    while columns(shown) > limit and len(shown) > 1:
        shown = shown[:-2] + "…"
    return shown


def fit_name(name: str, width: float) -> str:
    """A process's name cut to `width` pixels of a bold heading; its number stays.

    Examples
    --------
    >>> fit_name("increment[0]", 100), fit_name("increment_both_counters[0]", 100)
    ('increment[0]', 'incremen…[0]')
    """
    shown, limit = clean(name), fitting(width, 13, 0.62)
    stem, bracket, number = shown.rpartition("[")
    room = limit - len(bracket + number)
    if columns(shown) <= limit or not number.endswith("]") or room < 2:
        return fit(shown, limit)
    return fit(stem, room) + bracket + number


def _break_at(text: str, limit: int) -> int:
    """Where to break: behind a blank or a mark, unless that leaves the line nearly empty."""
    hard = next((i for i in range(len(text)) if columns(text[: i + 1]) > limit), len(text))
    for marks in (" ", "(,;:=|&", "._/-"):
        at = max(text.rfind(mark, 0, hard) for mark in marks) + 1
        if at > hard // 3:
            return at
    return max(1, hard)


class Canvas:
    """Collects the elements of one SVG document."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    @contextmanager
    def group(self, tooltip: str, css: str) -> Iterator[None]:
        """A group of what is drawn inside, with a tooltip that a pointer shows over it."""
        self.parts.append(f'<g class="{css}"><title>{escape(tooltip)}</title>')
        yield
        self.parts.append("</g>\n")

    def rect(self, box: tuple[float, float, float, float], css: str, radius: float = 8) -> None:
        """A rectangle with rounded corners; `box` is x, y, width and height."""
        x, y, width, height = box
        self._shape("rect", css, x=x, y=y, width=width, height=height, rx=radius)

    def circle(self, x: float, y: float, radius: float, css: str) -> None:
        """A filled circle."""
        self._shape("circle", css, cx=x, cy=y, r=radius)

    def line(self, start: tuple[float, float], end: tuple[float, float], css: str) -> None:
        """A straight line."""
        self.path(f"M{_n(start[0])} {_n(start[1])}L{_n(end[0])} {_n(end[1])}", css)

    def path(self, d: str, css: str) -> None:
        """Any path; `d` is the program's own, never a user's text."""
        self.parts.append(f'<path d="{d}" class="{css}"/>')

    def arrow(self, ends: tuple[float, float], y: float, color: str, line: str = "write") -> None:
        """A level arrow from one x to another; `line` is write, read or both (with two heads)."""
        x1, x2 = ends
        way, both = (1 if x2 > x1 else -1), line == "both"
        css = "read" if line == "read" else "line"
        self.line((x1 + 7 * way * both, y), (x2 - 7 * way, y), f"{css} s{color}")
        self._head(x2, y, way, color)
        if both:
            self._head(x1, y, -way, color)

    def text(self, x: float, y: float, text: str, css: str) -> None:
        """One line of text; `css` names its font and colour classes."""
        self.parts.append(f'<text x="{_n(x)}" y="{_n(y)}" class="{css}">{escape(text)}</text>')

    def runs(self, x: float, y: float, runs: list[tuple[str, str]], css: str) -> None:
        """One line of text in pieces, each a text and its class."""
        # librsvg drops the blank at the border of two pieces unless it is told to keep it.
        keep = f'x="{_n(x)}" y="{_n(y)}" class="{css}" xml:space="preserve"'
        pieces = "".join(f'<tspan class="{c}">{_escape_piece(t)}</tspan>' for t, c in runs if t)
        self.parts.append(f"<text {keep}>{pieces}</text>")

    def _head(self, x: float, y: float, way: int, css: str) -> None:
        points = f"M{_n(x)} {_n(y)}l{-8 * way} -4l{2 * way} 4l{-2 * way} 4z"
        self.path(points, f"f{css}")

    def _shape(self, name: str, css: str, **numbers: float) -> None:
        attributes = "".join(f' {key}="{_n(number)}"' for key, number in numbers.items())
        self.parts.append(f'<{name}{attributes} class="{css}"/>')


def _escape_piece(text: str) -> str:
    """As `escape`, but a blank at either end stays."""
    return " " * text.startswith(" ") + escape(text) + " " * text.endswith(" ")


def _n(number: float) -> str:
    """A coordinate, short: one decimal is a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
