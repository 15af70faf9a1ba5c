# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""As much of the compiler's machine code as the checks need.

It is printed after the last pass that places waits and cache operations, so that its instructions are those of the assembly;
beside each stand the memory it touches, with order and scope, and the source lines that it comes from.
"""

import dataclasses
import os
import re

from device_compiler import ROOT

_FUNCTION = re.compile(r"^# Machine code for function (\w+):")
_BLOCK = re.compile(r"^bb\.(\d+)\b.*:$")
_SUCCESSOR = re.compile(r"%bb\.(\d+)")
_PLACE = re.compile(r"([^\s\[\]@;]+):(\d+):\d+")


@dataclasses.dataclass(frozen=True)
class Instruction:
    text: str      # without memory operands and places
    opcode: str
    memory: str    # the memory operands: order, scope, size, address space
    places: tuple  # (file, line), the innermost first

    @property
    def policy(self):
        """The cache policy operand of a memory instruction: its last number."""
        numbers = re.findall(r"(?<=[ ,])\d+(?=,|$)", self.text.split(", implicit")[0])
        return int(numbers[-1]) if numbers else 0

    @property
    def is_load(self):
        return self.opcode.startswith(("FLAT_LOAD", "GLOBAL_LOAD")) or (self.is_atomic and "_RTN" in self.opcode)

    @property
    def is_store(self):
        return self.opcode.startswith(("FLAT_STORE", "GLOBAL_STORE")) or (self.is_atomic and "_RTN" not in self.opcode)

    @property
    def is_atomic(self):
        """A read-modify-write."""
        return re.match(r"(FLAT|GLOBAL|BUFFER)_ATOMIC_", self.opcode) is not None

    def has_memory(self, kind, scope, order):
        """Whether a memory operand is a `kind` (load, store) of that scope and order. The system is "" or "one-as"."""
        scopes = ([r'syncscope\("one-as"\) ', ""] if scope == "" else [rf'syncscope\("{scope}(?:-one-as)?"\) '])
        return any(re.search(rf"\((?:volatile |dereferenceable |invariant |noalias )*{kind} {s}{order}\b", self.memory)
                   for s in scopes)

    def comes_from(self, pattern):
        """Whether the source line that it stands for matches."""
        return bool(self.places) and re.search(pattern, source_line(*self.places[0])) is not None

    def came_through(self, pattern):
        """Whether that line, or one of those that it was inlined into, matches."""
        return any(re.search(pattern, source_line(*place)) for place in self.places)

    @property
    def where(self):
        return " in ".join(f"{file}:{line}" for file, line in self.places[:3]) or "no source line"


_sources = {}


def source_line(file, line):
    path = os.path.join(ROOT, file)
    if path not in _sources:
        _sources[path] = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as source:
                _sources[path] = source.read().split("\n")
    lines = _sources[path]
    return lines[line - 1] if 0 < line <= len(lines) else ""


@dataclasses.dataclass
class Kernel:
    name: str
    blocks: dict   # number: [Instruction]
    graph: dict    # number: [numbers of its successors]

    @property
    def instructions(self):
        return [instruction for block in self.blocks.values() for instruction in block]


def _instruction(line):
    text, _, places = line.partition("; ")
    text, _, memory = text.partition(" :: ")
    text = re.sub(r",? *debug-location !.*$", "", text)
    bare = text.split(" = ", 1)[-1]
    # Flags such as "nsw" and "renamable" are in small letters; opcodes are not.
    opcode = next((word for word in bare.split() if re.match(r"[A-Z][A-Z0-9]*_", word)), "")
    found = tuple((file, int(number)) for file, number in _PLACE.findall(places))
    return Instruction(text.strip(), opcode.rstrip(","), memory, found)


def kernels(text):
    found, kernel, block = [], None, -1
    for line in text.split("\n"):
        if (function := _FUNCTION.match(line)):
            kernel = Kernel(function[1], {}, {})
            found.append(kernel)
        elif line.startswith("# End machine code"):
            kernel = None
        elif kernel is None:
            continue
        elif (label := _BLOCK.match(line)):
            block = int(label[1])
            kernel.blocks[block], kernel.graph[block] = [], []
        elif line.startswith("  successors:"):
            kernel.graph[block] = [int(number) for number in _SUCCESSOR.findall(line.split(";")[0])]
        elif line.startswith("  ") and not line.startswith("  liveins:") and kernel.blocks:
            instruction = _instruction(line)
            if instruction.opcode not in ("", "BUNDLE"):
                kernel.blocks[block].append(instruction)
    return found
