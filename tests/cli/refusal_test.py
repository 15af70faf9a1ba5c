# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `penstock ingest` refuses, and that it says so: exit status, cause, remedy; the other sources still arrive."""
import json
import os
import resource
import shutil
import subprocess

import penstock_command as pc

penstock = pc.command()


def expect(stderr, *parts):
    for part in parts:
        assert part in stderr, f"{part!r} is not in {stderr!r}"
    assert "Fix: " in stderr, stderr


def check_command_lines():
    expect(penstock.refuse(status=2), "no source")
    expect(penstock.refuse("x", "--op=md5", status=2), "crc32c, histogram")
    expect(penstock.refuse("x", "--pattern=", "--op=match", status=2), "0 bytes")
    expect(penstock.refuse("x", "--device=gpu", status=2), "auto, cpu, hip")
    expect(penstock.refuse("x", "--flagfile=x", status=2), "no option --flagfile")
    expect(penstock.refuse("x", "--dump-ring=nan", status=2), "--dump-ring is no number")


def check_devices(where):
    """What `auto` does not take, and why, is what a demand for it fails with; a demand never steps down."""
    path = pc.random_file(os.path.join(where, "file"), 10_000, 7)
    hip = json.loads(penstock.probe(path, "--json").stdout)["host"]["hip"]
    report = penstock.ingest(path)
    assert penstock.ingest(path, "--device=cpu")["device_refusal"] is None
    expect(penstock.refuse(path, "--device=hip:1000", status=2 if is_built_without_hip(hip) else 1),
           f"no GPU 1000 among {len(hip['gpu'])}" if hip["error"] is None else hip["error"]["cause"])
    if report["device_refusal"] is None:
        assert report["device"].startswith("hip:0 ("), report
        return
    assert report["device"] == "cpu" and report["device_refusal"]["device"] == "hip:0", report
    refusal = report["device_refusal"]
    if is_built_without_hip(hip):
        expect(penstock.refuse(path, "--device=hip", status=2), refusal["cause"], "-DPENSTOCK_WITH_HIP=ON")
        assert "-DPENSTOCK_WITH_HIP=ON" in refusal["remedy"], refusal
    else:
        expect(penstock.refuse(path, "--device=hip"), f"penstock: {refusal['cause']}. Fix: {refusal['remedy']}.")
    assert f"\nnot on hip:0: {refusal['cause']}. Fix: {refusal['remedy']}.\n" in penstock.run(path).stdout


def is_built_without_hip(hip):
    return hip["error"] is not None and hip["error"]["code"] == "UNIMPLEMENTED"


def check_what_is_no_file(where):
    fifo = os.path.join(where, "fifo")
    os.mkfifo(fifo)
    expect(penstock.refuse(fifo), fifo, "FIFO")
    expect(penstock.refuse(os.path.join(where, "nowhere")), "ENOENT")
    expect(penstock.refuse("/dev/null"), "/dev/null")
    os.mkdir(os.path.join(where, "empty"))
    expect(penstock.refuse(os.path.join(where, "empty"), status=2), "no regular file")


def check_rights():
    """Root may read everything, so these run as the user nobody, in a directory that it may enter."""
    if os.geteuid() != 0:
        return
    with pc.directory("/tmp") as where:
        os.chmod(where, 0o755)
        check_rights_in(where, pc.Command(shutil.copy(penstock.path, where)))


def check_rights_in(where, program):
    secret = pc.random_file(os.path.join(where, "secret"), 5000, 1)
    closed = os.path.join(where, "closed")
    os.mkdir(closed)
    pc.random_file(os.path.join(closed, "x"), 1, 1)
    os.chmod(secret, 0)
    os.chmod(closed, 0)
    for name in (secret, closed):
        done = program.run(name, user=65534, group=65534)
        assert done.returncode == 1, done
        expect(done.stderr, name, "EACCES")
    # A folder that is closed is an error of its own; what lies beside it arrives.
    tree = os.path.join(where, "tree")
    os.makedirs(os.path.join(tree, "shut"), mode=0o755)
    good = pc.random_file(os.path.join(tree, "good"), 10_000, 8)
    os.chmod(os.path.join(tree, "shut"), 0)
    done = program.run(tree, "--json", user=65534, group=65534)
    sources = {source["name"]: source for source in json.loads(done.stdout)["source"]}
    assert done.returncode == 1 and sources[good]["error"] is None and sources[good]["bytes"] == 10_000, done
    expect(sources[os.path.join(tree, "shut")]["error"]["cause"] + " Fix: ", "tree/shut", "EACCES")
    check_locked_memory_in(where, program)


def check_locked_memory_in(where, program):
    """With less memory to lock than path read wants, both ways of reading step down, and say why."""
    path = pc.random_file(os.path.join(where, "file"), 3_000_000, 9)
    for way in ([], ["--pull"]):
        done = program.run(path, "--json", *way, user=65534, group=65534,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20)))
        assert done.returncode == 0, done
        source = json.loads(done.stdout)["source"][0]
        assert source["path"] == "pread" and source["bytes"] == 3_000_000, source
        assert [refusal["path"] for refusal in source["refusals"]] == ["read"], source


def check_pulling_from_many(where):
    """All sources of a kernel that pulls are open at once: the command takes what the system lets it have, and no more."""
    for number in range(100):
        pc.random_file(os.path.join(where, f"{number}"), 100, number)

    def limited(hard):
        return penstock.run(where, "--pull", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))

    done = limited(hard=400)
    assert done.returncode == 0 and "FAILED" not in done.stdout, done
    done = limited(hard=128)
    assert done.returncode == 1, done
    expect(done.stderr, "100 sources", "264 descriptors", "ulimit -n 264")


def check_output(where):
    """What could not be written is no success."""
    path = pc.random_file(os.path.join(where, "file"), 10_000, 10)
    for words in (("ingest", path), ("ingest", path, "--json"), ("probe", path), ("--help",), ("--version",),
                  ("bench", "--help"), ("report", "--help")):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([penstock.path, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 1, (words, done)
        expect(done.stderr, "standard output", "ENOSPC")


def check_others_still_arrive(where):
    good = pc.random_file(os.path.join(where, "good"), 100_000, 2)
    done = penstock.run(os.path.join(where, "nowhere"), good, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["source"][0]["error"]["code"] == "NOT_FOUND" and report["source"][0]["error"]["remedy"]
    assert report["source"][1]["error"] is None and report["source"][1]["bytes"] == 100_000


def check_extents_past_the_end(where):
    small = pc.random_file(os.path.join(where, "small"), 10_000, 4)
    large = pc.random_file(os.path.join(where, "large"), 100_000, 5)
    expect(penstock.refuse(small, "--offset=10001"), small, "which has 10000 bytes", "at most 10000")
    done = penstock.run(small, large, "--offset=8KiB", "--length=8KiB", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["source"][0]["error"]["code"] == "OUT_OF_RANGE", report
    assert report["source"][1]["error"] is None and report["source"][1]["bytes"] == 8192, report


def check_direct_reads_at_any_offset(where):
    path = pc.random_file(os.path.join(where, "file"), 100_000, 6)
    if penstock.ingest(path)["source"][0]["path"] != "read":
        return
    expect(penstock.refuse(path, "--path=read", "--offset=1001"), "path read was demanded", "offset 1001")
    source = penstock.ingest(path, "--offset=1001")["source"][0]
    assert source["path"] == "pread" and source["bytes"] == 98_999 and source["refusals"][0]["path"] == "read", source


def check_demanded_path_never_steps_down():
    if not os.path.isdir("/dev/shm"):
        return
    with pc.directory("/dev/shm") as where:
        path = pc.random_file(os.path.join(where, "tmpfs"), 10_000, 3)
        expect(penstock.refuse(path, "--path=read"), "path read was demanded", "demand no path")
        report = penstock.ingest(path)
        assert report["source"][0]["path"] == "pread" and report["source"][0]["refusals"][0]["path"] == "read", report


def bytes_read(process):
    """What the process has asked the system for so far; start-up is some kilobytes of it."""
    with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
        return int(file.readline().removeprefix("rchar:"))


def check_changing_files(where):
    """A file that is truncated while it is read is an error with its real length; one that grows is read as it was."""
    path = os.path.join(where, "changing")
    size = 150_000_000  # in small reads, one after the other, this takes seconds: time enough to change it
    for new_size, status in ((1_000_003, 1), (size + 30_000_000, 0)):
        with open(path, "wb") as file:
            file.truncate(size)
        process = subprocess.Popen([penstock.path, "ingest", path, "--chunk=4KiB", "--depth=1", "--path=pread", "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while bytes_read(process) < 2_000_000:
            assert process.poll() is None, "it ended before the file could be changed"
        os.truncate(path, new_size)
        out, err = process.communicate(timeout=100)
        source = json.loads(out)["source"][0]
        assert process.returncode == status, (process.returncode, err)
        if status == 1:
            assert source["error"]["code"] == "OUT_OF_RANGE" and new_size <= source["bytes"] < size, source
        else:
            assert source["bytes"] == size and "grew by 30000000 bytes" in source["note"], source


check_command_lines()
for test in (check_what_is_no_file, check_others_still_arrive, check_changing_files, check_extents_past_the_end,
             check_direct_reads_at_any_offset, check_devices, check_pulling_from_many, check_output):
    with pc.directory() as where:
        test(where)
check_demanded_path_never_steps_down()
check_rights()
print("all refused as they should be")
