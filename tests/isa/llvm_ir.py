# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""As much of LLVM IR's text as the checks need: a kernel's blocks, its instructions and the values that they name."""

import dataclasses
import functools
import re

_DEFINE = re.compile(r"^define .*\bamdgpu_kernel\b.*@(\w+)\((.*)")
_LABEL = re.compile(r'^("[^"]+"|[\w.$-]+):')
_VALUE = re.compile(r'%(?:"[^"]+"|[\w.$-]+)')
_SCOPE = re.compile(r'syncscope\("([^"]*)"\)')


@dataclasses.dataclass(frozen=True)
class Instruction:
    text: str
    result: str    # "%name", or "" for none
    operands: tuple

    @property
    def opcode(self):
        words = self.text.split(" = ", 1)[-1].split()
        return words[1] if words[0] in ("tail", "musttail", "notail") else words[0]

    @property
    def scope(self):
        """Its synchronization scope; "" is the whole system, as is "one-as" for one address space."""
        match = _SCOPE.search(self.text)
        return match[1] if match else ""

    def calls(self, function):
        return self.opcode == "call" and f"@{function}" in self.text


@dataclasses.dataclass
class Kernel:
    name: str
    blocks: dict   # label: [Instruction]

    @functools.cached_property
    def instructions(self):
        return [instruction for block in self.blocks.values() for instruction in block]

    @functools.cached_property
    def graph(self):
        return {label: _successors(block[-1]) for label, block in self.blocks.items()}


def _successors(terminator):
    return list(dict.fromkeys(re.findall(r"label (%[^,\s\]]+)", terminator.text)))


def _instruction(line):
    text = re.sub(r"(, ![\w.]+ ![0-9]+)+$", "", line.strip())
    match = re.match(r"(%\S+) = ", text)
    result = match[1] if match else ""
    return Instruction(text, result, tuple(_VALUE.findall(text[match.end() if match else 0:])))


def kernels(text):
    """Every kernel of a module."""
    found, kernel, label = [], None, ""
    for line in text.split("\n"):
        define = _DEFINE.match(line)
        if define:
            # Unnamed values are numbered: the entry block comes after the arguments.
            kernel = Kernel(define[1], {})
            arguments = re.findall(r"%(\d+)(?=[,)])", define[2])
            label = f"%{len(arguments)}"
            kernel.blocks[label] = []
        elif kernel is None:
            continue
        elif line == "}":
            found.append(kernel)
            kernel = None
        elif (named := _LABEL.match(line)):
            if not kernel.blocks[label]:
                del kernel.blocks[label]
            label = f"%{named[1]}"
            kernel.blocks[label] = []
        elif line.startswith("    ") or line.strip().startswith("]"):
            # A switch has its cases on lines of their own.
            last = kernel.blocks[label].pop()
            kernel.blocks[label].append(_instruction(f"{last.text} {line.strip()}"))
        elif line.startswith("  "):
            kernel.blocks[label].append(_instruction(line))
    return found
