#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""scripts/plot draws what a result holds, and leaves out what does not count."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import sample_results

HERE = os.path.dirname(os.path.abspath(__file__))
PLOT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "plot")


def plot(*words):
    return subprocess.run([sys.executable, PLOT, *words], capture_output=True, text=True, timeout=100, check=False)


class Plot(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="report-plot-")
        self.folder = self.temporary.name
        self.result = os.path.join(self.folder, "sample.json")
        self.addCleanup(self.temporary.cleanup)

    def write(self, result):
        with open(self.result, "w", encoding="utf-8") as file:
            json.dump(result, file)

    def texts(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return re.findall(r"<text[^>]*>(.*?)</text>", file.read())

    def test_svg_has_a_panel_for_each_size_and_a_line_for_each_path(self):
        self.write(sample_results.results(loops=2, seconds=2))
        done = plot(self.result, "--format=svg")
        self.assertEqual(done.returncode, 0, done.stderr)
        texts = self.texts("bench_reads.svg")
        for text in ("4 KiB a read", "16 KiB a read", "128 KiB a read", "iodepth", "bar", "nvme", "read", "pread"):
            self.assertIn(text, texts)
        self.assertIn("nvme, p99", self.texts("bench_latency.svg"))
        self.assertIn("depth 128", self.texts("bench_bandwidth.svg"))

    def test_runs_that_do_not_count_are_left_out(self):
        result = sample_results.results(loops=1, seconds=2)
        for run in result["run"]:
            if run["job"]["path"] == "pread":
                run["status"] = "disagrees"
        self.write(result)
        self.assertEqual(plot(self.result, "--format=svg").returncode, 0)
        self.assertNotIn("pread", self.texts("bench_reads.svg"))

    def test_png_is_written_where_it_was_asked_for(self):
        self.write(sample_results.results(loops=1, seconds=2))
        done = plot(self.result, f"--output={self.folder}/new")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("bench_reads", "bench_latency", "bench_bandwidth"):
            with open(os.path.join(self.folder, "new", f"{name}.png"), "rb") as file:
                self.assertEqual(file.read(4), b"\x89PNG")

    def test_what_is_wrong_is_said_with_its_remedy(self):
        self.write({"schema": "other"})
        for words, message in (((), "no result is given"), ((self.result,), "no result of schema"),
                               (("/nowhere.json",), "No such file"), ((self.result, "--format=gif"), "no format gif"),
                               ((self.result, "--deep=1"), "no option --deep=1")):
            done = plot(*words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)
            self.assertIn("Fix: ", done.stderr)


if __name__ == "__main__":
    try:
        import matplotlib
    except ImportError:
        print("SKIPPED: matplotlib is missing. Fix: run scripts/setup plot.")
        sys.exit(77)
    unittest.main()
