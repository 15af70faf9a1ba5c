#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of a guest without booting one: how it is described, put together and judged."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

sys.dont_write_bytecode = True
import debian
import disks
import initramfs
import kernel_log
import kernel_modules
import kernels
import machine
import qmp
import verdict
from scenarios import SCENARIOS, Controller, Disk, Scenario


class Disks(unittest.TestCase):
    def test_are_what_disk_bytes_h_computes(self):
        # Mix(0) of SplitMix64 as published, and the rule by hand for one unit.
        self.assertEqual(disks.mix(0), 0xE220A8397B1DCDAF)
        unit = disks.unit(7, 3)
        word = disks.mix((7 << 32) + 3)
        self.assertEqual(unit[:8], word.to_bytes(8, "little"))
        begin = word % (131072 - 4088)
        self.assertEqual(unit[8], disks.mix(begin // 8).to_bytes(8, "little")[begin % 8])
        self.assertEqual(len(unit), 4096)

    def test_differ_from_place_to_place_and_from_disk_to_disk(self):
        units = {disks.unit(seed, number) for seed in (1, 2) for number in range(500)}
        self.assertEqual(len(units), 1000)

    def test_are_held_against_the_rule_after_a_boot(self):
        scenario = Scenario("s", "", ("7",), "", (Controller("A", (Disk(mebibytes=1), Disk(mebibytes=1, scratch=True))),
                                                  Controller("B", (Disk(mebibytes=1, metadata_bytes=8),))))
        with tempfile.TemporaryDirectory() as folder:
            machine.write_disks(scenario, folder)
            self.assertEqual(machine.disk_findings(scenario, folder, {}), [])
            self.assertRegex(machine.disk_findings(scenario, folder, {"A/1": (0, 1 << 20)})[0],
                             "A/1 is not rewritten, first at byte 0")
            with open(os.path.join(folder, "B.1.img"), "r+b") as image:
                image.seek(70000)
                byte = image.read(1)[0]
                image.seek(70000)
                image.write(bytes([byte ^ 1]))
            self.assertEqual(machine.disk_findings(scenario, folder, {}), ["disk B/1 is not as it was, first at byte 70000"])
            with open(os.path.join(folder, "B.1.img"), "r+b") as image:
                image.truncate(4100)
            self.assertEqual(machine.disk_findings(scenario, folder, {}), ["disk B/1 is not as it was, first at byte 4100"])
            disks.write(os.path.join(folder, "A.1.img"), disks.rewritten_seed("A/1"), 1 << 20, 1 << 20)
            self.assertRegex(machine.disk_findings(scenario, folder, {})[0], "A/1 is not as it was, first at byte 0")
            self.assertEqual(len(machine.disk_findings(scenario, folder, {"A/1": (0, 1 << 20)})), 1)
            self.assertRegex(machine.disk_findings(scenario, folder, {"A/1": (8192, 1 << 20)})[0],
                             "A/1 is not as it was, first at byte 0")

    def test_leave_room_for_metadata(self):
        self.assertEqual(Disk(mebibytes=16).data_bytes, 16 << 20)
        self.assertEqual(Disk(mebibytes=1, metadata_bytes=8).data_bytes, (1 << 20) // 520 * 512)


class ArchiveOfPackages:
    """A suite of Debian that has these packages."""

    def __init__(self, *packages):
        self.packages, self.unpacked = packages, []

    def names(self, beginning, pattern):
        return [name for name in self.packages if name.startswith(beginning) and re.fullmatch(pattern, name)]

    def unpack(self, packages, folder):
        self.unpacked += packages
        for name in packages:
            version = name.split("-", 2)[2]
            path = {"linux-binary": f"usr/lib/modules/{version}/vmlinuz"}.get(name[:12], f"usr/src/{name}/Makefile")
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8"):
                pass


class Kernels(unittest.TestCase):
    OLD, NEW = "7.2.12+deb13-cloud-amd64", "7.3.4+deb13-cloud-amd64"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.enterContext(unittest.mock.patch.dict(os.environ, PENSTOCK_CACHE=folder.name))

    def archive(self, *versions):
        """From now on Debian has these versions of kernel 7."""
        archive = ArchiveOfPackages(*(f"linux-binary-{version}" for version in versions))
        self.enterContext(unittest.mock.patch.object(debian, "suite", lambda name: contextlib.nullcontext(archive)))
        return archive

    def test_the_newest_is_the_one_with_the_greatest_numbers(self):
        names = ["linux-binary-7.2.9+deb13-cloud-amd64", "linux-binary-7.2.12+deb13-cloud-amd64",
                 "linux-binary-7.1.13+deb13-cloud-amd64"]
        self.assertEqual(debian.newest(names), names[1])
        self.assertIsNone(debian.newest([]))

    def test_are_fetched_once(self):
        archive = self.archive(self.OLD, self.NEW)
        self.assertRegex(kernels.kernel("7"), re.escape(f"/kernels/7/usr/lib/modules/{self.NEW}/vmlinuz"))
        kernels.kernel("7")
        self.assertEqual(archive.unpacked, [f"linux-binary-{self.NEW}"])

    def test_have_headers_of_the_version_of_the_image(self):
        self.archive(self.OLD)
        kernels.kernel("7")
        archive = self.archive(self.OLD, self.NEW)
        self.assertEqual(kernels.headers("7")[0], self.OLD)
        self.assertEqual(archive.unpacked, [f"linux-headers-{self.OLD}", "linux-headers-7.2.12+deb13-common",
                                            "linux-kbuild-7.2.12+deb13", f"linux-modules-{self.OLD}"])

    def test_are_fetched_anew_with_their_headers_when_the_archive_has_no_headers_of_the_image_any_more(self):
        self.archive(self.OLD)
        kernels.kernel("7")
        self.archive(self.NEW)
        self.assertEqual(kernels.headers("7")[0], self.NEW)
        self.assertIn(self.NEW, kernels.kernel("7"))

    def test_have_the_image_of_the_version_of_headers_that_came_first(self):
        self.archive(self.OLD)
        self.assertEqual(kernels.headers("7")[0], self.OLD)
        self.archive(self.OLD, self.NEW)
        self.assertIn(self.OLD, kernels.kernel("7"))


class Modules(unittest.TestCase):
    def test_are_built_without_a_word(self):
        self.assertEqual(kernel_modules.complaints("  CC [M]  main.o\n  CHECK   main.c\n  LD [M]  a.ko\n"), [])
        for line in ("main.c:1:5: warning: unused variable 'a' [-Wunused-variable]", "WARNING: modpost: missing MODULE_LICENSE()",
                     "main.c:3:2: error: undefined identifier", "make: *** [Makefile:2: a.o] Error 1"):
            self.assertEqual(kernel_modules.complaints(f"  CC [M]  main.o\n{line}\n"), [line])

    def test_are_built_anew_when_a_source_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            digests = set()
            for name, text in (("Kbuild", "obj-m := a.o"), ("a.c", "int a;"), ("a.c", "int b;"), ("a.c", "int a;"), ("a.o", "")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
                digests.add(kernel_modules.digest_of(folder))
        self.assertEqual(len(digests), 3)


    def test_come_with_what_they_need_before_them(self):
        needs = {"a": "b,c", "b": "", "c": "b"}
        with unittest.mock.patch.object(kernels, "headers", lambda kernel: ("7", "/nowhere")), unittest.mock.patch.object(
                kernel_modules, "_of_the_kernel", lambda name, folder: f"{name}\0depends={needs[name]}\0".encode()):
            self.assertEqual(list(kernel_modules.to_load(("a", "b"), "7")), ["b.ko", "c.ko", "a.ko"])


class Root(unittest.TestCase):
    def test_is_an_archive_of_parents_before_children(self):
        archive = initramfs.Archive()
        archive.file("usr/lib/a.so", b"\x7fELF", 0o755)
        archive.link("bin/sh", "busybox")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "archive")
            archive.write(path)
            with open(path, "rb") as file:
                content = file.read()
        names, at = [], 0
        while True:
            self.assertEqual(content[at:at + 6], b"070701")
            self.assertEqual(at % 4, 0)
            size, name_size = int(content[at + 54:at + 62], 16), int(content[at + 94:at + 102], 16)
            names.append(content[at + 110:at + 110 + name_size - 1].decode())
            if names[-1] == "TRAILER!!!":
                break
            data = -(-(at + 110 + name_size) // 4) * 4
            at = -(-(data + size) // 4) * 4
        self.assertEqual(names, ["bin", "bin/sh", "usr", "usr/lib", "usr/lib/a.so", "TRAILER!!!"])


class Log(unittest.TestCase):
    def test_of_a_bug_is_found_and_of_an_ordinary_boot_is_not(self):
        for line in ("[ 1.0] WARNING: CPU: 0 PID: 1 at block/blk.c:1", "[ 1.0] BUG: kernel NULL pointer dereference",
                     "Call Trace:", "INFO: task guest_test:71 blocked for more than 20 seconds.", "page_pool leak",
                     "refcount_t: underflow", "nvme nvme0: I/O tag 3 timeout, aborting",
                     "critical medium error, dev nvme0n1, sector 8", "guest_test[71]: segfault at 0 ip 0",
                     "DMAR: DRHD: handling fault status reg 2",
                     "DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0x1"):
            self.assertEqual(kernel_log.findings(line, ()), [line])
        for line in ("ACPI: Added _OSI(Module Device)", "AMD Zen1 DIV0 bug detected.",
                     "nvme nvme0: 2/0/1 default/read/poll queues", "DMAR: IOMMU enabled",
                     "nvme nvme0: Ignoring bogus Namespace Identifiers"):
            self.assertEqual(kernel_log.findings(line, ()), [])

    def test_that_a_scenario_makes_on_purpose_is_left_out(self):
        self.assertEqual(kernel_log.findings("critical medium error, dev nvme0n1\nBUG: x", ("medium error",)), ["BUG: x"])


class Verdict(unittest.TestCase):
    GOOD = "[ RUN      ] A.B\n[       OK ] A.B (1 ms)\n[  PASSED  ] 1 test.\n"

    def problems(self, cases="A.*", findings=(), **boot):
        boot = {"status": 0, "failure": "it hung", "output": self.GOOD} | boot
        return verdict.problems(types.SimpleNamespace(**boot), cases, findings)

    def test_is_good_only_if_every_case_that_was_asked_for_ran_and_passed(self):
        self.assertEqual(self.problems(), [])
        self.assertEqual(len(self.problems(cases="A.*:C.*")), 1)
        self.assertEqual(len(self.problems(output=self.GOOD + "[  SKIPPED ] A.B (0 ms)\n")), 1)
        self.assertEqual(len(self.problems(status=1)), 1)
        self.assertEqual(self.problems(status=None), ["it hung."])
        self.assertEqual(len(self.problems(findings=["Oops"])), 1)
        boot = types.SimpleNamespace(status=0, output=self.GOOD)
        self.assertEqual(verdict.problems(boot, "A.*", (), ["disk A/1 is not as it was"]), ["disk A/1 is not as it was."])


class Machine(unittest.TestCase):
    def test_asks_for_what_the_scenario_says(self):
        scenario = Scenario("s", "", ("7",), "", (Controller("A", (Disk(block_bytes=4096, metadata_bytes=8, interleaved=True),
                                                                   Disk(error_sector=5, write_error_sector=7)), "mdts=3", "S"),),
                            bar_mebibytes=1, iommu=True)
        words = " ".join(machine.arguments(scenario, "/tmp/f", "vmlinuz", "initramfs"))
        for part in ("nvme,id=A,serial=S,bus=port1,subsys=S,mdts=3", "nsid=1,logical_block_size=4096,", "ms=8,mset=1",
                     "inject-error.0.iotype=read,", "inject-error.0.sector=5", "inject-error.1.iotype=write,",
                     "inject-error.1.sector=7", "nvme-subsys,id=S,nqn=S", "ivshmem-plain,id=BAR", "poll_queues=1",
                     "-device intel-iommu", "intel_iommu=on"):
            self.assertIn(part, words)

    def test_takes_a_command_from_the_guest(self):
        self.assertEqual(qmp.parse("device_del id=A"), ("device_del", {"id": "A"}))
        self.assertEqual(qmp.parse("x n=5 m=-1"), ("x", {"n": 5, "m": -1}))


class Command(unittest.TestCase):
    SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "guest")

    def run_it(self, *words, **environment):
        return subprocess.run([sys.executable, self.SCRIPT, *words], capture_output=True, text=True, timeout=50,
                              env=os.environ | environment)

    def test_names_every_boot(self):
        boots = self.run_it("list", "--tests").stdout.splitlines()
        self.assertEqual(boots, [f"{kernel} {name} {'modules' if scenario.modules else 'kernels'}"
                                 for name, scenario in SCENARIOS.items() for kernel in scenario.kernels])

    def test_is_skipped_with_the_reason_where_no_kernel_can_be_had(self):
        with tempfile.TemporaryDirectory() as cache:
            done = self.run_it("fetch", "7", PENSTOCK_CACHE=cache, PATH="/nowhere")
        self.assertEqual(done.returncode, 77)
        self.assertRegex(done.stdout, r"^SKIPPED: apt-get is not installed\. Fix: ")

    def test_refuses_a_wrong_word(self):
        for words in ((), ("run",), ("run", "nowhere"), ("fetch", "5"), ("module", "6.1"), ("boot",)):
            self.assertEqual(self.run_it(*words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
