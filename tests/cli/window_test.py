# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`penstock window` on a machine where there may be no module: what it lists, or that it says how to get there."""
import json
import os
import subprocess

import penstock_command as pc

penstock = pc.command()
NODE = "/dev/penstock_p2p"


def window(*arguments):
    return subprocess.run([penstock.path, "window", *arguments], capture_output=True, text=True, timeout=60)


def check_wrong_lines():
    for words, expected in ((("",), "no action"), (("list", "--size=2MiB"), "no option --size"),
                            (("release",), "names no window"), (("release", "x"), "no window's number"),
                            (("check", "1", "2"), "does not take 2")):
        done = window(*words)
        assert done.returncode == 2 and expected in done.stderr and "Fix: " in done.stderr and done.stdout == "", done


def check_without_the_module(where):
    """Every action, ingest and probe say the same: load it, or install it."""
    file = pc.random_file(os.path.join(where, "file"), 5000, 1)
    probed = json.loads(penstock.probe(file, "--json").stdout)["host"]
    assert probed["window"] == [] and probed["window_error"]["code"] == "FAILED_PRECONDITION", probed
    refusal = f"{probed['window_error']['cause']}. Fix: {probed['window_error']['remedy']}."
    assert NODE in refusal and "modprobe penstock_p2p" in refusal, refusal
    for words in (("list",), ("list", "--json"), ("release", "1"), ("check",), ("check", "1", f"--volume={file}")):
        done = window(*words)
        assert done.returncode == 1 and done.stderr == f"penstock: {refusal}\n" and done.stdout == "", done
    for buffer in ("window", "window:3"):
        assert penstock.refuse(file, f"--buffer={buffer}") == f"penstock: {refusal}\n"
    missing = probed["window_missing"]
    assert probed["window_error"]["cause"] in [step["cause"] for step in missing], missing
    assert "no window is reserved" in missing[-1]["cause"] and "window reserve" in missing[-1]["remedy"], missing
    text = penstock.probe(file).stdout
    for number, step in enumerate(missing, 1):
        assert f" {number}. {step['cause']}. Fix: {step['remedy']}.\n" in text, (step, text)


def check_with_the_module():
    listed = window("list", "--json")
    assert listed.returncode in (0, 1) and (listed.returncode == 0) == (listed.stderr == ""), listed
    if listed.returncode == 0:
        windows = json.loads(listed.stdout)["window"]
        assert len(windows) == len(window("list").stdout.strip().split("\n")) or not windows, listed


check_wrong_lines()
if os.path.exists(NODE):
    check_with_the_module()
else:
    with pc.directory() as folder:
        check_without_the_module(folder)
print("all windows looked at")
