#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the gfx1100 megakernel without a GPU: emulator.py CODE_OBJECT FD ADDRESS BYTES

PENSTOCK_EMULATOR names a checkout that offers test.mockgpu.amd.emu.run_asm: an emulator of RDNA3 that executes the waves of a
workgroup in turn, from barrier to barrier, and one workgroup after the other. The memory behind FD is mapped at ADDRESS, so
that the addresses that the other process puts into it are right here too. Each line on standard input is the address of a kernel
argument: the kernel is run with one workgroup, and a line says how it ended, "left" or "failed: ...".

What the emulator lacks is put into its place, one for one:
  - cache invalidations: nothing. It has no caches; that they are there is what tests/isa looks at;
  - the clock, a message to the hardware: a move from the trap registers, which are kept at the time;
  - a few instructions: lacking_instructions.py;
  - local memory, which it also reads for lanes that are switched off, wherever their registers point: it gets all that 32 bits
    can name, of which only what is touched takes memory.
"""

import ctypes
import mmap
import os
import struct
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
import lacking_instructions
from code_object import CodeObject

LANES = 256
TICK_NS = 10
S_NOP = bytes.fromhex("000080bf")
INVALIDATIONS = (bytes.fromhex("0000b0e000000000"), bytes.fromhex("0000ace000000000"))  # buffer_gl1_inv, buffer_gl0_inv
REAL_TIME = 0xBE804D83       # s_sendmsg_rtn_b64 s[0:1], the real time
TRAP_TO_SGPRS = 0xBE80016C   # s_mov_b64 s[0:1], ttmp[0:1]
DESTINATION = 0x007F0000     # of both
TRAP_REGISTER = 108

MAP_FIXED_NOREPLACE = 0x100000
MAP_NORESERVE = 0x4000


def map_shared(file, address, length):
    """Maps the file's memory where the other process has it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    got = libc.mmap(address, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0)
    if got != address:
        raise OSError(ctypes.get_errno(), f"the shared memory cannot be mapped at {address:#x}")


def put_in_place(kernel, decode):
    """Replaces what the emulator lacks, instruction by instruction."""
    at = kernel.offset
    while at < kernel.offset + kernel.size:
        word, = struct.unpack_from("<I", kernel.memory, at)
        if kernel.memory[at:at + 8] in INVALIDATIONS:
            kernel.memory[at:at + 8] = S_NOP * 2
        elif word & ~DESTINATION == REAL_TIME:
            struct.pack_into("<I", kernel.memory, at, TRAP_TO_SGPRS | (word & DESTINATION))
        at += decode(bytes(kernel.memory[at:at + 16]), "rdna3").size()


class Clock:
    """Keeps the trap registers of every wave at the time. Told of waves as the emulator makes them."""

    def __init__(self, emulator):
        self._waves = []
        init_wave = emulator._init_wave

        def init_and_tell(*arguments, **named):
            wave = init_wave(*arguments, **named)
            self._waves.append(ctypes.c_uint64.from_address(wave.sgpr_buf._buf.va_addr + 4 * TRAP_REGISTER))
            self._set(self._waves[-1:])
            return wave

        emulator._init_wave = init_and_tell
        threading.Thread(target=self._run, daemon=True).start()

    def forget_waves(self):
        self._waves = []

    @staticmethod
    def _set(registers):
        for register in registers:
            register.value = time.monotonic_ns() // TICK_NS

    def _run(self):
        while True:
            self._set(self._waves)
            time.sleep(0.002)


def give_room_to_local_memory(emulator, words):
    """`words`: as many as the emulator will ask for; no other buffer of its has as many. Returns what has to be kept."""
    room = mmap.mmap(-1, 1 << 32, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(room))
    make_buffer = emulator.Buffer

    def make_buffer_with_room(device, count, dtype, **named):
        if count == words and not named:
            named = {"options": emulator.BufferSpec(external_ptr=address)}
        return make_buffer(device, count, dtype, **named)

    emulator.Buffer = make_buffer_with_room
    return room


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the emulator prints is for people
    path, file, address, length = sys.argv[1], *(int(word, 0) for word in sys.argv[2:5])
    map_shared(file, address, length)
    sys.path.insert(0, os.environ["PENSTOCK_EMULATOR"])
    from test.mockgpu.amd import emu
    code_object = CodeObject(path)
    kernel = code_object.kernel("penstock_megakernel")
    put_in_place(kernel, emu.decode_inst)
    lacking_instructions.install(emu)
    kept = give_room_to_local_memory(emu, kernel.lds_bytes // 4)  # noqa: F841, for as long as this runs
    clock = Clock(emu)
    answers.write("ready\n")
    for line in sys.stdin:
        try:
            emu.run_asm(kernel.address, kernel.size, 1, 1, 1, LANES, 1, 1, int(line, 0), kernel.rsrc2, kernel.scratch_bytes)
            answers.write("left\n")
        except Exception as error:  # whatever it is, the other process has to hear of it
            traceback.print_exc()
            answers.write(f"failed: {' '.join(str(error).split())}\n")
        clock.forget_waves()


if __name__ == "__main__":
    main()
