#!/usr/bin/env python3
"""Measure Enamel against restic, borg, rustic and bupstash, in one run.

Every tool has one encrypted repository on the same disk and does the same work. The tools take
turns row by row (all do images-first, then all do images-again, ...), so that a machine that gets
slower or faster hits all of them alike. The result is a table in Markdown on standard output;
progress goes to standard error.

A tool is used when its program is on PATH, or named with --program; a missing one is named and its
column left out. A command that fails shows as "failed", its messages go to standard error, and the
exit status is 1. Restored files are compared with the originals, byte for byte (not timed).

examples:
  # everything
  compare.py --images D/images --dump D/db-first.sql --dump-later D/db-hour.sql --small D/small \\
      --work /var/tmp --program enamel=target/dist/enamel

  # only the images, the median of three runs, against restic and borg alone
  compare.py --images D/images --work /var/tmp --rows images-first,images-again --runs 3 \\
      --tools restic,borg,enamel

  # the images, this build beside an earlier one
  compare.py --images D/images --work /var/tmp --runs 5 --tools enamel-before,enamel \\
      --program enamel-before=/tmp/enamel-before --program enamel=target/dist/enamel

rows:
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# One entry a row: name, the rows that must have run before it, what it is.
ROWS = [
    ("images-first", [], "first backup of --images"),
    ("images-again", ["images-first"], "the same right after it: nothing has changed"),
    ("restore-images", ["images-first"], "all of --images into an empty folder"),
    ("db-first", [], "first backup of --dump, as a file"),
    ("db-hour", ["db-first"], "backup of --dump-later, at the same path"),
    ("db-hour-growth", ["db-hour"], "how much db-hour added to the repository"),
    ("restore-dump", ["db-hour"], "--dump-later into an empty folder"),
    ("small-first", [], "first backup of --small"),
    ("small-again", ["small-first"], "the same right after it: nothing has changed"),
    ("restore-small", ["small-first"], "all of --small into an empty folder"),
    ("verify", [], "check of the repository, all data read"),
    ("memory", [], "most memory any one of the tool's commands took, in the rows that ran"),
]
# A tool that a row needs: an option, and its name among the parsed options.
DATA = {
    "images-first": ("--images", "images"),
    "db-first": ("--dump", "dump"),
    "db-hour": ("--dump-later", "dump_later"),
    "small-first": ("--small", "small"),
}
UNITS = {"db-hour-growth": "MB", "memory": "MB"}  # all others: seconds
MEGABYTE = 1e6
PASSWORD = "measuring, not secret"


class Failed(Exception):
    """A tool's command failed, or what it restored is not what was backed up."""


class Tool:
    """One tool and one repository. A subclass says which commands it takes."""

    name = ""
    version_arguments = ["--version"]
    can_verify = True

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder  # everything of this tool: repository, caches, keys
        self.repository = folder / "repository"
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True)
        self.peak = 0  # bytes
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_CONFIG_HOME": str(folder / "config"),
            **self.settings(),
        }

    def settings(self):
        """The tool's own environment variables."""
        return {}

    def init(self):
        """Make the repository."""
        raise NotImplementedError

    def backup(self, path):
        """Back up a folder."""
        raise NotImplementedError

    def verify(self):
        """Check the repository, reading all data."""
        raise NotImplementedError

    def restore(self, target):
        """Restore the newest backup into an empty folder."""
        raise NotImplementedError

    def run(self, *arguments, cwd=None):
        """Run the program; return its standard output. Counts towards the tool's memory."""
        command = [str(self.program), *map(str, arguments)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self.environment, cwd=cwd
            )
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:
                child.send_signal(signal.SIGTERM)
                child.wait()
                raise
            child.returncode = os.waitstatus_to_exitcode(status)
            self.peak = max(self.peak, usage.ru_maxrss * 1024)
            out.seek(0)
            err.seek(0)
            if child.returncode != 0:
                said = err.read().decode(errors="replace") or out.read().decode(errors="replace")
                raise Failed(f"{' '.join(command)}\nexit status {child.returncode}\n{said.strip()}")
            return out.read().decode(errors="replace").strip()

    def repository_size(self):
        """Bytes in the repository's files."""
        return sum(entry.stat().st_size for entry in files_below(self.repository))


class Restic(Tool):
    """Defaults: encrypted, zstd."""

    name = "restic"
    version_arguments = ["version"]

    def settings(self):
        return {
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": str(self.cache),
        }

    def init(self):
        self.run("init", "--quiet")

    def backup(self, path):
        self.run("backup", "--quiet", path)

    def verify(self):
        self.run("check", "--quiet", "--read-data")

    def restore(self, target):
        self.run("restore", "--quiet", "latest", "--target", target)


class Borg(Tool):
    """repokey-blake2 and zstd,3."""

    name = "borg"
    archives = 0

    def settings(self):
        return {
            "BORG_REPO": str(self.repository),
            "BORG_PASSPHRASE": PASSWORD,
            "BORG_BASE_DIR": str(self.cache),
        }

    def init(self):
        self.run("init", "--encryption", "repokey-blake2")

    def backup(self, path):
        self.archives += 1
        self.run("create", "--compression", "zstd,3", f"::{self.archives}", path)

    def verify(self):
        self.run("check", "--verify-data")

    def restore(self, target):
        self.run("extract", f"::{self.archives}", cwd=target)


class Rustic(Tool):
    """Defaults: encrypted, zstd."""

    name = "rustic"

    def settings(self):
        return {
            "RUSTIC_REPOSITORY": str(self.repository),
            "RUSTIC_PASSWORD": PASSWORD,
            "RUSTIC_CACHE_DIR": str(self.cache),
            "RUSTIC_NO_PROGRESS": "true",
        }

    def init(self):
        self.run("init")

    def backup(self, path):
        self.run("backup", path)

    def verify(self):
        self.run("check", "--read-data")

    def restore(self, target):
        self.run("restore", "latest", target)


class Bupstash(Tool):
    """zstd:3 and a key file; a send log for each backed up folder, as its manual advises."""

    name = "bupstash"
    can_verify = False
    newest = ""

    def settings(self):
        return {
            "BUPSTASH_REPOSITORY": str(self.repository),
            "BUPSTASH_KEY": str(self.folder / "key"),
            "BUPSTASH_QUERY_CACHE": str(self.cache / "query-cache"),
        }

    def init(self):
        self.run("new-key", "-o", self.folder / "key")
        self.run("init")

    def backup(self, path):
        send_log = self.cache / f"{path.name}.sendlog"
        self.newest = self.run("put", "--quiet", "--compression", "zstd:3", "--send-log", send_log, path)

    def restore(self, target):
        self.run("restore", "--quiet", "--into", target, f"id={self.newest}")


class Enamel(Tool):
    """Defaults and a key file."""

    name = "enamel"

    def settings(self):
        return {
            "ENAMEL_REPO": str(self.repository),
            "ENAMEL_KEY_FILE": str(self.folder / "key"),
            "XDG_STATE_HOME": str(self.cache),
        }

    def enamel(self, *arguments):
        """Run it with the options that every command takes."""
        self.run("--no-progress", "--cache-dir", self.cache, *arguments)

    def init(self):
        self.enamel("--repo", self.repository, "init", "--key-file", self.folder / "key")

    def backup(self, path):
        self.enamel("backup", path)

    def verify(self):
        self.enamel("verify", "--read-data")

    def restore(self, target):
        self.enamel("restore", "latest", "--target", target)


class EnamelBefore(Enamel):
    """An earlier build of Enamel, named with --program: shows whether a change made it slower."""

    name = "enamel-before"


TOOLS = [Restic, Borg, Rustic, Bupstash, EnamelBefore, Enamel]


def files_below(folder):
    """Directory entries of all that is not a directory below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path)
            else:
                yield entry


def same_content(one, other):
    """Whether two paths are the same file or the same link."""
    if os.path.islink(one) or os.path.islink(other):
        return os.path.islink(one) and os.path.islink(other) and os.readlink(one) == os.readlink(other)
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            a, b = left.read(1 << 18), right.read(1 << 18)
            if a != b:
                return False
            if not a:
                return True


def check_restored(source, target):
    """Raise Failed unless all of source is below target, and nothing else.

    Tools differ in how much of the original path they put below the target: all of it, or none.
    """
    root = next(r for r in (target / str(source).lstrip("/"), target / source.name, target) if r.is_dir())
    names = {os.path.relpath(entry.path, source) for entry in files_below(source)}
    found = {os.path.relpath(entry.path, root) for entry in files_below(root)}
    if names != found:
        raise Failed(f"restored files: {len(names - found)} missing, {len(found - names)} too many")
    for name in names:
        if not same_content(source / name, root / name):
            raise Failed(f"restored file differs: {name}")


def warm(folder):
    """Read all files once, so that no tool pays for the disk on behalf of those after it."""
    for entry in files_below(folder):
        if entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


def discard(folder):
    """Give back a folder's disk space without deleting any file in it.

    For some minutes after many files were deleted, ext4 takes twenty times as long to create new ones: it
    looks at all the inodes freed of late, and passes over them. A tool must not pay for what its
    predecessor restored, so nothing is deleted before all is measured.
    """
    for entry in files_below(folder):
        if entry.is_file(follow_symlinks=False):
            os.chmod(entry.path, 0o600)
            os.truncate(entry.path, 0)


def remove(folder):
    """Remove a folder, also when restored folders in it are read-only."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)
    shutil.rmtree(folder)


class Round:
    """One run: every tool with a new repository, through all the rows."""

    def __init__(self, options, rows, programs, folder, number):
        self.options = options
        self.rows = rows
        self.folder = folder
        self.failures = []
        self.measured = {}  # (row, tool's name): seconds or bytes
        self.dump = folder / "dump"  # the folder that is backed up in the db rows
        self.dump.mkdir()
        turn = number % len(programs)  # not always the same tool first
        order = programs[turn:] + programs[:turn]
        self.tools = [kind(program, folder / kind.name) for kind, program in order]

    def run(self):
        """Go through the rows, each with all tools."""
        for tool in list(self.tools):
            if not self.guarded("init", tool, tool.init):
                self.tools.remove(tool)
                self.failures += [(row, tool.name) for row in self.rows]
        for row in self.rows:
            self.prepare(row)
            for tool in self.tools:
                self.guarded(row, tool, lambda row=row, tool=tool: self.measure(row, tool))

    def prepare(self, row):
        """What a row needs once, for all tools, before the clock runs."""
        dumps = {"db-first": self.options.dump, "db-hour": self.options.dump_later}
        if row in dumps:
            shutil.copyfile(dumps[row], self.dump / "dump.sql")
        if row.endswith("-first") or row == "db-hour":
            warm(self.source(row))

    def source(self, row):
        """The folder a row backs up or restores."""
        if "images" in row:
            return self.options.images
        return self.options.small if "small" in row else self.dump

    def guarded(self, row, tool, work):
        """Do one step of one tool; note when it fails. Returns whether it went well."""
        try:
            work()
        except Failed as failure:
            self.failures.append((row, tool.name))
            print(f"FAILED: {row}, {tool.name}: {failure}", file=sys.stderr)
            return False
        value = self.measured.get((row, tool.name))
        if value is not None:
            print(f"{row}, {tool.name}: {in_units(row, value)}", file=sys.stderr, flush=True)
        return True

    def measure(self, row, tool):
        """Take one measurement."""
        key = (row, tool.name)
        if row == "memory":
            self.measured[key] = tool.peak
        elif row == "db-hour-growth":
            self.measured[key] = self.growth(tool)
        elif row.startswith("restore-"):
            self.measured[key] = self.timed_restore(row, tool)
        elif row == "verify":
            if tool.can_verify:
                self.measured[key] = timed(tool.verify)
        elif row == "db-hour":
            before = tool.repository_size()
            self.measured[key] = timed(lambda: tool.backup(self.dump))
            tool.size_before_hour, tool.size_after_hour = before, tool.repository_size()
        else:
            self.measured[key] = timed(lambda: tool.backup(self.source(row)))

    def growth(self, tool):
        """What db-hour added to the repository."""
        if ("db-hour", tool.name) not in self.measured:
            raise Failed("db-hour failed")
        return tool.size_after_hour - tool.size_before_hour

    def timed_restore(self, row, tool):
        """Restore the newest backup, which is of this row's folder: see ROWS' order."""
        target = self.folder / f"restored-{row}-{tool.name}"
        target.mkdir()
        try:
            seconds = timed(lambda: tool.restore(target))
            check_restored(self.source(row), target)
        finally:
            discard(target)
        return seconds


def timed(work):
    """Seconds of wall time. What others left to be written to disk is written before."""
    os.sync()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_units(row, value):
    """A measurement as text, to three digits or so."""
    if row in UNITS:
        value, unit = value / MEGABYTE, UNITS[row]
    else:
        unit = "s"
    digits = 0 if value >= 100 or (unit == "MB" and value >= 10) else 1 if value >= 1 else 2
    return f"{value:.{digits}f} {unit}"


def table(rows, names, rounds):
    """The Markdown table: rows, tools, and the best rival's value as a multiple of Enamel's."""
    failed = {key for one in rounds for key in one.failures}
    lines = [
        "| work | " + " | ".join(names) + " | best rival / enamel |",
        "| --- |" + " --- |" * (len(names) + 1),
    ]
    for row in rows:
        values = {}
        for name in names:
            samples = [one.measured[row, name] for one in rounds if (row, name) in one.measured]
            if samples and (row, name) not in failed:
                values[name] = statistics.median(samples)
        rivals = {name: value for name, value in values.items() if name != "enamel"}
        best = min(rivals, key=rivals.get, default=None)
        cells = []
        for name in names:
            cell = in_units(row, values[name]) if name in values else "failed" if (row, name) in failed else "–"
            cells.append(f"**{cell}**" if name == best else cell)
        ours = values.get("enamel")
        ratio = f"{rivals[best] / ours:.2f}x" if best and ours else "–"
        lines.append(f"| {row} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def needed(chosen):
    """The chosen rows and those that must run before them, in the order of ROWS."""
    before = {name: earlier for name, earlier, _ in ROWS}
    result, waiting = set(), list(chosen)
    while waiting:
        row = waiting.pop()
        if row not in result:
            result.add(row)
            waiting += before[row]
    return [name for name, _, _ in ROWS if name in result]


def choice(known):
    """An argument type: names from a list, with commas between."""

    def parse(text):
        names = [name.strip() for name in text.split(",") if name.strip()]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: not one of {', '.join(known)}")
        return names

    return parse


def folder_argument(text):
    """An argument type: a folder that is there."""
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text}: no such folder")
    return Path(os.path.realpath(text))


def file_argument(text):
    """An argument type: a file that is there."""
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return Path(os.path.realpath(text))


def program_argument(text):
    """An argument type: TOOL=PATH of a program."""
    name, _, path = text.partition("=")
    if name not in [kind.name for kind in TOOLS] or not shutil.which(path):
        raise argparse.ArgumentTypeError(f"{text}: expected TOOL=PATH with the path of a program")
    return name, os.path.abspath(shutil.which(path))


def arguments():
    """Read the command line, and refuse what cannot work."""
    names = [kind.name for kind in TOOLS]
    text = __doc__ + "\n".join(f"  {name:<15} {what}" for name, _, what in ROWS)
    first, _, rest = text.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=folder_argument, metavar="DIR", help="large files that hardly compress")
    parser.add_argument("--dump", type=file_argument, metavar="FILE", help="a database dump")
    parser.add_argument("--dump-later", type=file_argument, metavar="FILE", help="the same, some time later")
    parser.add_argument("--small", type=folder_argument, metavar="DIR", help="many small files")
    parser.add_argument(
        "--work",
        type=folder_argument,
        required=True,
        metavar="DIR",
        help="where repositories, caches and restored files go, in a folder that is removed at the end; "
        "with the data of README.md about 3 GB a tool",
    )
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="show medians of N runs (default: 1)")
    parser.add_argument(
        "--rows",
        type=choice([name for name, _, _ in ROWS]),
        metavar="A,B",
        help="only these rows, and not shown: those they depend on (default: all the data allows)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="do not remove the work folder, only empty its files: deleting many files makes ext4 slow at "
        "creating others for some minutes, which would falsify a run that follows soon",
    )
    parser.add_argument("--tools", type=choice(names), default=names, metavar="A,B", help="only these tools")
    parser.add_argument(
        "--program",
        type=program_argument,
        action="append",
        default=[],
        metavar="TOOL=PATH",
        help="a tool's program, where PATH has not got it (may be given again)",
    )
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs: at least 1")
    missing = {row for row, (_, name) in DATA.items() if not getattr(options, name)}
    possible = [name for name, _, _ in ROWS if not missing.intersection(needed([name]))]
    if not missing.symmetric_difference(DATA):
        parser.error("nothing to measure: give --images, --dump and --dump-later, or --small")
    chosen = possible if options.rows is None else [name for name, _, _ in ROWS if name in options.rows]
    for row in needed(chosen):
        if row in missing:
            parser.error(f"{DATA[row][0]} is needed for {row}")
    options.rows = chosen
    options.steps = needed(chosen)
    if set(chosen) & {"verify", "memory"}:  # of all there is
        options.steps = needed([*chosen, "verify", *(row for row in DATA if row in possible)])
    return options


def find_programs(options):
    """The tools that are there, with their programs; names those that are not."""
    named = dict(options.program)
    programs = []
    for kind in TOOLS:
        if kind.name not in options.tools:
            continue
        program = named.get(kind.name) or shutil.which(kind.name)
        if program:
            programs.append((kind, os.path.abspath(program)))
        else:
            print(f"{kind.name}: not found on PATH; left out", file=sys.stderr)
    return programs


def version(kind, program):
    """What a program says about its version, in one line."""
    said = subprocess.run([program, *kind.version_arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    words = said.stdout.replace(f"{kind.name}-", f"{kind.name} ").split()
    return f"{kind.name} {words[1] if len(words) > 1 else '?'}"


def main():
    """Measure and print. Returns the exit status."""
    options = arguments()
    programs = find_programs(options)
    if not programs:
        print("compare.py: none of the tools is there", file=sys.stderr)
        return 1
    rounds = []
    work = Path(tempfile.mkdtemp(prefix="compare-", dir=options.work))
    try:
        for number in range(options.runs):
            folder = work / str(number + 1)
            folder.mkdir()
            rounds.append(Round(options, options.steps, programs, folder, number))
            rounds[-1].run()
            discard(folder)
    finally:
        if options.keep:
            discard(work)
            print(f"kept, with empty files: {work}", file=sys.stderr)
        else:
            remove(work)
    names = [kind.name for kind, _ in programs]
    runs = "one run" if options.runs == 1 else f"medians of {options.runs} runs"
    print(f"{', '.join(version(*one) for one in programs)}; {os.cpu_count()} cores; {runs}.\n")
    print(table(options.rows, names, rounds))
    return 1 if any(one.failures for one in rounds) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the tool and cleans up
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
