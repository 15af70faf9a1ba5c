#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the commands of docs/tutorial.md, as they stand there, with the programs of this build. Usage: tutorial_test.py FOLDER"""

import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = "build/dev/bin/"
FOLDER = ""


def commands():
    """The lines of the page's shell blocks, but those that build."""
    with open(os.path.join(ROOT, "docs/tutorial.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```sh\n(.*?)^```$", file.read(), re.S | re.M)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("scripts/")]


def run(line):
    command = line.replace(BUILT, FOLDER + "/")
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=120)


class TheTutorial(unittest.TestCase):
    def test_streams_a_file_by_what_it_says(self):
        lines = [line for line in commands() if line.startswith(BUILT + "penstock")]
        self.assertEqual(2, len(lines))
        for line in lines:
            result = run(line)
            self.assertEqual(0, result.returncode, f"{line}\n{result.stdout}{result.stderr}")

    def test_counts_the_lines_that_wc_counts(self):
        ours, = [line for line in commands() if line.startswith(BUILT + "custom_handler") and "/no/such" not in line]
        theirs, = [line for line in commands() if line.startswith("wc ")]
        result = run(ours)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(run(theirs).stdout, result.stdout)

    def test_shows_an_error_with_its_remedy(self):
        line, = [line for line in commands() if "/no/such" in line]
        result = run(line)
        self.assertEqual(1, result.returncode)
        self.assertIn("/no/such/file", result.stderr)
        self.assertIn("Fix: ", result.stderr)

    def test_has_no_command_that_is_not_run(self):
        self.assertEqual(5, len(commands()))


if __name__ == "__main__":
    FOLDER = sys.argv.pop(1)
    unittest.main()
