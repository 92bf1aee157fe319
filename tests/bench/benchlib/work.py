"""What a daemon does for one connection: system calls, and where its time goes.

System calls are counted by perf (raw_syscalls:sys_enter), which costs the daemon next to nothing;
strace -c gives their names, at a price, so with fewer connections.  Only the daemon's own processes
are counted, not the instances that they launch (of a forking daemon: not what its child does before
it execs, which a launcher does in the child as well).
"""

import os
import re
import shutil
import subprocess

from . import load, procs
from .daemons import Service, Superd
from .procs import BenchError


def perf_counts():
    """Can perf count system calls here?"""
    if shutil.which("perf") is None:
        return False
    probe = subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"],
                           capture_output=True, text=True, check=False)
    return probe.returncode == 0 and "not supported" not in probe.stderr


def _by_perf(bench, address, pids, clients):
    """System calls of these processes for each connection of a load."""
    output = os.path.join(bench.work, "perf-stat")
    done = subprocess.run(
        ["perf", "stat", "-x", ",", "-o", output, "--no-inherit", "-e", "raw_syscalls:sys_enter",
         "-p", ",".join(map(str, pids)), "--",
         *load.command(bench, "closed", address, c=clients, d=bench.seconds, e=6,
                       T=bench.options.patience)],
        capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise BenchError(f"perf stat: {done.stderr.strip()}")
    count = max(1, sum(load.parse(done.stdout)["outcomes"].values()))
    for line in procs.read(output).splitlines():
        fields = line.split(",")
        if len(fields) > 2 and "sys_enter" in line and fields[0].isdigit():
            return int(fields[0]) / count
    raise BenchError(f"perf stat gave no count: {done.stderr.strip()}")


def _by_strace(bench, address, pids, clients, count):
    """The same by strace -c, with the table of names."""
    output = os.path.join(bench.work, "strace")
    tracer = procs.start(["strace", "-c", "-o", output,
                          *[word for pid in pids for word in ("-p", str(pid))]],
                         stderr=subprocess.PIPE, text=True)
    try:
        for _ in pids:  # "strace: Process PID attached"
            line = tracer.stderr.readline()
            if "attached" not in line:
                raise BenchError(line.strip() or "strace ended")
        load.run(bench, "closed", address, c=clients, n=count, e=6, T=bench.options.patience)
    finally:
        procs.stop(tracer.pid)
    text = procs.read(output)
    names = {match[2]: int(match[1]) / count for match in
             re.finditer(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w*)$", text,
                         re.MULTILINE)}
    names.pop("total", None)
    return names


def _calls_once(bench, daemon, part, pids, tool):
    record = {"daemon": daemon.name, "round": 0, "part": part}
    address = daemon.address("hello")
    for clients in (1, 32):
        if tool:
            record[f"calls_{clients}"] = _by_perf(bench, address, pids, clients)
        else:
            record[f"calls_{clients}"] = sum(
                _by_strace(bench, address, pids, clients, 200).values())
    if isinstance(daemon, Superd) and shutil.which("strace"):
        record["names"] = _by_strace(bench, address, pids, 1, 200)
    return record


def calls(bench):
    """System calls per connection, by process, at 1 and 32 clients."""
    records = []
    tool = perf_counts()
    if not tool and shutil.which("strace") is None:
        raise BenchError("neither perf (with tracepoints) nor strace is here")
    services = [Service("hello", load.handler_path(bench, "hello_static"))]
    with bench.up(services) as daemons:
        for daemon in daemons:
            family = daemon.family()
            # The first process of superd is its supervisor; the others are its launchers.
            for part, pids in {"supervisor": family[:1], "others": family[1:]}.items():
                if not pids:
                    continue
                bench.say(f"system calls: {daemon.name} {part}")
                try:
                    records.append(_calls_once(bench, daemon, part, pids, tool))
                except BenchError as error:
                    bench.problem(f"system calls of {daemon.name}: {error}")
    return records


def profile(bench):
    """Where superd's own processes spend their time under load: perf record, by function."""
    if shutil.which("perf") is None:
        raise BenchError("perf is not here")
    records = []
    services = [Service("hello", load.handler_path(bench, "hello_static"))]
    chosen = [daemon for daemon in bench.daemons() if isinstance(daemon, Superd)]
    with bench.up(services, chosen=chosen) as daemons:
        for daemon in daemons:
            family = daemon.family()
            for part, pids in {"supervisor": family[:1], "launchers": family[1:]}.items():
                if not pids:
                    continue
                bench.say(f"profile: {daemon.name} {part}")
                records.append({"daemon": daemon.name, "round": 0, "part": part,
                                "file": _profile_once(bench, daemon, part, pids)})
    return records


def _profile_once(bench, daemon, part, pids):
    data = os.path.join(bench.work, "perf-data")
    recorded = subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "--no-inherit", "-o", data, "-p",
         ",".join(map(str, pids)), "--",
         *load.command(bench, "closed", daemon.address("hello"), c=32, d=3 * bench.seconds, e=6)],
        capture_output=True, text=True, check=False, timeout=120)
    shown = subprocess.run(["perf", "report", "--stdio", "--sort", "dso,symbol",
                            "--percent-limit", "0.5", "-i", data],
                           capture_output=True, text=True, check=False, timeout=120)
    if shown.returncode != 0:
        raise BenchError(f"perf: {(recorded.stderr + shown.stderr).strip()}")
    name = f"profile-{daemon.name}-{part}.txt"
    with open(os.path.join(bench.output, name), "w", encoding="utf-8") as file:
        file.write(shown.stdout)
    return name
