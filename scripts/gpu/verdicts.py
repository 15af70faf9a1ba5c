# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A report held against what must be true of it. Pure: a report in, verdicts out."""

from dataclasses import dataclass

ROUND_TRIP_TO_PING_PONG = 2.0
ROUND_TRIP_TO_LAUNCH = 0.6
SLOTS_PER_SECOND = 10e6
SLOTS_TO_LAUNCHES = 30
SHARE_OF_LINK = 0.85
END_TO_END_TO_FIO = 0.95
IDLE_SHARE_OF_LINK = 0.01
FIRST_SLOT_NS = 50e3


@dataclass
class Verdict:
    what: str
    value: str
    limit: str
    ok: bool | None  # None: it was not measured


def at_most(what, value, limit, text):
    return Verdict(what, text(value), f"<= {text(limit)}", value <= limit)


def at_least(what, value, limit, text):
    return Verdict(what, text(value), f">= {text(limit)}", value >= limit)


def ratio(value):
    return f"{value:.3f}"


def missing(what, part):
    return Verdict(what, f"not measured: part {part}", "", None)


def full_round_trip(ring):
    """The round trip on the largest device that there is; what a small one makes is in the table."""
    rows = [row for row in ring["round_trips"] if "p50_ns" in row and row["ring_slots"] == 256]
    compute_units = ring.get("device", {}).get("compute_units")
    fitting = [row for row in rows if not compute_units or row["workgroups"] <= compute_units]
    return max(fitting or rows, key=lambda row: row["workgroups"])


def ring_verdicts(report):
    ring = report.get("ring")
    if not ring or "bare" not in ring:
        return [missing("NOP slots", "ring")]
    bare, row = ring["bare"], full_round_trip(ring)
    at = f"NOP round trip, p50, {row['workgroups']} workgroups"
    best = max((r for r in ring["rates"] if "slots_per_second" in r), key=lambda r: r["slots_per_second"])
    rate = best["slots_per_second"]
    of = f"NOP slots a second, {best['workgroups']} workgroups, {best['ring_slots']} slots"
    link = bare["copies"][0]["to_device_bytes_per_second"]
    idle = ring["idle"]
    verdicts = [
        at_most(f"{at}, to the bare ping-pong", row["p50_ns"] / bare["ping_pong"]["p50_ns"], ROUND_TRIP_TO_PING_PONG, ratio),
        at_most(f"{at}, to launch + synchronise", row["p50_ns"] / bare["launch_and_synchronize"]["p50_ns"], ROUND_TRIP_TO_LAUNCH,
                ratio),
        at_least(of, rate, SLOTS_PER_SECOND, lambda value: f"{value / 1e6:.2f} M"),
        at_least(f"{of}, to empty launches", rate / bare["launches_per_second"], SLOTS_TO_LAUNCHES, lambda v: f"{v:.1f}")]
    if "error" in idle:
        return verdicts + [Verdict("idle", idle["error"], "", False)]
    return verdicts + [
        at_most("bus reads while idle, share of the link", idle["bus_bytes_per_second"] / link, IDLE_SHARE_OF_LINK,
                lambda value: f"{value * 100:.4f} %"),
        at_most("first slot after a second of idleness, slowest", idle["first_slot"]["max_ns"], FIRST_SLOT_NS,
                lambda value: f"{value / 1e3:.1f} us")]


def best_rate(rows, handler):
    fitting = [row for row in rows if row["handler"] == handler and "bytes_per_second" in row]
    return max(fitting, key=lambda row: row["bytes_per_second"]) if fitting else None


def handler_verdicts(report):
    if not report.get("handlers", {}).get("rows"):
        return [missing("handlers", "handlers")]
    rows = report["handlers"]["rows"]
    verdicts = []
    for handler, copy in (("Crc32c", "AsyncCopyToDevice"), ("CopyToDevice", "AsyncCopyToDevice"),
                          ("CopyToHost", "AsyncCopyToHost")):
        best, link = best_rate(rows, handler), best_rate(rows, copy)
        if best is None or link is None:
            verdicts.append(missing(handler, "handlers"))
            continue
        speed = f"{best['bytes_per_second'] / 1e9:.1f} GB/s with {best['workgroups']} workgroups, {best['chunk_bytes'] >> 10} KiB"
        what = f"{handler} over pinned memory ({speed}), to the fastest copy"
        verdicts.append(at_least(what, best["bytes_per_second"] / link["bytes_per_second"], SHARE_OF_LINK, ratio))
    return verdicts


def end_to_end_verdicts(report):
    files = report.get("end_to_end", {}).get("files")
    if not files:
        return [missing("end to end", "end_to_end")]
    verdicts = []
    for file in files:
        if "error" in file:
            verdicts.append(Verdict(f"end to end in {file['folder']}", file["error"].split("\n")[0], "", False))
            continue
        way = f"{file['engine']}, {'past' if file['direct'] else 'through'} the page cache"
        what = f"file in {file['folder']} to CRC-32C on the GPU, to fio alone ({way})"
        if "penstock_crc32c" not in file["to_fio"]:
            refusal = file["refusals"].get("penstock_crc32c") or file["refusals"].get("fio") or "no run"
            verdicts.append(Verdict(what, refusal.split("\n")[0], "", False))
            continue
        verdicts.append(at_least(what, file["to_fio"]["penstock_crc32c"], END_TO_END_TO_FIO, ratio))
        crcs = {crc for values in file["crc32c"].values() for crc in values}
        agrees = None if file["rhash"] is None else crcs == {file["rhash"]}
        verdicts.append(Verdict(f"CRC-32C in {file['folder']}, by every program", ", ".join(sorted(crcs)),
                                f"= {file['rhash'] or 'unknown: no rhash'}", agrees))
    return verdicts


def part_verdicts(report):
    """Parts that pass or fail as a whole."""
    verdicts = []
    for part, what in (("build", "build without warnings"), ("tests", "device tests"), ("soak", "soak"),
                       ("sanitizer", "compute-sanitizer: memcheck and racecheck")):
        result = report.get(part)
        if not result or "skipped" in result and "ok" not in result:
            verdicts.append(missing(what, f"{part}{': ' + result['skipped'] if result else ''}"))
            continue
        value = "passed" if result["ok"] else "failed"
        if "run" in result:
            value += f": {result['run']} run, {len(result['failed'])} failed, {len(result['skipped'])} skipped"
        verdicts.append(Verdict(what, value, "", result["ok"]))
    return verdicts


def judge(report):
    verdicts = part_verdicts(report) + ring_verdicts(report) + handler_verdicts(report) + end_to_end_verdicts(report)
    failed = [Verdict(f"part {name}", error.split("\n")[0], "", False) for name, error in report.get("errors", {}).items()]
    return failed + verdicts


def table(verdicts):
    """For people: a line each, what fell short first."""
    marks = {True: "ok", False: "FAILED", None: "-"}
    order = sorted(verdicts, key=lambda verdict: {False: 0, None: 1, True: 2}[verdict.ok])
    return "\n".join(f"{marks[v.ok]:7}{v.what}: {v.value}{'  (' + v.limit + ')' if v.limit else ''}" for v in order)
