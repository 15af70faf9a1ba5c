#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looks at what a compiler made of the megakernel for one AMD target: kernel_test.py TARGET

Needs no GPU. Skipped (status 77) where the target's compiler is not installed.
"""

import sys
import unittest

sys.dont_write_bytecode = True
import device_compiler
import edge_checks
import llvm_ir
import machine_code
import resources
import scope_checks
import wave_checks
import workgroup_checks
from targets import TARGETS

KERNEL = "hip/megakernel.hip"
DOORBELL = r"Load\w+<.*kSystem>\(&doorbell"


class Megakernel(unittest.TestCase):
    target = None

    @classmethod
    def setUpClass(cls):
        compiled = device_compiler.compile_source(cls.target.compiler, cls.target.name, KERNEL)
        (cls.ir,) = llvm_ir.kernels(compiled.ir)
        (kernel,) = machine_code.kernels(compiled.machine)
        cls.machine = edge_checks.Machine(kernel, cls.target)
        cls.resources = resources.read(compiled.assembly)

    def none(self, messages):
        found = list(messages)
        if found:
            self.fail(f"{len(found)} on {self.target.name}, such as:\n" + "\n".join(found[:5]))

    def test_does_no_read_modify_write_across_the_bus(self):
        self.none(scope_checks.ir_read_modify_writes(self.ir))
        self.none(scope_checks.machine_read_modify_writes(self.machine.kernel, self.target))

    def test_looks_across_the_bus_are_relaxed(self):
        self.none(scope_checks.acquiring_looks(self.ir))
        self.none(edge_checks.relaxed_loads(self.machine))

    def test_acquires_at_the_doorbell(self):
        self.none(edge_checks.acquires(self.machine))
        self.assertGreater(edge_checks.count_acquires(self.machine), 0)

    def test_releases_the_status_of_a_slot(self):
        self.none(edge_checks.releases(self.machine))
        self.assertGreater(edge_checks.count_releases(self.machine), 0)

    def test_an_idle_poller_invalidates_nothing_for_the_system(self):
        self.none(workgroup_checks.polling(self.machine, DOORBELL))

    def test_waves_finish_their_stores_before_a_barrier(self):
        self.none(workgroup_checks.barriers(self.machine))

    def test_waves_see_what_the_leader_acquired(self):
        self.none(workgroup_checks.caches_after_barriers(self.machine))

    def test_reads_only_its_arguments_through_the_scalar_cache(self):
        self.none(workgroup_checks.scalar_loads(self.machine.kernel))

    def test_keeps_the_wave_whole(self):
        self.none(wave_checks.torn_waves(self.ir))
        self.assertTrue(wave_checks.has_loop_with_barrier(self.ir))

    def test_keeps_everything_in_registers(self):
        self.none(resources.in_memory(self.resources, self.machine.kernel))

    def test_occupancy_is_what_the_compiler_says(self):
        self.assertEqual(resources.waves_by_registers(self.resources, self.target.unit), self.resources.compiler_waves)


if __name__ == "__main__":
    Megakernel.target = TARGETS[sys.argv.pop(1)]
    device_compiler.skip_without(Megakernel.target.compiler)
    unittest.main(verbosity=2)
