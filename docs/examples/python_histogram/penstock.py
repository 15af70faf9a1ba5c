# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of include/penstock/penstock.h that the example needs, through ctypes: no compiler, nothing to install."""
import ctypes
import os

HISTOGRAM = 1  # penstock_operation
NOT_FOUND = 5  # penstock_code
BINS = 256


class SourceResult(ctypes.Structure):
    """penstock_source_result."""
    _fields_ = [("size", ctypes.c_size_t), ("code", ctypes.c_int32), ("crc32c", ctypes.c_uint32), ("bytes", ctypes.c_uint64),
                ("matches", ctypes.c_uint64), ("first_difference", ctypes.c_uint64), ("name", ctypes.c_char_p),
                ("path", ctypes.c_char_p), ("cause", ctypes.c_char_p), ("remedy", ctypes.c_char_p),
                ("histogram", ctypes.POINTER(ctypes.c_uint64))]


class Error(Exception):
    """What failed, and what to do about it."""

    def __init__(self, code, cause, remedy):
        super().__init__(f"{cause}. Fix: {remedy}.")
        self.code, self.cause, self.remedy = code, cause, remedy


class Library:
    def __init__(self, path=None):
        name = path or os.environ.get("PENSTOCK_LIBRARY", "libpenstock_c.so.0")
        try:
            self._c = ctypes.CDLL(name)
        except OSError as error:
            raise Error(NOT_FOUND, str(error), "install libpenstock-c0, or name its library in PENSTOCK_LIBRARY") from error
        handle = ctypes.c_void_p
        for name, result, arguments in (
                ("penstock_version", ctypes.c_char_p, []),
                ("penstock_error_cause", ctypes.c_char_p, [handle]),
                ("penstock_error_remedy", ctypes.c_char_p, [handle]),
                ("penstock_error_free", None, [handle]),
                ("penstock_device_open", ctypes.c_int, [ctypes.c_char_p, handle, handle, handle]),
                ("penstock_device_close", None, [handle]),
                ("penstock_ingest", ctypes.c_int, [handle, handle, ctypes.c_size_t, ctypes.c_int, handle, handle, handle]),
                ("penstock_result_source", ctypes.c_int, [handle, ctypes.c_size_t, handle, handle]),
                ("penstock_result_free", None, [handle])):
            function = getattr(self._c, name)
            function.restype, function.argtypes = result, arguments

    def version(self):
        return self._c.penstock_version().decode()

    def _call(self, function, *arguments):
        """Calls it with an error to be filled in, and raises that."""
        error = ctypes.c_void_p()
        code = function(*arguments, ctypes.byref(error))
        if code == 0:
            return
        # Decoded as Python decodes names of files, of which not each is UTF-8.
        cause, remedy = os.fsdecode(self._c.penstock_error_cause(error)), os.fsdecode(self._c.penstock_error_remedy(error))
        self._c.penstock_error_free(error)
        raise Error(code, cause, remedy)

    def histogram(self, path, device="auto"):
        """How often each byte value occurs in a file, block device or NVMe namespace, and which way the bytes came."""
        opened, result, source = ctypes.c_void_p(), ctypes.c_void_p(), SourceResult(size=ctypes.sizeof(SourceResult))
        sources = (ctypes.c_char_p * 1)(os.fsencode(path))
        self._call(self._c.penstock_device_open, os.fsencode(device), None, ctypes.byref(opened))
        try:
            self._call(self._c.penstock_ingest, opened, sources, 1, HISTOGRAM, None, ctypes.byref(result))
            self._call(self._c.penstock_result_source, result, 0, ctypes.byref(source))
            return source.histogram[:BINS], source.path.decode()
        finally:
            self._c.penstock_result_free(result)
            self._c.penstock_device_close(opened)
