# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a source for an AMD target, without a GPU and without ROCm, and keeps what there is to look at."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FLAGS_FILE = "scripts/cmake/penstock_amd.cmake"


def _shipped_flags():
    """Those that the build compiles the kernel with."""
    with open(os.path.join(ROOT, FLAGS_FILE), encoding="utf-8") as file:
        return re.search(r"set\(PENSTOCK_AMD_KERNEL_FLAGS\s([^)]*)\)", file.read())[1].split()


def _command(compiler, target, source, defines=()):
    return [compiler, *_shipped_flags(), *(f"-D{name}" for name in defines), f"--offload-arch={target}", "-I", "include", source]


@dataclasses.dataclass(frozen=True)
class Compiled:
    ir: str        # LLVM IR after all of the optimiser
    machine: str   # machine code with memory operands, after the last pass that places a wait
    assembly: str  # for its metadata


def skip_without(compiler):
    """Ends the program as skipped where the compiler is not installed."""
    if shutil.which(compiler) is None:
        print(f"SKIPPED: {compiler} is not installed. Fix: apt-get install {compiler.replace('++', '')}.")
        sys.exit(77)


def _run(command):
    environment = {**os.environ, "CCACHE_BASEDIR": ROOT, "CCACHE_NOHASHDIR": "1"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{result.stderr[-4000:]}")
    return result.stderr


def compile_source(compiler, target, source, defines=()):
    """`source` is a path from the root of the project."""
    # Line tables change no instruction, and let each one be traced to the lines that it comes from, through every call that was
    # inlined.
    cache = ["ccache"] if shutil.which("ccache") else []
    command = [*cache, *_command(compiler, target, source, defines), "-gline-tables-only", "-S", "-o"]
    with tempfile.TemporaryDirectory() as folder:
        ir, assembly = os.path.join(folder, "code.ll"), os.path.join(folder, "code.s")
        _run(command + [ir, "-emit-llvm"])
        machine = _run(command + [assembly, "-mllvm", "-print-after=si-insert-waitcnts"])
        with open(ir, encoding="utf-8") as ir_file, open(assembly, encoding="utf-8") as assembly_file:
            return Compiled(ir_file.read(), machine, assembly_file.read())


def main():
    """device_compiler.py COMPILER TARGET SOURCE OUTPUT: a code object."""
    compiler, target, source, output = sys.argv[1:]
    _run([*_command(compiler, target, source), "-o", output])


if __name__ == "__main__":
    main()
