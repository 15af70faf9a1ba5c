# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A scenario as a QEMU command line, and a run of it: output passed on, marker lines acted on, an end in bounded time."""

import collections
import contextlib
import os
import selectors
import subprocess
import time

import disks
import qmp
from unavailable import program

QEMU = "qemu-system-x86_64"
# AMD, whose host bridges Linux lets peers talk through; less what QEMU's emulation lacks, so that it does not warn. And less
# cmpxchg16b, behind which QEMU 7.2 shows an operand of the last addition as EFLAGS: an interrupt that comes right there saves
# it, and the way back ends in a double fault. Linux allocates memory by that instruction where it is to be had.
PROCESSOR = "EPYC,-svm,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-xsavec,-cx16"
KERNEL_OPTIONS = ("console=ttyS0 ignore_loglevel panic=-1 oops=panic mitigations=off nvme.poll_queues=1 "
                  "sysctl.kernel.hung_task_timeout_secs=20")


def write_disks(scenario, folder):
    """Writes the images; returns the table that tells the guest what is on them: serial, namespace, seed, seed of what is
    written over it, bytes, CRC-32C."""
    lines = []
    for controller in scenario.controllers:
        for number, disk in enumerate(controller.disks, 1):
            seed = disks.seed_of(f"{controller.serial}/{number}")
            crc = disks.write(_image(folder, controller, number), seed, disk.data_bytes, disk.mebibytes * disks.MEBIBYTE)
            rewritten = disks.rewritten_seed(f"{controller.serial}/{number}")
            lines.append(f"{controller.serial} {number} {seed} {rewritten} {disk.data_bytes} {crc}\n")
    return "".join(lines)


def disk_findings(scenario, folder, rewritten):
    """What is wrong with the images after a boot, one sentence each. `rewritten`: of the disks ("SERIAL/NUMBER") that cases say
    they have written, from which byte to which. All else must be as it was: what is read must not be written."""
    found = []
    for controller in scenario.controllers:
        for number, disk in enumerate(controller.disks, 1):
            name = f"{controller.serial}/{number}"
            if disk.scratch:
                continue
            begin, end = rewritten.get(name, (0, 0))
            before, after = disks.seed_of(name), disks.rewritten_seed(name)
            at = disks.first_difference(_image(folder, controller, number),
                                        lambda offset: after if begin <= offset < end else before, disk.data_bytes)
            if at is not None:
                found.append(f"disk {name} is not {'rewritten' if begin <= at < end else 'as it was'}, first at byte {at}")
    return found


def _image(folder, controller, number):
    return os.path.join(folder, f"{controller.name}.{number}.img")


def arguments(scenario, folder, kernel, initramfs):
    """QEMU's arguments, less the consoles."""
    options = " ".join(filter(None, (KERNEL_OPTIONS, "intel_iommu=on" if scenario.iommu else "", scenario.kernel_options)))
    words = ["-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-machine", "q35", "-smp", "2",
             "-m", "1G", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-kernel", kernel, "-initrd", initramfs, "-append", options,
             "-qmp", f"unix:{folder}/monitor,server=on,wait=off"]
    words += ["-device", "intel-iommu"] if scenario.iommu else []
    for subsystem in sorted({controller.subsystem for controller in scenario.controllers} - {""}):
        words += ["-device", f"nvme-subsys,id={subsystem},nqn={subsystem}"]
    for slot, controller in enumerate(scenario.controllers, 1):
        words += _controller(controller, slot, folder)
    if scenario.bar_mebibytes:
        words += ["-object", f"memory-backend-file,id=bar,share=on,mem-path={folder}/bar,size={scenario.bar_mebibytes}M",
                  *_port(0), "-device", "ivshmem-plain,id=BAR,memdev=bar,bus=port0"]
    return words


def _port(slot):
    return ["-device", f"pcie-root-port,id=port{slot},chassis={slot},slot={slot}"]


def consoles(kernel_log):
    """The kernel's messages go to a file, what the tests print to QEMU's own output, so that neither cuts into the other."""
    return ["-serial", f"file:{kernel_log}", "-chardev", "stdio,id=tests,signal=off", "-serial", "chardev:tests"]


def _controller(controller, slot, folder):
    device = f"nvme,id={controller.name},serial={controller.serial},bus=port{slot}"
    device += f",subsys={controller.subsystem}" if controller.subsystem else ""
    device += f",{controller.options}" if controller.options else ""
    words = [*_port(slot), "-device", device]
    for number, disk in enumerate(controller.disks, 1):
        drive = f"{controller.name}.{number}"
        words += ["-drive", _drive(disk, drive, _image(folder, controller, number)), "-device",
                  f"nvme-ns,drive={drive},bus={controller.name},nsid={number},logical_block_size={disk.block_bytes},"
                  f"physical_block_size={disk.block_bytes},ms={disk.metadata_bytes},mset={int(disk.interleaved)}"]
    return words


def _drive(disk, name, image):
    drive = f"if=none,id={name},format=raw"
    errors = {"read": disk.error_sector, "write": disk.write_error_sector}
    errors = {kind: sector for kind, sector in errors.items() if sector is not None}
    drive += f",file.driver=blkdebug,file.image.driver=file,file.image.filename={image}" if errors else f",file={image}"
    for number, (kind, sector) in enumerate(errors.items()):
        error = f"file.inject-error.{number}"
        drive += f",{error}.event=none,{error}.iotype={kind},{error}.errno=5,{error}.sector={sector}"
    return drive + (f",throttling.iops-read={disk.reads_per_second}" if disk.reads_per_second else "")


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Run:
    """One boot. `status` is what the guest's script ended with, None if it never said so; `failure` says why then.
    `rewritten` are the disks ("SERIAL/NUMBER") that cases say they have written, from which byte to which."""

    def __init__(self, words, folder, output, limit_seconds, outside=""):
        self.status = None
        self.failure = "the guest ended without saying how"
        self.output = ""
        self.rewritten = {}
        self.seconds_to_boot = None
        self._monitor_path = os.path.join(folder, "monitor")
        self._log_path = os.path.join(folder, "kernel.log")
        self._complaints_path = os.path.join(folder, "qemu.log")
        self._words = words
        self._limit_seconds = limit_seconds
        self._outside = [outside, os.path.join(folder, "bar")] if outside else []
        self._pass_on = output

    @property
    def kernel_log(self):
        return _text(self._log_path)

    def execute(self):
        # The guest must not outlive us, even if we are killed.
        mortal = [program("setpriv"), "--pdeathsig", "KILL"]
        words = [*mortal, program(QEMU), *self._words, *consoles(self._log_path)]
        self._begin = time.monotonic()
        with open(self._complaints_path, "wb") as complaints, contextlib.ExitStack() as ended_together:
            if self._outside:
                outside = ended_together.enter_context(subprocess.Popen([*mortal, *self._outside], stderr=complaints))
                ended_together.callback(outside.kill)
            self._qemu = ended_together.enter_context(
                subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints))
            ended_together.callback(self._qemu.kill)
            self._follow()
        for complaint, count in collections.Counter(_text(self._complaints_path).splitlines()).items():
            self._pass_on(f"{complaint} ({count} times)\n" if count > 1 else complaint + "\n")

    def _follow(self):
        line = b""
        with selectors.DefaultSelector() as ready:
            ready.register(self._qemu.stdout, selectors.EVENT_READ)
            while True:
                left = self._limit_seconds - (time.monotonic() - self._begin)
                if left <= 0:
                    self.failure = f"the guest was still running after {self._limit_seconds} s"
                    return
                if not ready.select(left):
                    continue
                part = os.read(self._qemu.stdout.fileno(), 65536)
                if not part:
                    return
                *lines, line = (line + part).split(b"\n")
                for whole in lines:
                    self._line(whole.decode(errors="replace").rstrip("\r") + "\n")

    def _line(self, line):
        self.output += line
        self._pass_on(line)
        if line.startswith("@booted "):
            self.seconds_to_boot = time.monotonic() - self._begin
        elif line.startswith("@host "):
            self._act(line.removeprefix("@host "))
        elif line.startswith("@rewritten "):
            _, name, begin, end = line.split()
            self.rewritten[name] = (int(begin), int(end))
        elif line.startswith("@exit "):
            self.status = int(line.split()[1])

    def _act(self, text):
        """Does to the machine what the guest asks for, and answers it with "ok" or with what was wrong."""
        command, given = qmp.parse(text)
        try:
            with contextlib.closing(qmp.Monitor(self._monitor_path)) as monitor:
                complaint = monitor.run(command, **given)
        except OSError as error:
            complaint = f"no answer from QEMU: {error}"
        self._qemu.stdin.write(f"@host {complaint or 'ok'}\n".encode())
        self._qemu.stdin.flush()
