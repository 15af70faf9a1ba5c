# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""penstock bench on real files: its result files are what docs/bench.md says, nothing is overwritten, it can be ended, and what
it measured can be made a page of."""
import csv
import fcntl
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import penstock_command as pc

penstock = pc.command()
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHORT = ["--runtime=300ms", "--ramp_time=50ms"]


def bench(*arguments, expect=0):
    done = subprocess.run([penstock.path, "bench", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def file_in(where, mib=8):
    return pc.random_file(os.path.join(where, "file"), mib << 20, 1)


def fresh(where, name):
    path = os.path.join(where, name)
    if os.path.exists(path):
        os.remove(path)
    return path


def check_result_file(where):
    result, page = fresh(where, "result.json"), fresh(where, "report.html")
    bench(file_in(where), "--rw=read,randread", "--bs=4k,64k", "--iodepth=1,4", "--paths=all", "--device=cpu", "--op=crc32c",
          *SHORT, "--output-format=json", f"--output={result}")
    done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/check_result"), result], capture_output=True, text=True)
    assert done.returncode in (0, 77), done.stdout + done.stderr
    with open(result, encoding="utf-8") as file:
        report = json.load(file)
    good = [run for run in report["run"] if run["status"] == "ok"]
    assert {run["job"]["path"] for run in good} >= {"pread"}, report["run"]
    assert all(run["proof"]["agrees"] and run["proof"]["checked_bytes"] > 0 for run in good)
    refused = [run for run in report["run"] if run["status"] == "refused"]
    assert {run["job"]["path"] for run in refused} >= {"bar", "nvme"} and all(run["error"]["remedy"] for run in refused)
    subprocess.run([penstock.path, "report", result, "-o", page], check=True)
    with open(page, encoding="utf-8") as file:
        assert "<html" in file.read()


def check_nothing_is_overwritten(where):
    result = fresh(where, "kept.json")
    with open(result, "w", encoding="utf-8") as file:
        file.write("mine")
    done = bench(file_in(where), "--paths=pread", *SHORT, f"--output={result}", expect=2)
    assert "nothing is overwritten" in done.stderr, done.stderr
    with open(result, encoding="utf-8") as file:
        assert file.read() == "mine"


def check_csv_and_table(where):
    path = file_in(where)
    rows = list(csv.DictReader(io.StringIO(bench(path, "--paths=pread", "--loops=2", "--output-format=csv", *SHORT).stdout)))
    assert len(rows) == 2 and all(float(row["iops"]) > 0 and row["status"] == "ok" for row in rows), rows
    done = bench(path, "--paths=pread", *SHORT)
    assert "pread" in done.stdout and "measuring takes" in done.stdout and done.stderr == "", (done.stdout, done.stderr)


def check_every_way_to_read(where):
    path = file_in(where)
    for options in (["--numjobs=2", "--cpus=0"], ["--random_distribution=zipf:1.1", "--rw=randread"], ["--bs=4k-16k"],
                    ["--rate=4M"], ["--rate_iops=500"], ["--batch_submit=2", "--batch_complete=2", "--iodepth=4"],
                    ["--hugepages=0"], ["--offset=1M", "--size=2M"], ["--seed=7"], ["--name=mine"],
                    ["--device=cpu", "--workgroups=1", "--op=histogram"]):
        done = bench(path, "--paths=pread", "--output-format=json", *SHORT, *options)
        run = json.loads(done.stdout)["run"][0]
        assert run["status"] == "ok" and run["reads"] > 0, (options, run)


def run_of(*arguments):
    """The only run of a command that may be refused for what this machine lacks: None then, with the refusal looked at."""
    done = subprocess.run([penstock.path, "bench", *arguments, *SHORT, "--output-format=json"], capture_output=True, text=True,
                          timeout=120)
    if done.returncode == 0:
        return json.loads(done.stdout)["run"][0]
    assert done.returncode == 2 and "Fix: " in done.stderr and done.stdout == "", (arguments, done)
    return None


def check_what_this_machine_may_lack(where):
    path = file_in(where)
    run = run_of(path, "--paths=pread", "--numa=0")
    assert (run is not None) == os.path.exists("/sys/devices/system/node/node0")
    assert run is None or run["job"]["numa"] == 0, run
    run = run_of(path, "--paths=pread", "--hugepages=1")
    assert run is None or run["pages"] == "2 MiB", run
    assert bench(path, "--paths=pread", "--numa=1023", expect=2).stderr.startswith("penstock: numa: there is no node 1023")
    for options in (["--sqpoll"], ["--batch_submit=4", "--batch_complete=4"], ["--numjobs=2", "--hugepages=0"]):
        run = run_of(path, "--paths=read", "--iodepth=8", *options)
        if run is not None:  # else the file system has no direct I/O
            assert run["status"] == "ok" and run["proof"]["bytes_copied_by_cpu"] == 0, (options, run)
            assert run["job"]["sqpoll"] == ("--sqpoll" in options)


def check_a_pattern(where):
    path = os.path.join(where, "pattern")
    with open(path, "wb") as file:
        file.write(b"penstock" * (1 << 17))
    words = [path, "--paths=pread", "--device=cpu", "--op=verify", "--output-format=json", *SHORT]
    run = json.loads(bench(*words, "--pattern=penstock").stdout)["run"][0]
    assert run["proof"]["verified_bytes"] == run["proof"]["all_bytes"] > 0, run
    # Of the whole file at once: the first of several that are no pattern need not be the first to be told.
    run = json.loads(bench(*words, "--pattern=penstocks", "--bs=1m", expect=1).stdout)["run"][0]
    assert run["status"] == "failed" and "is not the pattern at byte 8" in run["error"]["cause"], run


def check_steady_state(where):
    # A schedule makes the rate as steady as can be, whatever else the machine does; it is looked at for ten seconds.
    done = bench(file_in(where), "--paths=pread", "--rate_iops=100", "--steadystate=99%", "--runtime=60", "--ramp_time=0",
                 "--output-format=json")
    run = json.loads(done.stdout)["run"][0]
    assert run["status"] == "ok" and run["seconds"] >= 10, run
    assert run["steady"] == (run["seconds"] < 60), run


def check_results_that_cannot_be_written(where):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([penstock.path, "bench", file_in(where), "--paths=pread", *SHORT], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1 and "cannot write the results" in done.stderr and "make room" in done.stderr, done


def check_a_port_that_is_taken(where):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = bench(file_in(where), "--paths=pread", f"--metrics=127.0.0.1:{port}", expect=2)
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr and "another port, or a file" in done.stderr, done.stderr


def check_job_file(where):
    job = os.path.join(where, "jobs.fio")
    with open(job, "w", encoding="utf-8") as file:
        file.write(f"[global]\nfilename={file_in(where)}\nruntime=200ms\nramp_time=0\npaths=pread\n[first]\nbs=4k\n"
                   "[second]\nbs=16k\nrw=randread\n")
    runs = json.loads(bench(job, "--output-format=json").stdout)["run"]
    assert [run["job"]["name"] for run in runs] == ["first", "second"] and runs[1]["job"]["bs_min_bytes"] == 16384
    runs = json.loads(bench(f"--jobfile={job}", f"--filename={file_in(where)}", "--output-format=json").stdout)["run"]
    assert len(runs) == 2
    assert "cannot be read" in bench("/nowhere.fio", expect=2).stderr


def check_refusals_before_anything_runs(where):
    path = file_in(where)
    for options, words in ((["--bs=0"], "bs"), (["--iodepth=0"], "iodepth"), (["--paths=nvme"], "no NVMe namespace"),
                           (["--op=crc32c"], "device"), (["--size=1T"], "size"), (["--cpus=4000"], "cpus"),
                           (["--nonsense=1"], "nonsense"), (["--output=/nowhere/x"], "/nowhere/x"),
                           (["--steadystate=5%"], "steadystate"), (["--metrics=/nowhere/x"], "/nowhere/x")):
        done = bench(path, *options, expect=2)
        assert words in done.stderr and "Fix:" in done.stderr and done.stdout == "", (options, done.stderr)


def check_what_only_a_path_cannot_do_is_reported(where):
    path = file_in(where)
    runs = json.loads(bench(path, "--bs=4097", "--output-format=json", *SHORT).stdout)["run"]
    assert {run["job"]["path"]: run["status"] for run in runs} == {"bar": "refused", "nvme": "refused", "read": "refused",
                                                                 "pread": "ok"}, runs
    assert "Fix:" in bench(path, "--bs=4097", "--paths=read,pread", expect=2).stderr
    done = bench(path, "--bs=4097", "--sqpoll", expect=2)
    assert "no path can be used (bar: " in done.stderr and "; pread: " in done.stderr and done.stdout == "", done


def begin(*arguments, ignored=None):
    """A run in the background that takes every signal, whatever this process ignores, but for one."""
    def set_signals():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)
    return subprocess.Popen([penstock.path, "bench", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=set_signals)


def check_signals_that_end_it(where):
    path = file_in(where)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = begin(path, "--paths=pread", "--iodepth=1,2", "--runtime=60", "--ramp_time=0", "--output-format=json")
        time.sleep(2)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130, (number, process.returncode, err)
        report = json.loads(out)
        assert report["partial"] and len(report["run"]) == 1 and report["run"][0]["status"] == "partial", report["run"]
        assert report["run"][0]["reads"] > 0 and report["run"][0]["seconds"] < 30


def check_a_signal_that_was_ignored(where):
    process = begin(file_in(where), "--paths=pread", "--runtime=3", "--ramp_time=0", "--output-format=json",
                    ignored=signal.SIGHUP)
    time.sleep(1)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and not json.loads(out)["partial"], (process.returncode, err)


def check_the_live_line_fits_the_terminal(where):
    path = file_in(where)
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = subprocess.Popen([penstock.path, "bench", path, "--paths=pread", "--bs=4k-64k", "--runtime=1", "--ramp_time=0"],
                               stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    said = b""
    try:
        while part := os.read(leader, 4096):
            said += part
    except OSError:  # the terminal's other end is closed
        pass
    os.close(leader)
    assert process.wait(timeout=60) == 0
    lines = [line for line in said.decode().replace("\x1b[K", "").split("\r") if line]
    assert lines and max(map(len, lines)) == 40, lines


def check_metrics(where):
    metrics = fresh(where, "bench.prom")
    process = begin(file_in(where), "--paths=pread", "--runtime=60", "--ramp_time=1", f"--metrics={metrics}")
    seen = set()
    for _ in range(200):
        if len(seen) == 2:
            break
        time.sleep(0.1)
        if os.path.exists(metrics):
            with open(metrics, encoding="utf-8") as file:
                seen.add("penstock_bench_reads_per_second{" in file.read())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and seen == {False, True}, (process.returncode, err, seen)
    with open(metrics, encoding="utf-8") as file:
        text = file.read()
    assert "penstock_bench_left_seconds{" in text and "reads_per_second" not in text, text


def check_metrics_replace_nothing_else(where):
    path = file_in(where)
    with open(path, "rb") as file:
        before = file.read()
    for name in (path, "/dev/null"):
        assert "it would be lost" in bench(path, "--paths=pread", f"--metrics={name}", *SHORT, expect=2).stderr
    with open(path, "rb") as file:
        assert file.read() == before
    result = fresh(where, "both")
    done = bench(path, "--paths=pread", f"--output={result}", f"--metrics={result}", *SHORT, expect=2)
    assert "one file" in done.stderr and not os.path.exists(result), done.stderr


def check_a_run_without_a_read_is_none(where):
    path = file_in(where, mib=64)
    done = bench(path, "--paths=pread", "--bs=64M", "--runtime=1ms", "--ramp_time=0", "--output-format=json", expect=1)
    run = json.loads(done.stdout)["run"][0]
    assert run["status"] == "failed" and run["reads"] == 0 and "no read ended" in run["error"]["cause"], run


for test in (check_result_file, check_nothing_is_overwritten, check_csv_and_table, check_every_way_to_read, check_job_file,
             check_refusals_before_anything_runs, check_what_only_a_path_cannot_do_is_reported, check_signals_that_end_it,
             check_a_signal_that_was_ignored, check_metrics, check_metrics_replace_nothing_else,
             check_a_run_without_a_read_is_none, check_the_live_line_fits_the_terminal, check_what_this_machine_may_lack,
             check_a_pattern, check_steady_state, check_results_that_cannot_be_written, check_a_port_that_is_taken):
    with pc.directory() as directory:
        test(directory)
print("measured as documented")
