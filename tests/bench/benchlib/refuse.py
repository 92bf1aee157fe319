"""Cases about refusals: how many a second, and whether admitted clients notice."""

from . import load
from .daemons import Bare, Service, Superd
from .procs import BenchError

DENIED = "127.64.0.1"  # the first address of the flood; admitted clients come from 127.0.0.1
DENIED_PREFIX = "127.64.0.0/10"
FLOOD_SOURCES = 1000


def _services(bench):
    settings = f'access: {{ allow = ["127.0.0.0/8"]; deny = ["{DENIED_PREFIX}"]; }};'
    return [Service("hello", load.handler_path(bench, "hello_static"), settings)]


def _flood(bench, daemon):
    family = daemon.family()
    found = load.measured(bench, daemon, "flood", daemon.address("hello"), family, c=64,
                          d=bench.seconds, w=bench.seconds / 10, s=FLOOD_SOURCES, S=DENIED)
    refused = found["connections"] - found["failures"].get("timeout", 0) - \
        found["failures"].get("other", 0)
    found["refused_share"] = refused / found["connections"]
    return found


def flood(bench):
    """A flood of connections that are all refused, against bare loops of accept and close."""
    records = []
    bares = [Bare(bench, f"bare-{mode}", ["-m", mode], f"accept and {mode}")
             for mode in ("close", "reset")]
    chosen = [daemon for daemon in bench.daemons() if isinstance(daemon, Superd)]
    with bench.up(_services(bench), chosen=chosen, extra=bares) as daemons:
        for number, daemon in bench.rounds(daemons, "refused flood"):
            records.append(dict(_flood(bench, daemon), daemon=daemon.name, round=number))
    return records


def _beside(bench, daemon, flooded):
    """Latency of one admitted client after the other while FLOODED (or nothing) is flooded."""
    noise = None
    if flooded is not None:
        noise = load.begin(bench, "flood", flooded, c=256, r=bench.options.flood_rate,
                           d=2 * bench.seconds + 0.4, s=FLOOD_SOURCES, S=DENIED)
    found = load.measured(bench, daemon, "closed", daemon.address("hello"), daemon.pids, c=1,
                          d=2 * bench.seconds + 0.2, w=0.2, e=6, s=1, S="127.0.0.1")
    if noise is not None:
        report = load.finish(noise, 120)
        found["flood_rate"] = report["rate"]
        found["flood_outcomes"] = report["outcomes"]
    return found


def beside(bench):
    """Admitted clients with no flood, with one that the same daemon refuses, and with one that a
    bare accept-and-close refuses (what the flood costs the machine, whoever refuses it)."""
    records = []
    chosen = [daemon for daemon in bench.daemons() if isinstance(daemon, Superd)]
    if not chosen:
        raise BenchError("there is no superd to flood")
    closing = Bare(bench, "bare-close", ["-m", "close"])
    closing.start(_services(bench))
    try:
        with bench.up(_services(bench), chosen=chosen) as daemons:
            cells = [(daemon, where) for daemon in daemons for where in ("none", "self", "other")]
            for number, (daemon, where) in bench.rounds(cells, "beside a flood"):
                target = {"none": None, "self": daemon.address("hello"),
                          "other": closing.address("hello")}[where]
                found = _beside(bench, daemon, target)
                records.append(dict(found, daemon=daemon.name, round=number, flood=where))
    finally:
        closing.stop()
    return records
