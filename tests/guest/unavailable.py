# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Why no guest can be booted here; the tests of the label are skipped with it."""

import shutil

SKIP_STATUS = 77


class Unavailable(Exception):
    def __init__(self, cause, remedy):
        super().__init__(f"{cause}. Fix: {remedy}.")


def program(name, remedy="run scripts/setup guest"):
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed", remedy)
    return found
