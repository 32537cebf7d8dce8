#!/usr/bin/env python3
"""Measure how Enamel, restic and borg forget snapshots and free their space.

A folder of --files files changes a little before every snapshot: some files get new contents, so that packs become sparse. After
--snapshots of them each tool keeps the last --keep, frees the space of the others, and checks what is left. The tools take turns
for each snapshot. The result, in seconds and MB, is a table in Markdown on standard output.

example:
  history.py --work /var/tmp --enamel target/dist/enamel --snapshots 1000
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Tool:
    """A tool, its repository, and the commands for it."""

    def __init__(self, name, folder, commands, environment):
        self.name, self.commands = name, commands
        self.repository = folder / name
        self.environment = {**os.environ, "HOME": str(folder), **environment}
        self.run("init")

    def run(self, command, **words):
        words = {"repository": self.repository, **words}
        for line in self.commands[command]:
            done = subprocess.run([part.format(**words) for part in line], env=self.environment, capture_output=True)
            if done.returncode != 0:
                sys.stderr.buffer.write(done.stderr)
                sys.exit(f"{self.name}: {command} failed")

    def timed(self, command, **words):
        start = time.monotonic()
        self.run(command, **words)
        return time.monotonic() - start

    def size(self):
        return sum(path.stat().st_size for path in self.repository.rglob("*") if path.is_file()) / 1e6


def tools(options, folder):
    enamel = [str(options.enamel), "--repo", "{repository}", "--key-file", str(folder / "key"), "--no-progress", "--quiet"]
    all_tools = {
        "enamel": ({
            "init": [[*enamel, "init"]],
            "save": [[*enamel, "backup", "{source}"]],
            "forget": [[*enamel, "forget", "--keep-last", "{keep}"]],
            "prune": [[*enamel, "prune"]],
            "check": [[*enamel, "verify"]],
        }, {"ENAMEL_CACHE_DIR": str(folder / "enamel-cache")}),
        "restic": ({
            "init": [["restic", "-r", "{repository}", "init"]],
            "save": [["restic", "-r", "{repository}", "backup", "-q", "{source}"]],
            "forget": [["restic", "-r", "{repository}", "forget", "-q", "--keep-last", "{keep}"]],
            "prune": [["restic", "-r", "{repository}", "prune", "-q"]],
            "check": [["restic", "-r", "{repository}", "check", "-q"]],
        }, {"RESTIC_PASSWORD": "x"}),
        "borg": ({
            "init": [["borg", "init", "-e", "repokey-blake2", "{repository}"]],
            "save": [["borg", "create", "-C", "zstd,3", "{repository}::{number}", "{source}"]],
            "forget": [["borg", "prune", "--keep-last", "{keep}", "{repository}"]],
            "prune": [["borg", "compact", "{repository}"]],
            "check": [["borg", "check", "--repository-only", "{repository}"]],
        }, {"BORG_PASSPHRASE": "x"}),
    }
    found = [name for name in all_tools if name == "enamel" or shutil.which(name)]
    return [Tool(name, folder, *all_tools[name]) for name in found]


def change(source, numbers, files, count):
    for file in numbers.sample(range(files), count):
        (source / f"file {file}").write_bytes(numbers.randbytes(200_000))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enamel", type=Path, required=True)
    parser.add_argument("--snapshots", type=int, default=1000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--keep", type=int, default=20)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=options.work))
    source = folder / "source"
    source.mkdir()
    numbers = random.Random(1)
    try:
        change(source, numbers, options.files, options.files)
        rivals = tools(options, folder)
        rows = {tool.name: {"snapshots": 0.0} for tool in rivals}
        for number in range(options.snapshots):
            for tool in rivals:
                rows[tool.name]["snapshots"] += tool.timed("save", source=source, number=number)
            change(source, numbers, options.files, 3)
        for tool in rivals:
            row = rows[tool.name]
            row["MB before"] = tool.size()
            row["forget"] = tool.timed("forget", keep=options.keep)
            row["prune"] = tool.timed("prune")
            row["MB after"] = tool.size()
            tool.run("check")
        columns = ["snapshots", "MB before", "forget", "prune", "MB after"]
        print("| tool | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
        for name, row in rows.items():
            print(f"| {name} | " + " | ".join(f"{row[column]:.1f}" for column in columns) + " |")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
