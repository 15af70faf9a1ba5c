#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Says which version a tree is, if it says the same everywhere.

Usage: scripts/packaging/versions.py [--rehearse] [TAG]...

Prints the version that CMakeLists.txt has. Fails, with what to do, if CHANGELOG.md does not begin with that version and a date,
or none of the TAGs, which are those of the commit, is that version's. --rehearse accepts "Unreleased" in the changelog, and no
tag.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def problems(cmake, changelog, tags, rehearse):
    """The version that the text of CMakeLists.txt has, and what contradicts it."""
    project = re.search(r"^project\(penstock VERSION (\d+\.\d+\.\d+)", cmake, re.M)
    if not project:
        return None, ["CMakeLists.txt names no version. Fix: give project() a VERSION of three numbers."]
    version, found = project[1], []
    heading = re.search(r"^## (.+)$", changelog, re.M)
    said = heading[1] if heading else "nothing"
    released = re.fullmatch(r"(\d+\.\d+\.\d+), \d{4}-\d{2}-\d{2}", said)
    unreleased = re.fullmatch(r"Unreleased: (\d+\.\d+\.\d+)", said)
    named = released or (unreleased if rehearse else None)
    if not named:
        found.append(f"CHANGELOG.md begins with '{said}'. Fix: write '## {version}, ' and the day of the release.")
    elif named[1] != version:
        found.append(f"CHANGELOG.md begins with {named[1]}, CMakeLists.txt has {version}. "
                     "Fix: set both to the version to release.")
    wrong = [tag for tag in tags if re.fullmatch(r"v\d.*", tag) and tag != f"v{version}"]
    if wrong:
        found.append(f"the commit has the tag {wrong[0]}, CMakeLists.txt has {version}. Fix: tag the commit that has {wrong[0]}, "
                     f"or delete the tag (git tag -d {wrong[0]}).")
    elif f"v{version}" not in tags and not rehearse:
        found.append(f"the commit has no tag v{version}. Fix: git tag -a v{version}, when everything else is as it is to be.")
    return version, found


def main():
    tags = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    if options not in ([], ["--rehearse"]):
        print(__doc__.strip())
        return 0 if options in (["-h"], ["--help"]) else 2
    texts = []
    for name in ("CMakeLists.txt", "CHANGELOG.md"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            texts.append(file.read())
    version, found = problems(*texts, tags, bool(options))
    for problem in found:
        print(f"scripts/release: {problem}", file=sys.stderr)
    if not found:
        print(version)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
