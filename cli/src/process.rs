//! What the operating system is asked for at the start: many open files, and no core that holds secrets.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows as many open files as the system lets this program have.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If it is refused the engine works with fewer.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Keeps passwords and keys out of core files and away from debuggers of the same user. Memory is not locked: a few pages of it would
/// not help, because what was read from the repository is as secret as the keys, and as large as the run.
pub fn keep_secrets_out_of_cores() {
    let limit = getrlimit(Resource::Core);
    // If the system refuses either, nothing is worse than before.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
