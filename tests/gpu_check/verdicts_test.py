# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each limit of scripts/gpu_check is held on the right side, and what was not measured never passes."""

import copy
import os
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/gpu"))
import verdicts

PASSED = {"ok": True, "run": 3, "failed": [], "skipped": []}
GOOD = {
    "build": {"ok": True}, "tests": PASSED, "soak": PASSED, "sanitizer": {"ok": True, "runs": {}},
    "ring": {
        "device": {"compute_units": 132},
        "bare": {"ping_pong": {"p50_ns": 2000}, "launch_and_synchronize": {"p50_ns": 8000}, "launches_per_second": 3e5,
                 "copies": [{"to_device_bytes_per_second": 50e9}]},
        "round_trips": [{"workgroups": 1, "ring_slots": 256, "p50_ns": 1},
                        {"workgroups": 132, "ring_slots": 256, "p50_ns": 3999},
                        {"workgroups": 132, "ring_slots": 64, "p50_ns": 9e9},
                        {"workgroups": 264, "ring_slots": 256, "p50_ns": 9e9}],
        "rates": [{"workgroups": 264, "ring_slots": 64, "error": "too many"},
                  {"workgroups": 132, "ring_slots": 4096, "slots_per_second": 11e6}],
        "idle": {"bus_bytes_per_second": 0.4e9, "first_slot": {"max_ns": 49e3}}},
    "handlers": {"rows": [
        {"handler": "AsyncCopyToDevice", "chunk_bytes": 1 << 20, "bytes_per_second": 50e9},
        {"handler": "AsyncCopyToHost", "chunk_bytes": 1 << 20, "bytes_per_second": 40e9},
        {"handler": "Crc32c", "workgroups": 264, "chunk_bytes": 1 << 20, "error": "too many"},
        {"handler": "Crc32c", "workgroups": 132, "chunk_bytes": 1 << 20, "bytes_per_second": 43e9},
        {"handler": "CopyToDevice", "workgroups": 132, "chunk_bytes": 1 << 20, "bytes_per_second": 43e9},
        {"handler": "CopyToHost", "workgroups": 132, "chunk_bytes": 1 << 20, "bytes_per_second": 35e9}]},
    "end_to_end": {"files": [{
        "folder": "/data", "engine": "io_uring", "direct": True, "to_fio": {"fio": 1.0, "penstock_crc32c": 0.96},
        "crc32c": {"penstock_crc32c": ["0badcafe"], "ordinary_single": ["0badcafe"]}, "rhash": "0badcafe", "refusals": {}}]},
}


def failures(report):
    return [verdict.what for verdict in verdicts.judge(report) if verdict.ok is False]


def unmeasured(report):
    return [verdict.what for verdict in verdicts.judge(report) if verdict.ok is None]


class Verdicts(unittest.TestCase):
    def expect_one_failure(self, change, words):
        report = copy.deepcopy(GOOD)
        change(report)
        found = failures(report)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_a_report_within_every_limit_passes(self):
        self.assertEqual(failures(GOOD), [])
        self.assertEqual(unmeasured(GOOD), [])

    def test_the_round_trip_is_held_against_the_ping_pong(self):
        self.expect_one_failure(lambda r: r["ring"]["bare"]["ping_pong"].update(p50_ns=1990), "ping-pong")

    def test_the_round_trip_is_held_against_a_launch(self):
        self.expect_one_failure(lambda r: r["ring"]["bare"]["launch_and_synchronize"].update(p50_ns=6000), "launch + synchronise")

    def test_slots_a_second_have_a_floor(self):
        self.expect_one_failure(lambda r: r["ring"]["rates"][1].update(slots_per_second=9.9e6), "NOP slots a second")

    def test_slots_a_second_are_held_against_launches(self):
        self.expect_one_failure(lambda r: r["ring"]["bare"].update(launches_per_second=4e5), "empty launches")

    def test_idle_reads_are_held_against_the_link(self):
        self.expect_one_failure(lambda r: r["ring"]["idle"].update(bus_bytes_per_second=0.6e9), "idle")

    def test_the_slowest_first_slot_counts(self):
        self.expect_one_failure(lambda r: r["ring"]["idle"]["first_slot"].update(max_ns=51e3), "first slot")

    def test_handlers_are_held_against_the_copy_in_their_direction(self):
        self.expect_one_failure(lambda r: r["handlers"]["rows"][3].update(bytes_per_second=42e9), "Crc32c")
        self.expect_one_failure(lambda r: r["handlers"]["rows"][5].update(bytes_per_second=33e9), "CopyToHost")

    def test_end_to_end_is_held_against_fio(self):
        self.expect_one_failure(lambda r: r["end_to_end"]["files"][0]["to_fio"].update(penstock_crc32c=0.94), "fio alone")

    def test_one_program_with_another_result_fails(self):
        self.expect_one_failure(lambda r: r["end_to_end"]["files"][0]["crc32c"].update(ordinary_single=["0"]), "CRC-32C")

    def test_a_folder_without_a_run_fails(self):
        self.expect_one_failure(lambda r: r["end_to_end"]["files"].append({"folder": "/dev/shm", "error": "no room"}), "/dev/shm")

    def test_a_part_that_ended_in_an_error_fails(self):
        report = {"errors": {"tests": "ctest ran no test. Fix: build."}}
        self.assertEqual(failures(report), ["part tests"])

    def test_nothing_measured_passes_nothing(self):
        self.assertEqual([verdict for verdict in verdicts.judge({}) if verdict.ok is not None], [])

    def test_without_rhash_the_result_is_not_called_right(self):
        report = copy.deepcopy(GOOD)
        report["end_to_end"]["files"][0]["rhash"] = None
        self.assertEqual(len(unmeasured(report)), 1)


if __name__ == "__main__":
    unittest.main()
