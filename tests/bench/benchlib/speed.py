"""Cases about speed: throughput and latency, long-lived connections, a burst, a long transfer.

A case is a function of the bench that returns a list of records: flat dictionaries with `daemon`,
`round` and its parameters, and what was measured.  The report makes ratios out of them.
"""

from . import load, procs
from .daemons import Bare, Service, Superd
from .procs import BenchError

HANDLERS = {  # name in the tables -> file
    "static": "hello_static",
    "dynamic": "hello_dynamic",
    "sh": "hello.sh",
    "perl": "hello.pl",
    "python3": "hello.py",
}
OTHERS = 0.4  # of a measurement's length is enough where no bound is taken from the figures
HALF = 0.5
SOURCES = 16  # addresses that clients come from


def throughput(bench):
    """Closed loops of 1 to 128 clients on small handlers; all daemons are up, one is driven."""
    records = []
    for handler in bench.options.handlers:
        static = handler == "static"
        seconds = bench.seconds * (1 if static else OTHERS)
        services = [Service("hello", load.handler_path(bench, HANDLERS[handler]))]
        with bench.up(services) as daemons:
            families = {daemon.name: daemon.family() for daemon in daemons}
            cells = [(daemon, clients) for daemon in daemons for clients in bench.options.clients]
            for number, (daemon, clients) in bench.rounds(cells, f"throughput {handler}",
                                                          peers=None if static else
                                                          bench.peer_rounds):
                found = load.measured(bench, daemon, "closed", daemon.address("hello"),
                                      families[daemon.name], c=clients, d=seconds,
                                      w=seconds / 10, e=6, s=SOURCES,
                                      T=bench.options.patience)
                records.append(dict(found, daemon=daemon.name, round=number, handler=handler,
                                    clients=clients))
    return records


def _launch_rate(bench, daemon):
    seconds = bench.seconds * HALF
    return load.measured(bench, daemon, "closed", daemon.address("hello"), daemon.pids, c=32,
                         d=seconds, w=seconds / 10, e=6, s=SOURCES,
                         T=bench.options.patience)


def _held_once(bench, daemon, count):
    """Launch rate with COUNT connections held, with none before and after, and the memory taken."""
    hold_program = load.handler_path(bench, "hold")
    before = procs.memory(daemon.family())
    none = _launch_rate(bench, daemon)
    held = load.Held(bench, daemon.address("hold"), count)
    try:
        beside = _launch_rate(bench, daemon)
        during = procs.memory(daemon.family())
    finally:  # also when the system has no process left: the next one must not pay for it
        alive = held.release()
    procs.wait_for(lambda: procs.count_running(hold_program) == 0, 60, "held sessions to end", 0.1)
    after = _launch_rate(bench, daemon)
    return {
        "held": count, "opened": held.count, "alive": alive,
        "rate_none": (none["rate"] + after["rate"]) / 2, "rate": beside["rate"],
        "first_none": none["first"], "first": beside["first"],
        "failures": beside["failures"],
        "memory_per_instance_kb": (during["pss"] - before["pss"]) / max(1, held.count),
        "family_cpu_us": beside["family_cpu_us"],
    }


# Where every peer is let hold as many, a system runs out of processes: one takes two for each, another
# leaves a zombie of each for a second, one after the other.
HELD_BY_ALL = 1000
HELD_PEER = "xinetd"


def _holders(bench, count):
    return [daemon for daemon in bench.daemons()
            if count <= HELD_BY_ALL or daemon.name == HELD_PEER
            or isinstance(daemon, (Bare, Superd))]


def held(bench):
    """Long-lived connections: what a launch costs with thousands of them open."""
    records = []
    services = [Service("hello", load.handler_path(bench, "hello_static")),
                Service("hold", load.handler_path(bench, "hold"))]
    for count in bench.options.held:
        holding = Bare(bench, "bare1+fds", ["-k", str(count)],
                       f"one process that keeps {count} descriptors open itself")
        with bench.up(services, descriptors=bench.descriptors, chosen=_holders(bench, count),
                      extra=[holding]) as daemons:
            for number, daemon in bench.rounds(daemons, f"held {count}", bench.short_rounds,
                                               bench.peer_rounds):
                try:
                    found = _held_once(bench, daemon, count)
                except (BenchError, OSError) as error:
                    found = {"held": count, "error": str(error)}
                records.append(dict(found, daemon=daemon.name, round=number))
    return records


def burst(bench):
    """Thousands of connections at the same moment: are all served, and how soon?"""
    records = []
    count = bench.options.burst
    services = [Service("hello", load.handler_path(bench, "hello_static"))]
    with bench.up(services, descriptors=bench.descriptors) as daemons:
        for number, daemon in bench.rounds(daemons, f"burst {count}", bench.short_rounds,
                                           bench.peer_rounds):
            port = daemon.services["hello"].port
            before = procs.listen_drops(port)
            found = load.measured(bench, daemon, "burst", daemon.address("hello"), n=count, e=6,
                                  s=SOURCES, T=bench.options.burst_limit)
            if before is not None:
                found["dropped"] = procs.listen_drops(port) - before
            found["all_served_s"] = found["eof"]["max"] / 1e6
            records.append(dict(found, daemon=daemon.name, round=number, burst=count))
    return records


def bulk(bench):
    """A long transfer each way through the handler's socket."""
    records = []
    size = bench.options.bulk
    services = [Service("bulk", load.handler_path(bench, "bulk"))]
    with bench.up(services) as daemons:
        cells = [(daemon, way) for daemon in daemons for way in ("down", "up")]
        for number, (daemon, way) in bench.rounds(cells, f"bulk {size}", bench.short_rounds,
                                                  bench.peer_rounds):
            found = load.run(bench, "bulk", daemon.address("bulk"), b=size, D=way, T=60)
            seconds = found["eof_us"]["max"] / 1e6
            records.append({"daemon": daemon.name, "round": number, "way": way, "bytes": size,
                            "rate": size / seconds / 1e6 if seconds else 0,
                            "failures": load.failures(found)})
    return records
