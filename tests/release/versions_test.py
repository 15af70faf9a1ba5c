#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that a release is refused where the tree does not name one version, and that each refusal says what to do."""

import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "packaging"))
import versions

CMAKE = "cmake_minimum_required(VERSION 3.25)\nproject(penstock VERSION 1.2.3 LANGUAGES CXX)\n"
RELEASED = "# Changelog\n\n## 1.2.3, 2026-11-22\n\n- A.\n\n## 1.2.2, 2026-01-01\n"
UNRELEASED = "# Changelog\n\n## Unreleased: 1.2.3\n"


class Versions(unittest.TestCase):
    def refused(self, text, cmake, changelog, tags, rehearse=False):
        _, problems = versions.problems(cmake, changelog, tags, rehearse)
        self.assertEqual(1, len(problems), problems)
        self.assertIn(text, problems[0])
        self.assertIn("Fix: ", problems[0])

    def test_that_agree_are_released(self):
        self.assertEqual(("1.2.3", []), versions.problems(CMAKE, RELEASED, ["v1.2.3", "nightly"], False))

    def test_that_disagree_are_refused(self):
        self.refused("begins with 1.2.2", CMAKE, RELEASED.replace("## 1.2.3", "## 1.2.2"), ["v1.2.3"])
        self.refused("begins with 'Unreleased: 1.2.3'", CMAKE, UNRELEASED, ["v1.2.3"])
        self.refused("has the tag v1.2.4", CMAKE, RELEASED, ["v1.2.4"])
        self.refused("has no tag v1.2.3", CMAKE, RELEASED, [])
        self.refused("names no version", "project(penstock)", RELEASED, [])

    def test_are_rehearsed_before_there_is_a_tag_but_not_with_another_version(self):
        self.assertEqual(("1.2.3", []), versions.problems(CMAKE, UNRELEASED, [], True))
        self.assertEqual(("1.2.3", []), versions.problems(CMAKE, RELEASED, [], True))
        self.refused("begins with 1.2.4", CMAKE, UNRELEASED.replace("1.2.3", "1.2.4"), [], True)

    def test_of_this_tree_agree(self):
        command = [os.path.join(ROOT, "scripts/packaging/versions.py"), "--rehearse"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(0, result.returncode, result.stderr)


if __name__ == "__main__":
    unittest.main()
