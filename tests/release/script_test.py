#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks what scripts/release refuses before it makes anything, and that it removes nothing but what it has made itself."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CMAKE = "project(penstock VERSION 1.2.3 LANGUAGES CXX)\n"
CHANGELOG = "# Changelog\n\n## Unreleased: 1.2.3\n"
# Instead of what comes after the archive, in a tree that has no more than the script itself.
NOTHING = "#!/bin/sh\nexit 0\n"
SBOM = "import sys\nsys.exit('the list of components')\n"


class ARelease(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.outside = os.path.realpath(folder.name)
        self.tree = os.path.join(self.outside, "tree")
        for name in ("scripts/release", "scripts/packaging/versions.py"):
            os.makedirs(os.path.dirname(os.path.join(self.tree, name)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), os.path.join(self.tree, name))
        for name, text in (("CMakeLists.txt", CMAKE), ("CHANGELOG.md", CHANGELOG), ("scripts/setup", NOTHING),
                           ("scripts/packaging/sbom.py", SBOM)):
            self.write(os.path.join(self.tree, name), text)
        os.chmod(os.path.join(self.tree, "scripts/setup"), 0o755)
        git = ["git", "-C", self.tree, "-c", "user.name=A", "-c", "user.email=a@example.org"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "everything"]):
            subprocess.run([*git, *words], check=True)

    def write(self, path, text="mine\n"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def release(self, *options):
        """What the script says when it is called by a relative path, from beside its tree."""
        result = subprocess.run(["tree/scripts/release", "--rehearse", "--without-root", *options], cwd=self.outside,
                                capture_output=True, text=True, check=False)
        self.assertEqual(1, result.returncode, result.stderr)
        return result.stderr

    def test_of_a_tree_with_changes_is_refused(self):
        self.write(os.path.join(self.tree, "new"))
        self.assertRegex(self.release(), r"the tree has changes: \?\? new\. Fix: commit or stash them\.")

    def test_leaves_a_folder_alone_that_holds_what_is_not_its_own(self):
        mine = os.path.join(self.outside, "work", "mine")
        self.write(mine)
        self.assertRegex(self.release("--folder=work"), r"work holds files that are of no release\. Fix: name a folder ")
        self.assertTrue(os.path.exists(mine))

    def test_leaves_the_tree_and_what_is_above_it_alone(self):
        for folder in ("tree", "tree/scripts/..", ".", "/"):
            self.assertRegex(self.release(f"--folder={folder}"), r"the tree itself lies in .*\. Fix: name a folder ")
        self.assertTrue(os.path.exists(os.path.join(self.tree, "scripts/release")))

    def test_goes_where_the_caller_says_and_replaces_an_earlier_one_there(self):
        self.assertIn("the list of components", self.release("--folder=made"))
        old = os.path.join(self.outside, "made", "of_an_earlier_one")
        self.write(old)
        self.assertIn("the list of components", self.release("--folder=made"))
        self.assertFalse(os.path.exists(old))
        self.assertIn("penstock-1.2.3.tar.gz", os.listdir(os.path.join(self.outside, "made")))


if __name__ == "__main__":
    unittest.main()
