#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the code in the pages is what is compiled. --write brings it up to date."""

import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import snippets

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = """
  // [outer]
  int a;
    // [inner]
    int b;
    // [/inner]
  // [/outer]
"""
PAGE = "text\n<!-- snippet: a.cc {} -->\n```cpp\n{}\n```\nmore\n"


def read(path):
    full = os.path.join(ROOT, path)
    if not os.path.isfile(full):
        return None
    with open(full, encoding="utf-8") as file:
        return file.read()


def pages():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.md"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout.split("\n")
    return [path for path in listed if path and os.path.exists(os.path.join(ROOT, path))]


class ThePages(unittest.TestCase):
    def test_show_the_code_that_is_compiled(self):
        problems = [problem for page in pages() for problem in snippets.brought_up_to_date(page, read(page), read)[1]]
        if problems:
            self.fail("\n" + "\n".join(problems))


class ASnippet(unittest.TestCase):
    @staticmethod
    def problems_of(page):
        return snippets.brought_up_to_date("page.md", page, {"a.cc": SOURCE}.get)[1]

    def test_is_the_region_without_its_indentation_and_the_marks_inside(self):
        self.assertEqual("int a;\n  int b;", snippets.region(SOURCE, "outer"))

    def test_that_is_equal_is_no_problem(self):
        self.assertEqual([], self.problems_of(PAGE.format("inner", "int b;")))

    def test_that_differs_is_found_and_rewritten(self):
        page, problems = snippets.brought_up_to_date("page.md", PAGE.format("inner", "int c;\nint d;"), {"a.cc": SOURCE}.get)
        self.assertIn("page.md:2: differs from region inner", problems[0])
        self.assertEqual(PAGE.format("inner", "int b;"), page)

    def test_of_no_region_is_found(self):
        self.assertIn("has no region gone", self.problems_of(PAGE.format("gone", "int b;"))[0])

    def test_without_a_source_is_found(self):
        self.assertIn("cut from no source", self.problems_of("```cpp\nint a;\n```\n")[0])

    def test_of_a_shell_needs_no_source(self):
        self.assertEqual([], self.problems_of("```sh\nls\n```\n"))


def write():
    for page in pages():
        fresh, _ = snippets.brought_up_to_date(page, read(page), read)
        if fresh != read(page):
            with open(os.path.join(ROOT, page), "w", encoding="utf-8") as file:
                file.write(fresh)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main()
