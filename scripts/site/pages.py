# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lays the pages of the site side by side for MkDocs, so that a link that is right in the repository is right on the site."""

import glob
import os
import re
import shutil
import subprocess

import yaml

# Pages of the site that are not below docs/.
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
SETTINGS = ("docs/mkdocs.yml", "docs/Doxyfile", "docs/site/namespaces.dox")
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"^\s*(```|~~~)")


def place_of(path):
    """Where a file of the repository lies on the site, or None if it is not there."""
    if path in TOP:
        return TOP[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("include/penstock/") and path.endswith(".h"):
        return None  # known to Doxygen under a name of its own: see api_page
    return "files/" + path + ".txt"


def api_page(root, path):
    """The page of Doxygen's on a header. A name that two headers have comes with as much of its folder as tells them apart."""
    tail = path.removeprefix("include/")
    names = [os.path.relpath(other, os.path.join(root, "include"))
             for other in glob.glob(os.path.join(root, "include", "**", os.path.basename(path)), recursive=True)]
    shown = tail if len(names) > 1 else os.path.basename(path)
    if len(names) > 1:
        common = os.path.commonpath(names)
        shown = os.path.relpath(tail, common)
    return "api/" + shown.replace("_", "__").replace(".", "_8").replace("/", "_2") + ".html"


def target_of(root, page, link):
    """Where a link of a page of the repository leads on the site, seen from that page; unchanged if it leads elsewhere."""
    path, hash_sign, anchor = link.partition("#")
    if not path or re.match(r"[a-z]+:|/|api/", path):
        return link, None  # what leads into the reference, which is made with the site, is looked at there
    wanted = os.path.normpath(os.path.join(os.path.dirname(page), path))
    if os.path.isdir(os.path.join(root, wanted)):
        wanted = os.path.join(wanted, "README.md") if wanted != "docs/decisions" else "docs/decisions/index.md"
    elif not os.path.exists(os.path.join(root, wanted)):
        return link, f"{page}: the link '{link}' leads to no file. Fix: name one that there is."
    place = place_of(wanted) or api_page(root, wanted)
    start = os.path.dirname(place_of(page))
    return os.path.relpath(place, start or ".") + hash_sign + anchor, None


def _rewritten(root, page, text):
    """The text with its links as they are on the site, the files outside of docs/ that it links, and what is wrong."""
    lines, problems, files, fenced = [], [], [], False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        if not fenced:
            def replace(match):
                target, problem = target_of(root, page, match[2])
                if problem:
                    problems.append(problem)
                if "files/" in target and not match[2].startswith("http"):
                    files.append(os.path.normpath(os.path.join(os.path.dirname(page), match[2].split("#")[0])))
                return match[1] + target + match[3]
            line = _LINK.sub(replace, line)
        lines.append(line)
    return "\n".join(lines), files, problems


def _title(path):
    with open(path, encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def _decisions(root):
    names = sorted(os.path.basename(path) for path in glob.glob(os.path.join(root, "docs/decisions/0*.md")))
    return [(name, _title(os.path.join(root, "docs/decisions", name))) for name in names]


def _examples(root):
    paths = sorted(glob.glob(os.path.join(root, "docs/examples/*/README.md")))
    return [{_title(path): os.path.relpath(path, os.path.join(root, "docs"))} for path in paths]


def _expand(entries, lists):
    """The navigation with the entries of `lists` in the place of their names; returns it and the pages it names."""
    expanded, named = [], []
    for entry in entries:
        (title, value), = entry.items()
        value = lists.get(value, value) if isinstance(value, str) else value
        if isinstance(value, list):
            value, more = _expand(value, lists)
            named += more
        else:
            named.append(value)
        expanded.append({title: value})
    return expanded, named


def _write(folder, place, text):
    path = os.path.join(folder, "pages", place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _highlighting(folder):
    style = subprocess.run(["pygmentize", "-S", "default", "-f", "html", "-a", ".codehilite"], check=True, capture_output=True,
                           text=True).stdout
    _write(folder, "site/highlight.css", style)


def stage(root, folder):
    """Fills folder/pages and writes folder/mkdocs.yml; returns what is wrong with the pages."""
    list_files = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run([*list_files, "docs", *TOP], cwd=root, check=True, capture_output=True, text=True).stdout.split("\n")
    problems, staged, decisions = [], [], _decisions(root)
    for page in filter(None, listed):
        if not os.path.exists(os.path.join(root, page)) or page in SETTINGS:
            continue
        if not page.endswith(".md"):
            target = os.path.join(folder, "pages", place_of(page))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(os.path.join(root, page), target)
            continue
        with open(os.path.join(root, page), encoding="utf-8") as file:
            text, files, wrong = _rewritten(root, page, file.read())
        _write(folder, place_of(page), text)
        staged.append(place_of(page))
        problems += wrong
        for path in files:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                _write(folder, place_of(path), file.read())
    _write(folder, "decisions/index.md", "# Decisions\n\nWhat was decided, and why.\n\n"
           + "".join(f"- [{title}]({name})\n" for name, title in decisions))
    _highlighting(folder)
    with open(os.path.join(root, "docs/mkdocs.yml"), encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    settings["nav"], named = _expand(
        settings["nav"], {"examples/*": _examples(root),
                          "decisions/*": [{"All decisions": "decisions/index.md"},
                                          *({title: f"decisions/{name}"} for name, title in decisions)]})
    problems += [f"docs/mkdocs.yml: no entry of the navigation leads to {place}. Fix: add one."
                 for place in sorted(set(staged) - set(named))]
    with open(os.path.join(folder, "mkdocs.yml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(settings, file, sort_keys=False)
    return problems
