# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The AMD targets: who compiles them, what the bus's two edges look like there, and how much of a compute unit there is.

The sequences are those of LLVM's "Memory Model" tables for amdhsa (AMDGPUUsage), at system scope, in the machine code's names.
A number after a name is its cache policy operand: sc0 or glc is 1, dlc 4, sc1 16.
"""

import dataclasses

SC0, GLC, DLC, SC1 = 1, 1, 4, 16


@dataclasses.dataclass(frozen=True)
class Unit:
    """What waves share. Registers are counted for one lane of every wave of a SIMD."""
    wave_lanes: int
    simds: int            # of a compute unit; of a workgroup processor where two share their LDS
    most_waves: int       # of a SIMD
    vgprs: int            # of a SIMD
    vgpr_granule: int
    sgprs: int            # of a SIMD; 0: a wave always has all that it can name
    lds_bytes: int


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    compiler: str
    unit: Unit
    invalidate: tuple     # a system acquire, after the load has returned
    at_barrier: str       # what each wave invalidates after a barrier: its workgroup's other waves may be behind another cache
    write_back: tuple     # a system release, before its wait
    load_policy: int      # bits that a relaxed load at system scope must have
    store_policy: int
    system_policy: int    # the bit that makes a read-modify-write one of system scope; 0: the encoding does not tell
    vmcnt: tuple          # where S_WAITCNT keeps vmcnt: (shift, bits), low part first
    has_vscnt: bool       # stores have a counter of their own


GFX9 = Unit(wave_lanes=64, simds=4, most_waves=10, vgprs=256, vgpr_granule=4, sgprs=800, lds_bytes=65536)
CDNA = Unit(wave_lanes=64, simds=4, most_waves=8, vgprs=512, vgpr_granule=8, sgprs=800, lds_bytes=65536)
RDNA2 = Unit(wave_lanes=32, simds=4, most_waves=16, vgprs=1024, vgpr_granule=16, sgprs=0, lds_bytes=131072)
RDNA3 = Unit(wave_lanes=32, simds=4, most_waves=16, vgprs=1536, vgpr_granule=24, sgprs=0, lds_bytes=131072)

OLD_VMCNT = ((0, 4), (14, 2))
GFX11_VMCNT = ((10, 6),)


def _gfx94(name, compiler):
    return Target(name, compiler, CDNA, (("BUFFER_INV", SC0 | SC1),), "", (("BUFFER_WBL2", SC0 | SC1),),
                  load_policy=SC0 | SC1, store_policy=SC0 | SC1, system_policy=SC1, vmcnt=OLD_VMCNT, has_vscnt=False)


_GL1 = ("BUFFER_GL1_INV", None)
_GL0 = ("BUFFER_GL0_INV", None)

TARGETS = {target.name: target for target in (
    Target("gfx906", "clang++-15", GFX9, (("BUFFER_WBINVL1_VOL", None),), "", (), load_policy=GLC, store_policy=0,
           system_policy=0, vmcnt=OLD_VMCNT, has_vscnt=False),
    Target("gfx90a", "clang++-15", CDNA, (("BUFFER_INVL2", None), ("BUFFER_WBINVL1_VOL", None)), "",
           (("BUFFER_WBL2", None),), load_policy=GLC, store_policy=0, system_policy=0, vmcnt=OLD_VMCNT, has_vscnt=False),
    _gfx94("gfx940", "clang++-15"),
    # Clang before 18 invalidates from the inside out, so that GL0 may be filled once more with what GL1 holds too long (LLVM
    # change 81450). That is made good by the next barrier, where each wave invalidates GL0 again.
    Target("gfx1030", "clang++-15", RDNA2, (_GL0, _GL1), "BUFFER_GL0_INV", (), load_policy=GLC | DLC, store_policy=0,
           system_policy=0, vmcnt=OLD_VMCNT, has_vscnt=True),
    _gfx94("gfx942", "clang++-19"),
    Target("gfx1100", "clang++-19", RDNA3, (_GL1, _GL0), "BUFFER_GL0_INV", (), load_policy=GLC, store_policy=0,
           system_policy=0, vmcnt=GFX11_VMCNT, has_vscnt=True),
)}
