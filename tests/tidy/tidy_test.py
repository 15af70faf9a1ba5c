#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the project keeps its own style, and that each check still finds what it is for."""

import concurrent.futures
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import checks
import source_text

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOR_GPU_COMPILERS = ("include/penstock/device/gpu_group.h", "include/penstock/device/megakernel.h")
TOP = f"// {checks.LICENSE_LINE}\n"


class TheProject(unittest.TestCase):
    def test_keeps_its_style(self):
        tree = source_text.read_tree(ROOT)
        exceptions = checks.parse_exceptions(tree["tests/tidy/exceptions.txt"])
        messages = checks.run(tree, exceptions)
        if messages:
            self.fail("\n" + "\n".join(messages))

    def test_every_public_header_compiles_alone(self):
        # The layout headers have tests of their own (tests/layout), as C++ and as device code.
        headers = [p for p in source_text.read_tree(ROOT) if p.startswith("include/") and p.endswith(".h")
                   and not p.startswith("include/penstock/layout/") and p not in FOR_GPU_COMPILERS]

        def compile_alone(header):
            command = [os.environ.get("CXX", "c++"), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++",
                       "-I", os.path.join(ROOT, "include"), "-include", os.path.join(ROOT, header), os.devnull]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                return None
            return f"{header}: does not compile alone. Fix: include what it uses.\n{result.stderr}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            messages = [m for m in pool.map(compile_alone, headers) if m]
        if messages:
            self.fail("\n" + "\n".join(messages))


class SeededViolation(unittest.TestCase):
    """Each check must find its own violation, say what to do instead, and leave the corrected file alone."""

    def expect(self, check, path, bad, good, others=None):
        found = list(check({path: bad, **(others or {})}))
        self.assertEqual(len(found), 1, f"{check.__name__} found {found}")
        self.assertIn("Fix: ", found[0])
        self.assertTrue(found[0].startswith(path))
        self.assertEqual(list(check({path: good, **(others or {})})), [])

    def include(self, path, bad, good, others=None):
        self.expect(checks.dependency_direction, path, f'#include "{bad}"\n', f'#include "{good}"\n', others)

    def test_license_line(self):
        self.expect(checks.license_line, "runtime/a.cc", "int a;\n", TOP + "int a;\n")
        self.expect(checks.license_line, "scripts/a", "#!/bin/sh\n", f"#!/bin/sh\n# {checks.LICENSE_LINE}\n")
        self.expect(checks.license_line, "driver/kernel/a/a.c", TOP, "// SPDX-License-Identifier: GPL-2.0-only\n")
        self.expect(checks.license_line, "driver/kernel/a/a.h", TOP, "/* SPDX-License-Identifier: GPL-2.0-only */\n")

    def test_line_length(self):
        self.expect(checks.line_length, "driver/a.cc", "x" * 131 + "\n", "x" * 130 + "\n")

    def test_file_length(self):
        self.expect(checks.file_length, "driver/a.cc", "\n" * 501, "\n" * 500)

    def test_function_length(self):
        body = "namespace a {{\nclass B {{\n  int C(int x) const {{\n{}  }}\n}};\n}}\n"
        self.expect(checks.function_length, "hip/a.cc", body.format("    x;\n" * 69), body.format("    x;\n" * 68))
        body = "static int a(int x)\n{{\n{}}}\n"
        self.expect(checks.function_length, "driver/kernel/a/a.c", body.format("\tx;\n" * 68), body.format("\tx;\n" * 67))

    def test_function_length_exception_is_honoured_and_must_be_needed(self):
        tree = {"hip/a.cc": TOP + "void C() {\n" + "  x;\n" * 80 + "}\n"}
        exceptions = checks.parse_exceptions("# why\nfunction_length hip/a.cc:C a table of cases reads best in one piece\n")
        self.assertEqual(checks.run(tree, exceptions), [])
        self.assertIn("covers nothing", checks.run({}, exceptions)[0])

    def test_pragma_once(self):
        self.expect(checks.pragma_once, "include/penstock/a.h", TOP, TOP + "#pragma once\n")
        self.assertEqual(list(checks.pragma_once({"driver/kernel/a/a.h": ""})), [])  # the kernel's headers have guards of #ifndef

    def test_public_names_are_exported(self):
        self.expect(checks.public_names_are_exported, "include/penstock/a.h", "namespace penstock {\n",
                    "namespace PENSTOCK_API penstock {\n")
        self.assertEqual(list(checks.public_names_are_exported({"runtime/a.h": "namespace penstock {\n"})), [])

    def test_banned_file_names(self):
        for name in ("string_util", "common", "ring_impl", "misc", "test_helpers", "buffer_manager"):
            self.assertEqual(len(list(checks.banned_names({f"runtime/{name}.cc": ""}))), 1, name)
        for name in ("utilisation", "implicit", "commonality", "ring"):
            self.assertEqual(list(checks.banned_names({f"runtime/{name}.cc": ""})), [], name)

    def test_banned_type_names(self):
        for name in ("RingImpl", "BufferManager", "StringUtils", "HelperOfRing", "CommonOptions"):
            self.expect(checks.banned_names, "runtime/a.cc", f"class {name} {{}};\n", "class Ring {};  // no manager here\n")
        self.assertEqual(list(checks.banned_names({"runtime/a.cc": "struct Implication {};\nstruct Commonwealth {};\n"})), [])

    def test_raw_status(self):
        good = 'absl::Status a = MakeError(code, What("x"), Fix("y"));  // not absl::InternalError("x")'
        self.expect(checks.raw_status, "driver/a.cc", 'return absl::InternalError("x");', good)
        self.expect(checks.raw_status, "driver/a.cc", 'return absl::Status{code};', "FunctionRef<absl::Status()> call")
        self.expect(checks.raw_status, "driver/a.cc", 'return absl::Status(code, "x");', good)

    def test_command_options(self):
        good = 'Fix("use path pread, or name it as --buffer=window");  // what penstock ingest calls --path'
        self.expect(checks.command_options, "driver/a.cc", 'Fix("use --path=pread")', good)
        self.expect(checks.command_options, "runtime/a.cc", 'Fix("use a smaller --iodepth")', good)
        self.assertEqual(list(checks.command_options({"benchmarks/cli/a.cc": 'Fix("use --path=pread")'})), [])

    def test_suppressions_have_a_reason(self):
        reason = "the address is the device's"
        self.expect(checks.suppressions, "driver/a.cc", "int a;  // NOLINT(x-y)\n", f"int a;  // NOLINT(x-y): {reason}\n")
        self.expect(checks.suppressions, "driver/a.cc", "int a;  // NOLINT\n", f"int a;  // NOLINT {reason}\n")
        self.expect(checks.suppressions, "driver/a.h", "// clang-format off\n", f"// clang-format off: {reason}\n")
        pragma = '#pragma GCC diagnostic ignored "-Wshadow"'
        self.expect(checks.suppressions, "driver/a.cc", pragma + "\n", f"{pragma}  // {reason}\n")
        self.expect(checks.suppressions, "hip/a.cc", '__attribute__((no_sanitize("thread"))) void A();\n',
                    f'__attribute__((no_sanitize("thread")))  // {reason}\nvoid A();\n')
        self.expect(checks.suppressions, "scripts/a", "#!/bin/sh\n# shellcheck disable=SC2016\n",
                    f"#!/bin/sh\n# shellcheck disable=SC2016  # {reason}\n")
        self.expect(checks.suppressions, "tests/a.py", "import a  # noqa: E402\n", f"import a  # noqa: E402 {reason}\n")

    def test_layout_is_freestanding(self):
        self.include("include/penstock/layout/a.h", "penstock/ring.h", "penstock/layout/slot.h")
        self.include("include/penstock/layout/a.h", "vector", "cstdint")
        self.include("include/penstock/layout/a.h", "hip/hip_runtime.h", "type_traits")

    def test_dependencies_point_one_way(self):
        self.include("driver/a.cc", "hip/kernel.h", "driver/uring.h")
        self.include("driver/a.cc", "hip/hip_runtime.h", "liburing.h")
        self.include("driver/a.cc", "penstock/device/group.h", "penstock/layout/slot.h")
        self.include("hip/a.hip", "driver/uring.h", "hip/kernel.h")
        self.include("hip/a.hip", "liburing.h", "hip/hip_runtime.h")
        self.include("hip/a.hip", "libnvme.h", "penstock/device/group.h")
        self.include("runtime/a.cc", "driver/uring.h", "penstock/volume.h")
        self.include("runtime/a.cc", "liburing.h", "runtime/pump.h")
        self.include("runtime/base/a.cc", "penstock/ring.h", "penstock/error.h")
        self.include("include/penstock/a.h", "hip/hip_runtime.h", "penstock/ring.h")
        self.include("runtime/c/a.cc", "runtime/pump_inlet.h", "penstock/ingest.h")
        self.include("runtime/c/a.cc", "benchmarks/cli/command_line.h", "runtime/host/gpus.h")
        self.include("include/penstock/device/a.h", "penstock/ring.h", "penstock/device/group.h")

    def test_public_headers_belong_to_the_folder_that_implements_them(self):
        others = {"runtime/pump.cc": "", "driver/volume.cc": "", "hip/automaton.cc": ""}
        self.include("driver/a.cc", "penstock/pump.h", "penstock/volume.h", others)
        self.include("driver/a.cc", "penstock/automaton.h", "penstock/volume.h", others)
        self.include("hip/a.hip", "penstock/volume.h", "penstock/automaton.h", others)
        self.include("hip/a.cc", "penstock/volume.h", "penstock/pump.h", others)
        self.include("runtime/a.cc", "penstock/hip_device.h", "penstock/automaton.h", others)
        self.include("include/penstock/volume.h", "penstock/pump.h", "penstock/read_path.h", others)
        self.assertEqual(list(checks.dependency_direction({"runtime/a.cc": '#include "penstock/volume.h"\n', **others})), [])


class SourceText(unittest.TestCase):
    def test_finds_functions_and_not_lambdas_types_or_initialisers(self):
        text = ('struct A : B {\n  int x{0};\n  A() : x{1}, y_(2) {\n  }\n};\nconstexpr int kTable[] = {1, 2};\n'
                'TEST(A, b) {\n  auto f = [](int x) { return x; };\n  if (x) { }\n}\nenum class E { kA };\n')
        names = [name for name, _, _ in source_text.functions(text)]
        self.assertIn("TEST", names)
        self.assertIn("A", names)
        self.assertEqual([n for n in names if n in ("if", "f", "E")], [])

    def test_comments_and_strings_are_told_apart(self):
        self.assertEqual(source_text.without_comments('a "// b" // c').rstrip(), 'a "// b"')
        self.assertNotIn("b", source_text.without_comments_and_strings('a "b" /* b */ \'b\' 1\'000'))


if __name__ == "__main__":
    unittest.main()
