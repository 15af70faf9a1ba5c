# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the `penstock` command, and makes the files that its tests read. Standard library only."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile


class Command:
    def __init__(self, path):
        self.path = path

    def run(self, *arguments, timeout=120, **options):
        words = [self.path, "ingest", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, **options)

    def probe(self, *arguments, timeout=120, **options):
        words = [self.path, "probe", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, **options)

    def ingest(self, *arguments):
        """The JSON report of a run that must succeed."""
        done = self.run(*arguments, "--json")
        if done.returncode != 0:
            raise AssertionError(f"{done.args}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
        return json.loads(done.stdout)

    def refuse(self, *arguments, status=1):
        """What stderr says of a run that must fail."""
        done = self.run(*arguments)
        if done.returncode != status:
            raise AssertionError(f"{done.args}: exit {done.returncode}, not {status}\n{done.stderr}\n{done.stdout}")
        return done.stderr


def command():
    return Command(os.path.abspath(sys.argv[1]))


def need(program):
    if shutil.which(program) is None:
        print(f"SKIPPED: {program} is not installed. Fix: run scripts/setup test.")
        sys.exit(0)


def text_file(path, size, seed):
    """Lines of a few words, so that patterns and histograms have something to find."""
    rng = random.Random(seed)
    words = [b"the", b"water", b"turbine", b"penstock", b"aa", b"aaa", b"reservoir", b"\x00\xff\x80", b"then", b"a"]
    block = b" ".join(rng.choice(words) + rng.choice([b"", b"\n"]) for _ in range(4000))
    with open(path, "wb") as file:
        written = 0
        while written < size:
            written += file.write(block[: size - written])
    return path


def random_file(path, size, seed):
    with open(path, "wb") as file:
        file.write(random.Random(seed).randbytes(size))
    return path


def directory(where="."):
    return tempfile.TemporaryDirectory(prefix="penstock_cli_", dir=where)
