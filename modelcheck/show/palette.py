"""The colours and fonts of the lanes picture, for light and for dark backgrounds.

Only plain class selectors and plain colours: many viewers of SVG know neither CSS variables nor
media queries, and must still show the light picture. Text reaches a contrast of 4.5:1 on its
background. All selectors start with the class of the root element, so that a picture inlined in a
page keeps its style to itself. Red is left to violations.
"""

from __future__ import annotations

ROOT = "modelcheck-lanes"

# (light, dark): told apart by people who do not see red or green, too, in the order of use.
_PROCESSES = (
    ("#1d5fc2", "#79b0ff"),  # blue
    ("#b25000", "#ffa657"),  # orange
    ("#0a7c6c", "#4fd8c0"),  # teal
    ("#7b3fc4", "#c8a4ff"),  # purple
    ("#56740b", "#b9d86a"),  # olive
    ("#a8307f", "#ff9bd2"),  # pink
    ("#0b7399", "#6fd0f5"),  # sky
    ("#7a4a1e", "#d9ab7c"),  # brown
    ("#4347b8", "#a6adff"),  # indigo
    ("#187a37", "#7ee094"),  # green
    ("#8a6400", "#f0cb52"),  # gold
    ("#4d5a68", "#b4c0cc"),  # slate
)

PROCESS_COLORS = tuple(light for light, _ in _PROCESSES)
"""The colours of processes on a white background, for other pictures than the lanes."""

_LIGHT = {
    "page": "#ffffff",
    "panel": "#ffffff",
    "ink": "#17202b",
    "dim": "#566270",
    "grid": "#c9d1d9",
    "memory": "#35414e",
    "on": "#ffffff",
    "bad": "#b3201a",
    "badwash": "#fdeceb",
    "good": "#17713a",
    "goodwash": "#e8f6ec",
    "wash": "#f3f5f7",
}
_DARK = {
    "page": "#0e141b",
    "panel": "#18202a",
    "ink": "#e8eef4",
    "dim": "#a3b0bd",
    "grid": "#3a4654",
    "memory": "#c5d0db",
    "on": "#0e141b",
    "bad": "#ff8078",
    "badwash": "#3a1715",
    "good": "#6fdc8c",
    "goodwash": "#12301c",
    "wash": "#151c25",
}

_FONTS = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,\
"DejaVu Sans","Liberation Sans","Noto Sans",sans-serif;\
font-size:13px}
.m,.c,.i{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",\
"Liberation Mono",monospace}
.m{font-size:12px}
.c{font-size:10.5px}
.i{font-size:11px}
.b{font-weight:600}
.h1{font-size:19px;font-weight:700}
.h2{font-size:15px;font-weight:700}
.head{font-size:13px;font-weight:700;text-anchor:middle}
.mid{text-anchor:middle}
.end{text-anchor:end}
.num{font-size:10px;font-weight:700;text-anchor:middle}
.line{fill:none;stroke-width:1.6}
.read{fill:none;stroke-width:1.3;stroke-dasharray:2.5 3}
.life{fill:none;stroke-width:1.2;stroke-dasharray:1.5 4}
.live{fill:none;stroke-width:4;stroke-linecap:round;stroke-opacity:.35}
.thin{fill:none;stroke-width:1}
.box{stroke-width:1.4}
.bad{stroke-width:2.2}
.band{fill-opacity:.07}
"""


def lane_color(index: int) -> int:
    """The number of the colour of a lane; colours repeat after twelve."""
    return index % len(_PROCESSES)


def style(lanes: int) -> str:
    """The style sheet for a picture with so many lanes."""
    light, dark = (_rules(side, lanes) for side in (0, 1))
    fonts = _scoped(_FONTS)
    screen = "@media (prefers-color-scheme:dark)"
    return f"{fonts}\n{_scoped(light)}\n{screen}{{\n{_scoped(dark)}\n}}"


def page_colors() -> str:
    """The same colours as CSS variables, for pages: light, dark, and either where one is chosen.

    Examples
    --------
    >>> ":root{--page:#ffffff;" in page_colors(), ".lane-0{--lane:var(--lane-0)}" in page_colors()
    (True, True)
    """
    light, dark = (
        "".join(
            [f"--{name}:{color};" for name, color in (_LIGHT, _DARK)[side].items()]
            + [f"--lane-{i}:{pair[side]};" for i, pair in enumerate(_PROCESSES)]
        )
        for side in (0, 1)
    )
    lanes = "".join(f".lane-{i}{{--lane:var(--lane-{i})}}" for i in range(len(_PROCESSES)))
    return (
        f":root{{{light}color-scheme:light}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}color-scheme:dark}}}}\n"
        f"@media screen{{:root[data-theme=light]{{{light}color-scheme:light}}"
        f":root[data-theme=dark]{{{dark}color-scheme:dark}}}}\n{lanes}\n"
    )


def _rules(side: int, lanes: int) -> str:
    """Fill (``f…``) and stroke (``s…``) classes of each colour."""
    named = (_LIGHT, _DARK)[side]
    used = range(min(lanes, len(_PROCESSES)))
    colors = {**named, **{str(i): _PROCESSES[i][side] for i in used}}
    rules = [
        f".f{name}{{fill:{color}}}.s{name}{{stroke:{color}}}" for name, color in colors.items()
    ]
    return "\n".join([f"text{{fill:{named['ink']}}}", *rules])


def _scoped(rules: str) -> str:
    lines = []
    for line in rules.splitlines():
        for rule in filter(None, line.split("}")):
            selectors, body = rule.split("{")
            scoped = ",".join(f".{ROOT} {selector}" for selector in selectors.split(","))
            lines.append(f"{scoped}{{{body}}}")
    return "\n".join(lines)
