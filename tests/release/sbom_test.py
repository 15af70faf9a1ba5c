#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the list of what a release is made of is an SPDX 2.3 document: its mandatory fields, identifiers and relations."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts/packaging/sbom.py")
sys.path.insert(0, os.path.dirname(SCRIPT))
import sbom

FILES = {"LICENSE": b"words\n", "a.cc": b"// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\nint a;\n",
         "deep/b c.h": b"/* SPDX-License-Identifier: GPL-2.0-only */\n"}
PACKAGE = {"SPDXID": "SPDXRef-Package-libx-dev", "name": "libx-dev", "downloadLocation": "NOASSERTION", "filesAnalyzed": False}
TOOL = {**PACKAGE, "SPDXID": "SPDXRef-Package-cmake", "name": "cmake"}
# What the specification calls mandatory, for each kind of element (SPDX 2.3: 6, 7, 8 and 11).
MANDATORY = {"document": ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"),
             "packages": ("SPDXID", "name", "downloadLocation"),
             "files": ("SPDXID", "fileName", "checksums"),
             "relationships": ("spdxElementId", "relationshipType", "relatedSpdxElement")}


def complaints(document):
    """Everything that keeps a document from being SPDX 2.3."""
    found = [f"document lacks {field}" for field in MANDATORY["document"] if field not in document]
    for kind in ("packages", "files", "relationships"):
        for element in document[kind]:
            found += [f"{kind} lacks {field}: {element}" for field in MANDATORY[kind] if field not in element]
    if found:
        return found
    if document["spdxVersion"] != "SPDX-2.3" or document["dataLicense"] != "CC0-1.0" or document["SPDXID"] != "SPDXRef-DOCUMENT":
        found.append("wrong constants")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"]):
        found.append("wrong time")
    found += [f"wrong creator {who}" for who in document["creationInfo"]["creators"]
              if not re.match(r"(Person|Organization|Tool): .", who)]
    if not re.fullmatch(r"https?://[^#\s]+", document["documentNamespace"]):
        found.append("wrong namespace")
    ids = [document["SPDXID"]] + [element["SPDXID"] for kind in ("packages", "files") for element in document[kind]]
    found += [f"wrong identifier {name}" for name in ids if not re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name)]
    if len(set(ids)) != len(ids):
        found.append("an identifier names two elements")
    found += [f"relation to nothing: {relation}" for relation in document["relationships"]
              if not {relation["spdxElementId"], relation["relatedSpdxElement"]} <= set(ids)]
    for package in document["packages"]:
        if package.get("filesAnalyzed", True) and "packageVerificationCode" not in package:
            found.append(f"{package['name']} has no verification code")
    for file in document["files"]:
        if "SHA1" not in [sum_["algorithm"] for sum_ in file["checksums"]]:
            found.append(f"{file['fileName']} has no SHA1")
    return found


class AnSbom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name, content in FILES.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        self.document = sbom.document(self.folder, "1.2.3", "c0ffee", 1_700_000_000, [TOOL, PACKAGE])

    def test_has_what_spdx_demands(self):
        self.assertEqual([], complaints(self.document))

    def test_without_something_is_found_wanting(self):
        for change in (lambda d: d.pop("dataLicense"), lambda d: d["packages"][0].pop("packageVerificationCode"),
                       lambda d: d["files"][0]["checksums"].pop(0), lambda d: d["packages"][1].pop("downloadLocation"),
                       lambda d: d["relationships"].append({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "CONTAINS",
                                                            "relatedSpdxElement": "SPDXRef-Gone"})):
            broken = json.loads(json.dumps(self.document))
            change(broken)
            self.assertNotEqual([], complaints(broken))

    def test_has_every_file_with_its_licence_and_sum(self):
        files = {file["fileName"]: file for file in self.document["files"]}
        self.assertEqual({"./LICENSE", "./a.cc", "./deep/b c.h"}, set(files))
        self.assertEqual(["Apache-2.0 WITH LLVM-exception"], files["./a.cc"]["licenseInfoInFiles"])
        self.assertEqual(["GPL-2.0-only"], files["./deep/b c.h"]["licenseInfoInFiles"])
        self.assertEqual(["NOASSERTION"], files["./LICENSE"]["licenseInfoInFiles"])
        self.assertEqual(hashlib.sha256(FILES["a.cc"]).hexdigest(), files["./a.cc"]["checksums"][1]["checksumValue"])

    def test_has_the_verification_code_of_the_specification(self):
        sums = sorted(hashlib.sha1(content).hexdigest() for content in FILES.values())
        code = self.document["packages"][0]["packageVerificationCode"]["packageVerificationCodeValue"]
        self.assertEqual(hashlib.sha1("".join(sums).encode()).hexdigest(), code)

    def test_tells_tools_from_what_is_linked(self):
        relations = {(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in self.document["relationships"]}
        self.assertIn((TOOL["SPDXID"], "BUILD_TOOL_OF", sbom.PROJECT), relations)
        self.assertIn((sbom.PROJECT, "DEPENDS_ON", PACKAGE["SPDXID"]), relations)

    def test_of_packages_here_names_their_versions(self):
        try:
            version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "liburing-dev"], check=True, capture_output=True,
                                     text=True).stdout
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no dpkg, or liburing-dev is not installed by it. Fix: run it on a Debian or Ubuntu.")
        command = [SCRIPT, f"--source={self.folder}", "--version=1.2.3", "--commit=c0ffee", "--time=1700000000", "liburing-dev"]
        first, second = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2))
        self.assertEqual(first, second)
        document = json.loads(first)
        self.assertEqual([], complaints(document))
        self.assertEqual(version, document["packages"][1]["versionInfo"])

    def test_of_packages_names_the_distribution_that_they_are_of(self):
        said = "libx\t1\tamd64\tx\t1\t\n"
        with (mock.patch.object(sbom.platform, "freedesktop_os_release", return_value={"ID": "ubuntu"}),
              mock.patch.object(sbom.subprocess, "run", return_value=mock.Mock(stdout=said))):
            [reference] = sbom.debian_package("libx")["externalRefs"]
        self.assertEqual("pkg:deb/ubuntu/libx@1?arch=amd64", reference["referenceLocator"])


if __name__ == "__main__":
    unittest.main()
