#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""libpenstock_c exports exactly what runtime/c/exports.map lists, which is what penstock.h declares.

Usage: exports_test.py LIBRARY
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*names):
    with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
        return file.read()


def names_in(library):
    """Every dynamic symbol that the library defines, but for the names of its versions."""
    lines = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    symbols = [line.split()[:2] for line in lines]
    return {name.split("@")[0] for name, kind in symbols if kind != "A"}


def main():
    listed = set(re.findall(r"^    (\w+);$", read("runtime", "c", "exports.map"), re.M))
    declared = set(re.findall(r"\b(penstock_\w+)\(", read("include", "penstock", "penstock.h")))
    exported = names_in(sys.argv[1])
    assert len(listed) >= 26, listed
    assert declared == listed, f"in the header or in runtime/c/exports.map only: {sorted(declared ^ listed)}"
    assert exported == listed, f"in the library or in runtime/c/exports.map only: {sorted(exported ^ listed)}"
    dynamic = subprocess.run(["readelf", "--dynamic", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic)[1]
    assert soname == "libpenstock_c.so.0", soname


if __name__ == "__main__":
    main()
