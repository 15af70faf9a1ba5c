# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fio and penstock bench get the same job, and what they print becomes the same figures."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/fio"))
import figures
from job import Job, words_of_bench, words_of_fio


def fio_report(**more):
    """Two jobs of 2 s each, half of the time on a processor, as fio reports them together."""
    read = {"total_ios": 1000, "runtime": 2000, "bw_bytes": 2048000,
            "lat_ns": {"N": 1000, "percentile": {"50.000000": 1000, "90.000000": 2000, "99.000000": 3000, "99.900000": 4000}}}
    return {"jobs": [{"error": 0, "usr_cpu": 20.0, "sys_cpu": 30.0, "job_runtime": 4000, "read": {**read, **more}}]}


def bench_report(status="ok"):
    return {"run": [{"status": status, "error": None, "proof": {"contradictions": ["a cache"]}, "iops": 500.0,
                     "bytes_per_second": 2048000.0, "cpu": {"ns_per_read": 2e6},
                     "latency_ns": {"total": {"p50": 1000, "p90": 2000, "p99": 3000, "p99_9": 4000, "max": 9}}}]}


class OneJob(unittest.TestCase):
    def test_is_the_same_for_both(self):
        job = Job("randread", "4k", 8, 2, "3s", "1s")
        fio, bench = words_of_fio("read", "a.img", job), words_of_bench("read", "a.img", job, "penstock", seed=3)
        for word in ("--rw=randread", "--bs=4k", "--iodepth=8", "--numjobs=2", "--runtime=3s", "--ramp_time=1s"):
            self.assertIn(word, fio)
            self.assertIn(word, bench)
        self.assertIn("--filename=a.img", fio)
        self.assertEqual(bench[:3], ["penstock", "bench", "a.img"])
        self.assertIn("--direct=1", fio)

    def test_keeps_as_many_reads_in_flight_where_fio_is_synchronous(self):
        fio = words_of_fio("pread", "a.img", Job(iodepth=8, numjobs=2))
        self.assertIn("--numjobs=16", fio)
        self.assertIn("--iodepth=1", fio)
        self.assertIn("--direct=0", fio)

    def test_takes_a_range_of_sizes(self):
        self.assertIn("--bsrange=4k-64k", words_of_fio("read", "a", Job(bs="4k-64k")))
        self.assertIn("--bs=4k-64k", words_of_bench("read", "a", Job(bs="4k-64k"), "penstock"))

    def test_reads_into_a_devices_memory_by_path_bar(self):
        self.assertIn("--iomem=mmapshared:/m", words_of_fio("bar", "v", Job(), "/m"))
        self.assertNotIn("--fixedbufs=1", words_of_fio("bar", "v", Job(), "/m"))
        self.assertIn("--buffer=p2pmem:0", words_of_bench("bar", "v", Job(), "p", buffer="p2pmem:0"))

    def test_leaves_the_clock_alone_where_it_is_told_to(self):
        self.assertIn("--gtod_reduce=1", words_of_fio("nvme", "v", Job(), is_timed=False))
        self.assertNotIn("--gtod_reduce=1", words_of_fio("nvme", "v", Job()))


class Figures(unittest.TestCase):
    def test_are_the_same_of_both(self):
        fio, bench = figures.of_fio(fio_report()), figures.of_bench(bench_report())
        self.assertEqual(fio, bench)
        self.assertEqual(fio["cpu_us_per_read"], 2000)
        self.assertEqual((fio["p50_us"], fio["p99_9_us"]), (1, 4))

    def test_count_reads_that_ended_and_not_those_that_began(self):
        lat_ns = {**fio_report()["jobs"][0]["read"]["lat_ns"], "N": 1016}
        self.assertEqual(figures.of_fio(fio_report(lat_ns=lat_ns))["reads_per_second"], 508)

    def test_have_no_percentiles_where_fio_tells_none(self):
        self.assertEqual(set(figures.of_fio(fio_report(lat_ns={}))), {"reads_per_second", "bytes_per_second", "cpu_us_per_read"})

    def test_are_refused_of_runs_that_do_not_count(self):
        for call in (lambda: figures.of_bench(bench_report("disagrees")), lambda: figures.of_fio(fio_report(total_ios=0)),
                     lambda: figures.first_json("fio: no such engine")):
            self.assertRaises(figures.Refused, call)
        with self.assertRaisesRegex(figures.Refused, "disagrees.*a cache"):
            figures.of_bench(bench_report("disagrees"))

    def test_are_found_behind_what_a_program_says_first(self):
        found, end = figures.first_json('warning\n{"a": 1}\n{"b": 2}')
        self.assertEqual(found, {"a": 1})
        self.assertEqual(figures.first_json('warning\n{"a": 1}\n{"b": 2}'[end:])[0], {"b": 2})


class Turns(unittest.TestCase):
    def test_change_who_goes_first_and_discard_what_warms_up(self):
        called = []
        programs = [lambda number, row=row: called.append((row, number)) or {row: {"p50_us": number}} for row in ("a", "b")]
        runs = figures.by_turns(programs, rounds=2, discarded=1)
        self.assertEqual(called, [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)])
        self.assertEqual(runs, {"a": [{"p50_us": 1}, {"p50_us": 2}], "b": [{"p50_us": 1}, {"p50_us": 2}]})


class Ratios(unittest.TestCase):
    # A machine that becomes four times as slow: each round's ratio is 1.1, that of other rounds' figures is not.
    RUNS = {"fio": [{"p50_us": 10, "p99_us": 20}, {"p50_us": 40, "p99_us": 0}], "bench": [{"p50_us": 11}, {"p50_us": 44}]}

    def test_are_of_the_same_round(self):
        self.assertEqual(figures.ratios(self.RUNS["bench"], self.RUNS["fio"]), {"p50_us": [1.1, 1.1]})

    def test_have_a_spread(self):
        self.assertEqual(figures.spread([0.5, 1, 3]), "1.00 (0.50 to 3.00)")

    def test_are_printed_beside_the_medians(self):
        lines = figures.table("read", self.RUNS, [("bench", "fio")]).split("\n")
        self.assertEqual(lines[0].split(), ["read", "fio", "bench", "bench", "/", "fio"])
        self.assertEqual(lines[1].split(), ["p50,", "us", "25.0", "27.5", "1.10", "(1.10", "to", "1.10)"])
        self.assertEqual(lines[2].split(), ["p99,", "us", "10.0"], "bench has none")

    def test_are_told_to_programs_too(self):
        told = figures.as_json(self.RUNS, [("bench", "fio")])
        self.assertEqual(told["ratios"], {"bench / fio": {"p50_us": [1.1, 1.1]}})
        self.assertEqual(told["medians"]["bench"], {"p50_us": 27.5})


if __name__ == "__main__":
    unittest.main()
