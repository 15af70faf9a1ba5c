#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The samples are as docs/bench.schema.json says, and scripts/check_result finds what is not."""

import copy
import importlib.machinery
import importlib.util
import json
import os
import sys
import unittest

sys.dont_write_bytecode = True
import sample_results

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def script(name):
    """A script of scripts/, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(ROOT, "scripts", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


check_result = script("check_result")


class Schema(unittest.TestCase):
    def setUp(self):
        self.validator = check_result.make_validator()
        with open(os.path.join(HERE, "every_status.json"), encoding="utf-8") as file:
            self.sample = json.load(file)

    def problems_with(self, change):
        result = copy.deepcopy(self.sample)
        change(result)
        return check_result.problems(result, self.validator)

    def test_the_samples_are_right(self):
        self.assertEqual(check_result.problems(self.sample, self.validator), [])
        self.assertEqual({run["status"] for run in self.sample["run"]}, {"ok", "refused", "partial", "disagrees"})
        self.assertEqual(check_result.problems(sample_results.results(loops=1, seconds=2), self.validator), [])

    def test_every_field_that_is_taken_away_is_missed(self):
        run = self.sample["run"][0]
        places = [[], ["measurement"], ["run", 0], ["run", 0, "job"], ["run", 0, "cpu"], ["run", 0, "latency_ns"],
                  ["run", 0, "latency_ns", "total"], ["run", 0, "series", 0], ["run", 0, "proof"],
                  ["run", 0, "proof", "controller", 0]]
        self.assertEqual(run["status"], "ok")
        for place in places:
            inner = self.sample
            for step in place:
                inner = inner[step]
            for key in inner:
                def change(result, place=place, key=key):
                    for step in place:
                        result = result[step]
                    del result[key]
                self.assertTrue(self.problems_with(change), f"{place} without {key}")

    def test_a_second_without_a_read_has_no_latency(self):
        def silence(result):
            result["run"][0]["series"][1].update(iops=0, bytes_per_second=0, p99_ns=None)
        self.assertEqual(self.problems_with(silence), [])

    def test_nobody_has_looked_at_the_proof_of_a_run_that_was_refused(self):
        for agrees in (None, True):
            def say(result, agrees=agrees):
                result["run"][2]["proof"] = {**result["run"][0]["proof"], "agrees": agrees}
            self.assertEqual(self.sample["run"][2]["status"], "refused")
            self.assertEqual(bool(self.problems_with(say)), agrees is not None)

    def test_values_that_cannot_be_are_found(self):
        def setting(value, *place):
            def change(result):
                for step in place[:-1]:
                    result = result[step]
                result[place[-1]] = value
            return change
        for value, *place in (("fast", "run", 0, "iops"), (-1, "run", 0, "reads"), ("write", "run", 0, "job", "rw"),
                              ("penstock-bench-2", "schema"), ("yesterday", "started"), (None, "run", 2, "error"),
                              (0, "run", 0, "job", "iodepth"), ("gpu", "run", 0, "job", "device"),
                              (1, "run", 0, "latency_ns", "total", "p99"), (1.5, "run", 0, "iops"),
                              (None, "run", 0, "series", 0, "p99_ns"), (0, "run", 0, "series", 0, "iops"),
                              (False, "run", 0, "proof", "agrees"), (1e12, "run", 0, "latency_ns", "device", "mean")):
            self.assertTrue(self.problems_with(setting(value, *place)), f"{place} = {value}")


if __name__ == "__main__":
    if check_result.make_validator() is None:
        print(f"SKIPPED: {check_result.MISSING}")
        sys.exit(77)
    unittest.main()
