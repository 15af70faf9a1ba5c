# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Disk images whose every byte is known to the tests in the guest, which compute it anew (disk_bytes.h has the same rule).

A disk is units of 4096 bytes. Unit u of the disk with seed s begins with the word h = Mix(s * 2^32 + u), little endian; behind
it are the 4088 bytes of a table that begin at byte h mod (131072 - 4088). Word n of the table is Mix(n).
"""

import struct
import subprocess
import zlib

from unavailable import program

UNIT_BYTES = 4096
TABLE_WORDS = 16384
REST_BYTES = UNIT_BYTES - 8
MEBIBYTE = 1 << 20
_ALL = (1 << 64) - 1


def mix(word):
    """The output function of SplitMix64, one step after the state `word`."""
    word = (word + 0x9E3779B97F4A7C15) & _ALL
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _ALL
    return word ^ (word >> 31)


TABLE = b"".join(struct.pack("<Q", mix(n)) for n in range(TABLE_WORDS))


def seed_of(name):
    return zlib.crc32(name.encode())


def unit(seed, number):
    word = mix((seed << 32) + number)
    begin = word % (len(TABLE) - REST_BYTES)
    return struct.pack("<Q", word) + TABLE[begin:begin + REST_BYTES]


def rewritten_seed(name):
    """Of what cases in the guest write on the disk of that name."""
    return seed_of(name + "/rewritten")


def first_difference(path, seed_at, data_bytes):
    """The first byte of an image that is not the rule's; None if every one is. `seed_at(offset)`: the seed of the unit there."""
    with open(path, "rb") as file:
        for number in range(-(-data_bytes // UNIT_BYTES)):
            expected = unit(seed_at(number * UNIT_BYTES), number)[:data_bytes - number * UNIT_BYTES]
            seen = file.read(len(expected))
            if seen != expected:
                return number * UNIT_BYTES + next((at for at, (a, b) in enumerate(zip(expected, seen)) if a != b), len(seen))
    return None


def write(path, seed, data_bytes, image_bytes):
    """Writes an image: `data_bytes` as above, then a hole (a namespace's metadata lies there). Returns the data's CRC-32C, as
    rhash says it: 8 hex digits."""
    with open(path, "wb") as file:
        for number in range(-(-data_bytes // UNIT_BYTES)):
            file.write(unit(seed, number))
        file.truncate(data_bytes)
    done = subprocess.run([program("rhash", "run scripts/setup test"), "--printf=%{crc32c}", path], capture_output=True,
                          text=True, check=True)
    with open(path, "r+b") as file:
        file.truncate(image_bytes)
    return done.stdout.strip()
