"""Rounds: every server in every scenario, with the reference before and after every few of them."""
import contextlib
import fcntl
import os
import subprocess
import tempfile
import time

from . import servers
from .scenarios import SCENARIOS

STEP = 6  # servers between two measurements of the reference
QUIET = 0.08  # processor time of anything else, in cores, above which a measurement is repeated
STEADY = 0.15  # difference of the reference before and after, above which the group is repeated
TRIES = 3
RATIOS = ("rps", "srv_us", "p99_us")


@contextlib.contextmanager
def alone():
    """One measurement at a time on this machine, whoever makes it."""
    with open(os.path.join(tempfile.gettempdir(), "cpu.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ticks():
    with open("/proc/stat") as stat:
        spent = [int(field) for field in stat.readline().split()[1:9]]
    return sum(spent), spent[3] + spent[4]


def settle(limit):
    """Waits until the processors are idle, for a while at most."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before, idle_before = ticks()
        time.sleep(0.25)
        after, idle_after = ticks()
        if (idle_after - idle_before) / max(1, after - before) > 0.96:
            return


class Round:
    """One pass over all scenarios. Servers stay up for as long as it lasts: idle ones cost nothing."""

    def __init__(self, number, table, seconds, skipped, patient=True):
        self.number, self.table, self.seconds, self.skipped = number, table, seconds, skipped
        self.tries = TRIES if patient else 1
        self.running = {}

    def run(self, names, scenarios):
        """Yields what was measured, group by group."""
        names = [name for name in names if name != servers.REFERENCE]
        if self.number % 2 == 0:  # so that nobody always follows the same neighbour
            names.reverse()
        try:
            for key in scenarios:
                able = [n for n in names if self.table[n].get("connections", 1 << 20) >= SCENARIOS[key].connections]
                for first in range(0, max(1, len(able)), STEP):
                    yield self.steady_group(able[first:first + STEP], key)
        finally:
            for server in self.running.values():
                server.kill()

    def steady_group(self, names, key):
        tries = []
        while not tries or (tries[-1][0] > STEADY and len(tries) < min(2, self.tries)):
            with alone():
                tries.append(self.group(names, key))
        drift, rows = min(tries, key=lambda found: found[0])
        for row in rows:
            row.update(drift=round(drift, 3), group_tries=len(tries))
        return rows

    def group(self, names, key):
        before = self.attempt(servers.REFERENCE, key)
        rows = [row for row in (self.attempt(name, key) for name in names) if row]
        after = self.attempt(servers.REFERENCE, key)
        if not before or not after:
            raise servers.Missing(f"{servers.REFERENCE}, the reference, cannot be measured")
        for row in rows:
            row["reference"] = {k: (before[k] + after[k]) / 2 for k in RATIOS}
        return abs(after["srv_us"] / before["srv_us"] - 1), [before, *rows, after]

    def attempt(self, name, key):
        if name in self.skipped:
            return None
        try:
            return self.measure(name, key)
        except servers.Missing as missing:
            self.skipped[name] = str(missing)
            print(f"skipped: {name}: {missing}", flush=True)
        except (subprocess.SubprocessError, ValueError, OSError) as failure:
            print(f"failed: {name} in {key}: {failure}", flush=True)
            for place in [place for place in self.running if place[0] == name]:
                self.running.pop(place).kill()
        return None

    def server(self, name, scenario):
        place = (name, scenario.mode, scenario.threads, scenario.cores[0])
        if place not in self.running:
            server = servers.Server(name, self.table[name], scenario.mode, scenario.threads, scenario.cores[0])
            self.running[place] = server
            warm = self.table[name].get("warm", 0.7)
            servers.load(
                server.port, ["-m", scenario.mode, "-c", 64, "-s", 64, "-T", warm, "-w", 0.1], scenario.cores[1])
        return self.running[place]

    def measure(self, name, key):
        scenario = SCENARIOS[key]
        server = self.server(name, scenario)
        tries = []
        while not tries or (tries[-1]["other"] > QUIET and len(tries) < self.tries):
            settle(2.5 if self.tries > 1 else 0)
            found = servers.load(
                server.port, ["-P", server.pid, "-T", self.seconds, "-w", 0.4, *scenario.load.split()],
                scenario.cores[1], timeout=60 + 4 * self.seconds)
            busy = found["cpu0_busy"] + found["cpu1_busy"] - found["srv_cpu"] - found["gen_cpu"]
            tries.append({**found, "other": round(max(0, busy), 3)})
        row = min(tries, key=lambda found: found["other"])
        if not row["reqs"] or not row["srv_us"]:
            raise ValueError(f"{row['reqs']} requests, {row['errors']} errors")
        row.update(server=name, scenario=key, round=self.number, tries=len(tries))
        print(f"round {self.number} {key:7} {name:16} {row['rps']:11,.0f}/s  {row['srv_us']:8.3f} µs  p99 "
              f"{row['p99_us']:8.1f} µs  others {row['other']:.2f}, {row['tries']} tries, {row['errors']} errors", flush=True)
        return row
