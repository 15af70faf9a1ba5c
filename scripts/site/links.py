# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looks at the built site as a browser without a network would: every link, every anchor, everything that a page loads."""

import html.parser
import os
import re
import urllib.parse

# What a browser fetches by itself, by element; a link to another host is none of it, it waits for a click.
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src", "video": "src",
          "embed": "src", "object": "data", "frame": "src", "track": "src", "input": "src", "use": "href"}
NOT_FETCHED = {"canonical", "prev", "next", "alternate", "license", "author"}
_CSS_URL = re.compile(r"""(?:url\(\s*|@import\s+)['"]?([^'")\s]+)""")


class Page(html.parser.HTMLParser):
    """What a page is linked by (ids), links to, and loads."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.ids, self.links, self.loads, self._in_style = set(), [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        for name in ("id", "name"):
            if values.get(name):
                self.ids.add(values[name])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        loaded = values.get(LOADED.get(tag, ""))
        if loaded and not (tag == "link" and NOT_FETCHED & set((values.get("rel") or "").split())):
            self.loads.append(loaded)
        if values.get("style"):
            self.loads += _CSS_URL.findall(values["style"])
        self._in_style = tag == "style"

    def handle_data(self, data):
        if self._in_style:
            self.loads += _CSS_URL.findall(data)


def _is_foreign(address):
    return bool(re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", address, re.I))


def _resolve(page, address):
    """The file of the site that an address names, seen from a page, and its anchor."""
    path, _, anchor = address.partition("#")
    path = urllib.parse.unquote(path.split("?")[0])
    if not path:
        return page, urllib.parse.unquote(anchor)
    place = path.lstrip("/") if path.startswith("/") else os.path.join(os.path.dirname(page), path)
    place = os.path.normpath(place)
    return place, urllib.parse.unquote(anchor)


def _existing(files, place):
    for candidate in (place, os.path.normpath(os.path.join(place, "index.html"))):
        if candidate in files:
            return candidate
    return None


def _page_problems(place, page, files, parsed):
    for address in page.loads:
        if _is_foreign(address):
            yield f"{place}: loads {address} from another host. Fix: bring it along, or leave it out."
        elif not address.startswith(("data:", "javascript:")) and not _existing(files, _resolve(place, address)[0]):
            yield f"{place}: loads {address}, which is not there. Fix: bring it along, or leave it out."
    for address in page.links:
        if re.match(r"[a-z][a-z0-9+.-]*:", address, re.I) or _is_foreign(address):
            continue
        target, anchor = _resolve(place, address)
        if target == place and place.startswith("api/"):
            continue  # Doxygen lists sections of a page that it then leaves out, if all that is in them is private
        found = _existing(files, target)
        if not found:
            yield f"{place}: the link {address} leads nowhere. Fix: name a page that there is."
        elif anchor and found in parsed and anchor not in parsed[found].ids and anchor != "top":
            yield f"{place}: {address} names no heading or symbol of that page. Fix: name one that there is."


def problems(site):
    """What is wrong with the site in the folder `site`, one message each."""
    files = {os.path.relpath(os.path.join(folder, name), site) for folder, _, names in os.walk(site) for name in names}
    parsed, found = {}, []
    for place in sorted(files):
        if place.endswith(".html"):
            with open(os.path.join(site, place), encoding="utf-8") as file:
                parsed[place] = Page(file.read())
        elif place.endswith(".css"):
            with open(os.path.join(site, place), encoding="utf-8") as file:
                found += [f"{place}: loads {address} from another host. Fix: bring it along."
                          for address in _CSS_URL.findall(file.read()) if _is_foreign(address)]
    for place, page in sorted(parsed.items()):
        found += sorted(set(_page_problems(place, page, files, parsed)))
    return found
