# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two edges of the bus, in machine code. A check yields what is wrong, a message each.

Orders and scopes are read from the memory operands, fences from the source line that an instruction comes from; the sequences
that they must have become are the target's (targets.py).
"""

import control_flow

SYSTEM_ACQUIRE = r'fence\(__ATOMIC_ACQUIRE, ""\)'


class Machine:
    """A kernel together with the target whose waits it uses."""

    def __init__(self, kernel, target):
        self.kernel = kernel
        self.target = target
        self._before = control_flow.predecessors(kernel.graph)

    @staticmethod
    def is_system_acquire(instruction):
        return instruction.comes_from(SYSTEM_ACQUIRE)

    def waits_for_loads(self, instruction):
        """All loads; without a counter of their own, all stores too."""
        if instruction.opcode != "S_WAITCNT":
            return False
        immediate = int(instruction.text.split()[1].rstrip(","))
        return not any((immediate >> shift) & ((1 << bits) - 1) for shift, bits in self.target.vmcnt)

    def waits_for_stores(self, instruction):
        if not self.target.has_vscnt:
            return self.waits_for_loads(instruction)
        return instruction.opcode == "S_WAITCNT_VSCNT" and instruction.text.split(", ")[1] == "0"

    def unfinished(self, block, index, is_pending, is_wait):
        """Walks back from an instruction on every path, as far as a wait; the first that is pending, or None."""
        todo, seen = [(block, index)], set()
        while todo:
            block, index = todo.pop()
            for instruction in reversed(self.kernel.blocks[block][:index]):
                if is_wait(instruction):
                    break
                if is_pending(instruction):
                    return instruction
            else:
                for before in self._before[block]:
                    if before not in seen:
                        seen.add(before)
                        todo.append((before, len(self.kernel.blocks[before])))
        return None

    def unfinished_memory(self, block, index):
        return (self.unfinished(block, index, lambda i: i.is_load, self.waits_for_loads)
                or self.unfinished(block, index, lambda i: i.is_store, self.waits_for_stores))


def _fits(instruction, wanted):
    opcode, policy = wanted
    return instruction.opcode == opcode and (policy is None or instruction.policy & policy == policy)


def _runs(machine, block):
    """(index, instructions) of each run of neighbours that come from a system acquire."""
    start, run = 0, []
    for index, instruction in enumerate(block):
        if machine.is_system_acquire(instruction):
            start = start if run else index
            run.append(instruction)
        elif run:
            yield start, run
            run = []
    if run:
        yield start, run


def acquires(machine):
    """Each system acquire invalidates what the target must, in order, once all loads have returned."""
    target = machine.target
    for number, block in machine.kernel.blocks.items():
        for start, run in _runs(machine, block):
            caches = [i for i in run if any(i.opcode == opcode for opcode, _ in target.invalidate)]
            if len(caches) % len(target.invalidate) or not caches or not all(
                    _fits(i, target.invalidate[n % len(target.invalidate)]) for n, i in enumerate(caches)):
                yield (f"a system acquire is {[i.text.split(',')[0] for i in run]}, but {target.name} asks for "
                       f"{target.invalidate}, {run[0].where}")
                continue
            pending = machine.unfinished(number, start + run.index(caches[0]), lambda i: i.is_load, machine.waits_for_loads)
            if pending:
                yield f"a system acquire does not wait for {pending.text}, {caches[0].where}"


def releases(machine):
    """Before each releasing store at system scope, all memory operations are finished and written back."""
    target = machine.target
    for number, block in machine.kernel.blocks.items():
        for index, store in enumerate(block):
            if not (store.is_store and store.has_memory("store", "", "release")):
                continue
            if store.policy & target.store_policy != target.store_policy:
                yield f"a release at system scope has cache policy {store.policy}: {store.text}, {store.where}"
            pending = machine.unfinished_memory(number, index)
            if pending:
                yield f"a release at system scope does not wait for {pending.text}, {store.where}"
            since = []
            for before in reversed(block[:index]):
                if before.is_load or before.is_store:
                    break
                since.insert(0, before)
            for wanted in target.write_back:
                places = [n for n, i in enumerate(since) if _fits(i, wanted)]
                if not places:
                    yield f"a release at system scope lacks {wanted}, {store.where}"
                elif not any(machine.waits_for_stores(i) for i in since[places[-1]:]):
                    yield f"a release at system scope does not wait for its write-back, {store.where}"


def relaxed_loads(machine):
    """A relaxed load at system scope bypasses the caches that the host's writes do not reach."""
    wanted = machine.target.load_policy
    for instruction in machine.kernel.instructions:
        if instruction.has_memory("load", "", "monotonic"):
            if not instruction.is_load or instruction.policy & wanted != wanted:
                yield f"a load at system scope may be answered by a cache: {instruction.text}, {instruction.where}"


def count_acquires(machine):
    """A kernel without edges keeps every rule above."""
    return sum(1 for block in machine.kernel.blocks.values() for _ in _runs(machine, block))


def count_releases(machine):
    return sum(1 for i in machine.kernel.instructions if i.is_store and i.has_memory("store", "", "release"))
