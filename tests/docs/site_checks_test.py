#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks what scripts/docs does to pages and headers, and that it finds what is wrong with a site. Needs no MkDocs."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "site"))
import doxygen_filter
import links

try:
    import pages
except ImportError:  # PyYAML comes with MkDocs
    pages = None

loader = importlib.machinery.SourceFileLoader("docs", os.path.join(ROOT, "scripts", "docs"))
docs = importlib.util.module_from_spec(importlib.util.spec_from_loader("docs", loader))
loader.exec_module(docs)

HEADER = """// SPDX-License-Identifier: X
// What the file is.
#pragma once

// What it is.
struct A {
  int size;   // in bytes
              // and whole blocks
  int plain;
  A(A&& other) = default;

  int Get() const {
    // not for the reader
    return size;  // nor this
  }
};
"""
FILTERED = """/// \\file
/// What the file is.
#pragma once

/// What it is.
struct A {
  int size;   ///< in bytes
              ///< and whole blocks
  int plain;
  A(A&& other) = default; ///< As declared.

  int Get() const {
    // not for the reader
    return size;  // nor this
  }
};
"""


def problems_of(**files):
    with tempfile.TemporaryDirectory() as site:
        for name, text in files.items():
            with open(os.path.join(site, name.replace("_", ".")), "w", encoding="utf-8") as file:
                file.write(text)
        return links.problems(site)


class TheSite(unittest.TestCase):
    def test_without_faults_has_no_problems(self):
        self.assertEqual([], problems_of(a_html='<h1 id="top1">A</h1><a href="b.html#x">b</a><a href="https://example.org">c</a>',
                                         b_html='<p id="x">B</p><link rel="stylesheet" href="c.css">', c_css="p { color: red }"))

    def test_with_a_link_to_nothing_is_refused(self):
        self.assertIn("leads nowhere", problems_of(a_html='<a href="b.html">b</a>')[0])

    def test_with_an_anchor_that_is_missing_is_refused(self):
        self.assertIn("names no heading", problems_of(a_html='<a href="#gone">b</a>')[0])

    def test_that_loads_from_another_host_is_refused(self):
        for text in ('<script src="https://cdn.example/x.js"></script>', '<link rel="stylesheet" href="//cdn.example/x.css">',
                     '<img src="http://example.org/a.png">', '<style>@import "https://example.org/a.css";</style>',
                     '<p style="background: url(https://example.org/a.png)">x</p>'):
            self.assertIn("from another host", problems_of(a_html=text)[0], text)
        self.assertIn("from another host", problems_of(c_css="@font-face { src: url('https://example.org/f.woff') }")[0])

    def test_that_loads_what_is_missing_is_refused(self):
        self.assertIn("is not there", problems_of(a_html='<script src="x.js"></script>')[0])


@unittest.skipUnless(pages, "PyYAML is not installed")
class TheFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "new")

    def write(self, name):
        os.makedirs(os.path.dirname(os.path.join(self.folder, name)), exist_ok=True)
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write("x")

    def test_is_cleared_of_an_earlier_site_and_of_nothing_else(self):
        self.assertEqual([], docs.clear(self.folder))
        for name in ("site/old.html", "pages/old.md", "mkdocs.yml", "mine/thesis"):
            self.write(name)
        self.assertEqual([], docs.clear(self.folder))
        self.assertEqual([docs.MARKER, "mine"], sorted(os.listdir(self.folder)))

    def test_whose_site_is_somebody_elses_is_refused_and_left_alone(self):
        self.write("site/mine.html")
        [problem] = docs.clear(self.folder)
        self.assertRegex(problem, r"site was not made by this script\. Fix: name another --folder")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "site/mine.html")))


class ALink(unittest.TestCase):
    def test_leads_to_the_same_page_on_the_site(self):
        for page, link, wanted in (("README.md", "docs/paths.md", "paths.md"),
                                   ("README.md", "docs/performance.md#on-a-gpu", "performance.md#on-a-gpu"),
                                   ("docs/examples/hash_lookup/README.md", "../../io_service.md", "../../io_service.md"),
                                   ("docs/io_service.md", "examples/hash_lookup", "examples/hash_lookup/README.md"),
                                   ("docs/architecture.md", "decisions/", "decisions/index.md"),
                                   ("README.md", "LICENSE", "files/LICENSE.txt"),
                                   ("docs/p2p_window.md", "../include/penstock/peer_window.h", "api/peer__window_8h.html"),
                                   ("docs/a.md", "../include/penstock/layout/automaton.h", "api/layout_2automaton_8h.html"),
                                   ("docs/a.md", "#below", "#below"),
                                   ("docs/a.md", "https://example.org/x", "https://example.org/x")):
            self.assertEqual((wanted, None), pages.target_of(ROOT, page, link), link)

    def test_to_no_file_is_refused(self):
        self.assertIn("leads to no file", pages.target_of(ROOT, "docs/a.md", "gone.md")[1])


class AHeader(unittest.TestCase):
    def test_for_c_gives_its_comments_too(self):
        header = '// L\n#pragma once\nextern "C" {\ntypedef struct a {\n  int b;  // in bytes\n} a;\n}\n'
        self.assertIn("int b;  ///< in bytes\n", doxygen_filter.filtered(header))

    def test_gives_doxygen_its_plain_comments(self):
        self.assertEqual(FILTERED, doxygen_filter.filtered(HEADER))


if __name__ == "__main__":
    unittest.main()
