//! Keeps the computer awake during a job: it asks the service manager to be told before it sleeps.

use std::process::{Child, Command, Stdio};

use crate::environment::hide_secrets;

/// The program of systemd that holds sleep up while another program runs.
const PROGRAM: &str = "systemd-inhibit";

/// Holds sleep up until it is dropped.
pub struct Awake(Option<Child>);

impl Awake {
    /// Holds it up for a job, for as long as the system grants. Without such a system the computer sleeps when it likes, and
    /// the job goes on when it wakes.
    pub fn during(job: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["--what=sleep:shutdown", "--mode=delay", "--who=Enamel"]);
        // It ends with its input, also when this process is killed.
        command.arg(format!("--why={job} is under way")).arg("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        hide_secrets(&mut command);
        Awake(command.spawn().ok())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        let Some(child) = &mut self.0 else { return };
        drop(child.stdin.take());
        // It has ended, or was ended before; both are right.
        let _ = child.wait();
    }
}
