#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each check finds what it is for in a snippet that is wrong on purpose, and nothing in the same snippet without the mistake.

What no source can get wrong, because the compiler places it, is taken out of the machine code's text.
"""

import functools
import re
import sys
import unittest

sys.dont_write_bytecode = True
import control_flow
import device_compiler
import edge_checks
import llvm_ir
import machine_code
import resources
import scope_checks
import wave_checks
import workgroup_checks
from targets import TARGETS

CDNA = TARGETS["gfx942"]
RDNA = TARGETS["gfx1100"]
DOORBELL = r"LookAt\(doorbell\)"


@functools.cache
def compiled(snippet, defines=(), target=CDNA.name):
    return device_compiler.compile_source(TARGETS[target].compiler, target, f"tests/isa/seeded/{snippet}.hip", defines)


def ir_of(snippet, *defines):
    (kernel,) = llvm_ir.kernels(compiled(snippet, defines).ir)
    return kernel


def machine_of(snippet, *defines, target=CDNA, without=None):
    """`without`: a pattern; the first instruction that matches is taken out."""
    text = compiled(snippet, defines, target.name).machine
    if without:
        text, count = re.subn(rf"^  (?:[^\n;]* = )?{without}.*\n", "", text, count=1, flags=re.M)
        assert count == 1, f"{snippet} for {target.name} has no {without}"
    (kernel,) = machine_code.kernels(text)
    return edge_checks.Machine(kernel, target)


class Seeded(unittest.TestCase):
    def finds(self, check, bad, good):
        self.assertEqual(list(check(good)), [])
        self.assertNotEqual(list(check(bad)), [], f"{check} does not find what is wrong")

    def test_read_modify_write_across_the_bus(self):
        self.finds(scope_checks.ir_read_modify_writes, ir_of("edges", "CLAIM_ACROSS_BUS"), ir_of("edges"))
        self.finds(lambda machine: scope_checks.machine_read_modify_writes(machine.kernel, CDNA),
                   machine_of("edges", "CLAIM_ACROSS_BUS"), machine_of("edges"))

    def test_look_that_acquires(self):
        self.finds(scope_checks.acquiring_looks, ir_of("edges", "LOOK_ACQUIRES"), ir_of("edges"))

    def test_acquire_in_every_round(self):
        self.finds(lambda machine: workgroup_checks.polling(machine, DOORBELL), machine_of("edges", "ACQUIRE_ALWAYS"),
                   machine_of("edges"))

    def test_look_that_is_not_there(self):
        self.assertNotEqual(list(workgroup_checks.polling(machine_of("edges"), r"no such line")), [])

    def test_edges_of_too_small_a_scope(self):
        self.assertEqual(edge_checks.count_acquires(machine_of("edges")), 1)
        self.assertEqual(edge_checks.count_acquires(machine_of("edges", "ACQUIRE_ON_DEVICE")), 0)
        self.assertEqual(edge_checks.count_releases(machine_of("edges")), 1)
        self.assertEqual(edge_checks.count_releases(machine_of("edges", "RELEASE_ON_DEVICE")), 0)

    def test_acquire_that_leaves_a_cache_as_it_is(self):
        self.finds(edge_checks.acquires, machine_of("edges", target=RDNA, without="BUFFER_GL1_INV"),
                   machine_of("edges", target=RDNA))
        self.finds(edge_checks.acquires, machine_of("edges", target=RDNA, without="BUFFER_GL0_INV"),
                   machine_of("edges", target=RDNA))

    def test_acquire_that_does_not_wait(self):
        self.finds(edge_checks.acquires, machine_of("edges", target=RDNA, without="S_WAITCNT 1015"),
                   machine_of("edges", target=RDNA))

    def test_release_that_does_not_write_back(self):
        self.finds(edge_checks.releases, machine_of("edges", without="BUFFER_WBL2"), machine_of("edges"))

    def test_release_that_does_not_wait(self):
        self.finds(edge_checks.releases, machine_of("edges", target=RDNA, without="S_WAITCNT_VSCNT"),
                   machine_of("edges", target=RDNA))

    def test_load_that_a_cache_may_answer(self):
        right = machine_of("edges")
        text = compiled("edges").machine
        wrong, count = re.subn(r"(GLOBAL_LOAD_DWORD\w* [^\n]*), 17, (implicit [^\n]* monotonic)", r"\1, 0, \2", text)
        self.assertEqual(count, 1)
        self.finds(edge_checks.relaxed_loads, edge_checks.Machine(machine_code.kernels(wrong)[0], CDNA), right)

    def test_stores_on_their_way_at_a_barrier(self):
        self.finds(workgroup_checks.barriers, machine_of("barrier", "NO_WAIT"), machine_of("barrier"))

    def test_cache_of_another_wave(self):
        self.finds(workgroup_checks.caches_after_barriers, machine_of("barrier", target=RDNA, without="BUFFER_GL0_INV"),
                   machine_of("barrier", target=RDNA))

    def test_scalar_load(self):
        self.finds(lambda machine: workgroup_checks.scalar_loads(machine.kernel), machine_of("memory", "SCALAR_LOAD"),
                   machine_of("memory"))

    def test_scratch(self):
        def in_memory(defines):
            return resources.in_memory(resources.read(compiled("memory", defines).assembly),
                                       machine_of("memory", *defines).kernel)
        self.finds(in_memory, ("PRIVATE_ARRAY",), ())
        self.finds(in_memory, ("A_CALL",), ())

    def test_torn_wave(self):
        self.finds(wave_checks.torn_waves, ir_of("wave", "TORN"), ir_of("wave"))
        self.assertTrue(wave_checks.has_loop_with_barrier(ir_of("wave")))
        self.assertFalse(wave_checks.has_loop_with_barrier(ir_of("memory")))


class Resources(unittest.TestCase):
    def of(self, vgprs, sgprs, lds_bytes):
        return resources.Resources(vgprs, sgprs, 0, 0, lds_bytes, 0, False, 0, 0)

    def test_waves_are_as_many_as_registers_allow(self):
        for target, vgprs, sgprs, waves in (("gfx906", 24, 32, 10), ("gfx906", 25, 32, 9), ("gfx906", 24, 102, 7),
                                            ("gfx90a", 64, 32, 8), ("gfx90a", 65, 32, 7), ("gfx942", 202, 102, 2),
                                            ("gfx1030", 64, 102, 16), ("gfx1030", 65, 102, 12),
                                            ("gfx1100", 96, 102, 16), ("gfx1100", 97, 102, 12), ("gfx1100", 256, 102, 5)):
            self.assertEqual(resources.waves_by_registers(self.of(vgprs, sgprs, 0), TARGETS[target].unit), waves,
                             f"{target}, {vgprs} and {sgprs} registers")

    def test_workgroups_are_as_many_as_local_memory_allows(self):
        self.assertEqual(resources.workgroups(self.of(24, 32, 0), TARGETS["gfx906"].unit), 10)
        self.assertEqual(resources.workgroups(self.of(24, 32, 20000), TARGETS["gfx906"].unit), 3)


class ControlFlow(unittest.TestCase):
    def test_finds_loops_within_loops(self):
        graph = {0: [1], 1: [2, 5], 2: [3], 3: [2, 4], 4: [1], 5: []}
        self.assertEqual(control_flow.loops(graph), {2: ({3}, {2, 3}), 1: ({4}, {1, 2, 3, 4})})

    def test_does_not_enter_closed_blocks(self):
        graph = {0: [1, 2], 1: [3], 2: [3], 3: []}
        self.assertEqual(control_flow.reachable(graph, [0], closed={1}), {0, 2, 3})
        self.assertEqual(control_flow.reachable(graph, [1], closed={1}), set())


if __name__ == "__main__":
    device_compiler.skip_without(CDNA.compiler)
    unittest.main(verbosity=2)
