# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is booted: one machine with its NVMe controllers, and the cases of guest_test that run on it."""

from dataclasses import dataclass, field

from disks import MEBIBYTE


@dataclass(frozen=True)
class Disk:
    """A namespace. The first of a controller has the identifier 1, and so on."""
    mebibytes: int = 4
    block_bytes: int = 512
    metadata_bytes: int = 0        # of each block
    interleaved: bool = False      # the metadata lies between the blocks' data
    error_sector: int | None = None  # of 512 bytes: every read of it ends in EIO
    write_error_sector: int | None = None  # of 512 bytes: every write of it ends in EIO
    reads_per_second: int = 0      # 0: as fast as it goes
    scratch: bool = False          # cases leave what they like on it. Any other disk must be as it was, or rewritten as they say

    @property
    def data_bytes(self):
        return self.mebibytes * MEBIBYTE // (self.block_bytes + self.metadata_bytes) * self.block_bytes


@dataclass(frozen=True)
class Controller:
    """One NVMe function, behind a port of its own so that it can be pulled out. `name` is QEMU's, for the monitor."""
    name: str
    disks: tuple = (Disk(),)
    options: str = ""     # more of QEMU's nvme device, as "mdts=5"
    subsystem: str = ""   # controllers of one subsystem share all their disks

    @property
    def serial(self):
        """By which the guest finds it. The controllers of a subsystem have one between them."""
        return self.subsystem or self.name


@dataclass(frozen=True)
class Scenario:
    name: str
    summary: str
    kernels: tuple
    cases: str                     # a filter of GoogleTest
    controllers: tuple
    bar_mebibytes: int = 0         # of a PCI device that has nothing but a BAR (ivshmem), if it is to be there; QEMU's name: BAR
    iommu: bool = False            # Intel's, on in the kernel
    modules: tuple = ()            # ours, or of the kernel's package, that init loads
    only: dict = field(default_factory=dict)  # kernel: a filter of cases that run there besides
    programs: tuple = ("guest_test",)
    outside: str = ""              # a program that runs beside QEMU, on the file that backs the BAR
    kernel_options: str = ""
    limit_seconds: int = 60        # after which it is killed
    allowed_log: tuple = ()        # patterns of kernel messages that would fail a run and are meant to come here


PLAIN = Controller("PLAIN")
BLOCKS_OF_4096 = Controller("BLOCKS4096", (Disk(block_bytes=4096),))
# Its controller memory buffer is a real BAR, which the kernel publishes as peer-to-peer memory.
MEMORY = Controller("MEMORY", options="cmb_size_mb=64")
SOUND = (PLAIN, BLOCKS_OF_4096, MEMORY, Controller("SMALLREADS", options="mdts=3"))  # 32 KiB a command
SEVERAL = (
    PLAIN, BLOCKS_OF_4096, MEMORY,
    Controller("TWO", (Disk(), Disk(block_bytes=4096))),
    Controller("PAIR1", subsystem="PAIR"), Controller("PAIR2", (), subsystem="PAIR"),
)
AWKWARD = (
    PLAIN, BLOCKS_OF_4096, MEMORY,
    Controller("METADATA", (Disk(metadata_bytes=8),)),
    Controller("INTERLEAVED", (Disk(metadata_bytes=8, interleaved=True),)),
)
SLOW = Disk(mebibytes=16, reads_per_second=100)
FAULTY = (PLAIN, MEMORY, Controller("MEDIAERROR", (Disk(mebibytes=16, error_sector=20000),)), Controller("SLOW", (SLOW,)))
GOING = (
    Controller("PLAIN", (Disk(mebibytes=16),)), MEMORY, Controller("RESET", (Disk(mebibytes=16, reads_per_second=200),)),
    *(Controller(f"PULLED_{path}", (SLOW,)) for path in ("nvme", "read", "bar")),
)
# As GOING, for the kernel that pulls: what was pulled out does not come back.
GOING_WHILE_PULLED = (*GOING, *(Controller(name, (SLOW,)) for name in ("SLOW", "PULLED_command", "PULLED_bench")))
# What the kernel asks for, and what it writes to by each path.
ASKED = (PLAIN, BLOCKS_OF_4096, MEMORY, Controller("TWO", (Disk(), Disk(block_bytes=4096))),
         *(Controller(f"ASKED_{path}") for path in ("nvme", "read", "pread", "bar")))
# The last has a virtual function to give (sriov_numvfs), which nothing drives: QEMU's is not on line until it is told so.
PEERS = (PLAIN, MEMORY, Controller("SECOND", (Disk(mebibytes=16),)),
         Controller("VIRTUAL1", options="sriov_max_vfs=1,sriov_vq_flexible=2,sriov_vi_flexible=1,max_ioqpairs=4,msix_qsize=5",
                    subsystem="VIRTUAL"))
# What each path writes, from memory of its own kind; "peer" is path read from peer-to-peer memory.
WRITTEN = (
    PLAIN, BLOCKS_OF_4096, MEMORY, Controller("SMALLWRITES", options="mdts=3"),
    *(Controller(f"WRITTEN_{path}") for path in ("nvme", "read", "pread")),
    Controller("WRITTEN_bar", (Disk(block_bytes=4096),)), Controller("WRITTEN_peer", (Disk(block_bytes=4096),)),
    Controller("SCRATCH", (Disk(scratch=True),)), Controller("WRITEERROR", (Disk(write_error_sector=4000, scratch=True),)),
)
NO_PEERS = r"failed to register the CMB"  # kernel 6.1 of Debian is built without peer-to-peer memory
SCAN_INTERRUPTED = r"nvme nvme\d+: Identify .* failed \("  # a scan for namespaces, by the next reset
# Seen once with QEMU 7.2 and Linux 6.1: commands sent right after a reset under load never ended (the likely cause: shadow
# doorbells, which Linux switches on when it uses the queues already). Linux gives them up and resets once more.
LOST_AFTER_RESET = r"nvme nvme\d+: (I/O .* timeout|Abort status)"

SCENARIOS = {scenario.name: scenario for scenario in (
    Scenario("paths", "every way to read sound disks", ("7", "6.1"), "Machine.*:Reading.*:Auto.*", SOUND,
             only={"7": "Splitting.*:Bar/Reading.*:Bar/Splitting.*:AutoInPeerMemory.*", "6.1": "NoPeerMemory.*:NoSplitting.*"},
             allowed_log=(NO_PEERS,)),
    Scenario("large_blocks", "blocks larger than a page, which Linux 6.15 and later take", ("7",),
             "Machine.*:LargeBlocks.*:LargestBlocks.*",
             (Controller("BLOCKS16384", (Disk(block_bytes=16384),)), Controller("BLOCKS65536", (Disk(block_bytes=65536),)),
              MEMORY)),
    Scenario("runs", "several controllers in one run, polling, the command itself and its bench", ("7", "6.1"),
             "Machine.*:Sources.*:Polling.*:Command.*:Bench.*", SEVERAL, programs=("guest_test", "penstock"), limit_seconds=120,
             only={"7": "Bar/Polling.*:CommandInPeerMemory.*:BenchInPeerMemory.*"}, allowed_log=(NO_PEERS,)),
    Scenario("refusals", "what the kernel refuses: rights, limits, formats, parts of disks, memory", ("7", "6.1"),
             "Machine.*:Rights.*:Limits.*:Format.*:Extent.*:Partition.*:BareBar.*", AWKWARD, bar_mebibytes=16,
             only={"7": "UserPassthrough.*:IoUringSwitch.*:PeerMemory.*:DmaBuf.*", "6.1": "NoUserPassthrough.*"},
             allowed_log=(NO_PEERS,)),
    Scenario("faults", "bad sectors, places past the end, reads that take too long", ("7", "6.1"),
             "MediaError.*:PastTheEnd.*:Overdue.*:PollingOfASlowDisk.*", FAULTY,
             only={"7": "Bar/MediaError.*:Bar/PastTheEnd.*:Bar/Overdue.*"},
             allowed_log=(NO_PEERS, r"critical medium error, dev")),
    Scenario("window", "a PCI function's memory that direct I/O can reach, by the module penstock_p2p", ("7",),
             "Machine.*:Exporters.*:VfioExporter.*:WindowReading.*:WindowRefusal.*:WindowCommand.*:WindowLife.*:"
             "WindowModule.*:WindowByVfio.*:WindowUnplugged.*", PEERS, bar_mebibytes=64, iommu=True,
             programs=("guest_test", "penstock_outside"), outside="outside_kernel",
             modules=("vfio-pci", "vfio_iommu_type1", "penstock_exporter", "penstock_p2p"), limit_seconds=120),
    Scenario("fuzz", "nonsense for the module, for a minute", ("7",), "Machine.*:WindowFuzz.*", PEERS, bar_mebibytes=64,
             modules=("penstock_exporter", "penstock_p2p"), limit_seconds=120),
    Scenario("direct", "such memory without an IOMMU, and on a kernel without peer-to-peer memory", ("7", "6.12"),
             "Machine.*", PEERS, bar_mebibytes=64, modules=("penstock_exporter", "penstock_p2p"),
             only={"7": "Exporters.*", "6.12": "NoPeerMemoryForWindows.*"}, allowed_log=(NO_PEERS,)),
    Scenario("scarce", "a window that there is not memory enough to describe", ("7",), "Machine.*:WindowShortOfMemory.*", PEERS,
             bar_mebibytes=32768, modules=("penstock_exporter", "penstock_p2p")),
    Scenario("writing", "every way to write, seen by every other and by the host; what must not be written", ("7", "6.1"),
             "Machine.*:Writing.*:WriteRefusal.*:WriteError.*", WRITTEN,
             only={"7": "Bar/Writing.*:PeerWriting.*:SplitWriting.*:UserWriting.*:Bar/WriteError.*"},
             allowed_log=(NO_PEERS, r"critical medium error, dev", r"Buffer I/O error on dev|lost async page write")),
    Scenario("losses", "controllers that go away, and that are reset, under load", ("7", "6.1"), "Reset.*:Unplugged.*", GOING,
             only={"7": "Bar/Reset.*:Bar/Unplugged.*"}, kernel_options="nvme_core.io_timeout=4",
             allowed_log=(NO_PEERS, SCAN_INTERRUPTED, LOST_AFTER_RESET)),
    Scenario("pulling", "the same, and timeouts, while the kernel asks for the bytes itself", ("7", "6.1"),
             "PullReset.*:PullOverdue.*:PullUnplugged.*:PullCommand.*:BenchUnplugged.*", GOING_WHILE_PULLED,
             programs=("guest_test", "penstock"),
             only={"7": "Bar/PullReset.*:Bar/PullUnplugged.*"}, kernel_options="nvme_core.io_timeout=4",
             allowed_log=(NO_PEERS, SCAN_INTERRUPTED, LOST_AFTER_RESET)),
    Scenario("asking", "what the kernel asks for: random reads of several disks, and writes", ("7", "6.1"),
             "Machine.*:RandomRequests.*:KernelWriting.*", ASKED, only={"7": "Bar/KernelWriting.*"}, allowed_log=(NO_PEERS,)),
)}
