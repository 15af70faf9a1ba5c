# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs of blocks: {block: [successors]}. The first block is the entry."""


def predecessors(graph):
    found = {block: [] for block in graph}
    for block, successors in graph.items():
        for successor in successors:
            found[successor].append(block)
    return found


def reachable(graph, starts, closed=frozenset()):
    """The blocks that can be reached from `starts`, themselves included, without entering a block of `closed`."""
    seen = set()
    todo = [start for start in starts if start not in closed]
    while todo:
        block = todo.pop()
        if block not in seen:
            seen.add(block)
            todo.extend(successor for successor in graph[block] if successor not in closed)
    return seen


def dominators(graph):
    """{block: the blocks that every path from the entry to it passes, itself included}. Without unreachable blocks."""
    entry = next(iter(graph))
    order = _reverse_postorder(graph, entry)
    before = predecessors(graph)
    found = {entry: {entry}}
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            known = [found[p] for p in before[block] if p in found]
            new = set.intersection(*known) | {block}
            if found.get(block) != new:
                found[block] = new
                changed = True
    return found


def loops(graph):
    """{header: (latches, the loop's blocks)} of the natural loops; loops with the same header are one."""
    found = {}
    before = predecessors(graph)
    for latch, passed in dominators(graph).items():
        for header in graph[latch]:
            if header in passed:
                latches, body = found.setdefault(header, (set(), {header}))
                latches.add(latch)
                body |= reachable(before, [latch], closed={header})
    return found


def without_back_edges(graph):
    """{block: its predecessors}, in an order in which a block comes after these; edges that close a loop are left out."""
    before, passed = predecessors(graph), dominators(graph)
    order = _reverse_postorder(graph, next(iter(graph)))
    return {block: [p for p in before[block] if p in passed and block not in passed[p]] for block in order}


def _reverse_postorder(graph, entry):
    order, seen, stack = [], {entry}, [(entry, iter(graph[entry]))]
    while stack:
        block, successors = stack[-1]
        following = next((s for s in successors if s not in seen), None)
        if following is None:
            order.append(stack.pop()[0])
        else:
            seen.add(following)
            stack.append((following, iter(graph[following])))
    return order[::-1]
