"""Medians, ratios within a round, and markdown."""

import statistics


def median(values):
    """The median, or None of nothing."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def pick(record, path):
    """A value of a record by a dotted path; None when it is not there."""
    for key in path.split("."):
        if not isinstance(record, dict) or key not in record:
            return None
        record = record[key]
    return record


def select(records, **wanted):
    """The records with these values."""
    return [record for record in records
            if all(record.get(key) == value for key, value in wanted.items())]


def values(records, path):
    """That value of all records that have it."""
    found = (pick(record, path) for record in records)
    return [value for value in found if value is not None]


def ratios(records, path, baseline):
    """Value of each record over the baseline's of the same round."""
    base = {record["round"]: pick(record, path) for record in baseline}
    found = []
    for record in records:
        value = pick(record, path)
        if value is not None and base.get(record["round"]):
            found.append(value / base[record["round"]])
    return found


def names(records):
    """The daemons, in the order in which they should be listed."""
    def rank(name):
        return (not name.startswith("superd"), not name.startswith("bare"), name)
    return sorted({record["daemon"] for record in records}, key=rank)


def number(value, digits=0):
    """A number for a table."""
    return "–" if value is None else f"{value:,.{digits}f}"


def spread(found, digits=2):
    """median (least–most)"""
    if not found:
        return "–"
    if len(found) == 1:
        return number(found[0], digits)
    return f"{number(median(found), digits)} ({number(min(found), digits)}–" \
           f"{number(max(found), digits)})"


def table(headers, rows):
    """A markdown table; the first column is text, the others numbers."""
    lines = ["| " + " | ".join(headers) + " |",
             "| " + " | ".join(["---"] + ["---:"] * (len(headers) - 1)) + " |"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def failed(records):
    """All failures of these records, in words."""
    sums = {}
    for record in records:
        if record.get("error"):
            sums[record["error"]] = sums.get(record["error"], 0) + 1
        for name, count in (record.get("failures") or {}).items():
            sums[name] = sums.get(name, 0) + count
    return ", ".join(f"{name} {count}" for name, count in sorted(sums.items())) or "none"
