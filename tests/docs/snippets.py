# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts regions out of compiled sources, and finds the places of pages that show them.

A region of a source is between the lines "// [name]" and "// [/name]" ("#" for "//" in CMake and Python). A page shows it by a
line "<!-- snippet: PATH NAME -->" above a fenced block. That is the region's text, without the indentation that its lines share.
"""

import re
import textwrap

# Blocks in these languages are code that somebody compiles or runs: each is cut from a source.
CHECKED_LANGUAGES = {"cpp", "c++", "c", "cc", "hip", "cuda", "cxx"}
_MARK = re.compile(r"^<!-- snippet: (\S+) (\S+) -->$")
_FENCE = re.compile(r"^\s*```(\S*)\s*$")
_ANY_MARK = re.compile(r"^\s*(?://|#) \[/?[\w-]+\]$")
REMEDY = "Fix: run tests/docs/snippets_test.py --write, or name a region that there is."


def region(source, name):
    """The lines between the marks of `name`, or None if there are no two such lines in this order."""
    lines = source.split("\n")
    stripped = [line.strip() for line in lines]
    for comment in ("//", "#"):
        begin, end = f"{comment} [{name}]", f"{comment} [/{name}]"
        if stripped.count(begin) == 1 and stripped.count(end) == 1 and stripped.index(begin) < stripped.index(end):
            inside = lines[stripped.index(begin) + 1:stripped.index(end)]
            return textwrap.dedent("\n".join(line for line in inside if not _ANY_MARK.match(line))).strip("\n")
    return None


def _blocks(lines):
    """(mark or None, line number of the opening fence, line number of the closing one, language) of each fenced block."""
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if not fence:
            number += 1
            continue
        close = number + 1
        while close < len(lines) and lines[close].strip() != "```":
            close += 1
        yield _MARK.match(lines[number - 1]) if number else None, number, close, fence[1]
        number = close + 1


def brought_up_to_date(path, page, read):
    """The page with every snippet as its source has it, and what is wrong with it. `read` gives a file's text, or None."""
    lines, problems = page.split("\n"), []
    for mark, begin, end, language in reversed(list(_blocks(lines))):
        if not mark:
            if language.lower() in CHECKED_LANGUAGES:
                problems.append(f"{path}:{begin + 1}: a block of {language} that is cut from no source. Fix: put a line "
                                "'<!-- snippet: PATH NAME -->' above it.")
            continue
        source = read(mark[1])
        text = region(source, mark[2]) if source is not None else None
        if text is None:
            problems.append(f"{path}:{begin}: {mark[1]} has no region {mark[2]}. {REMEDY}")
            continue
        if lines[begin + 1:end] != text.split("\n"):
            problems.append(f"{path}:{begin}: differs from region {mark[2]} of {mark[1]}. {REMEDY}")
        lines[begin + 1:end] = text.split("\n")
    return "\n".join(lines), problems[::-1]
