# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What scripts/gpu_check does, one function a part. Each returns what the report says of it, with "ok" where it can fail."""

import json
import os
import re
import tempfile
import xml.etree.ElementTree

from machine import Failure, call, find_nvcc

BUILD_SECONDS = 580
TEST_SECONDS = 500
BENCHMARK_SECONDS = 300
SANITIZER_SECONDS = 240


def environment_of(options):
    """With the carried libraries' .pc files, and nvcc on PATH."""
    nvcc = find_nvcc()
    path = os.environ.get("PATH", "") + (f":{os.path.dirname(nvcc)}" if nvcc else "")
    return {**options.carried.environment(), "PATH": path}


def program(options, name):
    path = os.path.join(options.build_dir, "bin", name)
    if not os.path.exists(path):
        raise Failure(f"{path} does not exist. Fix: build it: scripts/gpu_check --only=build.")
    return path


def build(options):
    configure = ["cmake", "-S", options.root, "-B", options.build_dir, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                 "-DPENSTOCK_WITH_HIP=ON", f"-DPENSTOCK_GPU_PLATFORM={options.platform}", *options.carried.cmake_options(),
                 *options.cmake]
    environment = environment_of(options)
    done = call(configure, timeout=120, environment=environment)
    summary = re.findall(r"^-- ((?:Penstock|  ).*)$", done.stdout, re.M)
    targets = options.targets.split(",") if options.targets else gpu_targets(options, environment)
    command = ["cmake", "--build", options.build_dir, "-j", str(os.cpu_count()), "--target", *targets]
    done = call(command, timeout=BUILD_SECONDS, environment=environment)
    warnings = re.findall(r"^.*\bwarning\b.*$", done.stdout + done.stderr, re.M)
    return {"ok": not warnings, "summary": summary, "targets": targets, "warnings": warnings[:20]}


def gpu_targets(options, environment):
    """Programs and tests that use a GPU, by their names: the rest of the tree is built and tested elsewhere."""
    listed = call(["cmake", "--build", options.build_dir, "--target", "help"], timeout=60, environment=environment).stdout
    return re.findall(r"^(gpu_\w+|bare_gpu|hash_lookup|penstock): phony$", listed, re.M)


def ctest(options, label, timeout, environment=None):
    """Runs the tests of a label, one at a time: a GPU has room for one resident kernel. The log is written as they go, so that
    it tells how far a run came that was killed."""
    junit = os.path.abspath(os.path.join(options.build_dir, f"{label}_tests.xml"))
    log = os.path.abspath(os.path.join(options.build_dir, f"{label}_tests.log"))
    if os.path.exists(junit):
        os.remove(junit)
    done = call(["ctest", "--test-dir", options.build_dir, "-L", f"^{label}$", "--output-junit", junit, "--output-log", log,
                 "--no-tests=error"],
                timeout=timeout, environment={**environment_of(options), **(environment or {})}, check=False)
    cases = list(xml.etree.ElementTree.parse(junit).getroot().iter("testcase")) if os.path.exists(junit) else []
    if not cases:
        raise Failure(f"ctest ran no test labelled {label}. Fix: build the tests first.\n{(done.stdout + done.stderr)[-2000:]}")
    failed = [{"name": case.get("name"), "output": (case.findtext("system-out") or "")[-3000:]}
              for case in cases if case.find("failure") is not None]
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    slowest = sorted(((float(case.get("time") or 0), case.get("name")) for case in cases), reverse=True)[:5]
    ran = len(cases) - len(skipped)
    return {"ok": done.returncode == 0 and not failed and ran > 0, "run": ran, "failed": failed, "skipped": skipped,
            "printed": re.findall(r"^\d+ slots, .*$", "\n".join(case.findtext("system-out") or "" for case in cases), re.M),
            "slowest": [{"name": name, "seconds": seconds} for seconds, name in slowest]}


def tests(options):
    return ctest(options, "device", TEST_SECONDS)


def soak(options):
    seconds = options.soak_seconds
    return ctest(options, "soak", seconds + 120, {"PENSTOCK_SOAK_SECONDS": str(seconds)})


def json_of(options, name, *arguments):
    command = [program(options, name), *arguments]
    return json.loads(call(command, timeout=BENCHMARK_SECONDS, environment=environment_of(options)).stdout)


def bare(options):
    return json_of(options, "bare_gpu")


def ring(options):
    return json_of(options, "gpu_ring_benchmark", *(["--quick"] if options.quick else []))


def handlers(options):
    """Rows of Google Benchmark, their names taken apart: BM_Crc32c/workgroups:8/chunk_bytes:65536/real_time."""
    output = json_of(options, "gpu_handler_benchmark", "--benchmark_format=json",
                     f"--benchmark_min_time={0.02 if options.quick else 0.1}")
    rows = []
    for run in output["benchmarks"]:
        name, *pairs = run["name"].removeprefix("BM_").split("/")
        row = {"handler": name, **{key: int(value) for key, value in (p.split(":") for p in pairs if ":" in p)}}
        if run.get("error_occurred"):
            row["error"] = run["error_message"]
        else:
            row["bytes_per_second"] = run["bytes_per_second"]
        rows.append(row)
    return {"rows": rows}


def sanitizer(options):
    """compute-sanitizer on short ingest runs: memory errors, and races in the workgroups' shared memory."""
    if options.platform != "nvidia":
        return {"skipped": "compute-sanitizer is NVIDIA's"}
    results = {}
    with tempfile.NamedTemporaryFile(dir=options.build_dir) as file:
        file.write(os.urandom(1 << 20) * 8)
        file.flush()
        for tool, clean in (("memcheck", r"ERROR SUMMARY: 0 errors"), ("racecheck", r"RACECHECK SUMMARY: 0 hazards")):
            for operation in ("crc32c", "histogram", "match", "verify"):
                results[f"{tool}, {operation}"] = sanitize(options, tool, clean, operation, file.name)
    return {"ok": all(result.get("ok", True) for result in results.values()), "runs": results}


def sanitize(options, tool, clean, operation, path):
    pattern = {"match": ["--pattern=needle"], "verify": ["--pattern=needle"]}.get(operation, [])
    command = ["compute-sanitizer", "--tool", tool, program(options, "penstock"), "ingest", path, "--device=hip",
               f"--op={operation}", *pattern, "--workgroups=4", "--chunk=256KiB", "--depth=4", "--json"]
    try:
        done = call(command, timeout=SANITIZER_SECONDS, environment=environment_of(options), check=False)
    except FileNotFoundError:
        return {"skipped": "compute-sanitizer is not here"}
    output = done.stdout + done.stderr
    if "Device not supported" in output:
        return {"skipped": "compute-sanitizer says: Device not supported"}
    if re.search(clean, output):
        return {"ok": True}
    return {"ok": False, "output": output[-3000:]}
