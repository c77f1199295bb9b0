"""What the servers are asked to do."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Scenario:
    what: str
    load: str  # the arguments of the load generator
    mode: str = "frame"
    threads: int = 1  # of the server
    cores: tuple = (0, 1)  # of the server and of the generator; None: wherever the kernel likes

    @property
    def connections(self):
        words = self.load.split()
        return int(words[words.index("-c") + 1])


ONE = (0, 0)
FREE = (None, None)
SCENARIOS = {
    "s64": Scenario("both on one core: 64 connections, 64 B, depth 1", "-c 64 -s 64", cores=ONE),
    "sd16": Scenario("both on one core: 64 connections, 64 B, depth 16", "-c 64 -s 64 -d 16", cores=ONE),
    "c64": Scenario("64 connections, 64 B, depth 1", "-c 64 -s 64"),
    "c1000": Scenario("1,000 connections, 64 B, depth 1", "-c 1000 -s 64"),
    "16k": Scenario("64 connections, 16 KiB, depth 1", "-c 64 -s 16384"),
    "1m": Scenario("4 connections, 1 MiB, depth 1", "-c 4 -s 1048576"),
    "churn": Scenario("connect, one 64 B frame, its answer, close; 64 at a time", "-k churn -c 64"),
    "schurn": Scenario("both on one core: connect, one 64 B frame, its answer, close; 64 at a time", "-k churn -c 64", cores=ONE),
    # These are measured when they are asked for.
    "c1": Scenario("1 connection, 64 B, depth 1", "-c 1 -s 64"),
    "d16": Scenario("64 connections, 64 B, depth 16", "-c 64 -s 64 -d 16"),
    "echo": Scenario("raw echo, 64 connections, 64 B", "-m echo -c 64 -s 64", mode="echo"),
    "line": Scenario("lines, 64 connections, 64 B", "-m line -c 64 -s 64", mode="line"),
    "s1000": Scenario("both on one core: 1,000 connections, 64 B, depth 1", "-c 1000 -s 64", cores=ONE),
    "s16k": Scenario("both on one core: 64 connections, 16 KiB, depth 1", "-c 64 -s 16384", cores=ONE),
    "s1m": Scenario("both on one core: 4 connections, 1 MiB, depth 1", "-c 4 -s 1048576", cores=ONE),
    "u64": Scenario("2 server threads on any core: 64 connections, 64 B, depth 1", "-c 64 -s 64", threads=2, cores=FREE),
    "u64d16": Scenario(
        "2 server threads on any core: 64 connections, 64 B, depth 16", "-c 64 -s 64 -d 16", threads=2, cores=FREE),
}
MAIN = list(SCENARIOS)[:8]
