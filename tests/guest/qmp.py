# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QEMU's monitor, as far as a guest's tests need it: one command, one answer."""

import json
import socket


class Monitor:
    def __init__(self, path, timeout_s=10):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self._lines.readline()  # the greeting
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        """None, or what QEMU says was wrong."""
        self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._lines.flush()
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                return answer["error"]["desc"]
            if "return" in answer:
                return None
        return "the monitor has gone"

    def close(self):
        self._lines.close()
        self._socket.close()


def parse(text):
    """("device_del", {"id": "nvme1"}) of "device_del id=nvme1"; whole numbers become numbers."""
    command, *pairs = text.split()
    arguments = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        arguments[key] = int(value) if value.lstrip("-").isdigit() else value
    return command, arguments
