"""The bounds that superd must reach, each computed from the records of this run."""

from . import isolate
from .tables import median, names, ratios, select, values

BASE = "bare1"


def _row(case, bound, found, digits, reached):
    return [case, bound, f"{found:.{digits}f}", "yes" if reached else "**no**"]


def _peers(records):
    return [name for name in names(records) if not name.startswith(("superd", "bare"))]


def _throughput(records):
    rows = []
    at32 = select(records, handler="static", clients=32)
    mine = select(at32, daemon="superd")
    found = ratios(mine, "rate", select(at32, daemon=BASE))
    if found:
        rows.append(_row("static, 32 clients, rate ÷ bare loop", ">= 1.05", median(found), 3,
                         median(found) >= 1.05))
    rates = {name: median(values(select(at32, daemon=name), "rate")) for name in _peers(at32)}
    if rates and mine:
        best = max(rates, key=rates.get)
        found = ratios(mine, "rate", select(at32, daemon=best))
        rows.append(_row(f"static, 32 clients, rate ÷ best peer ({best})", ">= 1.05",
                         median(found), 3, median(found) >= 1.05))
    at1 = select(records, handler="static", clients=1)
    for quantile, bound in (("p50", 1.10), ("p99", 1.25)):
        found = ratios(select(at1, daemon="superd"), f"first.{quantile}",
                       select(at1, daemon=BASE))
        if found:
            rows.append(_row(f"static, 1 client, first byte {quantile} ÷ bare loop",
                             f"<= {bound:.2f}", median(found), 3, median(found) <= bound))
    work = values(mine, "first_cpu_us")
    if work:
        rows.append(_row("supervisor's CPU per connection, 32 clients, log included", "<= 40 µs",
                         median(work), 1, median(work) <= 40))
    return rows


def _held(records):
    rows = []
    for count in sorted({record["held"] for record in records}):
        shares = [record["rate"] / record["rate_none"]
                  for record in select(records, daemon="superd", held=count)
                  if record.get("rate_none")]
        if shares:
            rows.append(_row(f"{count:,} connections held: launch rate ÷ with none", ">= 0.95",
                             median(shares), 3, median(shares) >= 0.95))
    return rows


def _services(records):
    rows = []
    mine = select(records, daemon="superd")
    counts = sorted({record["services"] for record in mine})
    if not counts:
        return rows
    most = select(mine, services=counts[-1])
    for path, what in (("start_s", "start"), ("reload_s", "reload")):
        found = values(most, path)
        if found:
            rows.append(_row(f"{counts[-1]:,} services: {what}", "< 1 s", median(found), 3,
                             median(found) < 1))
    if len(counts) > 1:
        found = ratios(most, "rate", select(mine, services=counts[0]))
        if found:
            rows.append(_row(f"{counts[-1]:,} services: launch rate ÷ with {counts[0]}",
                             ">= 0.95", median(found), 3, median(found) >= 0.95))
    return rows


def _idle(records):
    rows = []
    woken = values(select(records, daemon="superd"), "wake_ups_per_s")
    mine = values(select(records, daemon="superd"), "pss")
    xinetd = values(select(records, daemon="xinetd"), "pss")
    if woken:
        rows.append(_row("idle: wake-ups a second", "0", woken[0], 2, woken[0] == 0))
    if mine and xinetd:
        rows.append(_row(f"idle, 10 services: PSS in kB (xinetd {xinetd[0]:,})",
                         f"<= {xinetd[0]:,}", mine[0], 0, mine[0] <= xinetd[0]))
    return rows


def _calls(records):
    found = [record["calls_1"] for record in select(records, daemon="superd", part="supervisor")]
    if not found:
        return []
    return [_row("supervisor's system calls per connection, 1 client", "<= 12", found[0], 1,
                 found[0] <= 12)]


def _isolation(records):
    return [_row(what, bound, found, 3, reached)
            for what, bound, found, reached in isolate.bounds(records)]


def check(cases):
    """Rows of a table: the case, its bound, what was measured, whether that reaches it."""
    checks = {"throughput": _throughput, "held": _held, "services": _services, "idle": _idle,
              "isolation": _isolation, "calls": _calls}
    return [row for name, function in checks.items() if cases.get(name)
            for row in function(cases[name])]
