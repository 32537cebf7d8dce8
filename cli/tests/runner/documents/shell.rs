//! A shell on the machine of a test.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::harness::{ENAMEL, Machine};

use super::{blesses, names};

/// Ends what a command prints. The status of the command follows.
const END: &str = "\u{1e}";

/// A shell that runs one command after the other.
pub struct Shell {
    child: Child,
    output: BufReader<ChildStdout>,
    folder: String,
    host: String,
}

impl Shell {
    /// Starts a shell in the home folder.
    pub fn start(machine: &Machine) -> Self {
        let folder = machine.arg("").trim_end_matches('/').to_owned();
        for place in ["srv", "mnt", "etc/enamel", "tmp", "bin"] {
            fs::create_dir_all(machine.path(place)).unwrap();
        }
        symlink(ENAMEL, machine.path("bin/enamel")).unwrap();
        let mut command = Command::new("bash");
        command.env_clear().env("HOME", machine.path("home")).env("TMPDIR", machine.path("tmp")).env("TZ", "UTC");
        command.env("USER", "ann").env("PATH", format!("{folder}/bin:/usr/local/bin:/usr/bin:/bin"));
        if blesses() {
            command.env("ENAMEL_BLESS", "1");
        }
        command.current_dir(machine.path("home")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut shell = Shell { child, output, folder, host: String::new() };
        shell.host = shell.run("uname -n").0.trim().to_owned();
        shell
    }

    /// Runs commands of a page: what they print, and whether they succeed.
    pub fn run(&mut self, commands: &str) -> (String, bool) {
        let mut input = self.child.stdin.as_ref().unwrap();
        let commands = names::real(commands, &self.folder);
        writeln!(input, "{{ {commands}\n}} </dev/null 2>&1\necho {END}$?").unwrap();
        let (mut printed, mut line) = (String::new(), String::new());
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some((last, status)) = line.split_once(END) {
                printed.push_str(last);
                return (names::shown(&printed, &self.folder, &self.host), status.trim() == "0");
            }
            printed.push_str(&std::mem::take(&mut line));
        }
        panic!("the shell has ended in:\n{commands}\n{printed}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
