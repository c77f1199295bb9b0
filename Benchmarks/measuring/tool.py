"""The frame of a tool: its arguments, and its one line of result."""
import argparse
import json
import subprocess
import sys

from . import servers


def main(description, measure, sentence, options=()):
    """Calls `measure(name, entry, arguments)` and prints its result: as `sentence` puts it, or as JSON."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="a name of servers.json")
    parser.add_argument("--add", action="append", default=[], metavar="NAME=COMMAND", help="a server beside them")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    for name, settings in options:
        parser.add_argument(name, **settings)
    arguments = parser.parse_args()
    table = servers.table(arguments.add)
    if arguments.server not in table:
        sys.exit(f"there is no server '{arguments.server}'; there are {', '.join(table)}")
    try:
        found = measure(arguments.server, table[arguments.server], arguments)
    except servers.Missing as missing:
        sys.exit(f"skipped: {arguments.server}: {missing}")
    except subprocess.SubprocessError as failure:
        sys.exit(f"failed: {arguments.server}: {failure}")
    print(json.dumps(found) if arguments.json else f"{arguments.server}: {sentence(found)}")


def slope(short, long, measured):
    """What one message costs: the difference of a long and a short run, so that start and end cancel out."""
    return (measured[long] - measured[short]) / (long - short)
