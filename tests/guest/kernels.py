# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of Debian, fetched by apt-get with its signatures checked, into a cache of ours.

The host's sources, lists and package states are neither used nor changed: apt-get runs with folders of its own. Its network
settings (proxies in apt.conf.d) are the host's.
"""

import contextlib
import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile

from unavailable import Unavailable, program

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FETCH_SECONDS = 90

# Name: suite, beginning of the package's name, and the whole of it. NVMe is built into all of them, so no module is loaded.
KERNELS = {
    "7": ("trixie-backports", "linux-binary-7.", r"linux-binary-7\.[0-9.]+\+deb13-cloud-amd64"),
    "6.1": ("bookworm", "linux-image-6.1.", r"linux-image-6\.1\.0-[0-9]+-cloud-amd64"),
}

# The host's settings may clean its own caches or talk to its services after an update: not after ours.
APT_CONFIGURATION = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
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


def cache_folder():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.abspath(os.environ.get("PENSTOCK_CACHE") or os.path.join(root, "build", "cache"))


def kernel(name):
    """The path of the kernel's image; fetched first if the cache has none. Raises Unavailable."""
    folder = os.path.join(cache_folder(), "kernels")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two boots that begin together fetch once
        return _image(os.path.join(folder, name)) or _fetch(name, folder)


def _image(folder):
    found = glob.glob(f"{folder}/usr/lib/modules/*/vmlinuz") + glob.glob(f"{folder}/boot/vmlinuz-*")
    return found[0] if found else None


def _fetch(name, folder):
    suite, beginning, pattern = KERNELS[name]
    program("apt-get", "use Debian or Ubuntu, or put a kernel's package, unpacked, into " + os.path.join(folder, name))
    if not os.path.exists(KEYRING):
        raise Unavailable(f"there is no {KEYRING} to check signatures with", "run scripts/setup guest")
    with _apt(suite) as apt:
        apt("apt-get", "update", "-qq", "--error-on=any")
        names = apt("apt-cache", "pkgnames", beginning).split()
        package = newest(n for n in names if re.fullmatch(pattern, n))
        if package is None:
            raise Unavailable(f"{MIRROR} has no package {beginning}* in {suite}", "look for the name that it has now, and put "
                              "it into tests/guest/kernels.py")
        print(f"scripts/guest: fetching {package} from {suite}", flush=True)
        apt("apt-get", "download", "-qq", package)
        unpacked = tempfile.mkdtemp(prefix=f"{name}.", dir=folder)
        try:
            apt("dpkg-deb", "--extract", *glob.glob(os.path.join(apt.folder, "*.deb")), unpacked)
            os.rename(unpacked, os.path.join(folder, name))
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return _image(os.path.join(folder, name))


def newest(names):
    """The name with the greatest numbers in it, or None."""
    return max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default=None)


@contextlib.contextmanager
def _apt(suite):
    """A function that runs a command of apt on a state of its own, which is removed afterwards; `.folder` is where it runs."""
    with tempfile.TemporaryDirectory(prefix="penstock_apt_") as folder:
        os.chmod(folder, 0o755)  # apt-get, as root, downloads as a user without rights
        for path in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(folder, path))
        for path, text in (("status", ""), ("apt.conf", APT_CONFIGURATION.format(folder)),
                           ("debian.sources", SOURCES.format(mirror=MIRROR, suite=suite, keyring=KEYRING))):
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)

        def run(command, *arguments):
            words = [command, *arguments] if command == "dpkg-deb" else [command, "-c", "apt.conf", *arguments]
            try:
                done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS)
            except subprocess.TimeoutExpired:
                raise Unavailable(f"{words[0]} {arguments[0]} took longer than {FETCH_SECONDS} s", "see to a network") from None
            if done.returncode != 0:
                said = " ".join((done.stderr or done.stdout).split())
                raise Unavailable(f"{' '.join(words)} ended with {done.returncode}: {said[:500]}",
                                  f"give this machine a way to {MIRROR} (proxies are apt's), or a cache that has the kernels "
                                  "(PENSTOCK_CACHE)")
            return done.stdout

        run.folder = folder
        yield run
