#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example counts what Python counts, says what to do about an error, and draws. Usage: histogram_test.py CASE LIBRARY"""
import collections
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def run(library, *arguments):
    env = {**os.environ, "PENSTOCK_LIBRARY": library, "PENSTOCK_DEVICE": "cpu", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, os.path.join(HERE, "histogram.py"), *arguments], capture_output=True, text=True,
                          check=False, env=env)


def write_file(folder):
    path = os.path.join(folder, "input")
    data = random.Random(5).randbytes(70000) + b"a" * 1500000 + b"odd end"
    with open(path, "wb") as file:
        file.write(data)
    return path, collections.Counter(data)


def test_counts(library, folder):
    path, expected = write_file(folder)
    done = run(library, path)
    assert done.returncode == 0, done.stderr
    counts = dict(map(int, line.split()) for line in done.stdout.splitlines())
    assert counts == {value: expected[value] for value in range(256)}, done.stdout


def test_errors(library, folder):
    done = run(library, os.path.join(folder, "no_such_file"))
    assert done.returncode == 1 and "Fix: " in done.stderr and "no_such_file" in done.stderr, done
    done = run(library, os.path.join(os.fsencode(folder), b"no_utf_8_\xff"))
    assert done.returncode == 1 and re.search(r"no_utf_8_.*Fix: ", done.stderr) and "Traceback" not in done.stderr, done
    done = run(os.path.join(folder, "no_such_library.so"), __file__)
    assert done.returncode == 1 and re.search(r"no_such_library.*Fix: .*PENSTOCK_LIBRARY", done.stderr), done
    assert "Traceback" not in done.stderr, done


def test_draws(library, folder):
    if importlib.util.find_spec("matplotlib") is None:
        print("SKIPPED: matplotlib is not installed. Fix: run scripts/setup plot.")
        return 77
    path, _ = write_file(folder)
    picture = os.path.join(folder, "histogram.png")
    done = run(library, path, picture)
    assert done.returncode == 0, done.stderr
    with open(picture, "rb") as file:
        head = file.read(24)
    assert head[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(head[16:20], "big") > 800, head
    return 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        return globals()[f"test_{sys.argv[1]}"](sys.argv[2], folder)


if __name__ == "__main__":
    sys.exit(main())
