# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions of gfx1100 for an emulator that lacks them, or gets them wrong (tinygrad's at commit a9069c177a):

  - s_getpc_b64 is unknown to it;
  - global_atomic_cmpswap_b64 and flat_atomic_cmpswap_b64 compare with a register that it has shifted out.
"""

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


def _step(sgprs, code_bytes):
    counter = _double(sgprs, PROGRAM_COUNTER) + code_bytes
    sgprs[PROGRAM_COUNTER], sgprs[PROGRAM_COUNTER + 1] = counter & 0xFFFFFFFF, counter >> 32


def get_program_counter(word):
    """As all below: what the emulator calls for an instruction, with its scalar and its vector registers."""
    result = _bits(word, 16, 7)

    def run(sgpr_memory, _):
        sgprs = _words(sgpr_memory)
        _step(sgprs, 4)
        sgprs[result], sgprs[result + 1] = sgprs[PROGRAM_COUNTER], sgprs[PROGRAM_COUNTER + 1]

    return run


def compare_swap(word):
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
        _step(sgprs, 8)

    return run


OURS = {"S_GETPC_B64": get_program_counter, "GLOBAL_ATOMIC_CMPSWAP_B64": compare_swap, "FLAT_ATOMIC_CMPSWAP_B64": compare_swap}


def install(emulator):
    """Puts them in the place of the emulator's own."""
    get_runner = emulator._get_runner

    def get_runner_or_ours(code, arch="rdna3"):
        operation = getattr(emulator.decode_inst(code, arch), "op", None)
        make = OURS.get(getattr(operation, "name", None))
        if make is None:
            return get_runner(code, arch)
        program = types.SimpleNamespace(arg=types.SimpleNamespace(globals=[0, 1]))
        return program, types.SimpleNamespace(fxn=make(int.from_bytes(code[:8], "little")))

    emulator._get_runner = get_runner_or_ours
