#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks what scripts/test makes of tests that fail, and of none at all. Its CTest runs a few lines of shell."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOTHING = "#!/bin/sh\nexit 0\n"
TESTS = """
add_test(good true)
add_test(bad false)
add_test(late sh -c "test -e again || { touch again; exit 1; }")
"""
PRESETS = {"version": 3,
           "configurePresets": [{"name": "dev", "generator": "Ninja", "binaryDir": "${sourceDir}/build/dev"}],
           "testPresets": [{"name": "dev", "configurePreset": "dev"}]}


class Tests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = folder.name
        os.makedirs(os.path.join(self.tree, "scripts"))
        for name in ("test", "list_outcomes"):
            shutil.copy(os.path.join(ROOT, "scripts", name), os.path.join(self.tree, "scripts", name))
        for name, text in (("scripts/setup", NOTHING), ("scripts/build", NOTHING), ("CMakePresets.json", json.dumps(PRESETS)),
                           ("build/dev/CTestTestfile.cmake", TESTS)):
            path = os.path.join(self.tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o755)

    def run_script(self, *options, ci="true"):
        """Whether the script is content with the tests that the options choose."""
        done = subprocess.run([os.path.join(self.tree, "scripts/test"), "dev", "--", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**os.environ, "CI": ci}, check=False)
        self.assertIn(done.returncode, (0, 1), done.stdout)
        return done.returncode == 0

    def test_that_fail_are_run_again_alone(self):
        self.assertTrue(self.run_script("-R", "good"))
        self.assertTrue(self.run_script("-R", "late"))
        self.assertFalse(self.run_script("-R", "bad"))

    def test_that_are_none_are_a_failure(self):
        self.assertTrue(self.run_script("-R", "late"))
        for _ in range(2):
            self.assertFalse(self.run_script("-L", "^nothing$"))

    def test_that_failed_in_an_earlier_run_are_of_no_interest(self):
        self.assertFalse(self.run_script("-R", "late", ci=""))
        self.assertFalse(self.run_script("-L", "^nothing$"))


if __name__ == "__main__":
    unittest.main()
