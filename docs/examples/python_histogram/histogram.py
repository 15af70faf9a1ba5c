#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Streams a file through Penstock, and prints or draws how often each byte value occurs in it.

Usage: histogram.py FILE [PICTURE.png]

PENSTOCK_LIBRARY names libpenstock_c.so.0, where the system does not find it; PENSTOCK_DEVICE the device (default: auto).
"""
import os
import sys

import penstock


def draw(counts, title, picture):
    import matplotlib  # here, because only this needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 4))
    axes.bar(range(len(counts)), counts, width=1.0)
    axes.set(title=title, xlabel="byte value", ylabel="count", xlim=(-0.5, len(counts) - 0.5))
    figure.savefig(picture, dpi=120, bbox_inches="tight")


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if sys.argv[1:2] in (["-h"], ["--help"]) else 2
    try:
        counts, path = penstock.Library().histogram(sys.argv[1], os.environ.get("PENSTOCK_DEVICE", "auto"))
    except penstock.Error as error:
        print(f"histogram.py: {error}", file=sys.stderr)
        return 1
    if len(sys.argv) == 3:
        draw(counts, f"{os.path.basename(sys.argv[1])}: {sum(counts):,} bytes by path {path}", sys.argv[2])
    else:
        for value, count in enumerate(counts):
            print(f"{value:3d} {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
