# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hands a header to Doxygen: its plain comments on declarations count as documentation, as they do for who reads the header.

Usage: doxygen_filter.py HEADER

The comment at the top becomes that of the file, a comment above a declaration ("// text") that of the declaration, and one behind
it ("name;  // text", with the lines that go on below it) that of the name before it. What is inside of a function stays as it is.
Lines keep their numbers.
"""

import re
import sys

_TRAILING = re.compile(r"^(?P<code>.*?\S\s*)//(?![/!<])(?P<text>.*)$")
_WHOLE = re.compile(r"^(?P<indent>\s*)//(?![/!])(?P<text>.*)$")
_DECLARES = re.compile(r"^\s*[^#}\s].*[;,}{\w)\]]\s*$|^\s*\w,?\s*$")
# What a declaration of a copy or a move says by itself.
_DEFAULTED = re.compile(r"^\s+\S.*= (default|delete);$")
_SCOPE = re.compile(r"\b(namespace|struct|class|union|enum|extern)\b")


def _body_depth(line, stack):
    """Follows the braces of a line; `stack` says of each open one whether it belongs to a function or initialiser."""
    bare = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|//.*', "", line)
    start = 0
    for offset, letter in enumerate(bare):
        if letter == "{":
            stack.append(not _SCOPE.search(bare[start:offset]))
            start = offset + 1
        elif letter == "}" and stack:
            stack.pop()
            start = offset + 1


def filtered(text):
    """The header's text with its comments in Doxygen's form."""
    out, stack, at_top, follows = [], [], True, False
    for number, line in enumerate(text.split("\n")):
        inside, whole = any(stack), _WHOLE.match(line)
        trailing = None if whole else _TRAILING.match(line)
        _body_depth(line, stack)
        if number == 0:
            out.append("/// \\file")
        elif whole and at_top:
            out.append("///" + whole["text"])
        elif inside or (trailing and any(stack)):
            out.append(line)
        elif _DEFAULTED.match(line) and not out[-1].lstrip().startswith("///"):
            out.append(line + " ///< As declared.")
        elif whole and follows and len(whole["indent"]) > 4:
            out.append(f"{whole['indent']}///<{whole['text']}")
            continue
        elif whole:
            out.append(f"{whole['indent']}///{whole['text']}")
        elif trailing and _DECLARES.search(trailing["code"]):
            out.append(f"{trailing['code']}///<{trailing['text']}")
        else:
            out.append(line)
        at_top = at_top and bool(whole or number == 0)
        follows = bool(trailing)
    return "\n".join(out)


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(filtered(file.read()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
