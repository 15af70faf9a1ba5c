#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is installed, static libraries, from outside: other people's projects find it, compile with it, and run.

Usage: package_test.py CASE --build=FOLDER ...; CASE is a name below, without "case_".
"""
import os
import re
import sys
import tempfile

import consumer
from consumer import ROOT, run

sys.dont_write_bytecode = True


def case_install(place):
    """Installed in one folder and then moved to another: nothing may know the former, nor the trees that it was built in."""
    first, prefix = place.fresh("installed_first"), place.fresh("static")
    run("cmake", "--install", place.given.build, "--prefix", first)
    os.rename(first, prefix)
    for folder, _, names in os.walk(prefix):
        for name in names:
            if not name.endswith((".cmake", ".pc", ".h")):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            for place_that_is_gone in (ROOT, place.given.build, first):
                # The whole path, and not what ends in the same names: the tree may be called /penstock.
                found = re.search(rf"(?:(?<![\w}}/.-])|(?<=-[IL])){re.escape(place_that_is_gone)}(?![\w.-])", text)
                assert not found, f"{name} names {place_that_is_gone}"


def case_find_package(place):
    """Which is the project that the README shows."""
    with open(os.path.join(consumer.HERE, "find_package", "CMakeLists.txt"), encoding="utf-8") as file:
        project = file.read()
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        assert f"```cmake\n{project}```" in file.read(), "README.md shows another project"
    place.check_consumer("find_package", place.path("static"))


def case_pkg_config(place):
    check_pkg_config(place, place.path("static"), "--libs")
    check_pkg_config(place, place.path("static"), "--static", "--libs")


def check_pkg_config(place, prefix, *how, library_path=None):
    folders = [folder for folder, _, names in os.walk(prefix) if "penstock-runtime.pc" in names]
    env = {**place.env, "PKG_CONFIG_PATH": folders[0]}
    run("pkg-config", f"--exact-version={place.given.version}", "penstock-layout", "penstock-driver", "penstock-runtime", env=env)
    flags = run("pkg-config", "--cflags", *how, "penstock-runtime", env=env).split()
    program = place.path(f"pkg_config_{os.path.basename(prefix)}")
    launcher = [place.given.launcher] if place.given.launcher else []
    objects = f"{program}.o"
    source = os.path.join(consumer.HERE, "find_package", "checksum.cc")
    to_compile = [flag for flag in flags if not flag.startswith(("-l", "-L", "-Wl"))]
    run(*launcher, place.given.compiler, "-std=c++20", "-c", source, "-o", objects, *to_compile, env=env)
    run(place.given.compiler, objects, "-o", program, *flags, env=env)
    place.check_program(program, env={"LD_LIBRARY_PATH": library_path} if library_path else None)


def case_absolute_folders(place):
    """Folders that are named exactly, as some distributions do; nothing is built."""
    build, folders = place.fresh("absolute_build"), {"libdir": "/opt/elsewhere/lib64", "includedir": "/opt/headers"}
    place.configure(ROOT, build, "-DPENSTOCK_TESTS=OFF", "-DPENSTOCK_BENCHMARKS=OFF", "-DPENSTOCK_WITH_HIP=OFF",
                    *(f"-DCMAKE_INSTALL_{name.upper()}={folder}" for name, folder in folders.items()))
    env = {**place.env, "PKG_CONFIG_PATH": os.path.join(build, "package")}
    for package in ("penstock-layout", "penstock-driver", "penstock-runtime", "penstock-c"):
        for name, folder in folders.items():
            told = run("pkg-config", f"--variable={name}", package, env=env).strip()
            assert told == folder, f"{package}: {name} is {told}"


def case_subproject(place):
    """The same options as the build that is tested has, so that ccache knows the sources."""
    build = place.beside("subproject")
    place.configure(os.path.join(consumer.HERE, "subproject"), build, "-DPENSTOCK_WERROR=ON", "-DPENSTOCK_WITH_HIP=OFF")
    place.make(build)
    place.check_program(os.path.join(build, "checksum"))


def case_hip(place):
    if place.given.hip != "ON":
        consumer.skip("the device for GPUs is not built. Fix: run scripts/setup hip.")
    place.check_consumer("hip", place.path("static"), "-DPENSTOCK_AMD_TARGETS=gfx90a")


def installed_rpaths(build, name):
    """The folders that what build/NAME installs looks for libraries in. They are known before anything is built."""
    with open(os.path.join(build, name, "cmake_install.cmake"), encoding="utf-8") as file:
        # In quotes, where $ is escaped, and by CMake 4.4 in brackets.
        found = re.findall(r'\bRPATH (?:"([^"]*)"|\[\[(.*?)\]\])', file.read())
    return {folder for quoted, bracketed in found for folder in (quoted.replace("\\$", "$") or bracketed).split(":")}


def case_gpu_library_elsewhere(place):
    """Where the system does not look for it, as AMD's own packages have it, what is installed does. Nothing is built."""
    with open(os.path.join(place.given.build, "CMakeCache.txt"), encoding="utf-8") as file:
        library = re.search(r"^PENSTOCK_HIP_LIBRARY:\w+=(/.*)$", file.read(), re.M)
    if place.given.hip != "ON" or not library:
        consumer.skip("the device for AMD GPUs is not built. Fix: run scripts/setup hip.")
    build = place.fresh("elsewhere_build")
    with tempfile.TemporaryDirectory(prefix="penstock_elsewhere_") as elsewhere:  # CMake leaves out folders below the project
        os.symlink(library[1], os.path.join(elsewhere, os.path.basename(library[1])))
        place.configure(ROOT, build, "-DPENSTOCK_TESTS=OFF", "-DPENSTOCK_BENCHMARKS=OFF", "-DBUILD_SHARED_LIBS=ON",
                        "-DPENSTOCK_WITH_HIP=ON", "-DPENSTOCK_AMD_TARGETS=gfx90a",
                        f"-DPENSTOCK_HIP_LIBRARY={os.path.join(elsewhere, os.path.basename(library[1]))}")
    for name in ("hip", "runtime/c", "benchmarks/cli"):
        assert elsewhere in installed_rpaths(build, name), f"{name} looks in {installed_rpaths(build, name)}"
    assert installed_rpaths(build, "runtime") == {"$ORIGIN"}, installed_rpaths(build, "runtime")


def refused(place, text, prefix="static"):
    """What CMake says of a project that has `text` for find_package's arguments."""
    source, build = place.path("refused"), place.fresh("refused_build")
    os.makedirs(source, exist_ok=True)
    with open(os.path.join(source, "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write(f"cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\nfind_package(penstock {text})\n")
    return " ".join(place.configure(source, build, f"-DCMAKE_PREFIX_PATH={place.path(prefix)}", status=1).split())


def expect(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"


def case_refusals(place):
    expect(refused(place, "REQUIRED COMPONENTS runtime storage"), "has no component 'storage'", "Fix: name some of", "runtime")
    major, minor, _ = map(int, place.given.version.split("."))
    for version in (f"{major}.{minor + 1}", f"{major + 1}.{minor}", f"{major}.{minor}.99"):
        expect(refused(place, f"{version} REQUIRED"), f'version "{version}"',
               f"penstockConfig.cmake, version: {place.given.version}")
    if place.given.hip != "ON":
        expect(refused(place, "REQUIRED COMPONENTS hip"), "without its component hip", "Fix: ", "-DPENSTOCK_WITH_HIP=ON")


def main():
    given = consumer.arguments()
    assert consumer.crc32c_of(b"123456789") == 0xE3069283
    globals()[f"case_{given.case}"](consumer.Workplace(given))


if __name__ == "__main__":
    main()
