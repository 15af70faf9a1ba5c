# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What style means here, as code. A check takes {path: text} and yields messages "path:line: what. Fix: what instead."."""

import re

import source_text
from source_text import CPP_SUFFIXES

LINE_COLUMNS = 130
FILE_LINES = 500
FUNCTION_LINES = 70
LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
# Kernel modules: in C, in the kernel's style, with its licence.
KERNEL_FOLDERS = ("driver/kernel/", "tests/guest/penstock_exporter/")
KERNEL_LICENSE = re.compile(r"(// |/\* )SPDX-License-Identifier: (GPL-2\.0-only|"
                            r"\(GPL-2\.0-only WITH Linux-syscall-note\) OR \(Apache-2\.0 WITH LLVM-exception\))( \*/)?")
LINE_CHECKED = CPP_SUFFIXES + (".py", ".cmake", "CMakeLists.txt")

FREESTANDING = {"bit", "climits", "concepts", "cstddef", "cstdint", "initializer_list", "limits", "type_traits"}
HIP = r"(hip/hip_|hip/device_|hiprtc|cuda|nv/)"
KERNEL_IO = r"(liburing|libnvme|linux/io_uring|linux/nvme_ioctl)"
NOTHING = r"(?!)"

# Folder; what it may include of ours; what it may not include of others. The longest folder that fits rules.
DEPENDENCIES = (
    ("include/penstock/layout/", r"penstock/layout/", f"({HIP}|{KERNEL_IO}|absl/)"),
    ("include/penstock/device/", r"penstock/(layout/|device/|export\.h)", f"({KERNEL_IO}|absl/)"),
    ("include/penstock/", r"penstock/", f"({HIP}|{KERNEL_IO})"),
    ("runtime/base/", r"(penstock/(error|check|clock|export)\.h|penstock/layout/|runtime/base/)", f"({HIP}|{KERNEL_IO})"),
    ("runtime/host/", r"(penstock/|runtime/host/)", f"({HIP}|{KERNEL_IO})"),
    ("runtime/c/", r"(penstock/(?!hip_device\.h)|runtime/(c|host)/)", f"({HIP}|{KERNEL_IO})"),
    ("runtime/", r"(penstock/(?!hip_device\.h)|runtime/)", f"({HIP}|{KERNEL_IO})"),
    ("driver/", r"(penstock/(?!device/)|driver/|runtime/base/)", HIP),
    ("hip/", r"(penstock/|hip/|runtime/base/|runtime/resident_device\.h)", KERNEL_IO),
)
# Whose public headers, by the folder that implements them. The HIP device stands above the runtime, its handlers below.
PUBLIC_HEADERS_OF = {"driver": ("driver",), "hip": ("hip", "runtime")}
OUR_FOLDERS = r"(penstock|driver|hip|runtime|benchmarks|tests)/"

BANNED = r"helpers?|utils?|utility|utilities|managers?|impl|common|misc"
BANNED_FILE = re.compile(rf"(^|_)({BANNED})(_|$)")
BANNED_TYPE = re.compile(r"\b(?:class|struct|enum(?:\s+class)?|union|using)\s+(?:\[\[\w+\]\]\s*)?"
                         r"(\w*?(?:Helpers?|Utils?|Utility|Utilities|Managers?|Impl|Common|Misc)(?![a-z])\w*)")
RAW_STATUS = re.compile(r"\babsl::(?:(?:Aborted|AlreadyExists|Cancelled|DataLoss|DeadlineExceeded|FailedPrecondition|Internal|"
                        r"InvalidArgument|NotFound|OutOfRange|PermissionDenied|ResourceExhausted|Unauthenticated|Unavailable|"
                        r"Unimplemented|Unknown)Error|Status)\s*[({]\s*[^\s)}]")
# What one command spells like this another spells differently, and a program that uses the library not at all.
COMMAND_OPTION = re.compile(r"--(?:paths?|offset|length|depth|iodepth|chunk|bs|pull|hugepages)\b")

# Ways to silence a tool, each with what it names; what follows on the line is the reason.
SUPPRESSION = re.compile(r"(NOLINT(?:NEXTLINE|BEGIN)?\b(?:\([^)]*\))?|no_sanitize\w*\b[^)]*\)*|clang-format off|"
                         r"#\s*pragma (?:GCC|clang) diagnostic ignored \"[^\"]*\"|shellcheck disable=[\w,]+|"
                         r"(?:pylint: disable=|noqa:? ?)[\w,-]*)(.*)")


def _cpp(tree, *folders):
    return [(p, t) for p, t in tree.items() if p.endswith(CPP_SUFFIXES) and p.startswith(folders or "") and not _is_kernel(p)]


def _is_kernel(path):
    return path.startswith(KERNEL_FOLDERS) and path.endswith((".c", ".h"))


def _is_script(path, text):
    return path.endswith((".py", ".sh")) or text.startswith("#!")


def license_line(tree):
    for path, text in tree.items():
        lines = text.split("\n")
        if _is_kernel(path):
            if not KERNEL_LICENSE.fullmatch(lines[0]):
                yield f"{path}:1: the licence line is missing. Fix: start it with '// SPDX-License-Identifier: GPL-2.0-only'."
        elif path.endswith(CPP_SUFFIXES) and lines[0] != f"// {LICENSE_LINE}":
            yield f"{path}:1: the licence line is missing. Fix: start the file with '// {LICENSE_LINE}'."
        if _is_script(path, text) and f"# {LICENSE_LINE}" not in lines[:2]:
            yield f"{path}:1: the licence line is missing. Fix: put '# {LICENSE_LINE}' first, or right after '#!'."


def line_length(tree):
    for path, text in tree.items():
        if not (path.endswith(LINE_CHECKED) or _is_script(path, text)):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > LINE_COLUMNS:
                yield f"{path}:{number}: {len(line)} columns. Fix: break the line at {LINE_COLUMNS} (C++: clang-format -i)."


def file_length(tree):
    for path, text in tree.items():
        lines = text.count("\n")
        if lines > FILE_LINES and (path.endswith(LINE_CHECKED) or _is_script(path, text)):
            yield f"{path}: {lines} lines exceed {FILE_LINES}. Fix: split the file by idea."


def function_length(tree):
    for path, text in [*_cpp(tree), *((p, t) for p, t in tree.items() if _is_kernel(p))]:
        for name, first, last in source_text.functions(text):
            if last - first + 1 > FUNCTION_LINES:
                yield (f"{path}:{first}: function {name} has {last - first + 1} lines, more than {FUNCTION_LINES}. "
                       "Fix: split it by idea, or give a reason in tests/tidy/exceptions.txt.")


def pragma_once(tree):
    for path, text in _cpp(tree):
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
            yield f"{path}:1: no include guard. Fix: put '#pragma once' below the comment at the top."


def public_names_are_exported(tree):
    """What include/penstock/*.h declares in namespace penstock: a shared library hides the rest."""
    for path, text in tree.items():
        if not re.fullmatch(r"include/penstock/\w+\.h", path):
            continue
        for match in re.finditer(r"^namespace (PENSTOCK_API )?penstock {$", text, re.M):
            if not match[1]:
                yield (f"{path}:{source_text.line_of(text, match.start())}: what is declared here is in no shared library. "
                       "Fix: write 'namespace PENSTOCK_API penstock {' (penstock/export.h).")


def banned_names(tree):
    for path, text in tree.items():
        stem = path.rsplit("/", 1)[-1].split(".")[0]
        if BANNED_FILE.search(stem):
            yield f"{path}: the file name says nothing. Fix: name the file after the one thing that is in it."
        if not path.endswith(CPP_SUFFIXES):
            continue
        bare = source_text.without_comments_and_strings(text)
        for match in BANNED_TYPE.finditer(bare):
            yield (f"{path}:{source_text.line_of(bare, match.start())}: the type name {match[1]} says nothing. "
                   "Fix: name the type after what it is, not after its being of use.")


def raw_status(tree):
    for path, text in _cpp(tree, "include/", "runtime/", "driver/", "hip/", "benchmarks/"):
        if path == "runtime/base/error.cc":
            continue
        bare = source_text.without_comments_and_strings(text)
        for match in RAW_STATUS.finditer(bare):
            yield (f"{path}:{source_text.line_of(bare, match.start())}: an error without a remedy. "
                   "Fix: return MakeError(code, What(...), Fix(...)) of penstock/error.h.")


def command_options(tree):
    for path, text in _cpp(tree, "runtime/", "driver/", "hip/"):
        bare = source_text.without_comments(text)
        for match in COMMAND_OPTION.finditer(bare):
            yield (f"{path}:{source_text.line_of(bare, match.start())}: the library does not know who spells it {match[0]}. "
                   "Fix: name the thing (path read, a smaller depth) and not a command's option.")


def _owners(tree):
    """Public header -> the folder whose source implements it; headers without a source have no owner."""
    owners = {}
    for path in tree:
        folder, _, name = path.partition("/")
        if folder in ("runtime", "driver", "hip") and name.endswith((".cc", ".hip")) and "/" not in name:
            owners[f"penstock/{name.rsplit('.', 1)[0]}.h"] = folder
    return owners


def _forbidden(path, included, owners):
    """Why `path` may not include `included`, or None."""
    for folder, ours, others in DEPENDENCIES:
        if not path.startswith(folder):
            continue
        if re.match(OUR_FOLDERS, included) and not re.match(HIP, included):
            if not re.match(ours, included):
                return f"{folder} may only include {ours} of ours"
            owner = owners.get(included)
            side = owners.get(path.removeprefix("include/"), folder.split("/")[0])
            if owner and owner not in PUBLIC_HEADERS_OF.get(side, owner):
                return f"{side} may not depend on {owner}"
        elif re.match(others, included):
            return f"{folder} may not include {included}"
        elif folder.endswith("layout/") and included not in FREESTANDING:
            return f"{folder} runs on the device: freestanding headers only"
        return None
    return None


def dependency_direction(tree):
    owners = _owners(tree)
    for path, text in _cpp(tree):
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', source_text.without_comments(text), re.M):
            reason = _forbidden(path, match[1], owners)
            if reason:
                yield (f"{path}:{source_text.line_of(text, match.start())}: includes {match[1]}, but {reason}. Fix: go through "
                       "include/penstock, or move the code to the folder that may (docs/architecture.md).")


def suppressions(tree):
    for path, text in tree.items():
        if path.startswith("tests/tidy/") or not (path.endswith(LINE_CHECKED) or _is_script(path, text)):
            continue
        for match in SUPPRESSION.finditer(text):
            if len(re.findall(r"[A-Za-z]{2,}", match[2])) < 2:
                yield (f"{path}:{source_text.line_of(text, match.start())}: {match[1]} without a reason. "
                       "Fix: repair what the tool has found, or say on the same line why it is wrong.")


CHECKS = (license_line, line_length, file_length, function_length, pragma_once, public_names_are_exported, banned_names,
          raw_status, command_options, dependency_direction, suppressions)


def parse_exceptions(text):
    """Lines of "check path[:function] reason"; returns {(check, path, function or ''): reason}."""
    exceptions = {}
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        check, place, reason = line.split(None, 2)
        path, _, function = place.partition(":")
        exceptions[(check, path, function)] = reason
    return exceptions


def run(tree, exceptions):
    """Every message that no exception covers, and one for each exception that covers nothing."""
    messages, unused = [], set(exceptions)
    for check in CHECKS:
        for message in check(tree):
            place = message.split(": ", 1)[0].split(":")[0]
            function = re.search(r"function (\S+) has", message)
            key = (check.__name__, place, function[1] if function else "")
            if key in exceptions:
                unused.discard(key)
            else:
                messages.append(message)
    messages += [f"tests/tidy/exceptions.txt: '{' '.join(key)}' covers nothing. Fix: delete the line." for key in sorted(unused)]
    return messages
