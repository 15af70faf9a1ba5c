# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running programs with a time limit, and what a report says of the machine."""

import os
import platform
import re
import shutil
import signal
import subprocess
import time


class Failure(Exception):
    """What went wrong, and what to do about it."""


def call(command, timeout=None, environment=None, check=True):
    """Runs a command; returns the finished process, its output in it. A failure says what the command printed last."""
    # A session of its own, so that what it has started ends with it: a test that hangs would keep the GPU.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          env={**os.environ, **(environment or {})}) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            raise Failure(f"'{' '.join(command)}' has not ended after {timeout:.0f} s. Fix: run it by hand.\n"
                          f"{stdout[-2000:]}{stderr[-2000:]}") from expired
    if check and process.returncode != 0:
        raise Failure(f"'{' '.join(command)}' ended with {process.returncode}. Fix: see what it printed.\n"
                      f"{stdout[-3000:]}{stderr[-3000:]}")
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip().split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return None


def read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def nvidia_facts():
    names = ("name", "driver_version", "pcie.link.gen.current", "pcie.link.gen.max", "pcie.link.width.current",
             "clocks.max.sm", "persistence_mode")
    line = first_line("nvidia-smi", "-i", "0", f"--query-gpu={','.join(names)}", "--format=csv,noheader")
    return dict(zip(names, line.split(", "))) if line else None


def compiler_line(nvcc):
    """nvcc's version is in its last lines."""
    match = re.search(r"release .*", subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=False).stdout)
    return f"nvcc {match[0]}" if match else nvcc


def facts():
    model = re.search(r"model name\s*: (.*)", read_text("/proc/cpuinfo"))
    nvcc = find_nvcc()
    return {"date": time.strftime("%Y-%m-%d %H:%M:%S %Z"), "kernel": f"{platform.system()} {platform.release()}",
            "processor": model[1] if model else platform.processor(), "processors": os.cpu_count(),
            "compiler": compiler_line(nvcc) if nvcc else first_line("hipcc", "--version"),
            "host_compiler": first_line("c++", "--version"), "nvidia": nvidia_facts(),
            "amd": first_line("rocm-smi", "--showproductname")}


def find_nvcc():
    return shutil.which("nvcc", path=f"{os.environ.get('PATH', '')}:/usr/local/cuda/bin")


def find_platform():
    """The make of the GPU that there is a compiler for."""
    if find_nvcc():
        return "nvidia"
    if shutil.which("hipcc", path=f"{os.environ.get('PATH', '')}:/opt/rocm/bin"):
        return "amd"
    raise Failure("neither nvcc nor hipcc was found. Fix: put one of them on PATH, or name --platform=nvidia or amd.")
