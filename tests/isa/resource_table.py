#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the megakernel takes of a compute unit on each AMD target, as a table: resource_table.py [--write]

--write puts it into docs/performance.md, between its markers. Needs the compilers of all targets.
"""

import os
import sys

sys.dont_write_bytecode = True
import device_compiler
import resources
from targets import TARGETS

PAGE = os.path.join(device_compiler.ROOT, "docs", "performance.md")
BEGIN, END = "<!-- resources of the megakernel -->\n", "<!-- end of resources -->\n"
HEAD = ("| target | compiler | vector registers | scalar registers (kept in vector lanes) | local memory, bytes | scratch, bytes "
        "| code, bytes | waves a SIMD | workgroups a compute unit |\n|---|---|---|---|---|---|---|---|---|\n")


def row(target):
    assembly = device_compiler.compile_source(target.compiler, target.name, "hip/megakernel.hip").assembly
    of = resources.read(assembly)
    return (f"| {target.name} | {target.compiler} | {of.vgprs} | {of.sgprs} ({of.sgpr_spills}) | {of.lds_bytes} "
            f"| {of.scratch_bytes} | {of.code_bytes} | {resources.waves_by_registers(of, target.unit)} "
            f"of {target.unit.most_waves} | {resources.workgroups(of, target.unit)} |\n")


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        print(__doc__.strip())
        return 0 if sys.argv[1] in ("-h", "--help") else 2
    for target in TARGETS.values():
        device_compiler.skip_without(target.compiler)
    table = HEAD + "".join(row(target) for target in TARGETS.values())
    print(table, end="")
    if sys.argv[1:] == ["--write"]:
        with open(PAGE, encoding="utf-8") as file:
            before, _, rest = file.read().partition(BEGIN)
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(before + BEGIN + table + END + rest.partition(END)[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
