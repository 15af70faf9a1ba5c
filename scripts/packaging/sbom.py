#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what a release is made of as an SPDX 2.3 document (JSON): the files of the source, and the packages to build it with.

Usage: scripts/packaging/sbom.py --source=FOLDER --version=VERSION --commit=COMMIT --time=SECONDS [PACKAGE]...

FOLDER is the unpacked source; each PACKAGE is a Debian package that dpkg knows here. The document goes to standard output. The
same source, packages and time make the same bytes.
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import re
import subprocess
import sys

LICENSE = "Apache-2.0 WITH LLVM-exception"
DOCUMENT = "SPDXRef-DOCUMENT"
PROJECT = "SPDXRef-Package-penstock"
_IDENTIFIER = re.compile(rb"SPDX-License-Identifier:\s*([A-Za-z0-9.()+ -]+?)\s*(?:\*/|-->)?\s*$", re.M)
# What is used but not part of what is linked: to build it, or to run a program.
BUILD_TOOLS = ("cmake", "ninja-build", "g++", "ccache", "pkg-config", "git", "python3")


def spdx_id(kind, name):
    """An identifier of SPDX: letters, digits, dots and hyphens."""
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def license_of(content):
    """What the file says of itself in its first lines, or NOASSERTION."""
    found = _IDENTIFIER.search(content[:1000])
    return " ".join(found[1].decode().split()) if found else "NOASSERTION"


def files_of(folder):
    """Every file of the source, in the order of the names."""
    names = sorted(os.path.relpath(os.path.join(place, name), folder) for place, _, files in os.walk(folder) for name in files)
    for number, name in enumerate(names):
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
        yield {
            "SPDXID": spdx_id("File", f"{number}-{name}"),
            "fileName": "./" + name,
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}],
            "licenseConcluded": "NOASSERTION",
            "licenseInfoInFiles": [license_of(content)],
            "copyrightText": "NOASSERTION",
        }


def verification_code(files):
    """SPDX 2.3, 7.9: the SHA-1 of the sorted SHA-1s of all files."""
    return hashlib.sha1("".join(sorted(file["checksums"][0]["checksumValue"] for file in files)).encode()).hexdigest()


def distribution():
    """Whose packages dpkg installs here: debian, ubuntu."""
    return platform.freedesktop_os_release().get("ID", "debian")


def debian_package(name):
    """What dpkg says of an installed package."""
    fields = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}"
    said = subprocess.run(["dpkg-query", "-W", "-f", fields + "\n", name], check=True, capture_output=True, text=True).stdout
    package, version, architecture, source, source_version, homepage = said.split("\n", maxsplit=1)[0].split("\t")
    entry = {
        "SPDXID": spdx_id("Package", package),
        "name": package,
        "versionInfo": version,
        "supplier": "Organization: Debian or a distribution that is made of it",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "sourceInfo": f"built from source package {source} {source_version}",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": f"pkg:deb/{distribution()}/{package}@{version}?arch={architecture}"}],
    }
    if homepage:
        entry["homepage"] = homepage
    return entry


def document(folder, version, commit, seconds, packages):
    """The whole document. `packages` are entries as debian_package makes them."""
    files = list(files_of(folder))
    project = {
        "SPDXID": PROJECT,
        "name": "penstock",
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": verification_code(files)},
        "licenseConcluded": LICENSE,
        "licenseDeclared": LICENSE,
        "licenseInfoFromFiles": sorted({license for file in files for license in file["licenseInfoInFiles"]}),
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "sourceInfo": f"commit {commit}",
    }
    relations = [(DOCUMENT, "DESCRIBES", PROJECT)]
    relations += [(PROJECT, "CONTAINS", file["SPDXID"]) for file in files]
    for package in packages:
        if package["name"] in BUILD_TOOLS:
            relations.append((package["SPDXID"], "BUILD_TOOL_OF", PROJECT))
        else:
            relations.append((PROJECT, "DEPENDS_ON", package["SPDXID"]))
    created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"penstock-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/penstock-{version}-{commit}",
        "creationInfo": {"created": created, "creators": ["Tool: scripts/packaging/sbom.py"]},
        "packages": [project, *packages],
        "files": files,
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relations],
    }


def main():
    parser = argparse.ArgumentParser(add_help=False)
    for name in ("--source", "--version", "--commit"):
        parser.add_argument(name, required=True)
    parser.add_argument("--time", type=int, required=True)
    parser.add_argument("packages", nargs="*")
    if not sys.argv[1:] or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    asked = parser.parse_args()
    packages = [debian_package(name) for name in sorted(set(asked.packages))]
    json.dump(document(asked.source, asked.version, asked.commit, asked.time, packages), sys.stdout, indent=1, sort_keys=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
