//! Requests to the operating system at the start: many open files, no core dumps with secrets, and errors instead of
//! deadly signals.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Error, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(target_os = "linux")]
use std::os::unix::process::parent_id;

#[cfg(target_os = "linux")]
use rustix::process::{Signal, getpid, kill_process, set_parent_process_death_signal};

#[cfg(target_os = "linux")]
use crate::environment;
use crate::global::Global;

/// Allows as many open files as the system lets this program have.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If it is refused the engine works with fewer.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Keeps passwords and keys out of core files and away from debuggers of the same user. Memory is not locked: a few
/// pages of it would not help, because what was read from the repository is as secret as the keys, and as large as the
/// run.
pub fn keep_secrets_out_of_cores() {
    let limit = getrlimit(Resource::Core);
    // If the system refuses either, nothing is worse than before.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Lets a file that may not grow any further (`ulimit -f`, a limit of a service) be an error with a message, not the
/// end of the program.
pub fn survive_limits_of_files() {
    // Nobody looks at the flag: that the signal is handled is enough. Programs that are started do not inherit it. If
    // it is refused, nothing is worse than before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Lets a job end, as by Ctrl-C, when the agent that has started it is killed: nobody would see how it goes on, and the next
/// agent would say that it has ended. Other systems than Linux have no such signal.
pub fn end_with_agent() {
    #[cfg(target_os = "linux")]
    if let Some(agent) = environment::agent().filter(|agent| *agent == parent_id()) {
        // If it is refused, nothing is worse than before.
        let _ = set_parent_process_death_signal(Some(Signal::INT));
        if agent != parent_id() {
            // It was killed in this moment.
            let _ = kill_process(getpid(), Signal::INT);
        }
    }
}

/// This program once more, with the options that this process was given; its command is still to be said.
///
/// # Errors
/// The system does not say where the program is.
pub fn again(global: &Global) -> Result<Command> {
    let program =
        std::env::current_exe().map_err(|error| Error::io("cannot find this program to start it again", error))?;
    let mut command = Command::new(program);
    command.args(global.words());
    Ok(command)
}
