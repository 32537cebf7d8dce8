//! The parts of a scratch server that only Unix has: accounts, free space, processes.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use engine_core::error::{Error, ErrorKind, Result};
use engine_core::filesystem::free_space;
use engine_core::machine::{Process, process};

/// Mode of a folder that others pass through and do not list.
pub(super) const ENTERED_BY_ALL: u32 = 0o711;
/// Mode of a folder that is its owner's alone.
pub(super) const PRIVATE: u32 = 0o700;
/// Accounts that server packages make, and that servers run as.
const SERVER_USERS: [&str; 3] = ["mysql", "mariadb", "_mysql"];
/// For how long a killed server is waited for.
const END_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// Where programs are looked for that an installer runs.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";
/// Runs a program and ends it when standard input ends, which it does with the process that holds the other end. Ends when the program does.
const SUPERVISOR: &str = "exec 3<&0 </dev/null\n\
                          \"$@\" 3<&- & server=$!\n\
                          (read -r nothing <&3; kill -9 $server) 2>/dev/null & watcher=$!\n\
                          exec 3<&-\n\
                          wait $server; code=$?\n\
                          kill $watcher 2>/dev/null\n\
                          exit $code";

/// An account of this machine.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub name: String,
    number: u32,
    group: u32,
}

/// The number of the account that this process has.
pub(super) fn user_number() -> u32 {
    geteuid().as_raw()
}

/// The account for the server: this process's own, which is none here; or another one, as servers refuse to be root's.
///
/// # Errors
/// [`ErrorKind::NotFound`] if this process is root's and there is no account for servers.
pub(super) fn server_user() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in SERVER_USERS {
        let found = nix::unistd::User::from_name(name)
            .map_err(|e| Error::io(format!("cannot look for the account {name}"), e.into()))?;
        if let Some(user) = found {
            return Ok(Some(User { name: user.name, number: user.uid.as_raw(), group: user.gid.as_raw() }));
        }
    }
    let message = format!("a server must not run as root, and there is no account {}", SERVER_USERS[0]);
    Err(Error::new(ErrorKind::NotFound, message)
        .with_hint("Run this command as another user, or make the account: `useradd --system mysql`."))
}

/// Makes a folder of exactly this mode.
///
/// # Errors
/// As the operating system.
pub(super) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE).create(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Whether it is a folder, and no link to one, that this process's account has and nobody else can write.
pub(super) fn is_own_folder(path: &Path) -> bool {
    let Ok(found) = std::fs::symlink_metadata(path) else { return false };
    found.is_dir() && found.uid() == user_number() && found.mode() & 0o022 == 0
}

/// Gives a file or folder to an account, if it is not this process's.
///
/// # Errors
/// As the operating system.
pub(super) fn give(path: &Path, user: Option<&User>) -> io::Result<()> {
    user.map_or(Ok(()), |user| chown(path, Some(user.number), Some(user.group)))
}

/// # Errors
/// [`ErrorKind::NoSpace`] if fewer than `bytes` are free.
pub(super) fn check_room(folder: &Path, bytes: u64) -> Result<()> {
    let free = free_space(folder)
        .map_err(|e| Error::io(format!("cannot ask for the free space of {}", folder.display()), e))?;
    if free >= bytes {
        return Ok(());
    }
    let message = format!(
        "there is no room for a scratch server in {}: it needs {} MB, and {} MB are free",
        folder.display(),
        bytes >> 20,
        free >> 20
    );
    Err(Error::new(ErrorKind::NoSpace, message).with_hint(super::OTHER_DISK))
}

/// A command that runs `program`, which ends when the standard input of the command ends. Keys that stop this process do not reach it.
pub(super) fn supervised(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISOR, "sh"]).arg(program).process_group(0);
    // Passwords in the environment are not for a server of another account.
    command.env_clear().env("PATH", PROGRAMS);
    command
}

/// Whether the process may be a server whose data are in `folder`: where the system does not say, it may.
pub(super) fn may_run_in(id: u64, folder: &Path) -> bool {
    std::fs::read(format!("/proc/{id}/cmdline")).map_or(true, |line| names_folder(&line, folder))
}

/// Kills a server whose data is in `folder`, and waits until it is gone; returns whether it is. Never touches another
/// process.
pub(super) fn kill_and_wait(id: u64, folder: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let Ok(number) = i32::try_from(id) else { return false };
    if !names_folder(&line, folder) || kill(Pid::from_raw(number), Signal::SIGKILL).is_err() {
        return false;
    }
    let began = Instant::now();
    while process(id) != Process::Gone {
        if began.elapsed() > END_MAX {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

fn names_folder(command_line: &[u8], folder: &Path) -> bool {
    let folder = folder.as_os_str().as_bytes();
    command_line.split(|byte| *byte == 0).any(|argument| {
        let rest = argument.strip_prefix(b"--datadir=").and_then(|data| data.strip_prefix(folder));
        rest == Some(b"/data")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_of_the_folder_is_known_as_one() {
        let folder = Path::new("/x/server-abc");
        assert!(names_folder(b"/usr/sbin/mariadbd\0--no-defaults\0--datadir=/x/server-abc/data\0", folder));
        for other in [&b"tail\0/x/server-abc/data\0"[..], b"mariadbd\0--datadir=/x/server-abcd/data\0", b""] {
            assert!(!names_folder(other, folder));
        }
        assert!(!kill_and_wait(std::process::id().into(), folder));
    }

    #[test]
    fn a_program_ends_with_the_input_of_its_supervisor() {
        let mut command = supervised(Path::new("sleep"));
        let mut child = command.arg("1000").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        drop(child.stdin.take());
        assert!(!child.wait().unwrap().success());
        let mut command = supervised(Path::new("true"));
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let held = child.stdin.take();
        assert!(child.wait().unwrap().success(), "it ends when the program does");
        drop(held);
    }
}
