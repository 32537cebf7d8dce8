#!/usr/bin/env python3
"""A second reader of binary logs, written from sections 3 and 11.3 of FORMAT.md alone.

It reads the files of a log's directory, as they are when they are opened and put together, checks everything that the format promises of them, and
prints what it found as JSON. Standard library only. A rule that does not hold ends it with status 1 and a sentence."""

import json
import struct
import sys
import zlib
from pathlib import Path

HEADER = struct.Struct("<IBIIIH")
FORMAT_DESCRIPTION = 15
ROTATE, GTID_LIST = 4, 163
MARIADB_GTID, MYSQL_GTID, MYSQL_ANONYMOUS, MYSQL_TAGGED = 162, 33, 34, 42
BEGINS = {MARIADB_GTID, MYSQL_GTID, MYSQL_ANONYMOUS, MYSQL_TAGGED}
WRAP = 1 << 32


def need(holds, rule):
    if not holds:
        sys.exit(f"FORMAT.md says otherwise: {rule}")


def cbor(data, at=0):
    """The item that begins at `at`, and where it ends."""
    first, at = data[at], at + 1
    kind, short = first >> 5, first & 31
    need(short <= 27 or first in (0xF4, 0xF5, 0xF6), "items have definite lengths")
    if kind == 7:
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    value = int.from_bytes(data[at : at + width], "big") if width else short
    at += width
    if kind == 0:
        return value, at
    if kind == 1:
        return -1 - value, at
    if kind in (2, 3):
        part = data[at : at + value]
        need(len(part) == value, "a text is as long as it says")
        return (part if kind == 2 else part.decode()), at + value
    items = []
    for _ in range(value * (2 if kind == 5 else 1)):
        item, at = cbor(data, at)
        items.append(item)
    if kind == 4:
        return items, at
    need(kind == 5, "only these kinds of items")
    return dict(zip(items[::2], items[1::2])), at


def whole(data):
    item, end = cbor(data)
    need(end == len(data), "a record is one item, and nothing follows")
    return item


def records(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        need(length <= 1 << 20, "a record of a transaction has at most 1 MiB")
        yield whole(data[at + 4 : at + 4 + length])
        at += 4 + length


def has_checksums(event):
    """Whether events of this file have checksums: the byte before the one of the description itself says so."""
    version = event[21:71].split(b"\0")[0].decode()
    numbers = tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in version.split("-")[0].split(".")[:3])
    knows = numbers >= ((5, 3, 0) if "MariaDB" in version else (5, 6, 1))
    return knows and event[-5] == 1


class Part:
    """Events of one file: where each begins, by its place here and in the server's file."""

    def __init__(self, data, file):
        self.skips, self.kinds, self.rows, begin, at = {}, [], 0, None, 0
        checks, end = has_checksums(file[1]), file[2]
        while at < len(data):
            need(len(data) - at >= HEADER.size, "events stand without anything between them")
            _, kind, _, size, stated, flags = HEADER.unpack_from(data, at)
            event = data[at : at + size]
            need(len(event) == size and size >= HEADER.size, "the size in each header tells where the next event begins")
            need(not flags & 0x20, "events that the server makes up for one connection are left out")
            if checks:
                # A file that was in use is marked, and the checksum does not count that.
                counted = event[:17] + bytes([event[17] & ~1]) + event[18:] if kind == FORMAT_DESCRIPTION else event
                need(zlib.crc32(counted[:-4]) == int.from_bytes(event[-4:], "little"), "the checksum fits")
            # Where 0 stands the transaction's last event has the position.
            behind = end + size if stated == 0 else end + size + (stated - end - size) % WRAP
            self.skips[at] = behind - size
            self.kinds.append(kind)
            at, end = at + size, behind
        need(end == file[3] or file[2] == file[3], f"the last event ends at {file[3]}, not {end}")


def main():
    folder = Path(sys.argv[1])
    log = whole((folder / ".log").read_bytes())
    need((6 in log) != (7 in log), "a stream's first log says why it begins, and others which log is before")
    files = log[8]
    parts = {}
    for place, file in enumerate(files):
        path = folder / f"{file[0]}@{file[2]}"
        need(HEADER.unpack_from(file[1])[1] == FORMAT_DESCRIPTION, "a file has its format description")
        if path.exists():
            parts[place] = Part(path.read_bytes(), file)
        else:
            need(file[2] == file[3], "a file whose events are not there has none here")
    need(all(file[4] for file in files[:-1]), "only the last file goes on")
    need({path.name for path in folder.iterdir()} <= {".log", ".transactions"} | {f"{file[0]}@{file[2]}" for file in files}, "nothing else is there")
    transactions = list(records((folder / ".transactions").read_bytes()))
    need(len(transactions) == log[10], "the record says how many transactions there are")
    last = (-1, 0)
    for one in transactions:
        begins = parts[one[0]].skips
        need(one[3] in begins, "bytes before a transaction end where an event does")
        need(begins[one[3]] == one[1], "a transaction begins where its first event does")
        need((one[0], one[1]) >= last and one[2] > one[1], "transactions follow each other")
        last = (one[0], one[2])
    need(files == [] or (log[5][0], log[5][1]) == (files[-1][0], files[-1][3]), "the log ends where its last file does")
    changed = {}
    for table in (table for one in transactions for table in one[8]):
        counts = changed.setdefault(f"{table[0]}.{table[1]}", [0, 0, 0])
        for at in range(3):
            counts[at] += table.get(2 + at, 0)
    result = {
        "identity": log[3],
        "transactions": len(transactions),
        "times_ascend": all(a[4] <= b[4] for a, b in zip(transactions, transactions[1:])),
        "groups": sum(kind in BEGINS for part in parts.values() for kind in part.kinds),
        "gtids": [one.get(7) for one in transactions],
        "changed": changed,
        "statements": [one[9].decode(errors="replace") for one in transactions if one.get(9) is not None],
        "from": log[4][1],
        "to": [log[5][0], log[5][1]],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
