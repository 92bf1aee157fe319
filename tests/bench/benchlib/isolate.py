"""The case about isolation: what each level and what is private to a connection costs.

One superd has a service for each level, so that nothing but the level differs; the bare loop is
beside it.  The figures that must be reached are those of bounds().
"""

import os
import shutil

from . import load, procs
from .daemons import Bare, Service, Superd
from .tables import failed, median, number, ratios, select, spread, table, values

BASE = "bare1"
NONE = "superd none"
LEVELS = {  # service -> settings
    "none": 'user = "nobody"; isolation = "none";',
    "basic": 'user = "nobody"; isolation = "basic";',
    "strict": 'user = "nobody"; isolation = "strict";',
    "private": 'user = "nobody"; isolation = "strict";'
               ' isolate: { private_tmp = "connection"; pid_namespace = "connection"; };',
    "dynamic": 'isolation = "strict"; user = "dynamic-per-connection";',
}
SHOWN = {
    NONE: "none", "superd basic": "basic", "superd strict": "strict",
    "superd private": "strict, a /tmp and a process namespace each",
    "superd dynamic": "strict, a user and a /tmp each",
}


def _handler(bench):
    """A handler outside of /tmp, which some of the services have a /tmp of their own over."""
    place = os.path.join("/run" if os.access("/run", os.W_OK) else "/var/tmp",
                         os.path.basename(bench.work))
    os.makedirs(place, 0o755, exist_ok=True)
    shutil.copy(load.handler_path(bench, "hello_static"), os.path.join(place, "hello"))
    return place


def isolation(bench):
    """Closed loops of 1 and 32 clients at each level."""
    if os.geteuid() != 0:
        raise procs.BenchError("only root can have dynamic users: run as root")
    place = _handler(bench)
    services = [Service(name, os.path.join(place, "hello"), settings)
                for name, settings in LEVELS.items()]
    superd = Superd(bench, "superd-isolation")
    bares = [Bare(bench, f"bare{count}", ["-w", str(count), "-b", os.environ["BENCH_BACKLOG"]])
             for count in sorted({1, os.cpu_count() or 1})]
    records = []
    try:
        with bench.up(services, chosen=[superd]), bench.up(services[:1], chosen=bares):
            cells = [(superd, level, clients) for level in LEVELS for clients in (1, 32)]
            cells += [(bare, "none", clients) for bare in bares for clients in (1, 32)]
            families = {daemon.name: daemon.family() for daemon in (superd, *bares)}
            for number_, (daemon, level, clients) in bench.rounds(cells, "isolation"):
                found = load.measured(bench, daemon, "closed", daemon.address(level),
                                      families[daemon.name], c=clients, d=bench.seconds,
                                      w=bench.seconds / 10, e=6, T=bench.options.patience)
                name = f"superd {level}" if daemon is superd else daemon.name
                records.append(dict(found, daemon=name, round=number_, clients=clients))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return records


def section(records):
    """The table of the report."""
    at1, at32 = select(records, clients=1), select(records, clients=32)
    shown = [name for name in SHOWN if select(records, daemon=name)]
    shown += sorted({record["daemon"] for record in records} - set(SHOWN))
    rows = []
    for name in shown:
        one, many = select(at1, daemon=name), select(at32, daemon=name)
        rows.append([SHOWN.get(name, name), number(median(values(many, "rate"))),
                     spread(ratios(many, "rate", select(at32, daemon=NONE))),
                     spread(ratios(many, "rate", select(at32, daemon=BASE))),
                     number(median(values(one, "first.p50"))),
                     spread(ratios(one, "first.p50", select(at1, daemon=NONE))),
                     spread(ratios(one, "first.p50", select(at1, daemon=BASE))),
                     failed(select(records, daemon=name))])
    return table(["isolation", "32 clients: /s", "÷ none", f"÷ {BASE}",
                  "1 client: first byte p50 µs", "÷ none", f"÷ {BASE}", "failures"], rows)


def bounds(records):
    """What must be reached: (what, bound, found, reached)."""
    at1, at32 = select(records, clients=1), select(records, clients=32)
    rows = []
    for name, least in (("superd strict", 0.95), ("superd private", 0.70),
                        ("superd dynamic", 0.90)):
        found = ratios(select(at32, daemon=name), "rate", select(at32, daemon=NONE))
        if found:
            rows.append((f"{SHOWN[name]}, 32 clients, rate ÷ none", f">= {least:.2f}",
                         median(found), median(found) >= least))
    found = ratios(select(at1, daemon="superd strict"), "first.p50", select(at1, daemon=BASE))
    if found:
        rows.append(("strict, 1 client, first byte p50 ÷ bare loop", "<= 1.15", median(found),
                     median(found) <= 1.15))
    return rows
