# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The guest's root: busybox, some programs with their shared libraries, modules, and a script that init runs."""

import os
import re
import stat
import subprocess

from unavailable import program

# The console that the host reads is the second serial port; the first is the kernel's. Nothing is raised or allowed here that
# the kernel does not give by itself: that is the tests' business.
INIT = r"""#!/bin/sh
export PATH=/bin:/guest HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
cd /tmp
echo "@booted $(uname -r)"
while read -r module; do insmod /guest/modules/$module || exec poweroff -f; done </guest/modules/order
sh /guest/script
echo "@exit $?"
exec poweroff -f
"""


class Archive:
    """A cpio archive of the kind that the kernel unpacks (newc), written without root and without a program."""

    def __init__(self):
        self._entries = {}

    def folder(self, path):
        while path and path not in self._entries:
            self._entries[path] = (stat.S_IFDIR | 0o755, b"")
            path = os.path.dirname(path)

    def file(self, path, content, mode=0o644):
        self.folder(os.path.dirname(path))
        self._entries[path] = (stat.S_IFREG | mode, content.encode() if isinstance(content, str) else content)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self._entries[path] = (stat.S_IFLNK | 0o777, target.encode())

    def write(self, path):
        with open(path, "wb") as file:
            # Sorted, a folder comes before what is in it.
            for number, (name, (mode, content)) in enumerate(sorted(self._entries.items()), 1):
                file.write(self._entry(number, name, mode, content))
            file.write(self._entry(0, "TRAILER!!!", 0, b""))

    @staticmethod
    def _entry(number, name, mode, content):
        name_bytes = name.encode() + b"\0"
        words = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name_bytes), 0)
        header = b"070701" + b"".join(b"%08X" % word for word in words) + name_bytes
        return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)


def write(path, programs, modules, files):
    """`programs`: paths on the host, which become /guest/NAME; `modules`: {file name: content}, in the order in which init loads
    them; `files`: {path in the guest: text}."""
    busybox = program("busybox")
    archive = Archive()
    for name in ("proc", "sys", "dev", "tmp", "bin", "guest"):
        archive.folder(name)
    _add_program(archive, "bin/busybox", busybox)
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            archive.link(f"bin/{applet}", "busybox")
    archive.file("init", INIT, 0o755)
    archive.file("etc/passwd", "root:x:0:0::/tmp:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
    for source in programs:
        _add_program(archive, "guest/" + os.path.basename(source), source)
    for name, content in modules.items():
        archive.file(f"guest/modules/{name}", content)
    archive.file("guest/modules/order", "".join(f"{name}\n" for name in modules))
    for name, text in files.items():
        archive.file(name.lstrip("/"), text)
    archive.write(path)


def _add_program(archive, name, source):
    archive.file(name, _content(source), 0o755)
    for library in shared_libraries(source):
        archive.file(library.lstrip("/"), _content(library), 0o755)


def _content(path):
    with open(path, "rb") as file:
        return file.read()


def shared_libraries(path):
    """The paths of the libraries, and of the loader, that a program needs; none if it is linked statically."""
    done = subprocess.run([program("ldd"), path], capture_output=True, text=True)
    return re.findall(r"(/\S+) \(0x", done.stdout) if done.returncode == 0 else []
