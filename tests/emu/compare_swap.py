# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""global_atomic_cmpswap_b64 and flat_atomic_cmpswap_b64 of gfx1100, for an emulator that gets them wrong: it takes the value to
compare with from a register that it has shifted out (seen with tinygrad's at commit a9069c177a)."""

import ctypes
import types

EXEC, NULL, PROGRAM_COUNTER = 126, 124, 256  # where the emulator's scalar registers lie
WAVE_LANES = 32


def _bits(word, low, count):
    return (word >> low) & ((1 << count) - 1)


def _words(address):
    return (ctypes.c_uint32 * 65536).from_address(address.value)


def _double(words, at, stride=1):
    return words[at] | words[at + stride] << 32


def make(word):
    """What the emulator calls for the instruction, which is `word`: with its scalar and its vector registers."""
    offset = _bits(word, 0, 13) - (_bits(word, 12, 1) << 13)
    address_register, data, scalar, result = (_bits(word, low, bits) for low, bits in ((32, 8), (40, 8), (48, 7), (56, 8)))

    def lane_address(sgprs, vgprs, lane):
        if scalar == NULL:
            return _double(vgprs, address_register * WAVE_LANES + lane, WAVE_LANES) + offset
        return _double(sgprs, scalar) + vgprs[address_register * WAVE_LANES + lane] + offset

    def run(sgpr_memory, vgpr_memory):
        sgprs, vgprs = _words(sgpr_memory), _words(vgpr_memory)
        for lane in range(WAVE_LANES):
            if not sgprs[EXEC] >> lane & 1:
                continue
            target = ctypes.c_uint64.from_address(lane_address(sgprs, vgprs, lane))
            desired = _double(vgprs, data * WAVE_LANES + lane, WAVE_LANES)
            expected = _double(vgprs, (data + 2) * WAVE_LANES + lane, WAVE_LANES)
            previous = target.value
            if previous == expected:
                target.value = desired
            if _bits(word, 14, 1):
                vgprs[result * WAVE_LANES + lane] = previous & 0xFFFFFFFF
                vgprs[(result + 1) * WAVE_LANES + lane] = previous >> 32
        counter = _double(sgprs, PROGRAM_COUNTER) + 8
        sgprs[PROGRAM_COUNTER], sgprs[PROGRAM_COUNTER + 1] = counter & 0xFFFFFFFF, counter >> 32

    return run


def install(emulator):
    """Puts it in the emulator's place."""
    get_runner = emulator._get_runner

    def get_runner_or_ours(code, arch="rdna3"):
        instruction = emulator.decode_inst(code, arch)
        if "ATOMIC_CMPSWAP_B64" not in str(getattr(instruction, "op", "")):
            return get_runner(code, arch)
        program = types.SimpleNamespace(arg=types.SimpleNamespace(globals=[0, 1]))
        return program, types.SimpleNamespace(fxn=make(int.from_bytes(code[:8], "little")))

    emulator._get_runner = get_runner_or_ours
