#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that docs/errors.md and docs/troubleshooting.md list every error that the source can return, and no other. --write
brings them up to date."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
import error_table
import source_text
import symptom_table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = "docs/errors.md"
SYMPTOMS = "docs/troubleshooting.md"

SOURCE = """
// MakeError(absl::StatusCode::kInternal, What("in a comment"), Fix("is not counted"))
absl::Status A(int n) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("depth ", n, " exceeds ", kMost)),
                   Fix("set depth to "
                       "at most 1024"));
}
absl::Status B(const char* fix) {
  What what(absl::StrFormat("cannot open %s", path));
  if (fix) return MakeErrnoError(StatusCode::kNotFound, errno, std::move(what), Fix(fix));
  return MakeErrnoError(code, errno, std::move(what), Fix(absl::StrCat("run \\"ls\\" (or ", x(1, 2), ")")));
}
"""
ROWS = [
    ("InvalidArgument", "depth … exceeds …", "set depth to at most 1024", "driver/a.cc"),
    ("NotFound", "cannot open …", "…", "driver/a.cc"),
    ("…", "cannot open …", 'run "ls" (or …)', "driver/a.cc"),
]


class TheErrorsPage(unittest.TestCase):
    def test_lists_exactly_the_errors_of_the_source(self):
        tree = source_text.read_tree(ROOT)
        problems = error_table.problems(tree, tree.get(PAGE, ""))
        if problems:
            self.fail("\n" + "\n".join(problems))


class TheTroubleshootingPage(unittest.TestCase):
    def test_has_every_error_that_says_something_in_its_area(self):
        tree = source_text.read_tree(ROOT)
        problems = symptom_table.problems(tree, tree.get(SYMPTOMS, ""))
        if problems:
            self.fail("\n" + "\n".join(problems))


class SymptomTable(unittest.TestCase):
    def test_is_sorted_by_area_and_says_what_to_do(self):
        page = symptom_table.rewrite({"driver/volume.cc": SOURCE, "hip/gpu.cc": SOURCE}, "By hand.\n" + symptom_table.MARKER)
        self.assertTrue(page.startswith("By hand.\n"))
        self.assertLess(page.index("## Opening a volume"), page.index("## GPUs"))
        self.assertIn("| cannot open … | as the message says | NotFound |", page)
        self.assertIn("| depth … exceeds … | set depth to at most 1024 | InvalidArgument |", page)

    def test_reports_a_stale_an_unmarked_page_and_a_file_of_no_area(self):
        tree = {"driver/volume.cc": SOURCE}
        page = symptom_table.rewrite(tree, symptom_table.MARKER)
        self.assertEqual([], symptom_table.problems(tree, page))
        self.assertEqual(1, len(symptom_table.problems({"driver/volume.cc": SOURCE.replace("1024", "512")}, page)))
        self.assertIn("--write", symptom_table.problems(tree, "")[0])
        self.assertIn("no area", symptom_table.problems({**tree, "driver/new.cc": SOURCE}, page)[0])

    def test_takes_the_longest_beginning(self):
        self.assertEqual("Windows of a GPU's memory", symptom_table.area_of("hip/dma_buf_export.cc"))
        self.assertEqual("GPUs", symptom_table.area_of("hip/gpu.cc"))


class ErrorTable(unittest.TestCase):
    def test_finds_every_call_with_its_code_text_and_remedy(self):
        self.assertEqual(error_table.rows({"driver/a.cc": SOURCE, "tests/b.cc": SOURCE}), ROWS)

    def test_written_page_has_no_problems_and_keeps_the_text_above_the_marker(self):
        tree = {"driver/a.cc": SOURCE}
        page = error_table.rewrite(tree, "# Errors\n\nBy hand.\n\n" + error_table.MARKER + "\nold\n")
        self.assertEqual(error_table.problems(tree, page), [])
        self.assertTrue(page.startswith("# Errors\n\nBy hand.\n"))
        self.assertNotIn("old", page)

    def test_reports_a_missing_a_stale_and_an_unmarked_page(self):
        tree = {"driver/a.cc": SOURCE}
        page = error_table.rewrite(tree, "")
        self.assertEqual(len(error_table.problems(tree, page.replace(error_table.render(ROWS[0]) + "\n", ""))), 1)
        self.assertEqual(len(error_table.problems(tree, page + "| Internal | gone | nothing | driver/a.cc |\n")), 1)
        self.assertEqual(len(error_table.problems({"driver/a.cc": SOURCE.replace("1024", "512")}, page)), 2)
        self.assertIn("--write", error_table.problems(tree, "")[0])


def write():
    tree = source_text.read_tree(ROOT)
    for page, table in ((PAGE, error_table), (SYMPTOMS, symptom_table)):
        with open(os.path.join(ROOT, page), "w", encoding="utf-8") as file:
            file.write(table.rewrite(tree, tree.get(page, "")))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main()
