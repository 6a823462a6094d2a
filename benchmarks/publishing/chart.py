"""The results as one SVG picture: a panel of bars per figure, with the tools side by side.

Bars begin at zero; the thin line over a bar goes from the lowest to the highest of the pairs.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from benchmarks.contenders import ARTILLERY, FLOOR, K6_WEBSOCKETS, K6_WS, OURS, TSUNG
from benchmarks.figure import Figure
from benchmarks.goal import Pair
from benchmarks.publishing.results import Measured
from benchmarks.publishing.table import values_of

COLUMNS = 2
PANEL_WIDTH = 440
MARGIN = 24
NAME_WIDTH = 104
VALUE_WIDTH = 92
BAR_WIDTH = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH - MARGIN
BAR_HEIGHT, BAR_STEP = 18, 28
BARS_TOP = 66
SHOWN = (OURS, FLOOR, K6_WS, K6_WEBSOCKETS, TSUNG, ARTILLERY)  # from the top down
COLOURS = {
    OURS: "#0f766e",
    FLOOR: "#a8a29e",
    K6_WS: "#7d64ff",
    K6_WEBSOCKETS: "#b3a4ff",
    TSUNG: "#d97706",
    ARTILLERY: "#be5a7d",
}
INK, FAINT, PAPER = "#1c1917", "#57534e", "#ffffff"
PLAIN = f'font-size="13" fill="{INK}"'
STRONG = f'{PLAIN} font-weight="600"'
QUIET = f'font-size="13" fill="{FAINT}"'
TITLE = f'font-size="16" fill="{INK}" font-weight="600"'
FONT = "font-family=\"system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif\""


def chart(figures: Sequence[Figure], measured: Mapping[str, Measured]) -> str:
    """The picture, of those figures that were measured and have k6 in them."""
    drawn = [each for each in figures if each.name in measured and {K6_WS, K6_WEBSOCKETS} & set(each.contenders)]
    panels, top = [], MARGIN
    for row in (drawn[k : k + COLUMNS] for k in range(0, len(drawn), COLUMNS)):
        for number, figure in enumerate(row):
            panels += [f'<g transform="translate({MARGIN + number * PANEL_WIDTH} {top})">']
            panels += [*_panel(figure, measured[figure.name].pairs), "</g>"]
        top += BARS_TOP + BAR_STEP * max(len(_shown(figure, measured[figure.name].pairs)) for figure in row) + MARGIN
    width = COLUMNS * PANEL_WIDTH + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'role="img" aria-label="Ours beside k6, Tsung and Artillery">\n'
        f'<rect width="{width}" height="{top}" rx="8" fill="{PAPER}"/>\n' + "\n".join(panels) + "\n</svg>\n"
    )


def _panel(figure: Figure, pairs: Sequence[Pair]) -> Iterator[str]:
    column, found = figure.columns[0], _shown(figure, pairs)
    longest = max((abs(value) for values in found.values() for value in values), default=0.0) or 1.0
    yield _text(0, 16, figure.title, TITLE)
    better = "more is better" if figure.more_is_better else "less is better"
    yield _text(0, 38, f"{column.label} · {better}", QUIET)
    for row, (name, values) in enumerate(found.items()):
        yield from _bar(name, values, longest, column.digits, BARS_TOP + row * BAR_STEP)


def _shown(figure: Figure, pairs: Sequence[Pair]) -> Mapping[str, Sequence[float]]:
    """The values of each tool that has any, from the top down."""
    found = {name: values_of(pairs, name, figure.columns[0].key) for name in SHOWN}
    return {name: values for name, values in found.items() if values}


def _bar(name: str, values: Sequence[float], longest: float, digits: int, top: float) -> Iterator[str]:
    def at(value: float) -> float:
        return NAME_WIDTH + abs(value) / longest * BAR_WIDTH

    middle, median = top + BAR_HEIGHT / 2, statistics.median(values)
    look = STRONG if name == OURS else PLAIN
    yield _text(0, middle + 5, name, look)
    yield (
        f'<rect x="{NAME_WIDTH}" y="{top}" width="{max(1.0, at(median) - NAME_WIDTH):.1f}" height="{BAR_HEIGHT}" '
        f'rx="2" fill="{COLOURS[name]}"/>'
    )
    ends = sorted(map(at, values))
    yield f'<path d="M{ends[0]:.1f} {middle}H{ends[-1]:.1f}" stroke="{INK}" stroke-width="1.5"/>'
    yield _text(max(ends[-1], at(median)) + 8, middle + 5, f"{median:,.{digits}f}", look)


def _text(x: float, y: float, text: str, look: str = PLAIN) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {FONT} {look}>{escape(text)}</text>'
