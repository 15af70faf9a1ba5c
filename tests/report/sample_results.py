#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes result files as penstock bench writes them, of a model of a disk: nothing in them was measured.

Usage: sample_results.py FILE [--speed=1.0] [--loops=3] [--seconds=60] [--seed=1]
"""

import json
import math
import random
import sys

PATHS = {  # microseconds of a read of 4 KiB at depth 1; CPU ns of a read; most reads a second
    "bar": (71, 1450, 690e3),
    "nvme": (74, 1150, 720e3),
    "read": (82, 1900, 505e3),
    "pread": (118, 5200, 186e3),
}
SIZES = (4096, 16384, 131072)
DEPTHS = (1, 4, 16, 64, 128)
BYTES_PER_SECOND = 6.9e9
BUFFER = {"bar": "window:0"}

ENVIRONMENT = {
    "kernel": "7.0.4-amd64",
    "io_uring": {"works": True, "passthrough": True, "deferred_work": True, "disabled_sysctl": 0, "error": None},
    "locked_limit_bytes": 8388608,
    "huge_pages": {"reserved": 512, "free": 512, "transparent": "madvise"},
    "iommu": {"units": 2, "group_count": 61},
    "p2pdma": True,
    "p2p_provider": [],
    "gpu": [{"pci_address": "0000:c1:00.0", "vendor": "1002", "device": "74a1", "driver": "amdgpu", "numa_node": 1,
             "largest_bar_bytes": 274877906944, "memory_bytes": 206158430208, "large_bar": True}],
    "cpu": {"model": "Model Processor 9000 <96 cores> & more", "processors": 96, "numa_nodes": "0-1", "governor": "performance"},
    "volume": [{
        "name": "/dev/ng0n1", "size_bytes": 3840755982336, "block_bytes": 4096, "auto": "bar", "error": None,
        "nvme": {"id": 1, "char_node": "/dev/ng0n1", "block_node": "/dev/nvme0n1", "metadata_bytes": 0,
                 "max_command_bytes": 131072, "max_segments": 33, "queue_depth": 1023, "memory_alignment": 4, "path_count": 1,
                 "controller": {"name": "nvme0", "pci_address": "0000:41:00.0", "model": "MODEL SSD 3.84TB",
                                "serial": "S0MODEL", "firmware": "1.0.0", "numa_node": 0, "max_transfer_bytes": 131072,
                                "poll_queue_count": 0}},
        "path": [{"path": "bar", "buffer": "window:0", "works": True, "cause": None, "remedy": None},
                 {"path": "nvme", "buffer": None, "works": True, "cause": None, "remedy": None},
                 {"path": "read", "buffer": None, "works": True, "cause": None, "remedy": None},
                 {"path": "pread", "buffer": None, "works": True, "cause": None, "remedy": None}]}],
}


def latency(mean, count, spread):
    """A distribution around `mean` with a tail that grows with `spread`; nanoseconds."""
    p50 = mean * 0.95
    far = {"min": -0.3, "p50": 0, "p90": 0.3 * spread, "p99": 0.9 * spread, "p99_9": 2.4 * spread, "p99_99": 5.5 * spread,
           "max": 14 * spread}
    return {"count": count, "mean": round(mean, 1), **{name: round(p50 * (1 + more)) for name, more in far.items()}}


def series(seconds, iops, size, p99, rng):
    rows = []
    for second in range(1, seconds + 1):
        dip = 0.72 if second % 23 == 0 else 1
        rate = iops * dip * rng.gauss(1, 0.012)
        rows.append({"second": second, "iops": round(rate, 1), "bytes_per_second": round(rate * size, 1),
                     "p99_ns": round(p99 / dip * abs(rng.gauss(1, 0.05)))})
    return rows


def job(path, size, depth, loop, seconds):
    return {"name": f"{path}-{size}-{depth}", "volumes": ["/dev/ng0n1"], "rw": "randread", "random_distribution": "uniform",
            "bs_min_bytes": size, "bs_max_bytes": size, "iodepth": depth, "numjobs": 1, "runtime_seconds": seconds,
            "ramp_seconds": 2, "offset_bytes": 0, "size_bytes": 0, "rate_iops": 0, "rate_bytes_per_second": 0, "path": path,
            "device": "hip:0", "op": "crc32c", "iopoll": False, "sqpoll": False, "buffer": BUFFER.get(path, "pinned"),
            "batch_submit": 1, "batch_complete": 1, "cpus": [], "numa": None, "seed": 1, "loop": loop}


def run(path, size, depth, loop, seconds, speed, rng):
    base_us, cpu_ns, most = PATHS[path]
    alone = base_us * 1e3 + (size - 4096) / BYTES_PER_SECOND * 1e9
    most = min(most, BYTES_PER_SECOND / size, 1e9 / (cpu_ns + size * (0.13 if path == "pread" else 0))) * speed
    iops = most * math.tanh(depth / alone * 1e9 / most) * rng.gauss(1, 0.008)
    total = depth / iops * 1e9
    reads = int(iops * seconds)
    kernel, landed, queued = 6100 + size * 0.02, 450, 320 + 4 * depth
    stages = {"queued": queued, "device": max(total - kernel - landed - queued, alone * 0.5), "landed": landed,
              "claimed": kernel * 0.25, "done": kernel * 0.6, "reaped": kernel * 0.15}
    total = sum(stages.values())
    spread = 0.5 + 0.5 * math.log2(depth + 1) / 7 + (0.4 if path == "pread" else 0)
    whole = latency(total, reads, spread)
    bytes_read = reads * size
    return {
        "job": job(path, size, depth, loop, seconds), "status": "ok", "error": None,
        "seconds": float(seconds), "reads": reads, "bytes": bytes_read, "iops": round(iops, 2),
        "bytes_per_second": round(iops * size, 1),
        "cpu": {"user_seconds": round(reads * cpu_ns * 0.3 / 1e9, 3), "system_seconds": round(reads * cpu_ns * 0.7 / 1e9, 3),
                "ns_per_read": round(cpu_ns * rng.gauss(1, 0.01) + (size * 0.13 if path == "pread" else 0), 1),
                "system_calls_per_read": round(1 / min(depth, 16), 4),
                "voluntary_switches": int(reads / depth), "involuntary_switches": seconds * 3},
        "latency_ns": {"total": whole, **{name: latency(mean, reads, spread) for name, mean in stages.items()}},
        "steady": True, "series": series(seconds, iops, size, whole["p99"], rng),
        "proof": {"agrees": True, "bytes_copied_by_cpu": bytes_read if path == "pread" else 0,
                  "commands": reads if path in ("bar", "nvme") else 0,
                  "controller": [{"name": "nvme0", "read_commands": reads + 3, "data_units_read": bytes_read // 512000 + 1,
                                  "block_layer_reads": 0 if path in ("bar", "nvme") else reads}],
                  "block": [{"device": "/sys/block/nvme0n1", "reads": 0 if path in ("bar", "nvme") else reads + 2,
                             "bytes": 0 if path in ("bar", "nvme") else bytes_read + 2 * size}],
                  "all_reads": reads + 2, "all_bytes": bytes_read + 2 * size, "checked_bytes": 4 << 20,
                  "verified_bytes": bytes_read, "contradictions": [], "remarks": []},
    }


def refused(path, size, depth, loop, seconds):
    return {"job": job(path, size, depth, loop, seconds), "status": "refused",
            "error": {"cause": "volume /dev/ng0n1: path bar needs a window, and none is reserved </script><b>bold</b>",
                      "remedy": "run penstock window reserve --device=hip:0 --size=1GiB"}}


def results(speed=1.0, loops=3, seconds=60, seed=1):
    rng = random.Random(seed)
    runs = [run(path, size, depth, loop, seconds, speed, rng)
            for loop in range(loops) for path in PATHS for size in SIZES for depth in DEPTHS]
    # One that copied what it says it has not, one that Ctrl-C ended, and one that could not begin.
    runs[-1]["status"], runs[-1]["proof"]["agrees"] = "disagrees", False
    runs[-1]["proof"]["contradictions"] = ["the controller counts 12 % fewer reads than were claimed: they came from a cache"]
    runs[-2]["status"], runs[-2]["seconds"] = "partial", seconds / 4
    runs[DEPTHS.index(64)] = refused("bar", SIZES[0], 64, 0, seconds)
    return {"schema": "penstock-bench-1", "version": "0.1.0", "git_revision": "0123abc", "partial": False,
            "command_line": ["penstock", "bench", "/dev/ng0n1", "--rw=randread", "--bs=4k,16k,128k", "--iodepth=1,4,16,64,128",
                             "--paths=all", "--device=hip:0", "--op=crc32c", f"--loops={loops}", f"--runtime={seconds}"],
            "started": "2026-11-21T22:00:00Z", "environment": ENVIRONMENT,
            "measurement": {"clock_ns": 24.0, "overhead_ns_per_read": 110.0}, "run": runs, "spread": spread(runs, loops)}


def figures(values):
    ordered, mean = sorted(values), sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
    return {"median": ordered[len(ordered) // 2], "min": ordered[0], "max": ordered[-1], "relative_stddev": deviation / mean}


def spread(runs, loops):
    points = len(runs) // loops
    rows = []
    for point in range(points) if loops > 1 else ():
        places = [place for place in range(point, len(runs), points) if runs[place]["status"] == "ok"]
        if places:
            rows.append({"run": places, "iops": figures([runs[place]["iops"] for place in places]),
                         "p99_ns": figures([runs[place]["latency_ns"]["total"]["p99"] for place in places])})
    return rows


def main():
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    if len(names) != 1 or {"-h", "--help"} & set(sys.argv):
        print(__doc__.strip())
        return 0 if {"-h", "--help"} & set(sys.argv) else 2
    options = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--"))
    made = results(**{key: float(value) if key == "speed" else int(value) for key, value in options.items()})
    with open(names[0], "w", encoding="utf-8") as file:
        json.dump(made, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
