#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check_answers.py PROGRAM BUCKETS CACHE FLAG...: whether PROGRAM's answers are those that this script finds in the table's file.

Also whether each bucket that a lookup needs was a hit or a miss, each miss one read, and none read again that could be kept."""

import functools
import os
import re
import struct
import subprocess
import sys
import tempfile

BUCKET_BYTES, ENTRIES, MAGIC, NOT_FOUND = 4096, 255, 0x746B6362, 2**64 - 1
NO_GPU = 4  # exit status of the program
WORD = 2**64


def first_bucket(key, count):
    key = (key ^ key >> 33) * 0xFF51AFD7ED558CCD % WORD
    key = (key ^ key >> 33) * 0xC4CEB9FE1A85EC53 % WORD
    return (key >> 32) * count >> 32


class Table:
    def __init__(self, path):
        self.file = open(path, "rb")  # pylint: disable=consider-using-with  it is read until the end
        self.count = os.path.getsize(path) // BUCKET_BYTES
        self.bucket = functools.lru_cache(None)(self.read_bucket)

    def read_bucket(self, number):
        self.file.seek(number * BUCKET_BYTES)
        data = self.file.read(BUCKET_BYTES)
        magic, own_number, used, _ = struct.unpack_from("<4I", data)
        assert (magic, own_number) == (MAGIC, number), f"bucket {number} is damaged"
        words = struct.unpack_from(f"<{2 * used}Q", data, 16)
        return dict(zip(words[::2], words[1::2])), used == ENTRIES

    def search(self, key, seen):
        """The key's value; appends the numbers of the buckets that it takes to `seen`."""
        number = first_bucket(key, self.count)
        while True:
            seen.append(number)
            entries, is_full = self.bucket(number)
            if key in entries or not is_full:
                return entries.get(key, NOT_FOUND)
            number = (number + 1) % self.count


def run(command, folder):
    """What the program printed, and its keys with their answers. Leaves with 77 where there is no GPU to run it on."""
    answers = os.path.join(folder, "answers")
    done = subprocess.run(command + [f"--answers={answers}"], capture_output=True, text=True)
    output = done.stdout
    print(output + done.stderr, end="")
    if done.returncode == NO_GPU:
        print(f"SKIPPED: {done.stderr}")
        sys.exit(77)
    assert done.returncode == 0, f"exit status {done.returncode}"
    with open(answers, encoding="ascii") as file:
        return output, [tuple(map(int, line.split())) for line in file]


def check(output, answers, table, cache):
    seen = []
    wrong = sum(table.search(key, seen) != value for key, value in answers)
    found = sum(value != NOT_FOUND for _, value in answers)
    hits, misses = map(int, re.search(r"(\d+) hits, (\d+) misses", output).groups())
    reads, read_bytes = map(int, re.search(r"(\d+) reads, (\d+) bytes", output).groups())
    needed = len(set(seen))
    print(f"{len(answers)} answers, {found} of them values, {wrong} wrong; {len(seen)} buckets needed, {needed} different ones")
    assert wrong == 0 and 0 < found < len(answers)
    assert len(seen) > len(answers), "no bucket has overflowed"
    assert hits + misses == len(seen)
    assert reads == misses and read_bytes == misses * BUCKET_BYTES
    assert misses == needed if cache >= table.count else misses >= needed, "a bucket was read too often, or not at all"


def main():
    program, buckets, cache, *flags = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = os.path.join(folder, "table")
        for _ in range(2):  # The second time the table is there.
            output, answers = run([program, f"--table={path}", f"--buckets={buckets}", f"--cache={cache}"] + flags, folder)
            check(output, answers, Table(path), int(cache))


if __name__ == "__main__":
    main()
