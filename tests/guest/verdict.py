# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether a boot went well."""

import fnmatch
import re


def problems(boot, cases, log_findings, disk_findings=()):
    """What was wrong with it, one sentence each; nothing if all is well. `cases`: the filter of the cases that were to run."""
    found = [f"the kernel's log tells of trouble: {line}" for line in log_findings]
    found += [f"{finding}." for finding in disk_findings]
    if boot.status is None:
        found.append(boot.failure + ".")
    elif boot.status != 0:
        found.append(f"the guest's script ended with {boot.status}.")
    else:
        # A guest is a machine that we made: what its cases need is there, or the scenario is wrong.
        ran = re.findall(r"^\[ RUN      \] (\S+)$", boot.output, re.M)
        for pattern in cases.split(":"):
            if not fnmatch.filter(ran, pattern):
                found.append(f"no case is called {pattern}. Fix: let the scenario's filter name cases that there are.")
        for line in re.findall(r"^\[  SKIPPED \] (\S+) \(", boot.output, re.M):
            found.append(f"{line} was skipped. Fix: give the scenario what it needs, or leave it out of the scenario's cases.")
    return found
