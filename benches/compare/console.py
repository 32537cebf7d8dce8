#!/usr/bin/env python3
"""How quick the console is, and how much memory its agent takes: the month page of a repository with very many snapshots,
folders of 20,000 files among a million, a search over 400 snapshots.

    console.py ENAMEL MANY_SNAPSHOTS [--folder FOLDER] [--files N] [--snapshots N] [--searched N]

ENAMEL is the program, MANY_SNAPSHOTS the example of this folder's crate. Files are empty: their number counts here. A folder in
memory, as /dev/shm, makes them quickly.
"""

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

FOLDER_FILES = 20_000
QUIET = '[schedule]\nbackup = "off"\notherwise = "off"\nverify = "off"\ndrill = "off"\nforget = "off"\n'


class Practice:
    """A folder with a source, a repository and settings."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        (folder / "source").mkdir(parents=True)
        settings = 'repository = "repo"\nkey-file = "key"\nsources = ["source"]\nstate-dir = "state"\ncache-dir = "cache"\n'
        (folder / "enamel.toml").write_text(settings + QUIET + '[console]\nlisten = "127.0.0.1:0"\n')
        self.run("init")

    def command(self, *words):
        return [self.program, "--config", "enamel.toml", *words]

    def run(self, *words):
        subprocess.run(self.command(*words), cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Console:
    """The console of a practice, and a browser that has come in."""

    def __init__(self, practice):
        command = practice.command("console", "--no-browser")
        self.agent = subprocess.Popen(command, cwd=practice.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        link = self.agent.stdout.readline().strip()
        self.host, path = re.fullmatch(r"http://([^/]+)(/.*)", link).groups()
        self.cookie = ""
        head, _ = self.ask("GET", path)
        self.cookie = dict(head)["set-cookie"].split(";")[0]

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host)
        headers = {"Cookie": self.cookie, "Origin": f"http://{self.host}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status}\n{text}")
        connection.close()
        return [(name.lower(), value) for name, value in answer.getheaders()], text

    def page(self, path):
        return self.ask("GET", path)[1]

    def tiles(self, path):
        return re.findall(r'class="thumb" href="(/things/\d+)"', self.page(path))

    def folders(self, backup):
        """The folders in the source of a backup."""
        head, _ = self.ask("GET", backup)
        return self.tiles(self.tiles(dict(head)["location"])[0])

    def timed(self, what, *asked):
        begun = time.perf_counter()
        answer = self.ask(*asked)
        first = time.perf_counter() - begun
        times = []
        for _ in range(9):
            begun = time.perf_counter()
            self.ask(*asked)
            times.append(time.perf_counter() - begun)
        print(f"{what}: first {first * 1000:.0f} ms, then {statistics.median(times) * 1000:.0f} ms (longest {max(times) * 1000:.0f})", flush=True)
        return answer

    def memory(self, what):
        status = Path(f"/proc/{self.agent.pid}/status").read_text()
        now, most = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) // 1024 for name in ("VmRSS", "VmHWM"))
        print(f"memory {what}: {now} MB, at most {most} MB", flush=True)

    def end(self):
        self.agent.terminate()
        self.agent.wait()


def many_files(practice, files):
    for number in range(0, files, FOLDER_FILES):
        folder = practice.folder / "source" / f"{number // FOLDER_FILES:03}"
        folder.mkdir()
        for one in range(number, min(number + FOLDER_FILES, files)):
            os.close(os.open(folder / f"Patient{one:07}.jpg", os.O_CREAT | os.O_WRONLY))


def large(options, folder):
    """Very many snapshots of very many files."""
    practice = Practice(options.program, folder)
    many_files(practice, options.files)
    practice.run("backup")
    shutil.rmtree(practice.folder / "source")
    (practice.folder / "source").mkdir()
    subprocess.run([options.copies, str(folder), str(options.snapshots)], check=True)
    console = Console(practice)
    time.sleep(5)
    console.memory("idle")
    _, page = console.timed(f"first page, {options.snapshots} snapshots", "GET", "/")
    before = re.search(r'href="(/\?month=[^"]+)"', page)[1]
    console.timed("the month before", "GET", before)
    console.memory("after the calendar")
    inside = re.search(r'href="(/backups/[^"]+)"', page)[1]
    folders = console.folders(inside)
    console.timed(f"a folder of {FOLDER_FILES} files, its first page", "GET", folders[0])
    console.timed("its last page", "GET", f"{folders[0]}?from={FOLDER_FILES - 200}")
    for place in range(len(folders)):
        # A visitor's pages grow old: the folder is opened from the top.
        one = console.folders(inside)[place]
        for start in range(0, FOLDER_FILES, 2000):
            console.page(f"{one}?from={start}")
    file = console.tiles(console.folders(inside)[0])[0]
    console.timed("a file with its history", "GET", file)
    console.memory(f"after browsing {options.files} files")
    console.timed("the page of old data", "GET", "/remove")
    console.timed("the page of proof", "GET", "/proof")
    token = re.search(r'name="token" value="([^"]+)"', console.page("/find"))[1]
    console.timed("a search in all of it", "POST", "/find", f"token={token}&words=patient0012345")
    console.memory("after the search")
    console.end()


def searched(options, folder):
    """A search over snapshots that differ."""
    practice = Practice(options.program, folder)
    many_files(practice, FOLDER_FILES)
    for number in range(options.searched):
        (practice.folder / "source" / "000" / f"Letter{number:04}.txt").write_text(f"{number}")
        practice.run("backup")
    console = Console(practice)
    token = re.search(r'name="token" value="([^"]+)"', console.page("/find"))[1]
    for words in ("letter0123", "patient"):
        console.timed(f"search for `{words}` over {options.searched} snapshots", "POST", "/find", f"token={token}&words={words}")
    console.memory("after the searches")
    console.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("copies", type=os.path.abspath)
    parser.add_argument("--folder")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--snapshots", type=int, default=44_000)
    parser.add_argument("--searched", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        searched(options, Path(folder) / "searched")
        large(options, Path(folder) / "large")


if __name__ == "__main__":
    main()
