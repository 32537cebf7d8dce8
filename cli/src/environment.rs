//! The environment: what is read from it, and what the programs that this one starts must not inherit.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use engine::filesystem::Owners;

/// The variable that holds the password of the repository.
pub const PASSWORD: &str = "ENAMEL_PASSWORD";
/// The variable that holds the password of the database.
pub const DATABASE_PASSWORD: &str = "ENAMEL_DB_PASSWORD";

/// The variable that holds the password of the repository that copies go to.
pub const TO_PASSWORD: &str = "ENAMEL_TO_PASSWORD";
/// The variable that holds the password of the repository that a new one is made like.
pub const LIKE_PASSWORD: &str = "ENAMEL_LIKE_PASSWORD";
/// The password of the copy that a drill restores from.
pub const FROM_PASSWORD: &str = "ENAMEL_FROM_PASSWORD";

/// The number of the agent that has started this process.
const AGENT: &str = "ENAMEL_AGENT";

/// Variables whose value is a secret.
const SECRETS: [&str; 7] = [
    PASSWORD,
    DATABASE_PASSWORD,
    TO_PASSWORD,
    LIKE_PASSWORD,
    FROM_PASSWORD,
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The value of a variable; an empty one counts as one that is not set.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Takes the secrets out of what `process` will inherit: a program that sends a mail needs none.
pub fn hide_secrets(process: &mut Command) {
    for name in SECRETS {
        process.env_remove(name);
    }
}

/// Tells `job` that this process is the agent that starts it.
pub fn name_agent(job: &mut Command) {
    job.env(AGENT, std::process::id().to_string());
}

/// The number of the agent that has started this process. The programs of a job inherit it.
pub fn agent() -> Option<u32> {
    variable(AGENT)?.to_str()?.parse().ok()
}

/// The user's name, as the environment or the system has it; else their number.
pub fn user_name() -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| variable(name)?.into_string().ok());
    let uid = rustix::process::getuid().as_raw();
    named.or_else(|| Owners::new().user(uid)).unwrap_or_else(|| uid.to_string())
}

/// The folders in which the user's programs are.
pub fn program_folders() -> Vec<PathBuf> {
    std::env::split_paths(&variable("PATH").unwrap_or_default()).collect()
}

/// Whether typing `enamel` runs `program`.
pub fn is_on_path(program: &Path) -> bool {
    let files = program_folders().into_iter().map(|folder| folder.join("enamel"));
    let first = files.into_iter().find(|file| file.is_file());
    first.is_some_and(|file| file.canonicalize().ok() == program.canonicalize().ok())
}

/// Program and version, as snapshots keep it.
pub fn program() -> String {
    concat!("enamel ", env!("CARGO_PKG_VERSION")).to_owned()
}
