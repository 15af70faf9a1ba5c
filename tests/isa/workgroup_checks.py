# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a workgroup does between the two edges, in machine code. A check yields what is wrong, a message each."""

import control_flow


def barriers(machine):
    """A wave's stores are finished when it comes to a barrier: the lane that releases the slot's status waits only for its own
    wave's. LLVM's release at workgroup scope leaves them out where a workgroup shares its first cache (gfx90a, gfx94x)."""
    for number, block in machine.kernel.blocks.items():
        for index, instruction in enumerate(block):
            if instruction.opcode != "S_BARRIER":
                continue
            pending = machine.unfinished(number, index, lambda i: i.is_store, machine.waits_for_stores)
            if pending:
                yield f"stores may be on their way at a barrier: {pending.text}, {pending.where}; {instruction.where}"


def caches_after_barriers(machine):
    """Where the waves of a workgroup may sit behind two caches, each invalidates its own after a barrier: the leader's acquire
    reached only the leader's."""
    wanted = machine.target.at_barrier
    for number, block in machine.kernel.blocks.items() if wanted else ():
        for index, instruction in enumerate(block):
            if instruction.opcode == "S_BARRIER" and not _comes_to(machine.kernel, number, index, wanted):
                yield f"no {wanted} after a barrier, {instruction.where}"


def _comes_to(kernel, number, index, opcode):
    """Whether a way on from that instruction comes to `opcode`, of the same call in the source, before a load. The compiler
    merges equal ends of blocks, and leaves it to a flag which way is taken on from there: so one way has to be enough."""
    call = kernel.blocks[number][index].where.partition(" in ")[2]
    seen, todo = set(), [(number, kernel.blocks[number][index:])]
    while todo:
        number, rest = todo.pop()
        first = next((i for i in rest if i.is_load or i.opcode == opcode), None)
        if first is None:
            onward = set(kernel.graph[number]) - seen
            seen |= onward
            todo.extend((block, kernel.blocks[block]) for block in onward)
        elif first.opcode == opcode and first.where.partition(" in ")[2] == call:
            return True
    return False


def scalar_loads(kernel):
    """The scalar cache is not among those that an acquire invalidates: only the kernel's arguments may come through it."""
    for instruction in kernel.instructions:
        if instruction.opcode.startswith(("S_LOAD", "S_BUFFER_LOAD")) and "addrspace 4" not in instruction.memory:
            yield f"a scalar load of memory that may change: {instruction.text} ({instruction.memory}), {instruction.where}"


def polling(machine, doorbell):
    """A round of the poller that finds nothing new invalidates nothing for the system: from a look at the doorbell (a load that
    comes through a source line that matches `doorbell`) a way leads back to it, through a barrier, that passes no system
    acquire."""
    kernel = machine.kernel
    looks = _blocks(kernel, lambda i: i.has_memory("load", "", "monotonic") and i.came_through(doorbell))
    acquiring = _blocks(kernel, machine.is_system_acquire)
    meeting = _blocks(kernel, lambda i: i.opcode == "S_BARRIER")
    if not looks:
        yield f"no load at system scope comes from a line that matches {doorbell}"
    for look in sorted(looks):
        onward = control_flow.reachable(kernel.graph, kernel.graph[look], closed=acquiring - {look})
        back = [meet for meet in onward & meeting
                if look in control_flow.reachable(kernel.graph, kernel.graph[meet], closed=acquiring - {look})]
        if look in acquiring or not back:
            yield f"every round that looks at the doorbell acquires: {kernel.blocks[look][0].where}, block {look}"


def _blocks(kernel, is_wanted):
    return {number for number, block in kernel.blocks.items() if any(is_wanted(i) for i in block)}
