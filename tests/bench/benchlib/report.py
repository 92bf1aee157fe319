"""results.json -> results.md: one section a case."""

from . import bounds, isolate
from .tables import (failed, median, names, number, pick, ratios, select, spread, table, values)

BASE = "bare1"


def _throughput(records):
    parts = []
    handlers = list(dict.fromkeys(record["handler"] for record in records))
    clients = sorted({record["clients"] for record in records})
    for handler in handlers:
        rows = []
        mine = select(records, handler=handler)
        for name in names(mine):
            row = [name]
            for count in clients:
                cell = select(mine, daemon=name, clients=count)
                base = select(mine, daemon=BASE, clients=count)
                row += [number(median(values(cell, "rate"))),
                        spread(ratios(cell, "rate", base))]
            row.append(failed(select(mine, daemon=name)))
            rows.append(row)
        headers = ["daemon"]
        for count in clients:
            headers += [f"{count}: /s", f"÷ {BASE}"]
        parts.append(f"### {handler}: connections a second, by number of clients\n\n" +
                     table(headers + ["failures"], rows))
        parts.append(f"### {handler}: latency, µs from connecting\n\n" +
                     _latency(mine, clients))
    return "\n".join(parts)


def _latency(records, clients):
    rows = []
    for name in names(records):
        row = [name]
        for count in clients:
            cell = select(records, daemon=name, clients=count)
            base = select(records, daemon=BASE, clients=count)
            row += [f"{number(median(values(cell, 'first.p50')))} / "
                    f"{number(median(values(cell, 'first.p99')))}",
                    number(median(ratios(cell, "first.p50", base)), 2),
                    number(median(ratios(cell, "first.p99", base)), 2),
                    " / ".join(number(median(values(cell, f"eof.{q}")))
                               for q in ("p99", "p999", "max"))]
        rows.append(row)
    headers = ["daemon"]
    for count in clients:
        headers += [f"{count}: first byte p50 / p99", f"p50 ÷ {BASE}", f"p99 ÷ {BASE}",
                    "end p99 / p99.9 / max"]
    return table(headers, rows)


def _held(records):
    rows = []
    for count in sorted({record["held"] for record in records}):
        for name in names(select(records, held=count)):
            cell = select(records, daemon=name, held=count)
            shares = [record["rate"] / record["rate_none"] for record in cell
                      if record.get("rate_none")]
            rows.append([name, number(count), number(median(values(cell, "opened"))),
                         number(median(values(cell, "alive"))),
                         number(median(values(cell, "rate_none"))),
                         number(median(values(cell, "rate"))), spread(shares),
                         number(median(values(cell, "first.p99"))),
                         number(median(values(cell, "memory_per_instance_kb")), 2), failed(cell)])
    return table(["daemon", "asked to hold", "opened", "alive at the end", "/s with none",
                  "/s beside them", "share", "first byte p99 µs", "daemon's kB per instance",
                  "failures"], rows)


def _burst(records):
    rows = []
    for name in names(records):
        cell = select(records, daemon=name)
        base = select(records, daemon=BASE)
        rows.append([name, number(median(values(cell, "all_served_s")), 3),
                     spread(ratios(cell, "all_served_s", base)),
                     number(median(values(cell, "eof.p50")) / 1e3
                            if values(cell, "eof.p50") else None),
                     number(max(values(cell, "dropped"), default=None)), failed(cell)])
    return table(["daemon", "all served after s", f"÷ {BASE}", "end p50 ms",
                  "dropped by the kernel (most)", "failures"], rows)


def _bulk(records):
    rows = []
    for name in names(records):
        row = [name]
        for way in ("down", "up"):
            cell = select(records, daemon=name, way=way)
            row += [number(median(values(cell, "rate"))),
                    spread(ratios(cell, "rate", select(records, daemon=BASE, way=way)))]
        rows.append(row + [failed(select(records, daemon=name))])
    return table(["daemon", "handler to client MB/s", f"÷ {BASE}", "client to handler MB/s",
                  f"÷ {BASE}", "failures"], rows)


def _services(records):
    rows = []
    for count in sorted({record["services"] for record in records}):
        for name in names(select(records, services=count)):
            cell = select(records, daemon=name, services=count)
            rows.append([name, number(count)] +
                        [number(median(values(cell, path)), digits) for path, digits in (
                            ("start_s", 3), ("reload_s", 3), ("reload_one_less_s", 3),
                            ("processes", 0), ("rss", 0), ("pss", 0), ("wake_ups_per_s", 2),
                            ("rate", 0))] + [failed(cell)])
    return table(["daemon", "services", "start s", "reload s", "reload, one less, s", "processes",
                  "RSS kB", "PSS kB", "wake-ups/s", "connections/s, last service", "failures"],
                 rows)


def _idle(records):
    rows = []
    for name in names(records):
        cell = select(records, daemon=name)
        rows.append([name] + [number(median(values(cell, path)), digits) for path, digits in (
            ("processes", 0), ("rss", 0), ("pss", 0), ("private", 0), ("wake_ups_per_s", 2))] +
                    [failed(cell)])
    return table(["daemon, ten services", "processes", "RSS kB", "PSS kB", "private kB",
                  "wake-ups/s", "failures"], rows)


def _sources(records):
    return table(["daemon", "sources", "private kB before", "after", "bytes per source",
                  "failures"],
                 [[record["daemon"], number(record["sources"]),
                   number(record["private_before_kb"]), number(record["private_after_kb"]),
                   number(record["bytes_per_source"]), failed([record])] for record in records])


def _flood(records):
    rows = []
    for name in names(records):
        cell = select(records, daemon=name)
        rows.append([name, number(median(values(cell, "rate"))),
                     spread(ratios(cell, "rate", select(records, daemon="bare-close"))),
                     spread(ratios(cell, "rate", select(records, daemon="bare-reset"))),
                     number(median(values(cell, "family_cpu_us")), 1),
                     number(median(values(cell, "refused_share")), 4)])
    return table(["daemon", "refused/s", "÷ accept+close", "÷ accept+reset",
                  "daemon's CPU µs per refusal", "share refused"], rows)


def _beside(records):
    rows = []
    words = {"none": "none", "self": "refused by the same daemon",
             "other": "refused by a bare loop"}
    for name in names(records):
        base = select(records, daemon=name, flood="none")
        for flood, text in words.items():
            cell = select(records, daemon=name, flood=flood)
            rows.append([name, text, number(median(values(cell, "flood_rate"))),
                         number(median(values(cell, "first.p50"))),
                         number(median(values(cell, "first.p99"))),
                         spread(ratios(cell, "first.p50", base)),
                         spread(ratios(cell, "first.p99", base)), failed(cell)])
    return table(["daemon", "flood", "refused/s", "admitted: first byte p50 µs", "p99 µs",
                  "p50 ÷ none", "p99 ÷ none", "failures"], rows)


def _calls(records):
    rows = [[record["daemon"], record["part"], number(record["calls_1"], 1),
             number(record["calls_32"], 1)] for record in records]
    text = table(["daemon", "processes", "per connection, 1 client", "32 clients"], rows)
    for record in records:
        if record.get("names"):
            listed = ", ".join(f"{name} {count:.2f}" for name, count in sorted(
                record["names"].items(), key=lambda item: -item[1]))
            text += f"\n{record['daemon']} {record['part']}, per connection: {listed}\n"
    return text


def _profile(records):
    return "".join(f"- {record['daemon']} {record['part']}: `{record['file']}`\n"
                   for record in records)


def _work(records):
    """Processor time per connection, from the throughput case."""
    rows = []
    mine = select(records, handler="static")
    for name in names(mine):
        for clients in sorted({record["clients"] for record in mine}):
            cell = select(mine, daemon=name, clients=clients)
            rows.append([name, clients, number(median(values(cell, "first_cpu_us")), 1),
                         number(median(values(cell, "family_cpu_us")), 1)])
    return table(["daemon", "clients", "first process, CPU µs per connection",
                  "all its processes"], rows)


SECTIONS = {
    "throughput": ("Throughput and latency", _throughput),
    "held": ("Long-lived connections", _held),
    "burst": ("A burst of connections at once", _burst),
    "bulk": ("A long transfer", _bulk),
    "services": ("Many services", _services),
    "idle": ("Idle", _idle),
    "sources": ("Memory per source", _sources),
    "flood": ("Refused floods", _flood),
    "beside": ("Admitted clients beside a refused flood", _beside),
    "isolation": ("Isolation", isolate.section),
    "calls": ("System calls", _calls),
    "profile": ("Profiles", _profile),
}


def _environment(results):
    text = "".join(f"- {key}: {value}\n" for key, value in results["environment"].items())
    text += "\nDaemons, and how they are configured:\n\n"
    text += "".join(f"- **{name}**: {note or 'as it comes'}\n"
                    for name, note in results["daemons"].items())
    if results["skipped"]:
        text += "\nNot measured:\n\n"
        text += "".join(f"- **{name}**: {why}\n" for name, why in results["skipped"].items())
    if results["problems"]:
        text += "\nProblems on the way:\n\n"
        text += "".join(f"- {problem}\n" for problem in results["problems"])
    return text


def markdown(results):
    """The whole report."""
    parts = ["# Benchmark results\n",
             "Cells are medians over rounds; ratios are taken within a round, and given as median "
             "(least–most). How it is measured: doc/performance.md.\n",
             "## Machine and daemons\n", _environment(results)]
    reached = bounds.check(results["cases"])
    if reached:
        parts += ["## Bounds\n", table(["case", "bound", "measured", "reached"], reached)]
    for name, (title, section) in SECTIONS.items():
        records = results["cases"].get(name)
        if not records:
            continue
        parts += [f"## {title}\n", section(records)]
        if name == "throughput" and select(records, handler="static"):
            parts += ["## Work per connection (static handler)\n", _work(records)]
    return "\n".join(parts)


def plot_data(records, handler):
    """{daemon: [(clients, rate ratio, first byte p50 in ms, p99 in ms)]} of one handler."""
    mine = select(records, handler=handler)
    data = {}
    for name in names(mine):
        rows = []
        for clients in sorted({record["clients"] for record in mine}):
            cell = select(mine, daemon=name, clients=clients)
            ratio = median(ratios(cell, "rate", select(mine, daemon=BASE, clients=clients)))
            p50 = median([pick(record, "first.p50") for record in cell])
            p99 = median([pick(record, "first.p99") for record in cell])
            if ratio is not None and p50 and p99:
                rows.append((clients, ratio, p50 / 1e3, p99 / 1e3))
        if rows:
            data[name] = rows
    return data
