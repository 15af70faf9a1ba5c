# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packages of a suite of Debian, fetched by apt-get with its signatures checked and unpacked where we say, not installed.

The host's sources, lists and package states are neither used nor changed: apt-get runs with folders of its own. Its network
settings (proxies in apt.conf.d) are the host's.
"""

import contextlib
import glob
import os
import re
import subprocess
import tempfile
import time

from unavailable import Unavailable, program

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
COMMAND_SECONDS = 90

# The host's settings may clean its own caches or talk to its services after an update: not after ours.
APT_CONFIGURATION = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Dir::State "{0}";
Dir::State::status "{0}/status";
Dir::Cache "{0}";
Dir::Etc::sourcelist "{0}/debian.sources";
Dir::Etc::sourceparts "/dev/null";
"""

SOURCES = """
Types: deb
URIs: {mirror}
Suites: {suite}
Components: main
Architectures: amd64
Signed-By: {keyring}
"""


@contextlib.contextmanager
def suite(name):
    """A Suite with its lists read, on a state of its own that is removed afterwards. Raises Unavailable."""
    program("apt-get", "use Debian or Ubuntu, or bring a cache that has what is missing (PENSTOCK_CACHE)")
    if not os.path.exists(KEYRING):
        raise Unavailable(f"there is no {KEYRING} to check signatures with", "run scripts/setup guest")
    with tempfile.TemporaryDirectory(prefix="penstock_apt_") as folder:
        os.chmod(folder, 0o755)  # apt-get, as root, downloads as a user without rights
        for path in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(folder, path))
        for path, text in (("status", ""), ("apt.conf", APT_CONFIGURATION.format(folder)),
                           ("debian.sources", SOURCES.format(mirror=MIRROR, suite=name, keyring=KEYRING))):
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        opened = Suite(name, folder)
        opened.update()
        yield opened


class Suite:
    def __init__(self, name, folder):
        self.name = name
        self._folder = folder

    def update(self):
        self._apt("apt-get", "update", "-qq", "--error-on=any")

    def names(self, beginning, pattern):
        """The packages whose names begin so and are wholly described by the pattern."""
        return [name for name in self._apt("apt-cache", "pkgnames", beginning).split() if re.fullmatch(pattern, name)]

    def with_dependencies(self, packages):
        """The names of these packages and of all that they depend on."""
        lines = self._apt("apt-get", "install", "-qq", "--print-uris", *packages).splitlines()
        return [line.split()[1].split("_")[0] for line in lines]

    def unpack(self, packages, folder):
        """Fetches these packages, and nothing that they depend on, and unpacks them into a folder."""
        begin = time.monotonic()
        self._apt("apt-get", "download", "-qq", *packages)
        files = glob.glob(os.path.join(self._folder, "*.deb"))
        size = sum(os.path.getsize(file) for file in files) / 1e6
        print(f"scripts/guest: fetched {packages[0]}{' and more' if packages[1:] else ''} from {self.name}, {size:.0f} MB in "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        for file in files:
            self._run(["dpkg-deb", "--extract", file, folder])
            os.unlink(file)

    def _apt(self, command, *arguments):
        return self._run([command, "-c", "apt.conf", *arguments])

    def _run(self, words):
        try:
            done = subprocess.run(words, cwd=self._folder, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{words[0]} {words[-1]} took longer than {COMMAND_SECONDS} s", "see to a network") from None
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())
            raise Unavailable(f"{' '.join(words)} ended with {done.returncode}: {said[:500]}",
                              f"give this machine a way to {MIRROR} (proxies are apt's), or a cache that has what is missing "
                              "(PENSTOCK_CACHE)")
        return done.stdout


def newest(names):
    """The name with the greatest numbers in it, or None."""
    return max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default=None)
