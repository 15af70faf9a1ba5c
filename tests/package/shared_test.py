#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shared libraries and the packages that cpack makes of them: what they export, hold, depend on; and that they are used.

Usage: shared_test.py CASE --build=FOLDER ...; CASE is a name below, without "case_".
"""
import glob
import os
import re
import shutil
import sys

import consumer
import package_test
from consumer import run

sys.dont_write_bytecode = True
C_PACKAGE = "libpenstock-c0"
LIBRARIES = ["base", "driver", "handlers", "runtime"]
EXPORTED = re.compile(r"(vtable for |typeinfo for |typeinfo name for |(non-)?virtual thunk to )?penstock::")


def soversion(place):
    return place.given.version.rsplit(".", 1)[0]


def built(place):
    return place.beside("shared")


def case_shared_build(place):
    """As the preset `package` says; with the options of the build that is tested, so that ccache knows the sources."""
    place.configure(consumer.ROOT, built(place), "--preset=package", "-DPENSTOCK_WITH_HIP=OFF")
    place.make(built(place))


def exports(library):
    """Names that the library defines for others, C++ ones as they are written in C++."""
    lines = run("nm", "--dynamic", "--defined-only", "--demangle", "--format=posix", library).splitlines()
    return {match[1] for line in lines if (match := re.match(r"(.*) [A-Za-z] [0-9a-f]+ ?[0-9a-f]*$", line))}


def case_symbols(place):
    names = {}
    for library in LIBRARIES:
        [path] = glob.glob(os.path.join(built(place), "**", f"libpenstock_{library}.so.{soversion(place)}"), recursive=True)
        assert f"[libpenstock_{library}.so.{soversion(place)}]" in run("readelf", "--dynamic", path), f"{path} has another soname"
        names[library] = exports(path)
        strangers = sorted(name for name in names[library] if not EXPORTED.match(name))
        assert not strangers, f"{path} exports what is not ours: {strangers}"
    expect_name(names["runtime"], "penstock::Ingest(")
    expect_name(names["runtime"], "penstock::MakeCpuDevice(")
    expect_name(names["driver"], "penstock::Volume::Open(")
    expect_name(names["base"], "penstock::MakeError(")
    expect_name(names["handlers"], "penstock::BuildAutomaton(")
    # What no public header declares.
    for library, name in (("runtime", "penstock::PumpInlet::"), ("driver", "penstock::driver::Uring::")):
        hidden = [exported for exported in names[library] if exported.startswith(name)]
        assert not hidden, f"{library} exports {hidden}"


def expect_name(names, beginning):
    assert any(name.startswith(beginning) for name in names), f"{beginning}...) is not exported"


def pack(place, generator):
    """The files that cpack makes, in a fresh folder."""
    folder = place.fresh(generator)
    run("cpack", "-G", generator, "-B", folder, cwd=built(place))
    return folder


def check_command(place, root):
    """The command runs from where it was unpacked, and finds its libraries there."""
    file = consumer.random_file(place.path("input"))
    printed = run(os.path.join(root, "usr/bin/penstock"), "ingest", file, "--op=crc32c", "--device=cpu")
    assert f"crc32c {consumer.crc32c(file):08x}" in printed, printed


def check_contents(root, *patterns):
    for pattern in patterns:
        assert glob.glob(os.path.join(root, pattern), recursive=True), f"nothing in {root} is called {pattern}"


def case_archive(place):
    [archive] = glob.glob(os.path.join(pack(place, "TGZ"), f"penstock-{place.given.version}-*.tar.gz"))
    root = place.fresh("archive_root")
    os.makedirs(root)
    run("tar", "--extract", "--file", archive, "--directory", root, "--strip-components=1")
    # cpack leaves out the prefix, /usr.
    os.makedirs(os.path.join(root, "usr"))
    for name in ("bin", "include", "lib"):
        os.rename(os.path.join(root, name), os.path.join(root, "usr", name))
    check_contents(root, "usr/lib/**/libpenstock_runtime.so.*", "usr/include/penstock/ingest.h",
                   "usr/lib/**/penstock-runtime.pc", "usr/lib/**/penstockConfig.cmake")
    check_command(place, root)


def field(package, name):
    return run("dpkg-deb", "--field", package, name).strip()


def files_of(package):
    listed = [line.split(maxsplit=5) for line in run("dpkg-deb", "--contents", package).splitlines()]
    return {words[5].split(" -> ")[0] for words in listed if not words[0].startswith("d")}


def check_side_by_side(place, packages):
    """No two packages have a file in common, nor have the libraries of two minor versions."""
    files = {name: files_of(path) for name, path in packages.items()}
    for name, others in ((a, b) for a in files for b in files if a < b):
        assert not files[name] & files[others], f"{name} and {others} both have {files[name] & files[others]}"
    of_every_version = [path for path in files[f"libpenstock{soversion(place)}"] if soversion(place) not in path]
    assert not of_every_version, f"another minor version has {of_every_version}, too"
    for name in files:
        assert f"./usr/share/doc/{name}/LICENSE" in files[name], f"{name} has no licence"


def check_shlibs(place, packages):
    """What a package of somebody else's depends on that is linked with our libraries."""
    runtime = f"libpenstock{soversion(place)}"
    told = run("dpkg-deb", "--info", packages[runtime], "shlibs").splitlines()
    for library in LIBRARIES:
        assert f"libpenstock_{library} {soversion(place)} {runtime} (>= {place.given.version})" in told, told
    told = run("dpkg-deb", "--info", packages[C_PACKAGE], "shlibs").splitlines()
    assert told == [f"libpenstock_c 0 {C_PACKAGE} (>= {place.given.version})"], told


def case_debian(place):
    if shutil.which("dpkg-shlibdeps") is None or shutil.which("file") is None:
        consumer.skip("dpkg-dev or file is not installed. Fix: run scripts/setup test.")
    folder, root = pack(place, "DEB"), place.fresh("deb_root")
    runtime = f"libpenstock{soversion(place)}"
    exactly = f"(= {place.given.version})"
    packages = {field(path, "Package"): path for path in glob.glob(os.path.join(folder, "*.deb"))}
    assert set(packages) == {runtime, C_PACKAGE, "libpenstock-dev", "penstock"}, packages
    for name in (runtime, "penstock"):
        package_test.expect(field(packages[name], "Depends"), "libc6", "libstdc++6", "libabsl2")
    package_test.expect(field(packages[runtime], "Depends"), "liburing2", "libnvme", "libisal2")
    package_test.expect(field(packages["libpenstock-dev"], "Depends"), f"{runtime} {exactly}", f"{C_PACKAGE} {exactly}",
                        "libabsl-dev", "liburing-dev")
    for name in (C_PACKAGE, "penstock"):
        package_test.expect(field(packages[name], "Depends"), f"{runtime} {exactly}")
    check_side_by_side(place, packages)
    check_shlibs(place, packages)
    for path in packages.values():
        run("dpkg-deb", "--extract", path, root)
    check_contents(root, "usr/bin/penstock", "usr/lib/*/libpenstock_runtime.so.*", "usr/lib/*/libpenstock_runtime.so",
                   "usr/lib/*/cmake/penstock/penstockConfig.cmake", "usr/include/penstock/ingest.h")
    check_command(place, root)
    prefix = os.path.join(root, "usr")
    place.check_consumer("find_package", prefix)
    [libraries] = glob.glob(os.path.join(prefix, "lib/*/"))
    package_test.check_pkg_config(place, prefix, "--libs", library_path=libraries)


def main():
    given = consumer.arguments()
    globals()[f"case_{given.case}"](consumer.Workplace(given))


if __name__ == "__main__":
    main()
