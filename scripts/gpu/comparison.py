# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a file to a GPU's result, end to end: penstock beside fio, which only reads, and beside the ordinary way."""

import json
import os
import re
import statistics
import tempfile

from machine import Failure, call
from stages import environment_of, program

RUN_SECONDS = 120
ENGINES = ("io_uring", "libaio", "psync")


def write_random(path, size_bytes):
    """Random enough: a block that starts elsewhere each time. Ends on the disk."""
    block = os.urandom(32 << 20)
    with open(path, "wb") as file:
        for index in range(size_bytes // len(block)):
            at = (index * 4099) % len(block)
            file.write(block[at:] + block[:at])
        file.flush()
        os.fsync(file.fileno())


class Comparison:
    """The programs on one file. Each returns bytes a second and what it says of itself."""

    def __init__(self, options, path):
        self.options = options
        self.path = path
        self.chunk = options.chunk_kib << 10
        self.engine, self.direct = self.find_engine()

    def fio(self, engine=None, direct=None, limit=()):
        engine, direct = engine or self.engine, self.direct if direct is None else direct
        command = [*self.options.carried.program("fio"), "--name=alone", f"--filename={self.path}", "--readonly", "--rw=read",
                   f"--ioengine={engine}", f"--direct={int(direct)}", f"--bs={self.chunk}", f"--iodepth={self.options.depth}",
                   "--output-format=json", *limit]
        if engine == "io_uring":
            command += ["--fixedbufs=1", "--registerfiles=1"]
        text = call(command, timeout=RUN_SECONDS).stdout
        return {"bytes_per_second": json.loads(text[text.index("{"):])["jobs"][0]["read"]["bw_bytes"]}

    def find_engine(self):
        """The best way to read that this machine lets fio go: some have no io_uring, some file systems no direct I/O."""
        refusals = []
        for engine in ENGINES:
            for direct in (True, False):
                try:
                    self.fio(engine, direct, limit=[f"--size={self.chunk}"])
                    return engine, direct
                except Failure as failure:
                    refusals.append(str(failure).split("\n", 1)[-1].strip()[:200])
        raise Failure(f"fio cannot read {self.path}: {'; '.join(refusals)}. Fix: run fio by hand.")

    def penstock(self, operation):
        command = [program(self.options, "penstock"), "ingest", self.path, "--device=hip", f"--op={operation}",
                   f"--chunk={self.chunk}", f"--depth={self.options.depth}", "--json"]
        report = json.loads(call(command, timeout=RUN_SECONDS, environment=environment_of(self.options)).stdout)
        source = report["source"][0]
        return {"bytes_per_second": report["bytes_per_second"], "path": source["path"], "crc32c": source.get("crc32c")}

    def ordinary(self, mode):
        command = [program(self.options, "gpu_ordinary_way"), self.path, mode, str(self.chunk)]
        environment = {**environment_of(self.options), "CUFILE_FORCE_COMPAT_MODE": "true"}
        result = json.loads(call(command, timeout=RUN_SECONDS, environment=environment).stdout)
        return {key: result[key] for key in ("bytes_per_second", "direct", "crc32c")}

    def rhash(self):
        command = self.options.carried.program("rhash")
        if not command:
            return None
        output = call([*command, "--crc32c", "--simple", self.path], timeout=RUN_SECONDS).stdout
        return re.match(r"[0-9a-f]{8}", output)[0]


def compare(options, folder):
    """Every program takes its turn in every round, in an order that alternates. Medians, and ratios to fio."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix="penstock_gpu_check_") as file:
        write_random(file.name, options.file_mib << 20)
        comparison = Comparison(options, file.name)
        programs = {"fio": comparison.fio, "penstock_crc32c": lambda: comparison.penstock("crc32c"),
                    "penstock_none": lambda: comparison.penstock("none"),
                    "ordinary_single": lambda: comparison.ordinary("single"),
                    "ordinary_double": lambda: comparison.ordinary("double"), "cufile": lambda: comparison.ordinary("cufile")}
        runs, refusals = {name: [] for name in programs}, {}
        order = list(programs)
        for _ in range(options.rounds):
            for name in order:
                if name in refusals:
                    continue
                try:
                    runs[name].append(programs[name]())
                except Failure as failure:
                    refusals[name] = str(failure)[-1500:]
            order.reverse()
        independent = comparison.rhash()
    medians = {name: statistics.median(run["bytes_per_second"] for run in rs) for name, rs in runs.items() if rs}
    crcs = {name: sorted({run["crc32c"] for run in rs if run.get("crc32c")}) for name, rs in runs.items()}
    return {"folder": folder, "bytes": options.file_mib << 20, "chunk_bytes": comparison.chunk, "depth": options.depth,
            "engine": comparison.engine, "direct": comparison.direct, "medians": medians,
            "to_fio": {name: median / medians["fio"] for name, median in medians.items()} if "fio" in medians else {},
            "rhash": independent, "crc32c": {name: values for name, values in crcs.items() if values}, "refusals": refusals,
            "runs": runs}


def end_to_end(options):
    files = []
    for folder in options.folders.split(","):
        try:
            files.append(compare(options, folder))
        except (Failure, OSError) as error:  # no room for the file, say: the other folder may have some
            files.append({"folder": folder, "error": str(error)[-1500:]})
    return {"files": files}
