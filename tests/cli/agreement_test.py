# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`penstock ingest` agrees with other programs on files of every size: rhash (CRC-32C), a byte count, grep -o | wc -l."""
import collections
import os
import random
import subprocess

import penstock_command as pc

penstock = pc.command()
pc.need("rhash")
pc.need("grep")
SEED = random.randrange(2**32)
print(f"seed {SEED}")
rng = random.Random(SEED)
PATTERNS = ["the", "then", "aa", "penstock", "water\n"[:-1], "a a"]


def crc_of(path):
    return subprocess.run(["rhash", "--crc32c", "--simple", path], capture_output=True, text=True, check=True).stdout.split()[0]


def matches_of(path, patterns):
    options = [word for pattern in patterns for word in ("-e", pattern)]
    grep = subprocess.run(["grep", "-a", "-o", "-F", *options, path], capture_output=True, env={**os.environ, "LC_ALL": "C"})
    return grep.stdout.count(b"\n")


def histogram_of(path):
    with open(path, "rb") as file:
        counts = collections.Counter(file.read())
    return [counts[value] for value in range(256)]


def check(path, *options):
    size = os.path.getsize(path)
    report = penstock.ingest(path, "--op=crc32c", *options)
    assert report["source"][0]["crc32c"] == crc_of(path), (path, options, report)
    assert report["source"][0]["bytes"] == report["bytes"] == size, (path, options, report)
    report = penstock.ingest(path, "--op=histogram", *options)
    assert report["source"][0]["histogram"] == histogram_of(path), (path, options)
    report = penstock.ingest(path, "--op=match", *(f"--pattern={p}" for p in PATTERNS), *options)
    assert report["source"][0]["matches"] == matches_of(path, PATTERNS), (path, options, report["source"][0]["matches"])
    return report


def sizes(chunk):
    return [0, 1, 511, 512, chunk - 1, chunk, chunk + 1, 3 * chunk + 777, rng.randrange(1, 40 * chunk)]


def check_sizes(where):
    for chunk in (4096, 65536):
        for size in sizes(chunk):
            path = pc.text_file(os.path.join(where, "text"), size, rng.random())
            depth = rng.choice([1, 2, 7, 32])
            groups = rng.choice([1, 2, 3])
            for way in ("auto", "pread"):
                check(path, f"--chunk={chunk}", f"--depth={depth}", f"--workgroups={groups}", f"--path={way}")


def check_one_letter(where):
    """A text in which no two runs of the automaton ever meet: every chunk border is a hard one."""
    path = os.path.join(where, "letters")
    with open(path, "wb") as file:
        file.write(b"a" * 100_001)
    for patterns in (["aa"], ["aaa", "aa"], ["aaaaaaa"]):
        report = penstock.ingest(path, "--op=match", "--chunk=4096", *(f"--pattern={p}" for p in patterns))
        assert report["source"][0]["matches"] == matches_of(path, patterns), (patterns, report)


def check_larger_than_all_buffers(where):
    path = pc.random_file(os.path.join(where, "large"), 9_000_001, rng.random())
    check(path, "--chunk=4096", "--depth=4")
    check(path, "--chunk=1MiB", "--depth=2")


def check_sparse(where):
    path = os.path.join(where, "sparse")
    with open(path, "wb") as file:
        file.truncate(20_000_000)
        file.seek(7_654_321)
        file.write(b"the end of the water")
    check(path)


def check_200_files(where):
    names = [pc.text_file(os.path.join(where, f"file{i:03}"), rng.randrange(0, 20_000), i) for i in range(200)]
    report = penstock.ingest(where, "--op=crc32c", "--chunk=8KiB")
    assert [source["name"] for source in report["source"]] == names
    for source in report["source"]:
        assert source["crc32c"] == crc_of(source["name"]), source
    assert report["reads"]["failed"] == 0 and report["reads"]["completed"] == report["reads"]["submitted"]


def check_verify(where):
    path = os.path.join(where, "pattern")
    with open(path, "wb") as file:
        subprocess.run(f"yes 'nineteen characters' | head -c 5000011", shell=True, stdout=file, check=True)
    options = ("--op=verify", "--pattern=nineteen characters\n", "--chunk=64KiB")
    assert penstock.ingest(path, *options)["source"][0]["first_difference"] is None
    with open(path, "r+b") as file:
        file.seek(3_210_987)
        file.write(b"~")
    done = penstock.run(path, *options, "--json")
    assert done.returncode == 1 and '"first_difference": 3210987' in done.stdout, done


def check_extents(where):
    """An extent agrees with `tail -c +N | head -c M` of the file."""
    size = 300_007
    whole = pc.text_file(os.path.join(where, "whole"), size, rng.random())
    part = os.path.join(where, "part")
    cases = [(0, 0), (0, 1), (1, size - 1), (size, 0), (size - 1, 1), (4096, 65536), (8192, 65537)]
    cases += [(offset, rng.randrange(size - offset + 1)) for offset in rng.choices(range(size), k=5)]
    for offset, length in cases:
        with open(part, "wb") as file:
            subprocess.run(f"tail -c +{offset + 1} '{whole}' | head -c {length}", shell=True, stdout=file, check=True)
        options = [f"--offset={offset}", f"--chunk={rng.choice([4096, 65536])}", f"--depth={rng.choice([1, 3, 32])}"]
        if offset + length != size or rng.random() < 0.5:
            options.append(f"--length={length}")
        for way in ("auto", "pread"):
            crc = penstock.ingest(whole, f"--path={way}", *options)
            assert crc["source"][0]["crc32c"] == crc_of(part) and crc["bytes"] == length, (offset, length, crc)
            assert crc["offset_bytes"] == offset and crc["length_bytes"] in (length, None), crc
        match = penstock.ingest(whole, "--op=match", *(f"--pattern={p}" for p in PATTERNS), *options)
        assert match["source"][0]["matches"] == matches_of(part, PATTERNS), (offset, length, match)


def check_random_order(where):
    path = pc.text_file(os.path.join(where, "shuffled"), 900_001, rng.random())
    options = ("--order=random", f"--seed={rng.randrange(2**64)}", "--chunk=4KiB", f"--depth={rng.choice([1, 7, 32])}")
    assert penstock.ingest(path, "--op=histogram", *options)["source"][0]["histogram"] == histogram_of(path), options
    assert penstock.ingest(path, "--pull", *options)["source"][0]["crc32c"] == crc_of(path), options


def check_verify_of_an_extent(where):
    path = os.path.join(where, "framed")
    with open(path, "wb") as file:
        file.write(b"a header" + (b"nineteen characters\n" * 25_000)[:500_000] + b"tail")
    options = ("--op=verify", "--pattern=nineteen characters\n", "--chunk=64KiB", "--offset=8", "--length=500000")
    assert penstock.ingest(path, *options)["source"][0]["first_difference"] is None
    with open(path, "r+b") as file:
        file.seek(8 + 321_098)
        file.write(b"~")
    done = penstock.run(path, *options, "--json")
    assert done.returncode == 1 and '"first_difference": 321098' in done.stdout, done


def check_none_and_paths(where):
    path = pc.random_file(os.path.join(where, "bytes"), 3_000_000, 1)
    report = penstock.ingest(path, "--op=none", "--path=pread")
    assert report["bytes"] == report["bounce_bytes"] == 3_000_000, report
    report = penstock.ingest(path, "--op=none")
    if report["source"][0]["path"] == "read":
        assert report["bounce_bytes"] == 0 and report["source"][0]["refusals"] == [], report
    else:
        assert report["source"][0]["refusals"][0]["remedy"], report


for place in (".", "/dev/shm"):
    if os.path.isdir(place) and os.access(place, os.W_OK):
        for test in (check_sizes, check_one_letter, check_larger_than_all_buffers, check_sparse, check_200_files, check_verify,
                     check_extents, check_random_order, check_verify_of_an_extent):
            with pc.directory(place) as where:
                test(where)
with pc.directory() as where:
    check_none_and_paths(where)
print("all agree")
