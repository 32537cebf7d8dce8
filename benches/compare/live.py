#!/usr/bin/env python3
"""Measure Enamel against the server's own dump program, mydumper and myloader on a live server, in one run.

A private server is started, and the practice of corpus/practice.sql loaded into it, once as it is (mostly InnoDB) and once with
every table as MyISAM. The tools take turns, so that a machine that gets slower or faster hits all of them alike. The results are
tables in Markdown on standard output; progress goes to standard error.

  work          seconds of each command, medians of --runs rounds; hour-growth is what a backup adds to the repository after
                corpus/hour.sql
  hours         an hour after another, each saved; beside the office: eight clients work meanwhile, as below
  past          with the server's log: how fast it is fetched, and how long a table of 1 M rows takes to be back as it was before a mistake
  office        what clients at work wait while a tool saves the schema: each short statement of eight clients is timed. One client
                more adds one to two counters in two tables, first and last by name, in this order. The moment of a backup is
                one where the counters agree in it.

A command that fails ends the run with exit status 1, in the office it ends the row.

examples:
  live.py --work /var/tmp --enamel target/dist/enamel
  live.py --work /var/tmp --enamel target/dist/enamel --server mysql-9.7 --scale 0.2 --parts office
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVERS = HERE.parent.parent / "tests" / "servers.sh"
OPTIONS = [
    "--innodb-buffer-pool-size=1G", "--innodb-flush-log-at-trx-commit=2", "--key-buffer-size=256M", "--skip-name-resolve",
    "--innodb-flush-method=O_DIRECT", "--local-infile=1", "--sql-mode=",
]
# A practice that is larger than the usual one.
LARGE_OPTIONS = ["--innodb-buffer-pool-size=6G", "--innodb-doublewrite=OFF"]
LOG_OPTIONS = {"off": ["--skip-log-bin"], "row": ["--log-bin=binlog", "--server-id=7", "--binlog-format=ROW"]}
# Loading is not measured. MariaDB builds the indexes of empty tables at once if it need not check rows.
LOADING = "SET SESSION sql_log_bin = 0, unique_checks = 0, foreign_key_checks = 0;\n"
# Tables of the practice that are this long or longer follow --scale.
LONG = 100_000
# The kind of a statement, the statement, and a number to fill in: above zero and below this one.
CLIENTS = [
    ("update", "UPDATE procedurelog SET ProcStatus = ProcStatus %% 6 + 1 WHERE ProcNum = %d", 2_000_000),
    ("update", "UPDATE claimproc SET Status = Status %% 6 + 1 WHERE ClaimProcNum = %d", 1_500_000),
    ("update", "UPDATE appointment SET AptStatus = AptStatus %% 6 + 1 WHERE AptNum = %d", 500_000),
    ("update", "UPDATE patient SET EstBalance = EstBalance + 1 WHERE PatNum = %d", 40_000),
    ("insert", "INSERT INTO securitylog (PermType, UserNum, LogDateTime, LogText, PatNum) VALUES (3, 2, NOW(), 'x', %d)", 40_000),
    ("insert", "INSERT INTO document (Description, DateCreated, PatNum, FileName) VALUES ('BWX', NOW(), %d, 'x.jpg')", 40_000),
    ("select", "SELECT COUNT(*), SUM(ProcFee) FROM procedurelog WHERE PatNum = %d", 40_000),
    ("select", "SELECT COUNT(*), MAX(AptDateTime) FROM appointment WHERE PatNum = %d", 40_000),
]
KINDS = ["select", "insert", "update"]
FIRST, LAST = "aa_counter", "zz_counter"
# How long the office works while nothing is saved: long enough for a hundredth of its statements to be many.
QUIET_SECONDS = 10
# How long it works before its changes are saved.
BEFORE_HOUR_SECONDS = 3


class Version:
    """Programs of one version: of the installed one, or of one that tests/servers.sh has fetched."""

    def __init__(self, name):
        self.name = name
        self.is_mysql = name.startswith("mysql")
        self.client_name, self.dump_name = ("mysql", "mysqldump") if self.is_mysql else ("mariadb", "mariadb-dump")

    def program(self, name):
        return [name] if self.name == "installed" else [str(SERVERS), "run", self.name, name]

    def places(self):
        """Options that say where a fetched MySQL server has its files."""
        root = Path(os.environ.get("ENAMEL_TEST_SERVERS", SERVERS.parent.parent / "target" / "servers")) / self.name
        messages = next(root.glob("usr/share/*/english"), None)
        if messages is None:
            sys.exit(f"{self.name} is not there: run tests/servers.sh get {self.name}")
        return [f"--basedir={root / 'usr'}", f"--lc-messages-dir={messages.parent}", f"--plugin-dir={root / 'usr/lib/mysql/plugin'}"]

    def install(self, data, user):
        if self.is_mysql:
            run([*self.program("mysqld"), "--no-defaults", *self.places(), f"--datadir={data}", "--initialize-insecure", *user])
        else:
            run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *user])

    def command(self):
        if self.is_mysql:
            return [*self.program("mysqld"), "--no-defaults", *self.places(), "--mysqlx=OFF", "--secure-file-priv=", "--innodb-redo-log-capacity=512M"]
        return [*self.program("mariadbd"), "--no-defaults", "--innodb-log-file-size=512M"]

    def adapted(self, text):
        """The script for this server: MySQL has no tables that are sequences, and since 9.6 neither MD5 nor SHA1."""
        if not self.is_mysql:
            return text
        text = re.sub(r"\bmd5\(", "sha2(0,", text.replace("sha1(seq)", "left(sha2(seq, 256), 40)"))
        numbers = r"(WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < \1) SELECT seq FROM n) numbers"
        return "SET SESSION cte_max_recursion_depth = 1000000000;\n" + re.sub(r"\bseq_1_to_(\d+)", numbers, text)


class Server:
    """A server of this run's own."""

    def __init__(self, folder, version, scale, log):
        self.socket, self.version, self.scale = folder / "socket", version, scale
        data = folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []
        version.install(data, user)
        command = [*version.command(), f"--datadir={data}", f"--socket={self.socket}", "--skip-networking", *user, *OPTIONS, *LOG_OPTIONS[log]]
        if scale > 1:
            command += LARGE_OPTIONS
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if subprocess.run(self.client("-e", "SELECT 1"), capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("the server does not start")

    def tool(self, name, *arguments):
        return [*self.version.program(name), "--no-defaults", f"--socket={self.socket}", "--user=root", *arguments]

    def client(self, *arguments):
        return self.tool(self.version.client_name, *arguments)

    def sql(self, text):
        return run(self.client("-N", "-e", text)).stdout.decode()

    def load(self, text):
        """Runs a script as fast as the server can, and beside its log."""
        run(self.client(), stdin=(LOADING + text).encode())

    def scaled(self, rows):
        return max(1, int(rows * self.scale)) if rows >= LONG else rows

    def script(self, path, schema="opendental"):
        """What a script of the corpus says to this server. Numbers of rows follow the scale; an hour's work is the same at any scale."""
        text = path.read_text().replace("use opendental", f"use {schema}")
        text = re.sub(r"\bseq_1_to_(\d+)", lambda found: f"seq_1_to_{self.scaled(int(found[1]))}", text)
        return self.version.adapted(text)

    def hour(self, schema):
        """An hour of work."""
        run(self.client(), stdin=self.script(HERE / "corpus" / "hour.sql", schema).encode())

    def cpu_seconds(self):
        """Those that the server has used so far; Linux only."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_bytes(self):
        return sum(int(line.split()[1]) for line in self.sql("SHOW BINARY LOGS").splitlines())

    def before_last_delete(self, tools):
        """The place before the newest transaction that deletes."""
        enamel = tools.enamel
        repository = ["--repo", enamel.repository, "--key-file", enamel.key, "--cache-dir", enamel.cache]
        command = [enamel.program, "--json", "log", "--kind", "delete", "--database", enamel.url, *repository]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return next(json.loads(line)["before"] for line in lines if '"transaction"' in line)

    def rows_read(self):
        names = "'Handler_read_rnd_next', 'Handler_read_next', 'Handler_read_key', 'Handler_read_first', 'Handler_read_rnd'"
        return sum(int(line.split()[1]) for line in self.sql(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})").splitlines())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(command, stdin=None, fine=(0,)):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True)
    if done.returncode not in fine:
        sys.stderr.buffer.write(done.stderr)
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return done


def folder_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(command, fine=(0,)):
    start = time.monotonic()
    run(command, fine=fine)
    return time.monotonic() - start


class Office:
    """Clients that work on single rows, and how long each statement took by its kind."""

    def __init__(self, server, schema):
        self.stopping = threading.Event()
        self.took = {kind: [] for kind in KINDS}
        self.troubles = []
        counters = f"UPDATE {FIRST} SET n = n + 1; UPDATE {LAST} SET n = n + 1"
        work = [(kind, statement, server.scaled(rows)) for kind, statement, rows in CLIENTS]
        work.append((None, f"START TRANSACTION; {counters}; COMMIT", None))
        self.threads = [threading.Thread(target=self.work, args=(server, schema, *each)) for each in work]
        for thread in self.threads:
            thread.start()

    def work(self, server, schema, kind, statement, rows):
        numbers = random.Random(statement)
        client = subprocess.Popen(server.client("-N", "-n", schema), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer = "" if kind == "select" else " SELECT 1;"
        while not self.stopping.is_set():
            text = statement % numbers.randrange(1, rows) if rows else statement
            start = time.monotonic()
            client.stdin.write(f"{text};{answer}\n".encode())
            client.stdin.flush()
            if not client.stdout.readline():
                self.troubles.append(statement)
                break
            if kind:
                self.took[kind].append(time.monotonic() - start)
            time.sleep(0.01)
        client.stdin.close()
        client.wait()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.troubles:
            sys.exit(f"a client of the office failed: {self.troubles[0]}")
        return self.took


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
        # Without transactions a snapshot is none: then the program locks the tables of the schema, as it does unless told otherwise.
        method = "--lock-tables" if schema == "practice_myisam" else "--single-transaction"
        return timed(self.server.tool(self.server.version.dump_name, method, schema, f"--result-file={self.folder / 'dump.sql'}"))

    def mydumper(self, schema, *more):
        target = self.folder / "mydumper"
        shutil.rmtree(target, ignore_errors=True)
        return timed(["mydumper", "-S", self.server.socket, "-u", "root", "-B", schema, "-t", "2", "-o", target, *more])

    def new_repository(self):
        for path in [self.enamel.repository, self.enamel.cache]:
            shutil.rmtree(path, ignore_errors=True)
        self.enamel.key.unlink(missing_ok=True)
        self.enamel.run("init")

    def backup(self, schema, *more):
        # 3: tables that others waited for are saved as they were a little later, and named.
        return self.enamel.run("backup", "--database", self.enamel.url, "--schema", schema, *more, fine=(0, 3))

    def restore(self, schema):
        return self.enamel.run("restore", "latest", "--to-database", self.enamel.url, "--schema", f"{schema}=again")

    def counters(self, tool):
        """The two counters as the tool saved them last."""
        if tool == "mydumper":
            texts = [path.read_text() for name in (FIRST, LAST) for path in (self.folder / "mydumper").glob(f"*.{name}*.sql")]
        elif tool == "enamel":
            script = self.folder / "counters.sql"
            script.unlink(missing_ok=True)
            self.enamel.run("export-sql", "latest", "--output", script, fine=(0, 3))
            texts = [script.read_text(errors="replace")]
        else:
            texts = [(self.folder / "dump.sql").read_text(errors="replace")]
        return [int(number) for name in (FIRST, LAST) for text in texts for number in re.findall(rf"INSERT INTO `{name}`[^;]*?VALUES\s*\((\d+)\)", text)]

    def size(self):
        return folder_bytes(self.enamel.repository)


def measure_work(tools, server, schema, runs):
    """Seconds (or megabytes) by row and tool."""
    rows = {}
    dump = server.version.dump_name

    def note(row, tool, value):
        print(f"{schema} {row} {tool}: {value:.2f}", file=sys.stderr)
        rows.setdefault(row, {}).setdefault(tool, []).append(value)

    for _ in range(runs):
        note("backup", dump, tools.dump(schema))
        note("backup", "mydumper", tools.mydumper(schema))
        note("backup", "mydumper compressed", tools.mydumper(schema, "-c"))
        tools.new_repository()
        note("backup", "enamel", tools.backup(schema))
        note("size", "enamel", tools.size() / 1e6)
        note("backup again", "enamel", tools.backup(schema))
        before = tools.size()
        server.hour(schema)
        note("backup after an hour", "enamel", tools.backup(schema))
        note("hour-growth", "enamel", (tools.size() - before) / 1e6)
    tools.dump(schema)
    tools.mydumper(schema)
    client = " ".join(map(str, server.client("again")))
    for tool, work in [
        ("enamel", lambda: tools.restore(schema)),
        ("myloader", lambda: timed(["myloader", "-S", server.socket, "-u", "root", "-t", "2", "-B", "again", "-d", tools.folder / "mydumper"])),
        (server.version.client_name, lambda: timed(["sh", "-c", f"{client} < '{tools.folder / 'dump.sql'}'"])),
    ]:
        if tool == server.version.client_name:
            server.sql("CREATE DATABASE again")
        note("restore", tool, work())
        server.sql("DROP DATABASE again")
    return rows


def measure_hours(tools, server, schema, runs):
    """Figures by row and tool: an hour after another, each saved, and each dumped whole by mydumper."""
    rows = {}

    def keep(hour, tool, found):
        print(f"{schema} {hour} {tool}: {found}", file=sys.stderr)
        for unit, value in found.items():
            rows.setdefault((hour, unit), {}).setdefault(tool, []).append(value)

    def note(hour, tool, work):
        cpu, read, size = server.cpu_seconds(), server.rows_read(), tools.size()
        seconds = work()
        found = {"s": seconds, "server CPU s": server.cpu_seconds() - cpu, "rows read": server.rows_read() - read}
        if tool == "mydumper":
            found["MB as SQL"] = folder_bytes(tools.folder / "mydumper") / 1e6
        else:
            found["grew by MB"] = (tools.size() - size) / 1e6
        keep(hour, tool, found)

    tools.new_repository()
    note("first", "enamel", lambda: tools.backup(schema))
    for _ in range(runs):
        # Times of changes are whole seconds.
        time.sleep(1.1)
        note("unchanged", "enamel", lambda: tools.backup(schema))
        time.sleep(1.1)
        server.hour(schema)
        note("an hour", "enamel", lambda: tools.backup(schema))
        note("the same, whole", "enamel", lambda: tools.backup(schema, "--prove"))
        office = Office(server, schema)
        time.sleep(BEFORE_HOUR_SECONDS)
        seconds = tools.backup(schema)
        longest = {f"ms longest {kind}": 1000 * max(took) for kind, took in office.stop().items()}
        keep("beside the office", "enamel", {"s": seconds, **longest})
        note("an hour", "mydumper", lambda: tools.mydumper(schema))
        # It flushes tables, and whatever is flushed may have other files then: Enamel reads tables without transactions whole.
        note("after mydumper", "enamel", lambda: tools.backup(schema))
    return rows


def measure_past(tools, server, schema, runs):
    """A log that is fetched, and a table of a million rows that comes back as it was before all of them were deleted."""
    rows = {}

    def keep(name, seconds, cpu, **more):
        found = {"s": seconds, "server CPU s": server.cpu_seconds() - cpu, **more}
        print(f"{schema} {name}: {found}", file=sys.stderr)
        for unit, value in found.items():
            rows.setdefault((name, unit), {}).setdefault("enamel", []).append(value)

    count, engine = server.scaled(1_000_000), "MyISAM" if schema == "practice_myisam" else "InnoDB"
    table, copy = f"{schema}.million", f"{schema}.copied"
    for _ in range(runs):
        server.sql(f"USE {schema}; DROP TABLE IF EXISTS million, copied; CREATE TABLE million (id INT PRIMARY KEY, v VARCHAR(80), w INT) ENGINE={engine}; "
                   f"INSERT INTO million SELECT seq, CONCAT('row ', seq, ' with a text of some length'), seq FROM seq_1_to_{count}; CREATE TABLE copied LIKE million")
        tools.new_repository()
        tools.backup(schema)
        begin = server.log_bytes()
        server.sql(f"INSERT INTO {copy} SELECT * FROM {table}; INSERT INTO {copy} SELECT id + {count}, v, w FROM {table}")
        cpu, megabytes = server.cpu_seconds(), (server.log_bytes() - begin) / 1e6
        seconds = tools.enamel.run("log", "--database", tools.enamel.url)
        keep("the log is fetched", seconds, cpu, **{"MB/s": megabytes / seconds})
        server.sql(f"UPDATE {table} SET w = 0 WHERE id % 1000 = 0; DELETE FROM {table}")
        place, cpu = server.before_last_delete(tools), server.cpu_seconds()
        wanted = ["--to-database", tools.enamel.url, "--table", table, "--schema", f"{schema}=again", "--before", place]
        seconds = tools.enamel.run("restore", "latest", *wanted)
        answer = server.sql("SELECT COUNT(*), SUM(w = 0) FROM again.million").split()
        if answer != [str(count), str(count // 1000)]:
            sys.exit(f"the table is not as it was: {answer}")
        keep("a table of a million rows is back", seconds, cpu)
        server.sql(f"DROP DATABASE again; DROP TABLE {table}, {copy}")
    return rows


def print_hours(title, rows):
    print(f"\n{title}\n\n| work | tool | median | runs |\n| --- | --- | --- | --- |")
    for (hour, unit), tools in rows.items():
        for tool, values in tools.items():
            digits = 0 if unit == "rows read" else 2
            shown = ", ".join(f"{value:.{digits}f}" for value in values)
            print(f"| {hour} | {tool} | {statistics.median(values):.{digits}f} {unit} | {shown} |", flush=True)


def consistency(counters, schema):
    """Whether the counters can have been so at one moment."""
    if len(counters) != 2:
        return f"not read: {counters}"
    ahead = counters[0] - counters[1]
    # Two statements without a transaction may be parted by the moment.
    possible = (0, 1) if schema == "practice_myisam" else (0,)
    return "yes" if ahead in possible else f"no, {abs(ahead)} apart"


def measure_office(tools, server, schema, runs):
    """Rows of the table: a tool, its seconds, whether its backup is of one moment, and what the office waited."""
    rows = []
    server.sql("; ".join(f"UPDATE {schema}.{name} SET n = 0" for name in (FIRST, LAST)))
    tools.new_repository()
    works = [
        ("nothing", lambda: time.sleep(QUIET_SECONDS)),
        (server.version.dump_name, lambda: tools.dump(schema)),
        ("mydumper", lambda: tools.mydumper(schema)),
        ("enamel", lambda: tools.backup(schema)),
    ]
    for _ in range(runs):
        for tool, work in works:
            office = Office(server, schema)
            start, failure = time.monotonic(), None
            try:
                work()
            except SystemExit as error:
                failure = str(error).splitlines()[0][:60]
            seconds = time.monotonic() - start
            took = office.stop()
            moment = failure or ("" if tool == "nothing" else consistency(tools.counters(tool), schema))
            rows.append((tool, seconds, moment, took))
            print(f"{schema} office {tool}: {seconds:.2f} s, {moment}", file=sys.stderr)
    return rows


def print_office(title, rows):
    print(f"\n{title}: milliseconds of short statements, p50 / p99 / longest, and how many\n")
    print(f"| tool | seconds | one moment | {' | '.join(KINDS)} |\n| --- | --- | --- |{' --- |' * len(KINDS)}")
    for tool, seconds, moment, took in rows:
        cells = []
        for kind in KINDS:
            values = sorted(1000 * value for value in took[kind])
            cells.append(f"{values[len(values) // 2]:.1f} / {values[len(values) * 99 // 100]:.1f} / {values[-1]:.0f} ({len(values)})")
        print(f"| {tool} | {seconds:.1f} | {moment} | {' | '.join(cells)} |", flush=True)


def print_work(title, rows):
    print(f"\n{title}\n\n| work | tool | median | runs |\n| --- | --- | --- | --- |")
    for row, tools in rows.items():
        unit = "MB" if row in ("size", "hour-growth") else "s"
        for tool, values in tools.items():
            shown = ", ".join(f"{value:.2f}" for value in values)
            print(f"| {row} | {tool} | {statistics.median(values):.2f} {unit} | {shown} |", flush=True)


def make_myisam(server):
    server.sql("CREATE DATABASE practice_myisam CHARACTER SET utf8mb3")
    for table in server.sql("SHOW TABLES FROM opendental").split():
        name = f"practice_myisam.{table}"
        server.load(f"CREATE TABLE {name} LIKE opendental.{table}; ALTER TABLE {name} ENGINE=MyISAM; INSERT INTO {name} SELECT * FROM opendental.{table}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything; some 12 GB are needed")
    parser.add_argument("--enamel", type=Path, required=True, help="the program")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", default="InnoDB,MyISAM")
    parser.add_argument("--server", default="installed", choices=["installed", "mysql-9.7"], help="the version, of those that tests/servers.sh fetches")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the practice's long tables is made; 9 is about 10 GB, which needs 60 GB below --work and 8 GB of memory")
    parser.add_argument("--parts", default="work,office", help="which tables are measured: work, office, hours, past")
    parser.add_argument("--log", default="off", choices=list(LOG_OPTIONS), help="the server's binary log")
    options = parser.parse_args()
    parts = options.parts.split(",")
    folder = Path(tempfile.mkdtemp(prefix="live-", dir=options.work))
    server = Server(folder, Version(options.server), options.scale, options.log)
    try:
        server.load(server.script(HERE / "corpus" / "practice.sql"))
        for name in (FIRST, LAST):
            server.sql(f"CREATE TABLE opendental.{name} (n bigint) ENGINE=InnoDB; INSERT INTO opendental.{name} VALUES (0)")
        tools = Tools(options, server, folder)
        for engine, schema in [("InnoDB", "opendental"), ("MyISAM", "practice_myisam")]:
            if engine not in options.engines:
                continue
            if engine == "MyISAM":
                make_myisam(server)
            if "work" in parts:
                print_work(f"As {engine}", measure_work(tools, server, schema, options.runs))
            if "hours" in parts:
                print_hours(f"Hours, as {engine}, log {options.log}", measure_hours(tools, server, schema, options.runs))
            if "past" in parts:
                print_hours(f"A mistake, as {engine}, log {options.log}", measure_past(tools, server, schema, options.runs))
            if "office" in parts:
                print_office(f"Office, as {engine}", measure_office(tools, server, schema, options.runs))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
