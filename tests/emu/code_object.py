# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A gfx1100 code object in memory, as a loader would put it there."""

import ctypes
import mmap
import struct

_LOAD, _SYMBOLS = 1, 11
_KERNEL_ARGUMENTS, _WAVE32 = 1 << 3, 1 << 10
_LDS_GRANULE, _LDS_SHIFT = 512, 15


class CodeObject:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        table, = struct.unpack_from("<Q", data, 32)
        count, = struct.unpack_from("<H", data, 56)
        segments = [struct.unpack_from("<IIQQQQQQ", data, table + 56 * i) for i in range(count)]
        loaded = [segment for segment in segments if segment[0] == _LOAD]
        self.memory = mmap.mmap(-1, max(address + size for _, _, _, address, _, _, size, _ in loaded))
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for _, _, offset, address, _, size, _, _ in loaded:
            self.memory[address:address + size] = data[offset:offset + size]
        self._symbols = _read_symbols(data)

    def kernel(self, name):
        return Kernel(self, *self._symbols[name], self._symbols[f"{name}.kd"][0])


class Kernel:
    """`offset`, `size`: of its code in the code object's memory."""

    def __init__(self, code_object, offset, size, descriptor):
        memory = code_object.memory
        self.memory = memory
        self.offset, self.size, self.address = offset, size, code_object.base + offset
        lds_bytes, self.scratch_bytes, _ = struct.unpack_from("<III", memory, descriptor)
        rsrc2, = struct.unpack_from("<I", memory, descriptor + 52)
        # The loader fills in the size of local memory. Made odd, so that it can be told from that of a register file.
        granules = (lds_bytes + _LDS_GRANULE - 1) // _LDS_GRANULE | 1
        self.lds_bytes = granules * _LDS_GRANULE
        self.rsrc2 = rsrc2 | granules << _LDS_SHIFT
        properties, = struct.unpack_from("<H", memory, descriptor + 56)
        if properties & ~_WAVE32 != _KERNEL_ARGUMENTS:
            raise RuntimeError(f"the kernel wants more in its registers than its arguments' address: {properties:#x}")


def _read_symbols(data):
    """{name: (address, size)} of the dynamic symbols."""
    table, = struct.unpack_from("<Q", data, 40)
    count, = struct.unpack_from("<H", data, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i) for i in range(count)]
    symbols = {}
    for _, kind, _, _, offset, size, link, _, _, _ in sections:
        for at in range(offset, offset + size, 24) if kind == _SYMBOLS else ():
            name, _, _, _, address, length = struct.unpack_from("<IBBHQQ", data, at)
            begin = sections[link][4] + name
            symbols[data[begin:data.index(b"\0", begin)].decode()] = (address, length)
    return symbols
