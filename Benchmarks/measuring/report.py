"""The table, in Markdown."""
import statistics

from .scenarios import SCENARIOS
from .servers import REFERENCE

RATIOS = [
    ("srv_us", "Processor time of the server for each request", "lower is better", " µs"),
    ("rps", "Requests per second", "higher is better", "/s"),
    ("p99_us", "Latency, 99th percentile", "lower is better", " µs"),
]
FIGURES = [  # title, figure, its key, how it is written
    ("instructions, depth 1", "instructions 1", "instructions", "{:,.0f}"),
    ("depth 16", "instructions 16", "instructions", "{:,.0f}"),
    ("system calls, 64 × 16", "system calls", "calls", "{:.3f}"),
    ("allocations, depth 1", "allocations 1", "allocations", "{:.3f}"),
    ("depth 16", "allocations 16", "allocations", "{:.3f}"),
    ("bytes an idle connection", "idle memory", "bytes_spoken", "{:,.0f}"),
]
IDLE = [
    ("held", "open", "{:,}"), ("answered after the wait", "answered_after_wait", "{:,}"),
    ("answered at the end", "answered_at_end", "{:,}"), ("silent for", "wait_s", "{:.0f} s"),
    ("a new one, p50", "beside_p50_us", "{:,.0f} µs"), ("p99", "beside_p99_us", "{:,.0f} µs"),
    ("without them, p50", "alone_p50_us", "{:,.0f} µs"), ("p99", "alone_p99_us", "{:,.0f} µs"),
]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratios(rows, server, scenario, key):
    """What the rounds found, each against the reference before and after it."""
    return [row[key] / row["reference"][key] for row in rows
            if row["server"] == server and row["scenario"] == scenario and row.get("reference", {}).get(key)]


def measured(rows, order):
    """Servers and scenarios that occur, in the order of their tables."""
    seen = {row["server"] for row in rows}
    used = {row["scenario"] for row in rows}
    return [name for name in order if name in seen], [key for key in SCENARIOS if key in used]


def table(head, body):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(cells) + " |" for cells in body] + [""]


def ratio_tables(rows, names, scenarios):
    lines = []
    for key, title, sense, unit in RATIOS:
        lines += [f"## {title} ({sense})", ""]
        absolute = []
        for scenario in scenarios:
            values = [row[key] for row in rows if row["server"] == REFERENCE and row["scenario"] == scenario]
            absolute.append(number(statistics.median(values)) + unit if values else "")
        body = [[f"**{REFERENCE}**", *absolute]]
        for name in names:
            if name == REFERENCE:
                continue
            cells = []
            for scenario in scenarios:
                found = ratios(rows, name, scenario, key)
                span = f" ({min(found):.2f}–{max(found):.2f})" if len(found) > 1 else ""
                cells.append(f"**{statistics.median(found):.2f}**{span}" if found else "")
            body.append([name, *cells])
        lines += table(["", *scenarios], body)
    return lines


def figure_tables(figures, order):
    names = [name for name in order if name in figures]
    lines = []

    def cell(name, figure, key, form):
        found = figures[name].get(figure)
        return form.format(found[key]).replace("-0.000", "0.000") if found else ""

    if any(figure in figures[name] for name in names for _, figure, _, _ in FIGURES):
        lines += ["## What a request and a connection cost", "",
                  "User instructions (callgrind, 8 connections), system calls (strace, 64 connections, depth 16) and heap "
                  "allocations (64 connections) for each request; resident memory of each idle connection that has "
                  "spoken once.", ""]
        lines += table(["", *(title for title, *_ in FIGURES)], [
            [name, *(cell(name, figure, key, form) for _, figure, key, form in FIGURES)] for name in names])
    if any("idle many" in figures[name] for name in names):
        lines += ["## Many idle connections", ""]
        lines += table(["", *(title for title, *_ in IDLE)], [
            [name, *(cell(name, "idle many", key, form) for _, key, form in IDLE)]
            for name in names if "idle many" in figures[name]])
    return lines


def quality(rows):
    """What a reader has to know to trust the numbers, or not to."""
    worst = max(row["other"] for row in rows)
    drifts = [row["drift"] for row in rows]
    return (f"Something else used {max(worst, 0):.2f} of a core in the noisiest measurement that was kept, "
            f"{statistics.median(row['other'] for row in rows):.2f} in the median one. C epoll before and after a group "
            f"differed by {statistics.median(drifts):.0%} in the median, by {max(drifts):.0%} at most. "
            f"{sum(row['tries'] > 1 for row in rows)} of {len(rows)} measurements were repeated; "
            f"{sum(row['errors'] for row in rows)} errors.")


def markdown(results, order, picture):
    about, rows = results["about"], results["rows"]
    names, scenarios = measured(rows, order)
    count = len({row["round"] for row in rows})
    lines = ["# Results", "", "Written by `Benchmarks/run`; [docs/performance.md](../docs/performance.md) explains it.", "",
             f"- {about['date']}, Berth {about['commit']}: `{about['command']}`",
             f"- {about['machine']}", f"- {about['swift']}; {about['gcc']}", ""]
    if about["smoke"]:
        lines += ["**A smoke run: one short round, beside whatever else was running. Its numbers mean nothing.**", ""]
    if rows:
        lines += [f"Medians of {count} {'round' if count == 1 else 'rounds'} of {about['seconds']:g} s a measurement (lowest–highest), as multiples of "
                  f"{REFERENCE}, which was measured before and after each group; its own row has what it measured. "
                  + quality(rows), ""]
        lines += [f"- `{key}`: {SCENARIOS[key].what}" for key in scenarios] + [""]
        lines += [f"![Processor time for each request, as a multiple of C epoll]({picture})", ""]
        lines += ratio_tables(rows, names, scenarios)
    lines += figure_tables(results["figures"], order)
    return "\n".join(lines).rstrip() + "\n"
