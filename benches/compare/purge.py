#!/usr/bin/env python3
"""Measure what removing old rows costs the people who work meanwhile, beside pt-archiver, on a live MariaDB server, in one run.

A private server is started, and the log of corpus/practice.sql loaded into it: 4 million rows, each with a row of hashes. Half of them are
removed, as InnoDB and as MyISAM, by Enamel (which compares every row with a snapshot first) and by pt-archiver in statements of 1,000 rows
(which compares nothing). Meanwhile four clients add to the log. The result is a table in Markdown on standard output; progress goes to
standard error.

  rows a second    of both tables together, of the whole command
  p99, longest     of the statements of the clients, in milliseconds; `nothing` is without any removal

A command that fails ends the run with exit status 1, and so does a log row without its hash.

example:
  purge.py --work /var/tmp --enamel target/dist/enamel
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from live import HERE, Enamel, Server, run

CLIENTS = 4
ADD = (
    "INSERT INTO securitylog (PermType, UserNum, LogDateTime, LogText, PatNum) VALUES (3, 2, NOW(), 'x', 7); "
    "INSERT INTO securityloghash (SecurityLogNum, LogHash) VALUES (LAST_INSERT_ID(), 'x'); SELECT 1;\n"
)
TABLES = ("securitylog", "securityloghash")


class Clients:
    """Clients that add a row and its hash, and how long each pair of statements took."""

    def __init__(self, server, schema):
        self.stopping = threading.Event()
        self.times = []
        self.threads = [threading.Thread(target=self.work, args=(server, schema)) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def work(self, server, schema):
        client = subprocess.Popen(server.client("-N", "-n", schema), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while not self.stopping.is_set():
            start = time.monotonic()
            client.stdin.write(ADD.encode())
            client.stdin.flush()
            client.stdout.readline()
            self.times.append(time.monotonic() - start)
            time.sleep(0.01)
        client.stdin.close()
        client.wait()

    def stop(self):
        """The time below which 99 of 100 were, and the longest, in milliseconds."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        times = sorted(self.times)
        return times[len(times) * 99 // 100] * 1000, times[-1] * 1000


class Practice:
    """A schema with the log only, and a repository."""

    def __init__(self, options, server, folder, engine):
        self.server, self.folder, self.enamel = server, folder, Enamel(options.enamel, server, folder)
        self.schema = f"log_{engine.lower()}"
        server.sql(f"CREATE DATABASE {self.schema}")
        for table in TABLES:
            name = f"{self.schema}.{table}"
            server.sql(f"CREATE TABLE {name} LIKE opendental.{table}; ALTER TABLE {name} ENGINE={engine}")
        self.fill()

    def fill(self):
        for table in TABLES:
            name = f"{self.schema}.{table}"
            self.server.sql(f"TRUNCATE {name}; INSERT INTO {name} SELECT * FROM opendental.{table}")
        rows = int(self.server.sql(f"SELECT MAX(SecurityLogNum) FROM {self.schema}.securitylog"))
        self.middle = self.server.sql(
            f"SELECT DATE(LogDateTime) FROM {self.schema}.securitylog ORDER BY LogDateTime LIMIT {rows // 2}, 1"
        ).strip()

    def count(self):
        return sum(int(self.server.sql(f"SELECT COUNT(*) FROM {self.schema}.{table}")) for table in TABLES)

    def check(self):
        lonely = self.server.sql(
            f"SELECT COUNT(*) FROM {self.schema}.securitylog l LEFT JOIN {self.schema}.securityloghash h USING (SecurityLogNum) "
            "WHERE h.SecurityLogNum IS NULL"
        ).strip()
        if lonely != "0":
            sys.exit(f"{lonely} rows of the log have lost their hashes")

    def remove_with_enamel(self):
        plan = self.folder / "plan.toml"
        of = ["--database", self.enamel.url]
        self.enamel.run("purge", "plan", *of, "--schema", self.schema, "--before", self.middle, "--output", plan)
        return lambda: self.enamel.run("purge", "run", plan, *of)

    def remove_with_pt_archiver(self):
        last = f"SELECT SecurityLogNum FROM {self.schema}.securitylog WHERE LogDateTime < '{self.middle}'"
        self.server.sql(f"CREATE OR REPLACE TABLE {self.schema}.going (PRIMARY KEY (SecurityLogNum)) {last}")
        hashes = f"EXISTS (SELECT 1 FROM {self.schema}.going g WHERE g.SecurityLogNum = securityloghash.SecurityLogNum)"

        def archive(table, where):
            source = f"S={self.server.socket},u=root,D={self.schema},t={table}"
            run(["pt-archiver", "--source", source, "--purge", "--where", where, "--limit", "1000", "--bulk-delete",
                 "--commit-each", "--no-check-charset", "--no-version-check"])

        def work():
            start = time.monotonic()
            archive("securityloghash", hashes)
            archive("securitylog", f"LogDateTime < '{self.middle}'")
            return time.monotonic() - start

        return work


def measure(practice):
    print(f"\n{practice.schema}\n\n| tool | rows a second | p99 | longest |\n| --- | --- | --- | --- |", flush=True)
    clients = Clients(practice.server, practice.schema)
    time.sleep(15)
    p99, longest = clients.stop()
    print(f"| nothing | – | {p99:.1f} | {longest:.0f} |", flush=True)
    practice.enamel.run("init")
    practice.enamel.run("backup", "--database", practice.enamel.url, "--schema", practice.schema)
    for tool in ("enamel", "pt-archiver"):
        work = practice.remove_with_enamel() if tool == "enamel" else practice.remove_with_pt_archiver()
        before = practice.count()
        clients = Clients(practice.server, practice.schema)
        seconds = work()
        p99, longest = clients.stop()
        rows = before + 2 * len(clients.times) - practice.count()
        practice.check()
        print(f"| {tool} | {rows / seconds:,.0f} ({rows:,} in {seconds:.0f} s) | {p99:.1f} | {longest:.0f} |", flush=True)
        if tool == "enamel":
            practice.fill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything; some 12 GB are needed")
    parser.add_argument("--enamel", type=Path, required=True, help="the program")
    parser.add_argument("--engines", default="InnoDB,MyISAM")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="purge-", dir=options.work))
    server = Server(folder)
    try:
        server.script(HERE / "corpus" / "practice.sql")
        for engine in options.engines.split(","):
            below = folder / engine
            below.mkdir()
            measure(Practice(options, server, below, engine))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
