# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds every error that the source can return, and renders them as the table of docs/errors.md."""

import re

import source_text

MARKER = "<!-- Below this line: written by tests/tidy/errors_doc_test.py --write from the source. -->"
COLUMNS = "| code | what failed | fix | where |\n|---|---|---|---|\n"
SOURCE_FOLDERS = ("include/", "runtime/", "driver/", "hip/", "benchmarks/")
_LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')
_CALL = re.compile(r"\bMake(?:Errno|Nvme)?Error\s*\(")


def _literal(text):
    """The text of adjacent string literals, or None if `text` is anything else."""
    if not re.fullmatch(r'(\s*"(?:\\.|[^"\\\n])*")+\s*', text):
        return None
    return "".join(_LITERAL.findall(text)).replace('\\"', '"').replace("\\\\", "\\")


def _pattern(text):
    """What a string expression says, with "…" for each part that is known only when it runs."""
    text = text.strip()
    literal = _literal(text)
    if literal is not None:
        return literal
    call = re.match(r"(?:absl::)?(StrCat|StrFormat|string)\s*\(", text)
    bare = source_text.without_comments_and_strings(text)
    if not call or source_text.closing(bare, call.end() - 1) != len(text) - 1:
        return "…"
    pieces = [text[a:b] for a, b in source_text.split_arguments(text, bare, call.end(), len(text) - 1)]
    if call[1] == "StrFormat":
        return re.sub(r"%[-+ #0-9.*]*(?:l|ll|z)?[a-zA-Z]", "…", _pattern(pieces[0]))
    return re.sub("(…)+", "…", "".join(_pattern(piece) for piece in pieces))


def _argument_of(name, text):
    """The pattern inside What(...) or Fix(...), or None if `text` is no such construction."""
    match = re.match(rf"\s*(?:penstock::)?{name}\s*\(", text)
    if not match:
        return None
    bare = source_text.without_comments_and_strings(text)
    return _pattern(text[match.end():source_text.closing(bare, match.end() - 1)])


def _named_what(text, bare, offset):
    """The What that a call refers to by name: the last one declared before it."""
    declared = list(re.finditer(r"\bWhat\s+\w+\s*\(", bare[:offset]))
    if not declared:
        return "…"
    begin = declared[-1].end()
    return _pattern(text[begin:source_text.closing(bare, begin - 1)])


def rows(tree):
    """The errors of the tree as sorted rows (code, what failed, fix, file)."""
    found = set()
    for path, source in tree.items():
        if not path.startswith(SOURCE_FOLDERS) or not path.endswith(source_text.CPP_SUFFIXES):
            continue
        if path in ("include/penstock/error.h", "runtime/base/error.cc"):
            continue
        text = source_text.without_comments(source)
        bare = source_text.without_comments_and_strings(source)
        for call in _CALL.finditer(bare):
            end = source_text.closing(bare, call.end() - 1)
            pieces = [text[a:b] for a, b in source_text.split_arguments(text, bare, call.end(), end)]
            code = re.search(r"\bk([A-Z]\w+)\s*$", pieces[0])
            fix = _argument_of("Fix", pieces[-1])
            what = next((w for w in (_argument_of("What", p) for p in pieces) if w is not None), None)
            found.add((code[1] if code else "…", what or _named_what(text, bare, call.start()), fix or "…", path))
    return sorted(found)


def render(row):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def problems(tree, page):
    """What the page lacks, and what it has that the source does not."""
    if MARKER not in page:
        return ["docs/errors.md: no marker line. Fix: run tests/tidy/errors_doc_test.py --write."]
    wanted = [render(row) for row in rows(tree)]
    table = page.split(MARKER, 1)[1]
    have = [line for line in table.split("\n") if line.startswith("| ") and not COLUMNS.startswith(line)]
    remedy = "Fix: run tests/tidy/errors_doc_test.py --write."
    return ([f"docs/errors.md: lacks the error {row} {remedy}" for row in wanted if row not in have]
            + [f"docs/errors.md: no source makes the error {row} {remedy}" for row in have if row not in wanted])


def rewrite(tree, page):
    """The page with a fresh table; the text above the marker stays."""
    above = page.split(MARKER, 1)[0] if page else "# Errors\n\n"
    return above + MARKER + "\n\n" + COLUMNS + "".join(render(row) + "\n" for row in rows(tree))
