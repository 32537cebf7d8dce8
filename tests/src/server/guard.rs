//! Ends a server whose test can no longer do so: killed, or out of memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits until its standard input ends, which it does with the process that holds the other end.
const SCRIPT: &str = "read -r nothing; kill -9 \"$1\" 2>/dev/null; rm -rf \"$2\"";

/// A process that ends a server and removes its folder if this process ends without having called [`Guard::dismiss`].
pub struct Guard {
    shell: Child,
}

impl Guard {
    pub fn over(server: &Child, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh", &server.id().to_string()]).arg(folder);
        let shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Guard { shell: shell.expect("a shell") }
    }

    /// Before the server ends: later its number may be another process's.
    pub fn dismiss(mut self) {
        self.shell.kill().expect("a shell that runs");
        self.shell.wait().expect("a shell that ends");
    }
}
