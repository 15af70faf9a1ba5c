# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The wave is whole when it goes round a loop that holds barriers.

A barrier counts waves, not lanes. Where a part for some lanes only is the last thing in such a loop, the compiler may let the
other lanes run ahead into the next round, through its barriers, while those lanes are masked off (seen on gfx1100). A barrier
after that part keeps the wave together. So: every way from a branch on which lanes may part to the loop's back edge passes a
barrier. Lanes part on what depends on their index; a value that all of them read from the same address does not.
"""

import re

import control_flow

_LANE_INDEX = ("llvm.amdgcn.workitem.id.", "llvm.amdgcn.mbcnt.")
_SAME_IN_ALL_LANES = ("llvm.amdgcn.readfirstlane", "llvm.amdgcn.readlane", "llvm.amdgcn.ballot", "llvm.amdgcn.icmp")


def _is_source(instruction):
    return any(instruction.calls(name) for name in _LANE_INDEX)


def _is_uniform(instruction):
    return any(instruction.calls(name) for name in _SAME_IN_ALL_LANES)


def _condition(terminator):
    """The value that a branch or switch decides by, or None."""
    match = re.match(r"(?:br i1|switch \w+) (%[^,\s]+)", terminator.text)
    return match[1] if match else None


def _merged(graph, block):
    """The blocks where lanes that parted at the end of `block` may meet again."""
    sides = [control_flow.reachable(graph, [successor], closed={block}) for successor in graph[block]]
    return set.union(*sides) & {b for b in graph if sum(b in side for side in sides) > 1} if len(sides) > 1 else set()


def differing_values(kernel):
    """The values that may differ between the lanes of a wave."""
    graph = kernel.graph
    users = {}
    for label, block in kernel.blocks.items():
        for instruction in block:
            for operand in instruction.operands:
                users.setdefault(operand, []).append((label, instruction))
    differing, todo = set(), [i.result for i in kernel.instructions if _is_source(i)]
    while todo:
        value = todo.pop()
        if value in differing:
            continue
        differing.add(value)
        for label, user in users.get(value, []):
            if user.result and not _is_uniform(user):
                todo.append(user.result)
            elif _condition(user) == value:
                for join in _first_joins(graph, label):
                    todo.extend(i.result for i in kernel.blocks[join] if i.opcode == "phi")
    return differing


def _first_joins(graph, block):
    """Of the blocks where the sides of a branch meet, those that one side enters from a block that is not a meeting itself."""
    joins = _merged(graph, block)
    before = control_flow.predecessors(graph)
    return [join for join in joins if any(p not in joins for p in before[join])]


def _with_barrier(kernel):
    return {label for label, block in kernel.blocks.items() if any(i.calls("llvm.amdgcn.s.barrier") for i in block)}


def has_loop_with_barrier(kernel):
    """A kernel without one keeps the rule."""
    return any(body & _with_barrier(kernel) for _, body in control_flow.loops(kernel.graph).values())


def torn_waves(kernel):
    """Yields a message for each way round a loop with barriers on which the wave may be torn."""
    graph = kernel.graph
    with_barrier = _with_barrier(kernel)
    differing = differing_values(kernel)
    for header, (latches, body) in control_flow.loops(graph).items():
        if not body & with_barrier:
            continue
        inside = {label: [s for s in graph[label] if s in body] for label in body}
        for label in sorted(body):
            if _condition(kernel.blocks[label][-1]) not in differing:
                continue
            closed = with_barrier | {header}
            onward = control_flow.reachable(inside, inside[label], closed=closed)
            torn = (onward | {label}) & latches
            if torn:
                yield (f"lanes that part at the end of block {label} reach the back edge of the loop at {header} without a "
                       f"barrier: {kernel.blocks[label][-1].text}")
