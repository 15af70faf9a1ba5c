# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries and programs carried to a machine that has none: packed from installed Debian packages, used from any folder."""

import glob
import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile

# Development packages that go whole, but for their documentation.
LIBRARIES = ("libabsl-dev", "liburing-dev", "libnvme-dev", "libjson-c-dev", "libisal-dev", "nlohmann-json3-dev", "libgtest-dev",
             "libgmock-dev", "libbenchmark-dev")
# libnvme.pc names these: their own .pc files are all that is asked for.
PKG_CONFIG_FILES = ("openssl", "libssl", "libcrypto")
PROGRAMS = ("fio", "rhash", "pkg-config")
SHARED = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"  # where they look for each other
# What a machine with a compiler has, and what must be its own.
OF_THE_SYSTEM = re.compile(r"^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libresolv|libstdc\+\+|libgcc_s)[.-]")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shared_libraries_of(binary):
    """Path of each shared library that the binary loads, by the name that it loads it by."""
    found = dict(re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", binary), re.M))
    return {name: path for name, path in found.items() if not OF_THE_SYSTEM.match(name)}


def copy(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target)


def copy_shared_library(path, folder, names):
    """Copies the file that `path` leads to, and lets the names lead to it."""
    path = os.path.realpath(path)
    copy(path, os.path.join(folder, os.path.basename(path)))
    for name in names:
        if name != os.path.basename(path) and not os.path.lexists(os.path.join(folder, name)):
            os.symlink(os.path.basename(path), os.path.join(folder, name))


def copy_development_package(package, folder):
    for path in run("dpkg", "-L", package).split("\n"):
        if not os.path.isfile(path) or re.match(r"/usr/share/(doc|man|lintian|bug)/", path):
            continue
        if not path.endswith(".so"):
            copy(path, folder + path)
            continue
        soname = re.search(r"SONAME\)\s+Library soname: \[(\S+)\]", run("readelf", "-d", path))[1]
        copy_shared_library(path, folder + SHARED, {soname, os.path.basename(path)})
        for name, library in shared_libraries_of(path).items():
            copy_shared_library(library, folder + SHARED, {name})


def pack(archive):
    """Writes everything into one compressed archive. Returns its size in bytes."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise SystemExit(f"scripts/gpu_check: {', '.join(missing)} not found. Fix: run scripts/setup build test bench.")
    with tempfile.TemporaryDirectory() as folder:
        for package in LIBRARIES:
            copy_development_package(package, folder)
        for name in PKG_CONFIG_FILES:
            for path in glob.glob(f"/usr/lib/*/pkgconfig/{name}.pc"):
                copy(path, folder + path)
        for name in PROGRAMS:
            program = os.path.realpath(shutil.which(name))
            copy(program, os.path.join(folder, "programs", name))
            for library, path in shared_libraries_of(program).items():
                copy(path, os.path.join(folder, "programs/shared", library))
        with tarfile.open(archive, "w:xz", preset=3) as tar:
            tar.add(folder, arcname=".")
    return os.path.getsize(archive)


def unpack(archive, folder):
    """Unpacks once; the folder may then be used in place. Its .pc files name the place where they are."""
    mark = os.path.join(folder, "unpacked")
    stamp = f"{os.path.getsize(archive)} {int(os.path.getmtime(archive))}"
    if os.path.exists(mark) and open(mark, encoding="utf-8").read() == stamp:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder)  # our own archive
    for path in glob.glob(f"{folder}/usr/**/*.pc", recursive=True):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"=/usr\b", f"={folder}/usr", text))
    with open(mark, "w", encoding="utf-8") as file:
        file.write(stamp)


class Carried:
    """What was unpacked, or nothing: then what the machine has is used."""

    def __init__(self, folder=None):
        self.folder = os.path.abspath(folder) if folder else None

    def cmake_options(self):
        if not self.folder:
            return []
        shared = self.folder + SHARED
        # Of the old kind of run path, because it also serves the libraries that libraries load.
        flags = f"-Wl,--disable-new-dtags,-rpath,{shared} -Wl,-rpath-link,{shared}"
        return [f"-DCMAKE_PREFIX_PATH={self.folder}/usr", f"-DPKG_CONFIG_EXECUTABLE={self.program('pkg-config')[-1]}",
                f"-DCMAKE_EXE_LINKER_FLAGS={flags}"]

    def environment(self):
        if not self.folder:
            return {}
        paths = glob.glob(f"{self.folder}/usr/lib/*/pkgconfig") + [f"{self.folder}/usr/share/pkgconfig"]
        return {"PKG_CONFIG_LIBDIR": ":".join(paths), "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"}

    def program(self, name):
        """The command that runs a program: a list, empty if it is nowhere."""
        if self.folder and os.path.exists(f"{self.folder}/programs/{name}"):
            return [self.wrapper(name)]
        found = shutil.which(name)
        return [found] if found else []

    def wrapper(self, name):
        """A script that runs a carried program with the libraries that were carried for it, and only it."""
        path = f"{self.folder}/bin/{name}"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\nLD_LIBRARY_PATH="{self.folder}/programs/shared" '
                           f'exec "{self.folder}/programs/{name}" "$@"\n')
            os.chmod(path, 0o755)
        return path


def open_carried(libraries, folder):
    """`libraries`: an archive that `pack` made, a folder where one was unpacked, or None."""
    if libraries is None or os.path.isdir(libraries):
        return Carried(libraries)
    unpack(libraries, folder)
    return Carried(folder)
