//! A user's machine in a temporary folder, and what the program answered.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::repository::{OpenOptions, Repository, SnapshotObject};
use engine::session::{WriterOptions, WriterSession};
use engine::store::LocalStore;
use repo_format::config::Access;
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const ENAMEL: &str = env!("CARGO_BIN_EXE_enamel");

/// A home folder with a source, and places for a repository, its key and the cache.
pub struct Machine {
    folder: TempDir,
}

/// The answer of a run.
pub struct Answer {
    /// The exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Machine {
    /// A machine without a repository.
    pub fn new() -> Self {
        let machine = Machine { folder: tempfile::tempdir().unwrap() };
        for folder in ["home", "source/A"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        machine.write("source/A/letter.txt", "Dear patient");
        machine.write("source/A/xray.jpg", vec![0xd8; 100_000]);
        machine
    }

    /// A machine with an empty repository that a key file unlocks.
    pub fn with_repository() -> Self {
        let machine = Machine::new();
        machine.run(["init"]).expect(0);
        machine
    }

    /// A machine with one snapshot of the source.
    pub fn with_snapshot() -> Self {
        let machine = Machine::with_repository();
        machine.backup(&[]);
        machine
    }

    /// A path on this machine.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name.as_ref())
    }

    /// A path on this machine as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file.
    pub fn write(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The program with a bare environment: home and cache, and no repository or key.
    pub fn bare(&self) -> Command {
        let mut command = Command::new(ENAMEL);
        command.env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
        command.env("USER", "tester").env("ENAMEL_CACHE_DIR", self.path("cache"));
        command.current_dir(self.path("")).stdin(Stdio::null());
        command
    }

    /// The program with repository and key file set.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.bare();
        command.env("ENAMEL_REPO", self.path("repo")).env("ENAMEL_KEY_FILE", self.path("key"));
        command.args(args);
        command
    }

    /// Runs the program with repository and key file set.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Answer {
        Answer::of(self.command(args).output().unwrap())
    }

    /// Runs the program with the bare environment and `variables`.
    pub fn run_bare<const N: usize>(&self, args: &[&str], variables: [(&str, OsString); N]) -> Answer {
        Answer::of(self.bare().args(args).envs(variables).output().unwrap())
    }

    /// Runs the program, giving it `input`.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Answer::of(child.wait_with_output().unwrap())
    }

    /// Saves the source, with more arguments, and returns the id of the snapshot.
    pub fn backup(&self, more: &[&str]) -> String {
        let source = self.arg("source");
        let args = ["--json", "backup", &source].into_iter().chain(more.iter().copied());
        let summary = self.run(args).expect(0).last("summary");
        summary["snapshot"].as_str().unwrap().to_owned()
    }

    /// The repository, opened in this process and with a cache of its own.
    pub fn open(&self) -> Repository {
        let store = Arc::new(LocalStore::open(&self.path("repo")).unwrap());
        let key = KeyFile::parse(&fs::read_to_string(self.path("key")).unwrap()).unwrap();
        let options = OpenOptions::new(self.path("other cache"), Access::Write);
        Repository::open(store, &Credential::KeyFile(key), &options, &NullMonitor).unwrap()
    }

    /// Saves the source when the clock is so many seconds ahead, and returns the id of the snapshot.
    pub fn backup_ahead(&self, seconds: i64) -> String {
        let repository = self.open();
        let SnapshotObject::Manifest(object) =
            repository.read_snapshot_object(self.backup(&[]).parse().unwrap()).unwrap()
        else {
            panic!("a snapshot is a manifest");
        };
        let session = WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor).unwrap();
        let mut manifest = object.manifest;
        self.run(["forget", &manifest.id.to_string()]).expect(0);
        (manifest.id, manifest.seconds) = (session.id(), manifest.seconds + seconds);
        session.commit_plain(&manifest.encode().unwrap()).unwrap();
        manifest.id.to_string()
    }

    /// The number of snapshots.
    pub fn snapshots(&self) -> usize {
        self.run(["--json", "snapshots"]).expect(0).messages().len()
    }
}

impl Answer {
    /// The answer of a finished run.
    pub fn of(output: Output) -> Self {
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Checks the exit status.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Checks that `codes` holds the exit status.
    #[track_caller]
    pub fn expect_one_of(self, codes: &[i32]) -> Self {
        let code = if codes.contains(&self.code) { self.code } else { codes[0] };
        self.expect(code)
    }

    /// Checks that standard error names `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "`{text}` is not in:\n{}", self.err);
        self
    }

    /// Checks that standard output has `text`.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "`{text}` is not in:\n{}", self.out);
        self
    }

    /// Standard output as JSON lines, statuses left out; each must have a `message_type`.
    pub fn messages(&self) -> Vec<Value> {
        parse(&self.out).into_iter().filter(|message| message["message_type"] != "status").collect()
    }

    /// The last message of this type.
    #[track_caller]
    pub fn last(&self, message_type: &str) -> Value {
        let found = self.messages().into_iter().rfind(|message| message["message_type"] == message_type);
        found.unwrap_or_else(|| panic!("no {message_type} in:\n{}", self.out))
    }
}

/// JSON lines. Each must have a `message_type`.
pub fn parse(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    lines.inspect(|message| assert!(message["message_type"].is_string(), "{message}")).collect()
}

/// All files beneath a folder; none if it is not there.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Everything beneath a folder, with the bytes of files.
pub fn tree(folder: &Path) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
        if path.is_dir() {
            found.extend(tree(&path).into_iter().map(|(below, bytes)| ([&name[..], b"/", &below].concat(), bytes)));
            found.push((name, None));
        } else {
            found.push((name, Some(fs::read(&path).unwrap())));
        }
    }
    found.sort();
    found
}
