# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ctrl-C ends a run in order: a report of what was consumed, exit status 130, nothing left behind. And --dump-ring."""
import json
import os
import signal
import subprocess
import time

import penstock_command as pc

penstock = pc.command()


def check_interrupt(where):
    path = os.path.join(where, "endless")
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a hole of a terabyte
    process = subprocess.Popen([penstock.path, "ingest", path, "--path=pread", "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, (process.returncode, err)
    report = json.loads(out)
    assert report["error"]["code"] == "CANCELLED" and report["bytes"] > 0, report
    assert report["reads"]["submitted"] == report["reads"]["completed"] + report["reads"]["failed"], report


def check_dump_ring(where):
    path = pc.random_file(os.path.join(where, "file"), 3 << 20, 1)
    done = penstock.run(path, "--dump-ring=1")
    assert done.returncode == 0
    for part in ("sub-ring 2: 64 slots, tail 3: EMPTY 61 DONE 3", "opcode 0x00000100", "done 3, faults 0", "heartbeat"):
        assert part in done.stderr, (part, done.stderr)


def check_quiet_when_piped(where):
    path = pc.random_file(os.path.join(where, "file"), 3 << 20, 1)
    assert penstock.run(path).stderr == ""


for test in (check_interrupt, check_dump_ring, check_quiet_when_piped):
    with pc.directory() as where:
        test(where)
print("ended in order")
