//! A replay that is stopped before any transaction leaves what a server has that the server's own tools brought to the same place.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use engine::binlog::event::Header;
use engine::binlog::replay::Position;
use scenario_tests::server::{TestServer, Version};

use super::replay::{MAGIC_LEN, compare, empty, log_files, logging, options, replay, state, steps};

/// Between the statements that the tools print.
const DELIMITER: &str = "/*!*/;";

#[test]
fn each_place_of_a_log_of_mariadb_leaves_what_its_own_tools_leave() {
    each_place_leaves_what_the_servers_own_tools_leave(Version::Installed);
}

#[test]
fn each_place_of_a_log_of_mysql_leaves_what_its_own_tools_leave() {
    if Version::MySql97.is_asked() {
        each_place_leaves_what_the_servers_own_tools_leave(Version::MySql97);
    }
}

fn each_place_leaves_what_the_servers_own_tools_leave(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let source = logging(version, &[]);
    for step in steps(version, folder.path()) {
        source.script_with(&step, &["--force", "--local-infile=1"]);
    }
    let (target, twin) = (empty(version), empty(version));
    let files = log_files(&source);
    let mut twin = Twin::new(&twin, &files, folder.path());
    let mut compared = 0;
    let outcome = replay(&files, options(&source, &target, folder.path()), &mut |place| {
        match twin.go_to(place) {
            Gone::Nowhere => return,
            Gone::WithRows => assert_eq!(sums(&target), sums(twin.server), "at {place}"),
            Gone::WithDefinitions => compare(&state(twin.server), &target, &format!("at {place}")),
        }
        compared += 1;
    });
    outcome.unwrap_or_else(|e| panic!("{}\n{}", engine::error::chain(&e), twin.said()));
    assert!(twin.parts.is_empty() && compared > 90, "{compared} places were compared: {}", twin.said());
}

/// Checksums of all tables' rows.
fn sums(server: &TestServer) -> Vec<Vec<Option<String>>> {
    let sql = "SELECT CONCAT('`', REPLACE(TABLE_SCHEMA, '`', '``'), '`.`', REPLACE(TABLE_NAME, '`', '``'), '`') FROM information_schema.TABLES \
               WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') ORDER BY 1";
    let names: Vec<String> = server.rows(sql).into_iter().flatten().flatten().collect();
    if names.is_empty() { Vec::new() } else { server.rows(&format!("CHECKSUM TABLE {} EXTENDED", names.join(", "))) }
}

/// How far a twin has gone.
enum Gone {
    /// To no place where it can be compared.
    Nowhere,
    WithRows,
    /// Definitions may have changed, too.
    WithDefinitions,
}

/// A server to which a log is applied by the tools that come with it.
struct Twin<'s> {
    server: &'s TestServer,
    client: Child,
    statements: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The transactions that are to come, as statements: where each ends, the last one first.
    parts: Vec<(Position, Vec<u8>)>,
    errors: PathBuf,
}

impl<'s> Twin<'s> {
    fn new(server: &'s TestServer, files: &[(String, Vec<u8>)], folder: &Path) -> Self {
        let mut parts = Vec::new();
        for (name, bytes) in files {
            parts.extend(Self::parts_of(server, name, bytes, folder));
        }
        parts.reverse();
        let errors = folder.join("errors");
        let mut client = server
            .client()
            .args(["--batch", "--skip-column-names", "--unbuffered", "--force", "--binary-mode", "--local-infile=1"])
            .args(["--max-allowed-packet=1G", "--default-character-set=utf8mb4"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let (statements, answers) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
        let answers = BufReader::new(answers).lines();
        Twin { server, client, statements, answers, parts, errors }
    }

    /// A file as statements, cut where transactions begin.
    fn parts_of(server: &TestServer, name: &str, bytes: &[u8], folder: &Path) -> Vec<(Position, Vec<u8>)> {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut reader = server.log_reader();
        if server.version().is_mysql() {
            reader.arg("--skip-gtids");
        }
        let output = reader.arg(format!("--local-load={}", folder.display())).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let begins = begins(bytes);
        let (mut parts, mut part): (Vec<(Position, Vec<u8>)>, Vec<u8>) = Default::default();
        for line in output.stdout.split_inclusive(|byte| *byte == b'\n') {
            let at = line.strip_prefix(b"# at ").and_then(|at| std::str::from_utf8(at).ok()?.trim().parse().ok());
            if let Some(offset) = at.filter(|offset| begins.contains(offset)) {
                let part = std::mem::take(&mut part);
                match parts.last_mut() {
                    // Events of a compressed transaction have the place of its end.
                    Some((before, more)) if before.offset == offset => more.extend(part),
                    _ => parts.push((Position { file: name.to_owned(), offset }, part)),
                }
            }
            part.extend_from_slice(line);
        }
        parts.push((Position { file: name.to_owned(), offset: bytes.len() as u64 }, part));
        parts
    }

    /// Applies what stands before `place`.
    fn go_to(&mut self, place: &Position) -> Gone {
        let Some((_, part)) = self.parts.pop_if(|(end, _)| end == place) else { return Gone::Nowhere };
        self.statements.write_all(&part).unwrap();
        let text = String::from_utf8_lossy(&part);
        if text.contains("XA PREPARE") {
            // Its session takes no question until the transaction is decided.
            return Gone::Nowhere;
        }
        let end = if self.parts.is_empty() { ";" } else { DELIMITER };
        writeln!(self.statements, "SELECT 'at {place}'{end}").unwrap();
        self.statements.flush().unwrap();
        let wanted = format!("at {place}");
        let found = self.answers.by_ref().map(Result::unwrap).any(|answer| answer == wanted);
        assert!(found, "{}", self.said());
        let may_define = ["CREATE", "ALTER", "DROP", "RENAME"].iter().any(|word| text.contains(word));
        if may_define || self.parts.is_empty() { Gone::WithDefinitions } else { Gone::WithRows }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Where transactions begin in a file.
fn begins(bytes: &[u8]) -> BTreeSet<u64> {
    let (mut at, mut begins) = (MAGIC_LEN, BTreeSet::new());
    while at < bytes.len() {
        let header = Header::read(&bytes[at..]).unwrap();
        if header.kind.is_gtid() {
            begins.insert(at as u64);
        }
        at += header.size as usize;
    }
    begins
}
