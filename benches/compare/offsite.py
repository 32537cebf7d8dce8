#!/usr/bin/env python3
"""Measure Enamel beside restic and rustic with a repository in object storage, in one run.

A private SeaweedFS is started (tests/servers.sh storage fetches it). Every tool gets the same files: images that do not compress, and a
dump. The tools take turns in each row, and with --runs another one starts each run. All of it twice: direct, and through a proxy that
delays each request by --delay and limits each direction to --line. The proxy counts requests and bytes. The results are tables in
Markdown on standard output; progress goes to standard error.

  first       first backup
  hour        backup after an hour: three new images, and one line in a thousand of the dump changed
  restore     all of it, by a machine that has no cache
  file        one image, by a machine that has no cache
  verify      a check of the repository without reading all data
  read        a check that reads all data
  memory      the most that one process of the tool held at once, in any row

Requests and bytes are those of the run through the proxy. A tool that is not there is left out, and named. A command that fails ends the
run with exit status 1, and so does a restored file that differs.

example:
  offsite.py --work /var/tmp --enamel target/dist/enamel --runs 3
"""

import argparse
import asyncio
import collections
import filecmp
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVERS = HERE.parent.parent / "tests" / "servers.sh"
BUCKET, KEY, SECRET, PASSWORD = "bench", "BENCHKEY", "bench-secret", "bench password"
ROWS = ["first", "hour", "restore", "file", "verify", "read"]
# Bytes that the proxy passes on at once.
PIECE = 64 * 1024
# How long SeaweedFS may take until its first conditional put: its lock ring needs half a minute.
PATIENCE = 120


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    """SeaweedFS with one bucket."""

    def __init__(self, folder):
        self.program = Path(os.environ.get("ENAMEL_TEST_SERVERS", SERVERS.parent.parent / "target" / "servers")) / "seaweedfs" / "weed"
        if not self.program.exists():
            sys.exit("SeaweedFS is not there: run tests/servers.sh storage")
        (folder / "data").mkdir(parents=True)
        identity = '{"identities":[{"name":"b","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":["Admin","Read","Write","List"]}]}'
        (folder / "s3.json").write_text(identity % (KEY, SECRET))
        parts = ["master", "volume", "filer", "s3"]
        ports = free_ports(2 * len(parts))
        command = [self.program, "server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-s3.config=s3.json"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=100", "-master.volumeSizeLimitMB=256"]
        command += ["-filer.localSocket=f.sock", "-s3.localSocket=s.sock"]
        for n, part in enumerate(parts):
            command += [f"-{part}.port={ports[2 * n]}", f"-{part}.port.grpc={ports[2 * n + 1]}"]
        environment = {**os.environ, "TMPDIR": str(folder)}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = ports[6]
        self.make_bucket(f"127.0.0.1:{ports[0]}.{ports[1]}")

    def make_bucket(self, master):
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            text = f"s3.bucket.create -name {BUCKET}\ns3.bucket.list\n".encode()
            try:
                done = subprocess.run([self.program, "shell", f"-master={master}"], input=text, capture_output=True, timeout=10)
            except subprocess.TimeoutExpired:
                continue
            if f"  {BUCKET}".encode() in done.stdout:
                return
            time.sleep(0.2)
        sys.exit("SeaweedFS does not start")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Line:
    """One direction of a line: pieces pass when those before them have used up their time."""

    def __init__(self, bytes_per_second):
        self.bytes_per_second, self.free_at = bytes_per_second, 0.0

    async def take(self, size):
        now = time.monotonic()
        begins = max(now, self.free_at)
        self.free_at = begins + size / self.bytes_per_second
        if begins > now:
            await asyncio.sleep(begins - now)


class Proxy:
    """A proxy before the server, in a thread of its own."""

    def __init__(self, port, delay, bytes_per_second):
        self.upstream, self.delay = port, delay
        self.up, self.down = Line(bytes_per_second), Line(bytes_per_second)
        self.counts, self.bytes = collections.Counter(), collections.Counter()
        self.loop, started = asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self.run, args=(started,), daemon=True).start()
        started.wait()

    def run(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()

    def take(self):
        """What has passed since the last call."""
        taken = (self.counts, self.bytes)
        self.counts, self.bytes = collections.Counter(), collections.Counter()
        return taken

    async def serve(self, client, to_client):
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 20)
        except OSError:
            return to_client.close()
        try:
            while await self.exchange(client, to_client, server, to_server):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            to_client.close()
            to_server.close()

    async def exchange(self, client, to_client, server, to_server):
        """One request and its answer; whether the connection stays."""
        try:
            head = await client.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        first, headers = parsed(head)
        method, target, _ = first.split(" ", 2)
        self.counts[verb(method, target)] += 1
        await asyncio.sleep(self.delay)
        if headers.get("expect", "").lower() == "100-continue":
            to_client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))
        to_server.write(head)
        await self.pass_body(client, to_server, headers, "up", False)
        head = await server.readuntil(b"\r\n\r\n")
        answer, answered = parsed(head)
        to_client.write(head)
        status = int(answer.split(" ")[1])
        if method != "HEAD" and status not in (204, 304):
            await self.pass_body(server, to_client, answered, "down", True)
        await to_client.drain()
        return "close" not in (headers.get("connection", "").lower(), answered.get("connection", "").lower())

    async def pass_body(self, source, target, headers, direction, to_the_end):
        line = self.up if direction == "up" else self.down
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while True:
                size = await source.readuntil(b"\r\n")
                target.write(size)
                length = int(size.split(b";")[0], 16)
                await self.pass_bytes(source, target, length, line, direction)
                if length == 0:
                    while (trailer := await source.readuntil(b"\r\n")) != b"\r\n":
                        target.write(trailer)
                    target.write(b"\r\n")
                    break
                target.write(await source.readexactly(2))
        elif "content-length" in headers:
            await self.pass_bytes(source, target, int(headers["content-length"]), line, direction)
        elif to_the_end:
            while piece := await source.read(PIECE):
                target.write(piece)
        await target.drain()

    async def pass_bytes(self, source, target, length, line, direction):
        while length > 0:
            piece = await source.read(min(PIECE, length))
            if not piece:
                raise ConnectionError("a body ends early")
            await line.take(len(piece))
            self.bytes[direction] += len(piece)
            target.write(piece)
            await target.drain()
            length -= len(piece)


def parsed(head):
    lines = head.decode("latin-1").split("\r\n")
    pairs = [line.split(":", 1) for line in lines[1:] if ":" in line]
    return lines[0], {name.strip().lower(): value.strip() for name, value in pairs}


def verb(method, target):
    path, _, query = target.partition("?")
    return "LIST" if method == "GET" and path.strip("/").count("/") == 0 and path.strip("/") == BUCKET else method


class Tool:
    """A tool with a repository of its own in the bucket, reached through `port`."""

    def __init__(self, folder, port, number):
        self.folder = folder / f"{self.name}-{number}"
        self.folder.mkdir()
        self.endpoint, self.prefix = f"http://127.0.0.1:{port}", f"{self.name}-{number}"
        self.memory = 0

    def environment(self):
        return {
            **os.environ, "HOME": str(self.folder), "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.endpoint,
        }

    def forget_caches(self):
        for path in self.folder.glob("*cache*"):
            shutil.rmtree(path)

    def run(self, *command):
        """Seconds that it took."""
        log = self.folder / "log"
        start = time.monotonic()
        with open(log, "wb") as out:
            process = subprocess.Popen([str(part) for part in command], env=self.environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.stderr.write(log.read_text(errors="replace"))
            sys.exit(f"failed: {' '.join(map(str, command))}")
        self.memory = max(self.memory, usage.ru_maxrss / 1000)
        return seconds


class Enamel(Tool):
    name = "enamel"

    def enamel(self, *arguments):
        repository = ["--repo", f"s3://{BUCKET}/{self.prefix}", "--key-file", self.folder / "key", "--cache-dir", self.folder / "cache"]
        return self.run(self.programs["enamel"], *arguments, *repository, "--no-progress", "--quiet")

    def init(self):
        self.enamel("init")

    def backup(self, source):
        return self.enamel("backup", source)

    def restore(self, source, target):
        return self.enamel("restore", "latest", "--target", target)

    def restore_file(self, source, file, target):
        return self.enamel("restore", f"latest:{source.name}/{file}", "--target", target)

    def verify(self):
        return self.enamel("verify")

    def read(self):
        return self.enamel("verify", "--read-data")


class Restic(Tool):
    name = "restic"

    def restic(self, *arguments):
        repository = ["-r", f"s3:{self.endpoint}/{BUCKET}/{self.prefix}", "--cache-dir", self.folder / "cache", "-o", "s3.bucket-lookup=path"]
        return self.run(self.programs["restic"], *repository, "-q", *arguments)

    def environment(self):
        return {**super().environment(), "RESTIC_PASSWORD": PASSWORD}

    def init(self):
        self.restic("init")

    def backup(self, source):
        return self.restic("backup", source)

    def restore(self, source, target):
        return self.restic("restore", "latest", "--target", target)

    def restore_file(self, source, file, target):
        return self.restic("restore", "latest", "--include", source / file, "--target", target)

    def verify(self):
        return self.restic("check")

    def read(self):
        return self.restic("check", "--read-data")


class Rustic(Tool):
    name = "rustic"

    def rustic(self, *arguments):
        (self.folder / "profile.toml").write_text(
            f'[global]\nlog-level = "warn"\nno-progress = true\n'
            f'[repository]\nrepository = "opendal:s3"\npassword = "{PASSWORD}"\ncache-dir = "{self.folder / "cache"}"\n'
            f'[repository.options]\nbucket = "{BUCKET}"\nroot = "/{self.prefix}"\nendpoint = "{self.endpoint}"\nregion = "us-east-1"\n'
            f'access_key_id = "{KEY}"\nsecret_access_key = "{SECRET}"\n'
        )
        return self.run(self.programs["rustic"], "-P", self.folder / "profile", *arguments)

    def init(self):
        self.rustic("init")

    def backup(self, source):
        return self.rustic("backup", source)

    def restore(self, source, target):
        return self.rustic("restore", f"latest:{source.parent}", target)

    def restore_file(self, source, file, target):
        return self.rustic("restore", f"latest:{source / file}", target / file)

    def verify(self):
        return self.rustic("check")

    def read(self):
        return self.rustic("check", "--read-data")


TOOLS = [Enamel, Restic, Rustic]


class Practice:
    """Files of a practice: the images, and a dump of a database."""

    def __init__(self, folder, images, lines):
        self.source = folder / "practice"
        self.source.mkdir()
        self.numbers = random.Random("practice")
        for n in range(images):
            self.add_image(n)
        self.images = images
        with open(self.source / "dump.sql", "w") as dump:
            for n in range(lines):
                dump.write(self.line(n))

    def add_image(self, n):
        (self.source / f"image-{n:04}.jpg").write_bytes(self.numbers.randbytes(310_000))

    def line(self, n):
        random = self.numbers.randrange
        return f"INSERT INTO procedurelog VALUES ({n},{random(40_000)},{random(1_000_000)},'2026-11-{random(28) + 1:02}',{random(100_000) / 100},'D{random(9999):04}',{random(7)});\n"

    def pass_hour(self):
        for _ in range(3):
            self.add_image(self.images)
            self.images += 1
        dump = self.source / "dump.sql"
        lines = dump.read_text().splitlines(keepends=True)
        for n in self.numbers.sample(range(len(lines)), len(lines) // 1000):
            lines[n] = self.line(n)
        dump.write_text("".join(lines))

    def size(self):
        return sum(path.stat().st_size for path in self.source.iterdir())

    def expect_in(self, target):
        """Some tools restore the whole path, some only its last name."""
        found = next(target.rglob("dump.sql"), None)
        if found is None:
            sys.exit(f"nothing was restored to {target}")
        names = [path.name for path in self.source.iterdir()]
        match, mismatch, errors = filecmp.cmpfiles(self.source, found.parent, names, shallow=False)
        if mismatch or errors:
            sys.exit(f"restored files differ in {target}: {mismatch[:3]} {errors[:3]}")


class Results:
    """Seconds, requests and bytes by row and tool."""

    def __init__(self):
        self.seconds = collections.defaultdict(list)
        self.requests, self.bytes, self.memory = {}, {}, collections.Counter()

    def note(self, line, row, tool, seconds, proxy):
        print(f"{line} {row} {tool}: {seconds:.2f} s", file=sys.stderr, flush=True)
        self.seconds[row, tool].append(seconds)
        if proxy:
            self.requests[row, tool], self.bytes[row, tool] = proxy.take()


def measure(options, folder, server, line):
    results, delay = Results(), 0.0 if line == "direct" else options.delay / 1000
    for number in range(options.runs):
        work = folder / f"{line}-{number}"
        work.mkdir()
        practice = Practice(work, options.images, options.lines)
        kinds = TOOLS[number % len(TOOLS):] + TOOLS[:number % len(TOOLS)]
        tools = []
        for kind in (kind for kind in kinds if kind.name in Tool.programs):
            proxy = None if line == "direct" else Proxy(server.port, delay, options.line * 125_000)
            tool = kind(work, proxy.port if proxy else server.port, f"{line}-{number}")
            tool.init()
            if proxy:
                proxy.take()
            tools.append((tool, proxy))
        for row in ROWS:
            if row == "hour":
                practice.pass_hour()
            for tool, proxy in tools:
                results.note(line, row, tool.name, perform(tool, row, practice, work), proxy)
        for tool, _ in tools:
            results.memory[tool.name] = max(results.memory[tool.name], tool.memory)
        shutil.rmtree(work)
    return results


def perform(tool, row, practice, work):
    target = work / f"{row}-{tool.name}"
    if row in ("first", "hour"):
        return tool.backup(practice.source)
    if row == "verify":
        return tool.verify()
    if row == "read":
        return tool.read()
    tool.forget_caches()
    target.mkdir()
    if row == "restore":
        seconds = tool.restore(practice.source, target)
        practice.expect_in(target)
    else:
        seconds = tool.restore_file(practice.source, "image-0007.jpg", target)
        restored = next(path for path in target.rglob("image-0007.jpg") if path.is_file())
        if not filecmp.cmp(restored, practice.source / "image-0007.jpg", shallow=False):
            sys.exit(f"{restored} differs")
    shutil.rmtree(target)
    return seconds


def print_tables(options, size, direct, slow):
    names = [tool.name for tool in TOOLS if tool.name in Tool.programs]
    for title, results in [("Direct", direct), (f"At {options.delay} ms and {options.line} Mbit/s", slow)]:
        print(f"\n{title}, {size / 1e6:.0f} MB, seconds: medians of {options.runs} (in brackets all)\n")
        print(f"| | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
        for row in ROWS:
            cells = []
            for name in names:
                values = results.seconds[row, name]
                cells.append(f"{statistics.median(values):.2f} ({', '.join(f'{value:.2f}' for value in values)})")
            print(f"| {row} | {' | '.join(cells)} |")
        print(f"| memory, MB | {' | '.join(f'{results.memory[name]:.0f}' for name in names)} |", flush=True)
    print(f"\nRequests, and MB sent and received\n\n| | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for row in ROWS:
        cells = []
        for name in names:
            counts, moved = slow.requests[row, name], slow.bytes[row, name]
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            cells.append(f"**{sum(counts.values())}**: {kinds}; {moved['up'] / 1e6:.1f} / {moved['down'] / 1e6:.1f}")
        print(f"| {row} | {' | '.join(cells)} |")
    sent = slow.bytes["first", "enamel"]["up"]
    full = options.line * 125_000
    for row, moved in [("first", sent), ("restore", slow.bytes["restore", "enamel"]["down"])]:
        seconds = statistics.median(slow.seconds[row, "enamel"])
        print(f"\nEnamel's {row} used {100 * moved / seconds / full:.0f} % of the line." , flush=True)


def found_programs(options):
    """The programs by tool; names those that are not there."""
    given = dict(pair.split("=", 1) for pair in options.program)
    programs = {"enamel": str(options.enamel)}
    for tool in TOOLS[1:]:
        program = given.get(tool.name) or shutil.which(tool.name)
        if program:
            version = subprocess.run([program, "--version" if tool.name == "rustic" else "version"], capture_output=True, text=True)
            print(f"{tool.name}: {version.stdout.splitlines()[0] if version.stdout else program}", file=sys.stderr)
            programs[tool.name] = program
        else:
            print(f"{tool.name} is not there: left out", file=sys.stderr)
    return programs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything; some 3 GB are needed")
    parser.add_argument("--enamel", type=Path, required=True, help="the program")
    parser.add_argument("--program", action="append", default=[], metavar="TOOL=PATH", help="the program of another tool, if it is not on PATH")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay", type=int, default=50, help="milliseconds that the proxy delays each request")
    parser.add_argument("--line", type=int, default=100, help="Mbit/s of the line, in each direction")
    parser.add_argument("--images", type=int, default=300, help="images of 310 kB")
    parser.add_argument("--lines", type=int, default=450_000, help="lines of the dump, some 90 bytes each")
    options = parser.parse_args()
    options.enamel = options.enamel.resolve()
    Tool.programs = found_programs(options)
    folder = Path(tempfile.mkdtemp(prefix="offsite-", dir=options.work))
    server = Server(folder / "server")
    try:
        size = 310_000 * options.images + 88 * options.lines
        print_tables(options, size, measure(options, folder, server, "direct"), measure(options, folder, server, "slow"))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
