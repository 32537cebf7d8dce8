#!/usr/bin/env python3
"""Measure Enamel against mariadb-dump, mydumper and myloader on a live MariaDB server, in one run.

A private server is started, and the practice of corpus/practice.sql loaded into it, once as it is (mostly InnoDB) and once with
every table as MyISAM. The tools take turns, so that a machine that gets slower or faster hits all of them alike. The result is a
table in Markdown on standard output, medians of --runs rounds; progress goes to standard error.

  writer-wait   the longest that a statement of one of five clients took while the backup ran: single rows of procedurelog,
                claimproc, appointment and patient changed, one of securitylog added
  hour-growth   what a backup adds to the repository after corpus/hour.sql

A command that fails ends the run with exit status 1.

example:
  live.py --work /var/tmp --enamel target/release/enamel
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVER = [
    "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", "--innodb-flush-log-at-trx-commit=2", "--key-buffer-size=256M",
    "--skip-name-resolve", "--innodb-flush-method=O_DIRECT", "--local-infile=1", "--sql-mode=",
]
# One statement each, with a number below the second to fill in.
WRITERS = [
    ("UPDATE procedurelog SET ProcStatus = ProcStatus %% 6 + 1 WHERE ProcNum = %d", 2_000_000),
    ("UPDATE claimproc SET Status = Status %% 6 + 1 WHERE ClaimProcNum = %d", 1_500_000),
    ("UPDATE appointment SET AptStatus = AptStatus %% 6 + 1 WHERE AptNum = %d", 500_000),
    ("UPDATE patient SET EstBalance = EstBalance + 1 WHERE PatNum = %d", 40_000),
    ("INSERT INTO securitylog (PermType, UserNum, LogDateTime, LogText, PatNum) VALUES (3, 2, NOW(), 'x', %d)", 40_000),
]


class Server:
    """A server of this run's own."""

    def __init__(self, folder):
        self.socket = folder / "socket"
        data = folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *user]
        run(install)
        command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", "--skip-networking", *user, *SERVER]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if subprocess.run(self.client("-e", "SELECT 1"), capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("the server does not start")

    def client(self, *arguments):
        return ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", *arguments]

    def sql(self, text):
        return run(self.client("-N", "-e", text)).stdout.decode()

    def script(self, path, schema=None):
        text = path.read_text()
        if schema:
            text = text.replace("use opendental", f"use {schema}")
        run(self.client(), stdin=text.encode())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(command, stdin=None, fine=(0,)):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True)
    if done.returncode not in fine:
        sys.stderr.buffer.write(done.stderr)
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return done


def timed(command, fine=(0,)):
    start = time.monotonic()
    run(command, fine=fine)
    return time.monotonic() - start


class Writers:
    """Clients that change single rows, and how long each statement took at most."""

    def __init__(self, server, schema):
        self.stopping = threading.Event()
        self.longest = 0.0
        self.threads = [threading.Thread(target=self.work, args=(server, schema, *writer)) for writer in WRITERS]
        for thread in self.threads:
            thread.start()

    def work(self, server, schema, statement, rows):
        numbers = random.Random(statement)
        client = subprocess.Popen(server.client("-N", "-n", schema), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while not self.stopping.is_set():
            start = time.monotonic()
            client.stdin.write((statement % numbers.randrange(1, rows) + "; SELECT 1;\n").encode())
            client.stdin.flush()
            client.stdout.readline()
            self.longest = max(self.longest, time.monotonic() - start)
            time.sleep(0.01)
        client.stdin.close()
        client.wait()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self.longest


class Enamel:
    """The program, with a repository below `folder`."""

    def __init__(self, program, server, folder):
        self.program, self.repository, self.key, self.cache = program, folder / "repository", folder / "key", folder / "cache"
        self.url = f"mysql://root@localhost/?socket={server.socket}"

    def run(self, *arguments, fine=(0,)):
        """Seconds that it took."""
        repository = ["--repo", self.repository, "--key-file", self.key, "--cache-dir", self.cache]
        return timed([self.program, *arguments, *repository, "--no-progress", "--quiet"], fine=fine)


class Tools:
    """What each tool does with a schema of the server."""

    def __init__(self, options, server, folder):
        self.server, self.folder, self.enamel = server, folder, Enamel(options.enamel, server, folder)

    def dump(self, schema):
        arguments = ["--no-defaults", f"--socket={self.server.socket}", "--user=root", "--single-transaction", schema]
        return timed(["mariadb-dump", *arguments, f"--result-file={self.folder / 'dump.sql'}"])

    def mydumper(self, schema, *more):
        target = self.folder / "mydumper"
        shutil.rmtree(target, ignore_errors=True)
        return timed(["mydumper", "-S", self.server.socket, "-u", "root", "-B", schema, "-t", "2", "-o", target, *more])

    def new_repository(self):
        for path in [self.enamel.repository, self.enamel.cache]:
            shutil.rmtree(path, ignore_errors=True)
        self.enamel.key.unlink(missing_ok=True)
        self.enamel.run("init")

    def backup(self, schema):
        # 3: tables that others waited for are saved as they were a little later, and named.
        return self.enamel.run("backup", "--database", self.enamel.url, "--schema", schema, fine=(0, 3))

    def restore(self, schema):
        return self.enamel.run("restore", "latest", "--to-database", self.enamel.url, "--schema", f"{schema}=again")

    def size(self):
        return sum(path.stat().st_size for path in self.enamel.repository.rglob("*") if path.is_file())


def measure(tools, server, schema, runs):
    """Seconds (or megabytes) by row and tool."""
    rows = {}

    def note(row, tool, value):
        print(f"{schema} {row} {tool}: {value:.2f}", file=sys.stderr)
        rows.setdefault(row, {}).setdefault(tool, []).append(value)

    for _ in range(runs):
        note("backup", "mariadb-dump", tools.dump(schema))
        note("backup", "mydumper", tools.mydumper(schema))
        note("backup", "mydumper compressed", tools.mydumper(schema, "-c"))
        tools.new_repository()
        note("backup", "enamel", tools.backup(schema))
        note("size", "enamel", tools.size() / 1e6)
        note("backup again", "enamel", tools.backup(schema))
        for tool, work in [
            ("mariadb-dump", lambda: tools.dump(schema)),
            ("mydumper", lambda: tools.mydumper(schema)),
            ("enamel", lambda: tools.backup(schema)),
        ]:
            writers = Writers(server, schema)
            work()
            note("writer-wait", tool, writers.stop())
        tools.backup(schema)
        before = tools.size()
        server.script(HERE / "corpus" / "hour.sql", schema)
        note("backup after an hour", "enamel", tools.backup(schema))
        note("hour-growth", "enamel", (tools.size() - before) / 1e6)
    tools.dump(schema)
    tools.mydumper(schema)
    for tool, work in [
        ("enamel", lambda: tools.restore(schema)),
        ("myloader", lambda: timed(["myloader", "-S", server.socket, "-u", "root", "-t", "2", "-B", "again", "-d", tools.folder / "mydumper"])),
        ("mariadb", lambda: timed(["sh", "-c", f"mariadb --no-defaults -S '{server.socket}' -u root again < '{tools.folder / 'dump.sql'}'"])),
    ]:
        if tool == "mariadb":
            server.sql("CREATE DATABASE again")
        note("restore", tool, work())
        server.sql("DROP DATABASE again")
    return rows


def print_table(title, rows):
    print(f"\n{title}\n\n| work | tool | median | runs |\n| --- | --- | --- | --- |")
    for row, tools in rows.items():
        unit = "MB" if row in ("size", "hour-growth") else "s"
        for tool, values in tools.items():
            shown = ", ".join(f"{value:.2f}" for value in values)
            print(f"| {row} | {tool} | {statistics.median(values):.2f} {unit} | {shown} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything; some 12 GB are needed")
    parser.add_argument("--enamel", type=Path, required=True, help="the program")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", default="InnoDB,MyISAM")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="live-", dir=options.work))
    server = Server(folder)
    try:
        server.script(HERE / "corpus" / "practice.sql")
        tools = Tools(options, server, folder)
        if "InnoDB" in options.engines:
            print_table("As InnoDB", measure(tools, server, "opendental", options.runs))
        if "MyISAM" in options.engines:
            server.sql("CREATE DATABASE practice_myisam CHARACTER SET utf8mb3")
            for table in server.sql("SHOW TABLES FROM opendental").split():
                name = f"practice_myisam.{table}"
                server.sql(f"CREATE TABLE {name} LIKE opendental.{table}; ALTER TABLE {name} ENGINE=MyISAM; INSERT INTO {name} SELECT * FROM opendental.{table}")
            print_table("As MyISAM", measure(tools, server, "practice_myisam", options.runs))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
