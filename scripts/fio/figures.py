# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What fio and penstock say of a run, as the same figures, and how they compare: medians, and each round's own ratio."""

import json
import statistics

# Of a figure: its name, and how it is printed.
FIGURES = {
    "reads_per_second": ("reads a second", 1),
    "bytes_per_second": ("MB a second", 1e-6),
    "cpu_us_per_read": ("CPU us a read", 1),
    "p50_us": ("p50, us", 1),
    "p90_us": ("p90, us", 1),
    "p99_us": ("p99, us", 1),
    "p99_9_us": ("p99.9, us", 1),
    "cpu_ms_per_gib": ("CPU ms a GiB", 1),
    "net_cpu_ms_per_gib": ("less start-up", 1),
}
PERCENTILES = {"p50_us": ("50.000000", "p50"), "p90_us": ("90.000000", "p90"), "p99_us": ("99.000000", "p99"),
               "p99_9_us": ("99.900000", "p99_9")}


class Refused(Exception):
    """A run that does not count, and why."""


def first_json(text):
    """The first JSON object of a text, and where it ends."""
    if "{" not in text:
        raise Refused(f"no result, but: {text.strip() or 'nothing'}")
    return json.JSONDecoder().raw_decode(text, text.index("{"))


def of_fio(report):
    """Of a run with --group_reporting. fio counts the CPU time of its jobs' threads, and reckons it by their summed run times."""
    job = report["jobs"][0]
    read = job["read"]
    if job["error"] or read["total_ios"] == 0:
        raise Refused(f"fio read {read['total_ios']} times and ended with error {job['error']}")
    cpu_seconds = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] / 1000
    # total_ios are the reads that began after the ramp; what counts is which ended, as their latencies and bytes do.
    reads = read.get("lat_ns", {}).get("N") or read["total_ios"]
    figures = {"reads_per_second": reads / (read["runtime"] / 1000), "bytes_per_second": read["bw_bytes"],
               "cpu_us_per_read": cpu_seconds / reads * 1e6}
    told = read.get("lat_ns", {}).get("percentile", {})
    return figures | {key: told[name] / 1000 for key, (name, _) in PERCENTILES.items() if name in told}


def of_bench(report):
    """Of the only run of a result file."""
    run = report["run"][0]
    if run["status"] != "ok":
        raise Refused(f"penstock bench: {run['status']}: {json.dumps(run['error'] or run['proof']['contradictions'])}")
    total = run["latency_ns"]["total"]
    figures = {"reads_per_second": run["iops"], "bytes_per_second": run["bytes_per_second"],
               "cpu_us_per_read": run["cpu"]["ns_per_read"] / 1000}
    return figures | {key: total[name] / 1000 for key, (_, name) in PERCENTILES.items()}


def by_turns(programs, rounds, discarded=0):
    """Runs each in every round, in an order that turns round, so that drift of the machine hits all. A program is called with the
    round's number and returns {row: figures}. Returns {row: [figures of each round]}, without those of the first `discarded`."""
    runs = {}
    for number in range(rounds + discarded):
        for program in programs if number % 2 == 0 else programs[::-1]:
            for row, figures in program(number).items():
                if number >= discarded:
                    runs.setdefault(row, []).append(figures)
    return runs


def medians(rounds):
    """Of the figures of a row's rounds."""
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


def ratios(rounds, base):
    """Of each figure that both rows have the ratio of each round, least first: what drifts from round to round hits both."""
    return {key: sorted(a[key] / b[key] for a, b in zip(rounds, base)) for key in rounds[0]
            if all(figures.get(key) for figures in base)}


def spread(values):
    """The median, the least and the most of sorted values."""
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def table(title, runs, pairs):
    """A line a figure: the rows' medians, and the ratios of each (row, base) of `pairs` with the least and the most."""
    middle = {row: medians(rounds) for row, rounds in runs.items()}
    compared = {f"{row} / {base}": ratios(runs[row], runs[base]) for row, base in pairs}
    lines = [f"{title:<18}" + "".join(f"{row:>12}" for row in middle) + "".join(f"{pair:>24}" for pair in compared)]
    for key, (name, scale) in FIGURES.items():
        if not any(key in figures for figures in middle.values()):
            continue
        values = [figures[key] * scale if key in figures else None for figures in middle.values()]
        lines.append(f"  {name:<16}" + "".join(" " * 12 if value is None else f"{value:12.{1 if value < 1000 else 0}f}"
                                               for value in values) +
                     "".join(f"{spread(each[key]) if key in each else '':>24}" for each in compared.values()))
    return "\n".join(line.rstrip() for line in lines)


def as_json(runs, pairs):
    """The same for a program to read."""
    return {"runs": runs, "medians": {row: medians(rounds) for row, rounds in runs.items()},
            "ratios": {f"{row} / {base}": ratios(runs[row], runs[base]) for row, base in pairs}}
