"""Servers as processes of their own, and the load generator."""
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
BUILT = HERE / ".build"
BIN = BUILT / "peers/bin"
REFERENCE = "c-epoll"


class Missing(Exception):
    """A server that cannot be measured here, and why."""


def table(extra=()):
    """The servers of servers.json, and those given as NAME=COMMAND."""
    servers = json.loads((HERE / "servers.json").read_text())
    for server in extra:
        name, command = server.split("=", 1)
        servers[name] = {"command": command}
    return servers


def words(command, mode, port, threads):
    jars = [jar for jar in glob.glob("/usr/share/java/netty-*.jar") if "native" not in jar and "Final" not in jar]
    return command.format(
        berth=BUILT / "release/berth-peer", bin=BIN, peers=HERE / "peers", java=BUILT / "peers/java",
        python=BUILT / "peers/venv/bin/python", netty=":".join(jars), mode=mode, port=port, threads=threads).split()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prefix(core):
    """What goes before a command: its core, and a priority above that of other programs, where that is allowed."""
    nice = ["nice", "-n", "-15"] if os.geteuid() == 0 else []
    return nice + ([] if core is None else ["taskset", "-c", str(core)])


class Server:
    """A server of the table, started and listening. `pid` is that of the server itself, whatever runs around it."""

    def __init__(self, name, entry, mode="frame", threads=1, core=None, around=(), environment=None, prepare=None,
                 patience=20):
        self.name, self.port = name, free_port()
        argv = words(entry["command"], mode, self.port, threads)
        if not shutil.which(argv[0]):
            raise Missing(f"{argv[0]} is not there; see Benchmarks/build")
        if prepare:
            argv[0] = prepare(argv[0])
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*prefix(core), *around, *argv], stdout=subprocess.DEVNULL, stderr=self.log,
            env={**os.environ, **(environment or {})})
        try:
            self.wait_until_listening(patience)
        except BaseException:
            self.kill()
            raise
        self.pid = self.process.pid

    def wait_until_listening(self, patience):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.log.seek(0)
        said = [line for line in self.log.read().splitlines() if line and not line.startswith("==")]
        raise Missing(said[-1] if said else f"it did not listen within {patience} s")

    def terminate(self, patience=30):
        """Ends it by SIGTERM and waits, so that what runs around it can write its result."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in map(int, children or [self.pid]):
            os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Missing(f"it did not end within {patience} s of SIGTERM") from None

    def kill(self):
        """Ends it, and what it has started itself."""
        with contextlib.suppress(OSError):
            for pid in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def load(port, arguments, core=None, timeout=120):
    """Runs the load generator, and returns what it found."""
    argv = [*prefix(core), str(BIN / "loadgen"), "-p", str(port), *map(str, arguments)]
    if not (BIN / "loadgen").exists():
        raise Missing("the load generator is not built; see Benchmarks/build")
    found = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=timeout)
    return json.loads(found.stdout)
