# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a kernel's log must not have gained while our programs ran."""

import re

# Bugs of the kernel, whatever brought them out, and leaks that it reports itself.
BUGS = re.compile(r"\bWARNING: |\bBUG: |kernel BUG at|\bOops\b|general protection|Call Trace|Kernel panic|hung task|"
                  r"blocked for more than|soft lockup|rcu: INFO|page_pool leak|refcount_t|use-after-free|memory leak|"
                  r"Bad page|bad_page|list_(?:add|del) corruption|unable to handle|segfault at|Out of memory|oom-kill")
# Trouble of a disk, which only a scenario that makes it may have.
DISKS = re.compile(r"I/O error|[Mm]edium [Ee]rror|critical .* error|nvme\d*:? .*(?:timeout|reset controller|controller is down|"
                   r"not ready|aborting)|nvme .*(?:timeout|resetting|aborting|[Dd]isabling|Removing|failed)|"
                   r"(?:DMAR|AMD-Vi):? .*(?:[Ff]ault|[Ff]ail|[Ee]rror|timeout)")


def findings(log, allowed):
    """The lines of `log` that tell of a bug, or of a disk's trouble; those that match a pattern of `allowed` are meant."""
    return [line for line in log.splitlines()
            if (BUGS.search(line) or DISKS.search(line)) and not any(re.search(pattern, line) for pattern in allowed)]
