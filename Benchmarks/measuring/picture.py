"""The picture: processor time for each request, as a multiple of C epoll, a panel for each scenario."""
import statistics
from xml.sax.saxutils import escape

from .report import measured, ratios
from .scenarios import SCENARIOS
from .servers import REFERENCE

COLUMNS, LABELS, BARS, NUMBERS, GAP = 4, 104, 112, 40, 16
LINE, HEAD, TOP, BOTTOM = 16, 40, 64, 30
MOST = 3.0  # longer bars are cut here
STYLE = """
    .ground { fill: #ffffff } .text { fill: #1f2430 } .faint { fill: #5c6370 }
    .berth { fill: #2f6fb5 } .peer { fill: #b3bac5 } .one { stroke: #c0392b } .cut { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #14171c } .text { fill: #e6e9ef } .faint { fill: #9aa3b2 }
      .berth { fill: #5b9be0 } .peer { fill: #5a6270 } .one { stroke: #ff7b6b } .cut { fill: #14171c }
    }"""


def bar(name, value, y):
    kind = "berth" if name.startswith("berth") else "peer"
    width = min(value, MOST) / MOST * BARS
    weight = ' font-weight="bold"' if kind == "berth" else ""
    parts = [
        f'<text class="text" x="{LABELS - 6}" y="{y + 11}" text-anchor="end"{weight}>{escape(name)}</text>',
        f'<rect class="{kind}" x="{LABELS}" y="{y + 2}" width="{width:.1f}" height="{LINE - 4}"/>']
    if value > MOST:
        x = LABELS + BARS - 14
        parts.append(f'<path class="cut" d="M{x} {y + LINE} l5 {-LINE} h4 l-5 {LINE} z"/>')
    # Beside the bar, but not across the dashed line.
    x = LABELS + max(width, BARS / MOST if value > 0.2 else 0) + 5
    parts.append(f'<text class="text" x="{x:.1f}" y="{y + 11}">{value:.2f}</text>')
    return parts


def panel(key, bars, x, y):
    what = SCENARIOS[key].what
    half = what.rfind(" ", 0, 54) if len(what) > 54 else len(what)
    one = LABELS + BARS / MOST
    parts = [f'<g transform="translate({x} {y})">', f'<text class="text" y="0" font-weight="bold">{key}</text>',
             f'<text class="faint" y="13" font-size="10">{escape(what[:half])}</text>',
             f'<text class="faint" y="25" font-size="10">{escape(what[half:].strip())}</text>']
    for index, (name, value) in enumerate(bars):
        parts += bar(name, value, HEAD - 6 + index * LINE)
    end = HEAD - 4 + len(bars) * LINE
    parts += [f'<path class="one" stroke-dasharray="3 2" d="M{one:.1f} {HEAD - 8} V{end}"/>', "</g>"]
    return parts


def svg(results, order):
    rows = results["rows"]
    names, scenarios = measured(rows, order)
    names = [name for name in names if name != REFERENCE]
    panels = []
    for key in scenarios:
        found = {name: ratios(rows, name, key, "srv_us") for name in names}
        panels.append((key, [(name, statistics.median(values)) for name, values in found.items() if values]))
    columns = max(1, min(COLUMNS, len(panels)))
    wide, high = LABELS + BARS + NUMBERS, HEAD + max((len(bars) for _, bars in panels), default=0) * LINE + GAP
    width = GAP + columns * (wide + GAP)
    height = TOP + -(-len(panels) // columns) * high + BOTTOM
    title = "Processor time of the server for each request, as a multiple of C epoll"
    about = results["about"]
    count = len({row["round"] for row in rows})
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="Helvetica, Arial, sans-serif" font-size="11" role="img">',
             f"  <title>{title}</title>", f"  <style>{STYLE}\n  </style>",
             f'  <rect class="ground" width="{width}" height="{height}"/>',
             f'  <text class="text" x="{GAP}" y="26" font-size="16" font-weight="bold">{title}</text>',
             f'  <text class="faint" x="{GAP}" y="43">shorter is better; the dashed line is C epoll; '
             f'medians of {count} {"round" if count == 1 else "rounds"}</text>']
    for index, (key, bars) in enumerate(panels):
        x, y = GAP + index % columns * (wide + GAP), TOP + 12 + index // columns * high
        parts += ["  " + part for part in panel(key, bars, x, y)]
    parts += [f'  <text class="faint" x="{GAP}" y="{height - 12}" font-size="10">{escape(about["date"])}, Berth '
              f'{escape(about["commit"])}, {escape(about["machine"])}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
