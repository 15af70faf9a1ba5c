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


def _joins(forward, block):
    """The blocks where two ways that part at the end of `block` meet first, each with {a block before it: by which way}.
    `forward`: {block: those before it}, in an order in which these come first. A way is named by the side, or the last such
    meeting, that it has passed."""
    way, joins = {}, {}
    for at, before in forward.items():
        ways = {p: at if p == block else way[p] for p in before if p == block or p in way}
        if len(set(ways.values())) > 1:
            joins[at] = ways
        if ways:
            way[at] = at if at in joins else next(iter(ways.values()))
    return joins


def _merges(phi, ways):
    """Whether the value depends on the way by which a lane came."""
    incoming = re.findall(r"\[ ([^,]+), (%[^\s\]]+) \]", phi.text)
    arrived = {(ways[block], value) for value, block in incoming if block in ways and value not in ("undef", "poison")}
    return any(a != b and u != v for a, u in arrived for b, v in arrived)


def differing_values(kernel):
    """The values that may differ between the lanes of a wave: what is computed from their index, what is merged where lanes that
    parted meet, and what a loop hands on that lanes leave at different times."""
    graph = kernel.graph
    users = {}
    for label, block in kernel.blocks.items():
        for instruction in block:
            for operand in instruction.operands:
                users.setdefault(operand, []).append((label, instruction))
    bodies = [body for _, body in control_flow.loops(graph).values()]
    forward = control_flow.without_back_edges(graph)
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
                for join, ways in _joins(forward, label).items():
                    todo.extend(i.result for i in kernel.blocks[join] if i.opcode == "phi" and _merges(i, ways))
                for body in bodies:
                    if label in body and not body.issuperset(graph[label]):
                        todo.extend(_handed_on(kernel, body, users))
    return differing


def _handed_on(kernel, body, users):
    """What is computed outside of a loop directly from what is computed in it."""
    return [user.result for label in body for made in kernel.blocks[label] if made.result
            for where, user in users.get(made.result, []) if where not in body and user.result and not _is_uniform(user)]


def _successors(kernel, came_from, at):
    """The successors of a block, without those that its branch rules out for who comes from there: it may decide by a value that
    is merged in the block, and constant on that way."""
    block = kernel.blocks[at]
    successors = kernel.graph[at]
    made = {i.result: i.text for i in block if i.result}
    branch = re.match(r"br i1 (%\S+), label (%\S+), label (%\S+)", block[-1].text)
    if not branch:
        return successors
    decision = made.get(branch[1], "")
    compared = re.search(r"= icmp (eq|ne) \w+ (%\S+), (-?\d+)$", decision)
    phi = made.get(compared[2], "") if compared else decision
    constant = re.search(rf"\[ (true|false|-?\d+), {re.escape(came_from)} \]", phi) if "= phi " in phi else None
    if not constant:
        return successors
    is_true = (constant[1] == compared[3]) == (compared[1] == "eq") if compared else constant[1] == "true"
    return [branch[2] if is_true else branch[3]]


def _edges_onward(after, starts, body, closed):
    """The edges of the loop that can be taken from `starts` on, as far as blocks of `closed`. `after`: {edge: edges}."""
    seen, todo = set(), list(starts)
    while todo:
        edge = todo.pop()
        if edge in seen or edge[1] not in body:
            continue
        seen.add(edge)
        if edge[1] not in closed:
            todo.extend(after[edge])
    return seen


def _with_barrier(kernel):
    return {label for label, block in kernel.blocks.items() if any(i.calls("llvm.amdgcn.s.barrier") for i in block)}


def has_loop_with_barrier(kernel):
    """A kernel without one keeps the rule."""
    return any(body & _with_barrier(kernel) for _, body in control_flow.loops(kernel.graph).values())


def torn_waves(kernel):
    """Yields a message for each way round a loop with barriers on which the wave may be torn."""
    with_barrier = _with_barrier(kernel)
    differing = differing_values(kernel)
    edges = {label: [(label, successor) for successor in successors] for label, successors in kernel.graph.items()}
    after = {edge: [(edge[1], successor) for successor in _successors(kernel, *edge)]
             for starts in edges.values() for edge in starts}
    for header, (latches, body) in control_flow.loops(kernel.graph).items():
        if not body & with_barrier:
            continue
        for label in sorted(body):
            if _condition(kernel.blocks[label][-1]) not in differing:
                continue
            onward = _edges_onward(after, edges[label], body, with_barrier | {header})
            if any((latch, header) in onward for latch in latches):
                yield (f"lanes that part at the end of block {label} reach the back edge of the loop at {header} without a "
                       f"barrier: {kernel.blocks[label][-1].text}")
