# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is booted: one machine with its NVMe controllers, and the cases of guest_test that run on it."""

from dataclasses import dataclass

from disks import MEBIBYTE


@dataclass(frozen=True)
class Disk:
    """A namespace. The first of a controller has the identifier 1, and so on."""
    mebibytes: int = 16
    block_bytes: int = 512
    metadata_bytes: int = 0        # of each block
    interleaved: bool = False      # the metadata lies between the blocks' data
    error_sector: int | None = None  # of 512 bytes: every read of it ends in EIO
    reads_per_second: int = 0      # 0: as fast as it goes

    @property
    def data_bytes(self):
        return self.mebibytes * MEBIBYTE // (self.block_bytes + self.metadata_bytes) * self.block_bytes


@dataclass(frozen=True)
class Controller:
    """One NVMe function, behind a port of its own so that it can be pulled out. Its QEMU id is its serial number."""
    serial: str
    disks: tuple = (Disk(),)
    options: str = ""     # more of QEMU's nvme device, as "mdts=5"
    subsystem: str = ""   # controllers of one subsystem share all their disks


@dataclass(frozen=True)
class Scenario:
    name: str
    summary: str
    kernels: tuple
    cases: str                     # a filter of GoogleTest
    controllers: tuple
    bar_mebibytes: int = 0         # of a PCI device that has nothing but a BAR (ivshmem), if it is to be there
    programs: tuple = ("guest_test",)
    kernel_options: str = ""
    allowed_log: tuple = ()        # patterns of kernel messages that would fail a run and are meant to come here


PLAIN = Controller("PLAIN", (Disk(mebibytes=64),))
BLOCKS_OF_4096 = Controller("BLOCKS4096", (Disk(block_bytes=4096),))
MEDIA_ERROR = Controller("MEDIAERROR", (Disk(error_sector=20000),))
SLOW = Controller("SLOW", (Disk(mebibytes=64, reads_per_second=100),))

SCENARIOS = {scenario.name: scenario for scenario in (
    Scenario("paths", "every way to read, on sound disks", ("7", "6.1"), "Machine.*:Reading.*", (PLAIN, BLOCKS_OF_4096)),
)}
