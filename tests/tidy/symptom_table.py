# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Renders the errors of the source by area and symptom: the tables of docs/troubleshooting.md."""

import re

import error_table

MARKER = "<!-- Below this line: written by tests/tidy/errors_doc_test.py --write from the source. -->"
COLUMNS = "| what it says | what to do | code |\n|---|---|---|\n"
UNKNOWN = "…"
# The areas in the order of the page, each with the beginnings of its files' paths. The longest beginning that fits rules.
AREAS = (
    ("Naming sources, devices and buffers on the command line", ("benchmarks/cli/", "driver/pci_address.cc")),
    ("Opening a volume", ("driver/volume.cc", "driver/nvme_sysfs.cc", "driver/direct_io.cc", "driver/device_use.cc",
                          "runtime/source_extent.cc")),
    ("NVMe namespaces and controllers", ("driver/nvme_identify.cc", "driver/nvme_ioctl.cc", "driver/nvme_status.cc",
                                         "driver/controller_counters.cc")),
    ("io_uring, and choosing a path", ("driver/io_uring_facts.cc", "driver/uring.cc", "driver/read_paths.cc", "driver/probe.cc",
                                       "runtime/path_chooser.cc")),
    ("Locked memory and buffers", ("driver/buffer_pool.cc", "driver/registered_pool.cc", "driver/device_memory.cc",
                                   "runtime/ingest_setup.cc")),
    ("Reading and writing", ("driver/reader.cc", "driver/read_error.cc", "driver/read_once.cc", "driver/pread_queue.cc")),
    ("A run of ingest", ("runtime/ingest.cc", "runtime/pump.cc", "runtime/source_feed.cc", "runtime/operation.cc",
                         "hip/automaton.cc")),
    ("The kernel asks for bytes itself", ("runtime/io_", "runtime/pull")),
    ("Devices and slots", ("runtime/resident_device.cc", "runtime/cpu_device.cc", "runtime/live_ring.cc", "runtime/ring.cc",
                           "runtime/packed.cc")),
    ("GPUs", ("hip/", "runtime/host/gpus.cc")),
    ("Windows of a GPU's memory", ("driver/peer_window", "driver/window_check.cc", "hip/dma_buf_export.cc",
                                   "hip/exported_memory.cc", "benchmarks/cli/window", "benchmarks/cli/device_comparer.cc")),
    ("penstock bench and its report", ("benchmarks/bench/", "benchmarks/report/")),
    ("Using Penstock from C", ("runtime/c/",)),
    ("Other benchmarks", ("benchmarks/gpu/", "benchmarks/io_latency/")),
)


def area_of(path):
    """The area of a source file, or None."""
    fits = [(len(begin), area) for area, begins in AREAS for begin in begins if path.startswith(begin)]
    return max(fits)[1] if fits else None


def tables(tree):
    """The text below the marker, and a message for each file that has errors and no area."""
    by_area, lost = {}, set()
    for code, what, fix, path in error_table.rows(tree):
        area = area_of(path)
        if area is None:
            lost.add(path)
        elif re.search(r"[a-z]", what):
            by_area.setdefault(area, set()).add((what, "as the message says" if fix == UNKNOWN else fix, code))
    text = ""
    for area, _ in AREAS:
        rows = sorted(by_area.get(area, ()), key=lambda row: (row[0].lstrip("… :").lower(), row))
        if rows:
            text += f"\n## {area}\n\n" + COLUMNS + "".join(error_table.render(row) + "\n" for row in rows)
    return text, [f"{path}: no area of the troubleshooting page has it. Fix: add it to tests/tidy/symptom_table.py."
                  for path in sorted(lost)]


def problems(tree, page):
    """What keeps the page from being what the source says."""
    if MARKER not in page:
        return ["docs/troubleshooting.md: no marker line. Fix: run tests/tidy/errors_doc_test.py --write."]
    text, messages = tables(tree)
    if page.split(MARKER, 1)[1].strip() != text.strip():
        messages.append("docs/troubleshooting.md: its tables are not what the source says. "
                        "Fix: run tests/tidy/errors_doc_test.py --write.")
    return messages


def rewrite(tree, page):
    """The page with fresh tables; the text above the marker stays."""
    return page.split(MARKER, 1)[0] + MARKER + "\n" + tables(tree)[0]
