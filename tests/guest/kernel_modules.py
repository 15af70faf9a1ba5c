# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our kernel modules, built for a kernel of the cache with its own headers and with the compiler of its Debian (the host's is
another: headers bring programs of their own, which want that Debian's C library), and kept until their sources change."""

import glob
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile

import cache
import debian
import kernels
from unavailable import Unavailable, program

# Folders with a Kbuild each. The module's name is the folder's.
SOURCES = {"penstock_p2p": "driver/kernel/penstock_p2p", "penstock_exporter": "tests/guest/penstock_exporter"}
# Those of kernels.py that modules are built for: their headers want the tools below.
KERNELS = ("7", "6.12")

TOOLS_SUITE = "trixie"
TOOLS = ("gcc-14", "make", "bash", "dash", "coreutils", "sed", "grep", "mawk", "findutils", "diffutils", "perl-base", "pahole",
         "libelf1t64", "sparse")
# What packages of these depend on and building a module does not need: sanitizers, the whole of Perl, debuggers' libraries.
NOT_NEEDED = re.compile(r"lib(asan|tsan|lsan|ubsan|hwasan|itm|gomp|quadmath|gprofng|perl|db|gdbm|gdbm-compat|sqlite|xml|systemd|"
                        r"cc1-)\d\S*|perl|perl-modules-\S+|openssl-provider-legacy|debianutils")

# One build does it all: GCC's further warnings (W), sparse on every file (C). Sparse 0.6.4 does not know the keyword of C23 that
# newer headers use. The kernel's check of comments needs more of Perl, and ours are no documentation of the kernel's.
MAKE = ("make", "W=1", "C=2", "CHECK=sparse", "CF=-D__typeof_unqual__=__typeof__", "cmd_checkdoc=")
# The macros that write a module's licence and description in Linux 7 are beyond sparse 0.6.4.
BEYOND_SPARSE = re.compile(r"error: bad constant expression$")
COMPLAINT = re.compile(r"\b(?:warning|error)\b", re.I)

INSIDE = """set -e
mount --rbind /proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2/usr/src" "$1/usr/src"
mount --bind "$2/usr/lib/$3" "$1/usr/lib/$3"
mount --bind "$4" "$1/module"
root="$1"
shift 4
exec chroot "$root" "$@"
"""


class Complaints(Exception):
    """A module that does not build without a word."""


def build(name, kernel):
    """The path of the module NAME for that kernel; built first if its sources have changed. Raises Unavailable, Complaints."""
    version, headers = kernels.headers(kernel)
    source = os.path.join(cache.ROOT, SOURCES[name])
    built = os.path.join(cache.folder("modules"), f"{name}.{version}")
    with cache.locked(built):
        stamp, module = os.path.join(built, "sources"), os.path.join(built, f"{name}.ko")
        digest = digest_of(source)
        if _content(stamp).decode() != digest:
            cache.replace(built, lambda fresh: _build(source, fresh, version, headers, digest))
        return module


def to_load(names, kernel):
    """{file name: content} of modules of that kernel and of what they need, each before those that need it. Raises Unavailable,
    Complaints."""
    found = {}
    folder = kernels.headers(kernel)[1] if names else ""

    def add(name):
        if name in SOURCES:
            content = _content(build(name, kernel))
        else:
            content = _of_the_kernel(name, folder)
        for needed in filter(None, needs(content)):
            if f"{needed}.ko" not in found:
                add(needed)
        found.setdefault(f"{name}.ko", content)

    for name in names:
        add(name)
    return found


def _of_the_kernel(name, folder):
    for path in glob.glob(f"{folder}/usr/lib/modules/*/kernel/**/{name}.ko.xz", recursive=True):
        return lzma.decompress(_content(path))
    raise Unavailable(f"there is no module {name} in {folder}",
                      "name another, or the package that has it, in tests/guest/kernels.py")


def needs(module):
    """The names of the modules that must be loaded before one with that content."""
    return re.search(rb"\0depends=([^\0]*)\0", module)[1].decode().split(",")


def complaints(output):
    """The lines of a build's output that would not be there if all were well."""
    return [line for line in output.splitlines() if COMPLAINT.search(line) and not BEYOND_SPARSE.search(line)]


def exists(name):
    return os.path.exists(os.path.join(cache.ROOT, SOURCES[name], "Kbuild"))


def _sources(folder):
    return sorted(path for pattern in ("*.c", "*.h", "Kbuild") for path in glob.glob(os.path.join(folder, pattern)))


def digest_of(folder):
    """Of the sources, and of how they are built."""
    said = hashlib.sha256()
    for path in (__file__, *_sources(folder)):
        said.update(f"{os.path.basename(path)} {os.path.getsize(path)}\n".encode() + _content(path))
    return said.hexdigest()


def _content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _build(source, built, version, headers, digest):
    tools = _tools()
    _let_sparse_in(headers)
    kbuild = "linux-kbuild-" + re.sub(r"(-cloud)?-amd64$", "", version)
    os.makedirs(os.path.join(tools, "usr/lib", kbuild), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="penstock_module_") as work:
        for path in _sources(source):
            shutil.copy(path, work)
        alone = [program("unshare"), "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-c", INSIDE, "sh"]
        make = [*MAKE, "-C", f"/usr/src/linux-headers-{version}", "M=/module", "modules"]
        made = subprocess.run([*alone, tools, headers, kbuild, work, *make], env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if re.search("^(?:unshare|mount|chroot): ", made.stdout, re.M):
            raise Unavailable(f"no root of its own for the compiler: {made.stdout.splitlines()[0]}",
                              "allow this user namespaces (kernel.unprivileged_userns_clone, AppArmor), or run as root")
        if made.returncode != 0 or complaints(made.stdout):
            raise Complaints(made.stdout)
        for path in glob.glob(os.path.join(work, "*.ko")):
            shutil.copy(path, built)
    with open(os.path.join(built, "sources"), "w", encoding="utf-8") as file:
        file.write(digest)


def _tools():
    """The folder with a root that has a compiler and what the kernel's Makefiles call; fetched first if the cache has none."""
    with cache.locked(os.path.join(cache.folder("kernels"), "tools")) as tools:
        if not os.path.exists(tools):
            cache.replace(tools, _fetch_tools)
        return tools


def _fetch_tools(root):
    for folder in ("bin", "sbin", "lib", "lib64"):  # before any package could make folders of them
        os.makedirs(os.path.join(root, "usr", folder))
        os.symlink(f"usr/{folder}", os.path.join(root, folder))
    with debian.suite(TOOLS_SUITE) as suite:
        names = suite.with_dependencies(TOOLS)
        suite.unpack(sorted((name for name in names if not NOT_NEEDED.fullmatch(name)), key=lambda name: name != "gcc-14"), root)
    os.symlink("mawk", os.path.join(root, "usr/bin/awk"))  # as the package does when it is installed
    for folder in ("proc", "dev", "module", "usr/src"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)


def _let_sparse_in(headers):
    """Newer kernels ask a script whether sparse will do, which Debian's headers leave out."""
    for folder in glob.glob(os.path.join(headers, "usr/src/linux-headers-*-common/scripts")):
        path = os.path.join(folder, "checker-valid.sh")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho 1\n")
            os.chmod(path, 0o755)
