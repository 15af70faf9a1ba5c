# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""scripts/bench_micro reports a row that became slower against its baseline, and nothing else: no slower machine, no noise."""

import glob
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts/bench_micro")
loader = importlib.machinery.SourceFileLoader("bench_micro", SCRIPT)
bench_micro = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_micro", loader))
loader.exec_module(bench_micro)

SUBJECT, BASELINE = "BM_NvmeCommandBuild", "BM_ReadFixedBuild"


def report(**seconds):
    """What Google Benchmark prints of rows with these seconds an item, one a repetition; and an aggregate, which is not one."""
    runs = [{"run_name": row, "run_type": "iteration", "items_per_second": 1 / each, "real_time": 1e12, "INSTRUCTIONS": 7.0}
            for row, repetitions in seconds.items() for each in repetitions]
    runs.append({"run_name": BASELINE, "run_type": "aggregate", "items_per_second": 1e30, "real_time": 0})
    return {"benchmarks": runs}


class Rows(unittest.TestCase):
    def test_are_the_fastest_repetition_and_how_far_the_median_is_from_it(self):
        row = bench_micro.rows_of(report(BM_NvmeCommandBuild=[4.0, 2.0, 8.0]))[SUBJECT]
        self.assertEqual((row["seconds"], row["unevenness"], row["instructions"]), (2.0, 2.0, 7.0))

    def test_are_iterations_where_no_items_are_counted(self):
        runs = [{"run_name": "BM_A", "run_type": "iteration", "real_time": 5.0}]
        self.assertEqual(bench_micro.rows_of({"benchmarks": runs})["BM_A"]["seconds"], 5e-9)
        self.assertIsNone(bench_micro.rows_of({"benchmarks": runs})["BM_A"]["instructions"])

    def test_of_two_threads_are_held_against_two_threads(self):
        self.assertEqual(bench_micro.baseline_of("ring", "BM_LiveRingRoundTrip/depth:16/real_time"),
                         "BM_MutexQueueRoundTrip/depth:16/real_time")
        self.assertEqual(bench_micro.baseline_of("ring", "BM_InterpreterRunNop/slots:4096"), "BM_IndirectCall")


class EveryProgram(unittest.TestCase):
    def test_has_a_baseline_that_it_registers(self):
        programs = {os.path.basename(path).removesuffix("_benchmark.cc"): path
                    for path in glob.glob(os.path.join(ROOT, "benchmarks/micro/*_benchmark.cc"))}
        self.assertEqual(set(programs), set(bench_micro.BASELINES))
        for name, path in programs.items():
            with open(path, encoding="utf-8") as file:
                registered = set(re.findall(r"BENCHMARK\((\w+)\)", file.read()))
            self.assertIn(bench_micro.BASELINES[name].split("/")[0], registered)
            for row in registered:
                self.assertIn(bench_micro.baseline_of(name, row).split("/")[0], registered)
                self.assertRegex(row, r"^BM_([A-Z][a-z0-9]*){2,}$")

    def test_has_ratios_stored_of_every_row_that_it_registers(self):
        with open(bench_micro.STORED, encoding="utf-8") as file:
            stored = json.load(file)
        for name in bench_micro.BASELINES:
            with open(os.path.join(ROOT, f"benchmarks/micro/{name}_benchmark.cc"), encoding="utf-8") as file:
                registered = set(re.findall(r"BENCHMARK\((\w+)\)", file.read()))
            self.assertEqual({row.split("/")[0] for row in stored[name]}, registered)


class TheScript(unittest.TestCase):
    def run_on(self, printed, *words):
        """Its exit status and what it prints, with a program that prints that."""
        with open(os.path.join(self.folder, "printed.json"), "w", encoding="utf-8") as file:
            json.dump(printed, file)
        done = subprocess.run([sys.executable, SCRIPT, "--only=command", f"--bin={self.folder}", f"--stored={self.folder}/ratios",
                               *words], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        program = os.path.join(self.folder, "command_benchmark")
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat {self.folder}/printed.json\n")
        os.chmod(program, 0o755)
        self.assertEqual(self.run_on(report(BM_NvmeCommandBuild=[9.0, 10.0], BM_ReadFixedBuild=[3.0]), "--store")[0], 0)

    def test_says_nothing_of_what_is_as_it_was(self):
        status, text = self.run_on(report(BM_NvmeCommandBuild=[9.5], BM_ReadFixedBuild=[3.0]))
        self.assertEqual(status, 0, text)
        self.assertNotIn("WORSE", text)
        self.assertIn("1.06 x", text)

    def test_reports_a_row_that_became_slower_against_its_baseline(self):
        status, text = self.run_on(report(BM_NvmeCommandBuild=[14.0], BM_ReadFixedBuild=[3.0]))
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"BM_NvmeCommandBuild .* 1\.56 x.*WORSE")
        self.assertEqual(self.run_on(report(BM_NvmeCommandBuild=[14.0], BM_ReadFixedBuild=[3.0]), "--tolerance=1.6")[0], 0)

    def test_says_nothing_of_a_slower_machine(self):
        self.assertEqual(self.run_on(report(BM_NvmeCommandBuild=[90.0], BM_ReadFixedBuild=[30.0]))[0], 0)

    def test_does_not_judge_what_is_uneven(self):
        status, text = self.run_on(report(BM_NvmeCommandBuild=[14.0, 30.0, 40.0], BM_ReadFixedBuild=[3.0]))
        self.assertEqual(status, 0, text)
        self.assertIn("UNEVEN", text)
        status, text = self.run_on(report(BM_NvmeCommandBuild=[14.0], BM_ReadFixedBuild=[3.0, 9.0, 9.0]))
        self.assertIn("UNEVEN", text, "its baseline is")

    def test_tells_rows_that_are_not_stored(self):
        status, text = self.run_on(report(BM_Another=[1.0], BM_ReadFixedBuild=[3.0]))
        self.assertEqual(status, 0)
        self.assertRegex(text, "BM_Another .*not stored")

    def test_refuses_a_file_for_the_rows_before_it_measures_or_stores(self):
        taken = os.path.join(self.folder, "ratios")
        with open(taken, encoding="utf-8") as file:
            before = file.read()
        status, text = self.run_on(report(BM_NvmeCommandBuild=[1.0], BM_ReadFixedBuild=[3.0]), f"--json={taken}", "--store")
        self.assertEqual(status, 2)
        self.assertRegex(text, r"^scripts/bench_micro: .*ratios cannot be made: File exists\. Fix: name a new file")
        with open(taken, encoding="utf-8") as file:
            self.assertEqual(before, file.read())

    def test_writes_every_row_to_a_new_file_and_leaves_none_if_it_cannot_measure(self):
        rows = os.path.join(self.folder, "rows")
        self.assertEqual(self.run_on(report(BM_NvmeCommandBuild=[9.0], BM_ReadFixedBuild=[3.0]), f"--json={rows}")[0], 0)
        with open(rows, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["command"][SUBJECT]["ratio"], 3.0)
        os.remove(rows)
        os.remove(os.path.join(self.folder, "command_benchmark"))
        self.assertEqual(self.run_on({}, f"--json={rows}")[0], 2)
        self.assertFalse(os.path.exists(rows))

    def test_ends_with_two_where_it_cannot_measure(self):
        os.remove(os.path.join(self.folder, "command_benchmark"))
        status, text = self.run_on({})
        self.assertEqual(status, 2)
        self.assertIn("Fix: run scripts/build release", text)


if __name__ == "__main__":
    unittest.main()
