# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What was fetched or built stays in folders of a cache: $PENSTOCK_CACHE, or build/cache."""

import contextlib
import fcntl
import os
import shutil
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def folder(name):
    """The folder of that name in the cache, made if it is not there."""
    path = os.path.join(os.path.abspath(os.environ.get("PENSTOCK_CACHE") or os.path.join(ROOT, "build", "cache")), name)
    os.makedirs(path, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path):
    """Yields the path, for one process at a time: two that begin together fetch, or build, once."""
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def replace(path, fill):
    """Puts what `fill` writes into a fresh folder in the place of the folder `path`: whole, or not at all."""
    fresh = tempfile.mkdtemp(prefix=os.path.basename(path) + ".", dir=os.path.dirname(path))
    try:
        fill(fresh)
        os.chmod(fresh, 0o755)
        if os.path.exists(path):
            os.rename(path, fresh + ".old")
            shutil.rmtree(fresh + ".old")
        os.rename(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
