//! Chromium without a window, over a pipe of its own: no port, no driver, one process for all pages.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Names under which systems have it.
const PROGRAMS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
/// It opens only pages of this program, and asks nobody for anything. In a container it has no sandbox.
const OPTIONS: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=en-US",
];
/// Longer than any answer takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// A browser that runs.
pub struct Chromium {
    program: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    sent: u64,
    /// Things that happened, and were not looked at yet.
    events: Vec<Value>,
    /// Events so far.
    pub happened: usize,
    _profile: TempDir,
}

impl Chromium {
    /// Starts it.
    ///
    /// # Panics
    /// It is not installed.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let log = File::create(profile.path().join("log")).unwrap();
        // It reads commands from the file descriptor 3, and answers on 4.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", &program()]).args(OPTIONS);
        shell.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        shell.env("LANGUAGE", "en_US").env("HOME", profile.path());
        let mut program = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let (commands, answers) = (program.stdin.take().unwrap(), listen(program.stdout.take().unwrap()));
        let mut chromium =
            Chromium { program, commands, answers, sent: 0, events: Vec::new(), happened: 0, _profile: profile };
        if let Err(why) = chromium.ask(None, "Browser.getVersion", &json!({})) {
            let log = fs::read_to_string(chromium._profile.path().join("log")).unwrap_or_default();
            panic!("Chromium does not start: {why}\n{log}");
        }
        chromium
    }

    /// Sends a command, to a page or the browser itself, and waits for its answer.
    pub fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, String> {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let bytes = [command.to_string().as_bytes(), b"\0"].concat();
        self.commands.write_all(&bytes).map_err(|error| format!("{method}: {error}"))?;
        loop {
            let message = self.answers.recv_timeout(PATIENCE).map_err(|error| format!("{method}: {error}"))?;
            if message["id"] == self.sent {
                let error = &message["error"];
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(format!("{method}: {error}")) };
            }
            self.note(message);
        }
    }

    /// Waits until something happens, or for a moment.
    pub fn wait(&mut self, moment: Duration) {
        match self.answers.recv_timeout(moment) {
            Ok(message) => self.note(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("Chromium has ended"),
        }
    }

    /// Takes what has happened in a page.
    pub fn take_events(&mut self, session: &str) -> Vec<Value> {
        let (own, others) = self.events.drain(..).partition(|event| event["sessionId"] == session);
        self.events = others;
        own
    }

    fn note(&mut self, message: Value) {
        if message["method"].is_string() {
            self.happened += 1;
            self.events.push(message);
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its other processes end when this one is gone.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Each message ends with a zero.
fn listen(stdout: ChildStdout) -> Receiver<Value> {
    let (sender, answers) = channel();
    std::thread::spawn(move || {
        let messages = BufReader::new(stdout).split(0).map_while(Result::ok);
        messages.map_while(|bytes| serde_json::from_slice(&bytes).ok()).try_for_each(|message| sender.send(message))
    });
    answers
}

fn program() -> String {
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let found = PROGRAMS.iter().find(|name| folders.iter().any(|folder| folder.join(name).is_file()));
    found.map_or_else(
        || panic!("there is no Chromium: on Debian run `apt-get install chromium` as root, elsewhere install a browser of this kind"),
        |name| (*name).to_owned(),
    )
}
