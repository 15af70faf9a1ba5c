# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No read-modify-write crosses the bus, and looks across it are relaxed. A check yields what is wrong, a message each."""

_DEVICE_SCOPES = tuple(scope + space for scope in ("agent", "workgroup", "wavefront", "singlethread")
                       for space in ("", "-one-as"))


def ir_read_modify_writes(kernel):
    """PCIe has few atomics, and where a platform lacks them they do nothing, silently."""
    for instruction in kernel.instructions:
        if instruction.opcode in ("atomicrmw", "cmpxchg") and instruction.scope not in _DEVICE_SCOPES:
            yield f"a read-modify-write at system scope: {instruction.text}"


def machine_read_modify_writes(kernel, target):
    for instruction in kernel.instructions:
        if not instruction.is_atomic:
            continue
        scopes = [f'syncscope("{scope}")' for scope in _DEVICE_SCOPES]
        if not any(scope in instruction.memory for scope in scopes):
            yield f"a read-modify-write at system scope: {instruction.opcode} ({instruction.memory}), {instruction.where}"
        elif instruction.policy & target.system_policy:
            yield f"a read-modify-write with the system's cache bit: {instruction.text}, {instruction.where}"


def acquiring_looks(kernel):
    """An acquiring load invalidates caches each time; a poll must be relaxed, with one fence after success."""
    for instruction in kernel.instructions:
        if instruction.opcode == "load" and instruction.scope in ("", "one-as"):
            if any(f" {order}," in instruction.text for order in ("acquire", "seq_cst")):
                yield f"a load at system scope that acquires: {instruction.text}"
