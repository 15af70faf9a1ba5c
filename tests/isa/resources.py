# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a kernel takes of a compute unit, from the metadata of its code object."""

import dataclasses
import re

WORKGROUP_LANES = 256


@dataclasses.dataclass(frozen=True)
class Resources:
    vgprs: int
    sgprs: int
    sgpr_spills: int    # kept in lanes of vector registers; in memory only if there is scratch
    vgpr_spills: int
    lds_bytes: int
    scratch_bytes: int
    has_dynamic_stack: bool
    code_bytes: int
    compiler_waves: int


def _number(pattern, text):
    match = re.search(pattern, text)
    return int(match[1]) if match else 0


def read(assembly):
    """Requires: the assembly holds one kernel."""
    return Resources(
        vgprs=_number(r"\.vgpr_count:\s+(\d+)", assembly), sgprs=_number(r"\.sgpr_count:\s+(\d+)", assembly),
        sgpr_spills=_number(r"\.sgpr_spill_count:\s+(\d+)", assembly),
        vgpr_spills=_number(r"\.vgpr_spill_count:\s+(\d+)", assembly),
        lds_bytes=_number(r"\.group_segment_fixed_size:\s+(\d+)", assembly),
        scratch_bytes=_number(r"\.private_segment_fixed_size:\s+(\d+)", assembly),
        has_dynamic_stack=re.search(r"\.uses_dynamic_stack:\s+true", assembly) is not None,
        code_bytes=_number(r"; codeLenInByte = (\d+)", assembly), compiler_waves=_number(r"; Occupancy: (\d+)", assembly))


def _up(value, granule):
    return (value + granule - 1) // granule * granule


def waves_by_registers(resources, unit):
    """Waves of the kernel that fit on a SIMD by their registers."""
    by_vgprs = unit.vgprs // max(_up(resources.vgprs, unit.vgpr_granule), unit.vgpr_granule)
    by_sgprs = unit.sgprs // _up(resources.sgprs, 16) if unit.sgprs else unit.most_waves
    return min(unit.most_waves, by_vgprs, by_sgprs)


def workgroups(resources, unit):
    """Workgroups that fit on a compute unit (RDNA: on a workgroup processor)."""
    waves = WORKGROUP_LANES // unit.wave_lanes
    by_waves = waves_by_registers(resources, unit) * unit.simds // waves
    return min(by_waves, unit.lds_bytes // resources.lds_bytes) if resources.lds_bytes else by_waves


def in_memory(resources, machine):
    """Yields what makes the kernel use scratch: memory behind every cache, for each lane."""
    if resources.scratch_bytes or resources.has_dynamic_stack:
        yield f"{resources.scratch_bytes} bytes of scratch a lane, dynamic stack: {resources.has_dynamic_stack}"
    if resources.vgpr_spills:
        yield f"{resources.vgpr_spills} vector registers are spilled"
    for instruction in machine.instructions:
        if instruction.opcode.startswith(("SCRATCH_", "BUFFER_LOAD", "BUFFER_STORE")):
            yield f"an access to scratch: {instruction.text}, {instruction.where}"
        elif instruction.opcode.startswith(("SI_CALL", "S_SWAPPC")):
            yield f"a call, which has a stack: {instruction.text.split(', implicit')[0]}, {instruction.where}"
