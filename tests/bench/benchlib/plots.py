"""Plots by gnuplot, each as SVG and PNG."""

import os
import subprocess

from . import report

PANELS = [  # column of the data, file, title, axis, logarithmic
    (2, "throughput", "connections a second, as a ratio to the bare loop", "ratio", False),
    (3, "first-byte-p50", "first byte, median", "milliseconds", True),
    (4, "first-byte-p99", "first byte, 99 of 100", "milliseconds", True),
]
TERMINALS = {"svg": "svg size 900,560 font 'sans,13' background 'white'",
             "png": "pngcairo size 900,560 font 'sans,11'"}


def _script(output, handler, data_file, data, panel, kind):
    column, name, title, axis, logarithmic = panel
    path = os.path.join(output, f"{name}-{handler}.{kind}")
    clients = sorted({row[0] for rows in data.values() for row in rows})
    curves = []
    for index, daemon in enumerate(data):
        width = 3 if daemon.startswith("superd") else 2 if daemon.startswith("bare") else 1
        curves.append(f"'{data_file}' index {index} using 1:{column} with linespoints "
                      f"linewidth {width} dashtype {index // 8 + 1} "
                      f"pointtype {index % 13 + 1} title '{daemon}' noenhanced")
    return "\n".join([
        f"set terminal {TERMINALS[kind]}", f"set output '{path}'",
        f"set title '{handler} handler: {title}'", "set xlabel 'clients'", f"set ylabel '{axis}'",
        "set logscale x 2",
        f"set xtics ({', '.join(str(count) for count in clients)})",
        "set logscale y" if logarithmic else "set yrange [0:*]",
        "set key outside right", "set grid",
        "plot " + ", \\\n  ".join(curves), "unset output", ""])


def draw(output, records, say):
    """Write the plots of the throughput case; says so when gnuplot is not there."""
    written = []
    for handler in dict.fromkeys(record["handler"] for record in records):
        data = report.plot_data(records, handler)
        if not data:
            continue
        data_file = os.path.join(output, f"throughput-{handler}.dat")
        with open(data_file, "w", encoding="ascii") as file:
            for daemon, rows in data.items():
                file.write(f"# {daemon}: clients, rate ratio, first byte p50 ms, p99 ms\n")
                file.writelines(" ".join(f"{value:g}" for value in row) + "\n" for row in rows)
                file.write("\n\n")
        for panel in PANELS:
            for kind in TERMINALS:
                script = _script(output, handler, data_file, data, panel, kind)
                try:
                    done = subprocess.run(["gnuplot"], input=script, text=True,
                                          capture_output=True, check=False)
                except FileNotFoundError:
                    say("gnuplot is not installed: no plots")
                    return written
                if done.returncode != 0:
                    say(f"gnuplot: {done.stderr.strip()}")
                    continue
                written.append(f"{panel[1]}-{handler}.{kind}")
    return written
