# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads C++ just well enough for the checks: comments and strings apart, calls and functions found by their brackets."""

import os
import re

FOLDERS = ("include", "runtime", "driver", "hip", "tests", "benchmarks", "scripts", "docs", ".ci")
CPP_SUFFIXES = (".h", ".cc", ".hip")

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'  # comments
    r'|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'  # strings
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",  # characters, not digit separators
    re.S,
)


def read_tree(root):
    """Every text file of the project as {path relative to root: text}."""
    files = {}
    for folder in FOLDERS:
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(f for f in folders if f not in ("__pycache__", "build"))
            for name in sorted(names):
                path = os.path.join(where, name)
                try:
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = file.read()
                except UnicodeDecodeError:
                    continue  # a picture or another binary file
    return files


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """The text with comments blanked; every offset and line stays where it was."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m[0].startswith(("//", "/*")) else m[0], text)


def without_comments_and_strings(text):
    """As without_comments, with the contents of strings and characters blanked too."""
    def blank(match):
        token = match[0]
        return _blank(token) if token.startswith(("//", "/*")) else token[0] + _blank(token[1:-1]) + token[-1]
    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def closing(text, opening):
    """Offset of the bracket that closes the one at `opening`; `text` has its comments and strings blanked."""
    depth = 0
    for offset in range(opening, len(text)):
        if text[offset] in "([{":
            depth += 1
        elif text[offset] in ")]}":
            depth -= 1
            if depth == 0:
                return offset
    return len(text)


def split_arguments(text, bare, begin, end):
    """Slices of `text` between the commas of [begin, end) that stand outside brackets."""
    pieces, start, offset = [], begin, begin
    while offset < end:
        if bare[offset] in "([{":
            offset = closing(bare, offset)
        elif bare[offset] == ",":
            pieces.append((start, offset))
            start = offset + 1
        offset += 1
    pieces.append((start, end))
    return [(a, b) for a, b in pieces if text[a:b].strip()]


_TYPE = re.compile(r"\b(class|struct|union|enum)\b[^()]*$")


def functions(text):
    """Yields (name, first line, last line) of each function that stands in a namespace or a type."""
    bare = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: _blank(m[0]), without_comments_and_strings(text), flags=re.M)
    scopes, header_start, offset = ["namespace"], 0, 0
    while offset < len(bare):
        letter = bare[offset]
        if letter == "{":
            header = bare[header_start:offset]
            if re.search(r"\bnamespace\b|\bextern\b\s*\"", header):
                scopes.append("namespace")
            elif _TYPE.search(header):
                scopes.append("type")
            elif "(" in header and scopes[-1] in ("namespace", "type"):
                end = closing(bare, offset)
                name = re.search(r"([~\w:]+)\s*\(", header)
                first = header_start + len(header) - len(header.lstrip())
                yield name[1] if name else "?", line_of(bare, first), line_of(bare, end)
                offset, header_start = end, end + 1
                offset += 1
                continue
            else:
                scopes.append("other")
            header_start = offset + 1
        elif letter == "}":
            if len(scopes) > 1:
                scopes.pop()
            header_start = offset + 1
        elif letter == ";":
            header_start = offset + 1
        offset += 1
