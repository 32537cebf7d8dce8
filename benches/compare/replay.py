#!/usr/bin/env python3
"""How fast a binary log is done again: Enamel's restore to a moment, beside `mariadb-binlog | mariadb`.

A MariaDB server of its own keeps a log of many small changes to a table of few rows, so that loading and saving hardly count. The pipe goes
into a second server, which is set as fast as Enamel's scratch server. Enamel's figure is the whole restore up to the newest moment, less a
restore to the moment of the snapshot. Needs Python 3.9 and the server and client of MariaDB (Debian: mariadb-server)."""

import argparse, json, os, pathlib, shutil, subprocess, tempfile, time

FAST = ["--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--max-allowed-packet=1G"]
LOG = ["--log-bin=binlog", "--max-binlog-size=1G", "--server-id=7", "--binlog-format=ROW"]
WORK = """USE shop;
DELIMITER //
CREATE PROCEDURE work(IN n INT) BEGIN DECLARE i INT DEFAULT 0;
  WHILE i < n DO START TRANSACTION; UPDATE item SET v = CONCAT(LEFT(v, 90), i), w = w + 1 WHERE id BETWEEN i MOD 19900 AND i MOD 19900 + 9;
  COMMIT; SET i = i + 1; END WHILE; END //
DELIMITER ;
CALL work(%d);"""
BASE = """CREATE DATABASE shop; USE shop; CREATE TABLE item (id INT PRIMARY KEY, v VARCHAR(120), w INT) ENGINE=InnoDB;
INSERT INTO item SELECT seq, REPEAT('x', 90), 0 FROM seq_1_to_20000;"""


class Server:
    def __init__(self, folder, port, options):
        self.socket, self.data, self.port = folder / "sock", folder / "data", port
        folder.mkdir()
        own = ["--user=root"] if os.geteuid() == 0 else []
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal", *own]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        command = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", f"--port={port}", *FAST, *own, *options]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while subprocess.run([*self.client(), "-e", "SELECT 1"], capture_output=True).returncode:
            time.sleep(0.2)

    def client(self):
        return ["mariadb", "--no-defaults", "-uroot", f"-S{self.socket}", "-N", "--max-allowed-packet=1G"]

    def sql(self, text):
        return subprocess.run(self.client(), input=text, text=True, check=True, capture_output=True).stdout.strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def timed(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def measure(options, work):
    source, twin = Server(work / "a", 34311, LOG), Server(work / "b", 34312, ["--skip-log-bin"])
    try:
        source.sql(BASE)
        twin.sql(BASE)
        enamel = [options.program, "--repo", str(work / "repo"), "--password-file", str(work / "password")]
        (work / "password").write_text("replay replay replay\n")
        (work / "password").chmod(0o600)
        url = f"mysql://root@127.0.0.1:{source.port}"
        call = lambda *words, fine=(0,): run(enamel + list(words), fine)
        call("init")
        call("backup", "--database", url)
        start = ":".join(source.sql("SHOW MASTER STATUS").split()[:2])
        first = subprocess.run(enamel + ["snapshots", "--json"], capture_output=True, text=True, check=True).stdout
        snapshot = next(json.loads(line) for line in first.splitlines() if '"id"' in line)["id"]
        source.sql(WORK % options.transactions)
        log = source.data / start.split(":")[0]
        call("backup", "--database", url)
        pipe = timed(lambda: run(["bash", "-c", f"mariadb-binlog --no-defaults --start-position={start.split(':')[1]} {log} | {' '.join(twin.client())}"], (0,)))
        restore = lambda to, *when: call("restore", snapshot, "--to-database", url, "--schema", f"shop={to}", *when, fine=(0, 3))
        whole = timed(lambda: restore("newest", "--newest"))
        none = timed(lambda: restore("start", "--before", start))
        same = source.sql("CHECKSUM TABLE shop.item, newest.item EXTENDED").split()[1::2]
        assert same[0] == same[1] and twin.sql("CHECKSUM TABLE shop.item EXTENDED").split()[1] == same[0], same
        size = log.stat().st_size / 1e6
        print(f"| {size:.0f} MB, {options.transactions} transactions | pipe {pipe:.1f} s | restore {whole:.1f} s, without a log {none:.1f} s |")
    finally:
        source.stop()
        twin.stop()


def run(command, fine):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in fine:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the enamel to measure")
    parser.add_argument("--transactions", type=int, default=40000)
    parser.add_argument("--work", default=tempfile.gettempdir())
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="enamel-replay-", dir=options.work))
    work.chmod(0o755)
    try:
        measure(options, work)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
