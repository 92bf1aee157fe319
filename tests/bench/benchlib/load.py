"""Running the load generator."""

import json
import os
import subprocess

from . import procs
from .procs import BenchError


def command(bench, mode, address, **options):
    """The command line; options are loadgen's own letters."""
    argv = [bench.tool("loadgen"), "-j"]
    for letter, value in options.items():
        if value is True:
            argv.append(f"-{letter}")
        elif value is not None and value is not False:
            argv += [f"-{letter}", str(value)]
    return argv + [mode, address]


def finish(process, seconds):
    """Wait for the load generator and read its report."""
    try:
        out, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        procs.stop(process.pid)
        raise BenchError("the load generator did not end in time") from None
    procs.forget(process)
    if process.returncode != 0:
        raise BenchError(f"load generator: {error.strip()}")
    return parse(out)


def parse(out):
    """The report in what the load generator printed."""
    return json.loads(out[out.index("{"):])


def begin(bench, mode, address, **options):
    """Start the load generator beside something else; finish() it later."""
    return procs.start(command(bench, mode, address, **options), stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(bench, mode, address, **options):
    """Run it to its end."""
    limit = float(options.get("d") or 0) + 2 * float(options.get("T") or 10) + 60
    return finish(begin(bench, mode, address, **options), limit)


class Held:
    """Connections that are open while something else is measured."""

    def __init__(self, bench, address, count, clients=32):
        self.process = begin(bench, "hold", address, n=count, c=clients,
                             T=2 * bench.options.patience)
        line = self.process.stdout.readline().split()
        if len(line) != 2 or line[0] != "held":
            raise BenchError(f"could not hold connections: {self.process.stderr.read().strip()}")
        self.count = int(line[1])

    def release(self):
        """Let go; how many were still there."""
        return finish(self.process, 60)["alive"]


def failures(report):
    """How many connections did not end as they should, in words; empty when all did."""
    return {name: count for name, count in report["outcomes"].items()
            if name != "ok" and count > 0}


def measured(bench, daemon, mode, address, family=None, **options):
    """Run a load against a daemon and tell also what processor time the daemon itself took."""
    family = family or daemon.family()
    before = procs.cpu_seconds(family[:1]), procs.cpu_seconds(family)
    report = run(bench, mode, address, **options)
    after = procs.cpu_seconds(family[:1]), procs.cpu_seconds(family)
    ended = max(1, sum(report["outcomes"].values()))
    return {
        "rate": report["rate"],
        "connections": ended,
        "connect": report["connect_us"],
        "first": report["first_byte_us"],
        "eof": report["eof_us"],
        "failures": failures(report),
        "first_cpu_us": (after[0] - before[0]) / ended * 1e6,
        "family_cpu_us": (after[1] - before[1]) / ended * 1e6,
    }


def handler_path(bench, name):
    """The path of a handler: compiled ones are in the build tree, scripts in the source."""
    built = os.path.join(bench.tools, "handlers", name)
    return built if os.path.exists(built) else os.path.join(bench.source, "handlers", name)
