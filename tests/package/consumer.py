# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds programs of others against an installed Penstock, and runs them. Standard library only."""
import argparse
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("--build", required=True, help="the build that is tested")
    parser.add_argument("--version", required=True)
    parser.add_argument("--build-type", default="")
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--launcher", default="")
    parser.add_argument("--hip", default="OFF")
    return parser.parse_args()


def run(*words, env=None, status=0, **options):
    """What the program writes, stdout and stderr; fails with it unless the program ends with `status`."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, **(env or {})}, **options)
    if done.returncode != status:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}, not {status}\n{done.stdout}")
    return done.stdout


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


class Workplace:
    """Folders of the tests below a build, and how to configure there."""

    def __init__(self, given):
        self.given = given
        self.folder = os.path.join(given.build, "package_test")
        os.makedirs(self.folder, exist_ok=True)
        # Much of what is compiled here is what the build that is tested has compiled: ccache makes that quick. It counts paths
        # below the tree as relative ones, which are the same from every folder beside that build.
        self.env = {"CCACHE_BASEDIR": ROOT, "CCACHE_NOHASHDIR": "1", "CCACHE_SLOPPINESS": "pch_defines,time_macros"}
        self.settings = [f"-DCMAKE_CXX_COMPILER={given.compiler}", f"-DCMAKE_BUILD_TYPE={given.build_type}",
                         f"-DCMAKE_CXX_COMPILER_LAUNCHER={given.launcher}"]

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def beside(self, name):
        """A build folder beside the one that is tested."""
        return f"{os.path.normpath(self.given.build)}_{name}"

    def fresh(self, *names):
        shutil.rmtree(self.path(*names), ignore_errors=True)
        return self.path(*names)

    def configure(self, source, build, *options, status=0):
        return run("cmake", "-G", "Ninja", "-S", source, "-B", build, *self.settings, *options, env=self.env, status=status)

    def make(self, build, *targets):
        run("cmake", "--build", build, *(["--target", *targets] if targets else []), env=self.env)

    def check_consumer(self, name, prefix, *options):
        """Configures, builds and runs tests/package/NAME with the Penstock that is installed in `prefix`."""
        build = self.fresh(f"{name}_{os.path.basename(prefix)}")
        self.configure(os.path.join(HERE, name), build, f"-DCMAKE_PREFIX_PATH={prefix}", *options)
        self.make(build)
        self.check_program(os.path.join(build, "checksum"))

    def check_program(self, program, env=None):
        file = random_file(self.path("input"))
        printed = run(program, file, env=env).split("\n")
        expected = f"{crc32c(file):08x}"
        if expected not in printed:
            raise AssertionError(f"{program} printed {printed}, and not {expected}")
        refused = run(program, self.path("no_such_file"), env=env, status=1)
        if "Fix: " not in refused:
            raise AssertionError(f"{program} gives no remedy: {refused}")


def random_file(path):
    """More than one chunk, and an odd end."""
    if not os.path.exists(path):
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(random.Random(8).randbytes((1 << 20) + 54321))
        os.rename(f"{path}.{os.getpid()}", path)
    return path


def crc32c(path):
    with open(path, "rb") as file:
        return crc32c_of(file.read())


def crc32c_of(data):
    """By the definition (RFC 3720, appendix B.4), and none of Penstock's code."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
