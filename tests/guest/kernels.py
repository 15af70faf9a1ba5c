# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of Debian, and what modules for them are built with, in a cache of ours. Where the cache has something, it stays as it
is; an image and the headers that go with it are of one version."""

import dataclasses
import glob
import os
import re

import cache
import debian
from unavailable import Unavailable


@dataclasses.dataclass(frozen=True)
class Kernel:
    suite: str
    image: str               # the package, with V for the version as `uname -r` says it
    version: str             # a pattern for V
    modules: bool = False    # those of a package of their own are wanted too

    def newest_version(self, suite):
        before, after = self.image.split("V")
        # Up to its first wild number the pattern is a beginning, by which apt finds names.
        beginning = before + re.match(r"(?:\\\.|\d)+", self.version)[0].replace("\\", "")
        package = debian.newest(suite.names(beginning, re.escape(before) + self.version + re.escape(after)))
        if package is None:
            raise Unavailable(f"{debian.MIRROR} has no package {beginning}* in {self.suite}",
                              "look for the name that it has now, and put it into tests/guest/kernels.py")
        return package.removeprefix(before)

    def has(self, suite, version):
        package = self.image.replace("V", version)
        return bool(suite.names(package, re.escape(package)))

    def packages_for_modules(self, version):
        """What modules are built with, and the kernel's own modules where they are wanted."""
        base = re.sub(r"(-cloud)?-amd64$", "", version)
        wanted = [f"linux-headers-{version}", f"linux-headers-{base}-common", f"linux-kbuild-{base}"]
        return wanted + ([f"linux-modules-{version}"] if self.modules else [])


# NVMe is built into all of them, so no module is loaded for it.
KERNELS = {
    "7": Kernel("trixie-backports", "linux-binary-V", r"7\.[0-9.]+\+deb13-cloud-amd64", modules=True),
    "6.1": Kernel("bookworm", "linux-image-V", r"6\.1\.0-[0-9]+-cloud-amd64"),
    "6.12": Kernel("trixie", "linux-image-V", r"6\.12\.[0-9]+\+deb13-cloud-amd64"),
}


def kernel(name):
    """The path of the kernel's image; fetched first if the cache has none. Raises Unavailable."""
    with _locked(name) as folder:
        found = _image(folder)
        if found is None:
            with debian.suite(KERNELS[name].suite) as suite:
                version = _headers_version(folder)
                if version is None or not KERNELS[name].has(suite, version):
                    version = KERNELS[name].newest_version(suite)
                _fetch_image(suite, name, version, folder)
            found = _image(folder)
        return found


def headers(name):
    """(version, folder): the unpacked headers of the kernel's version, below usr/src there, and its modules, below
    usr/lib/modules; fetched first if they are not those of the image in the cache. Raises Unavailable."""
    with _locked(name) as folder:
        image = _image(folder)
        wanted = _version_of(image) if image else _headers_version(folder)
        if wanted is None or wanted != _headers_version(folder):
            with debian.suite(KERNELS[name].suite) as suite:
                if wanted is None or not KERNELS[name].has(suite, wanted):  # the archive keeps one version, and has moved on
                    wanted = KERNELS[name].newest_version(suite)
                    if image:
                        _fetch_image(suite, name, wanted, folder)
                cache.replace(folder + ".headers", lambda fresh: suite.unpack(KERNELS[name].packages_for_modules(wanted), fresh))
        return wanted, folder + ".headers"


def _locked(name):
    """The folder of a kernel's image."""
    return cache.locked(os.path.join(cache.folder("kernels"), name))


def _fetch_image(suite, name, version, folder):
    cache.replace(folder, lambda fresh: suite.unpack([KERNELS[name].image.replace("V", version)], fresh))


def _image(folder):
    found = glob.glob(f"{folder}/usr/lib/modules/*/vmlinuz") + glob.glob(f"{folder}/boot/vmlinuz-*")
    return found[0] if found else None


def _version_of(image):
    """What `uname -r` says when the image runs."""
    name = os.path.basename(image)
    return name.removeprefix("vmlinuz-") if name != "vmlinuz" else os.path.basename(os.path.dirname(image))


def _headers_version(folder):
    found = glob.glob(f"{folder}.headers/usr/src/linux-headers-*amd64")
    return os.path.basename(found[0]).removeprefix("linux-headers-") if found else None
