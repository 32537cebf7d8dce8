//! The folder of a scratch server, and the marker beside it that says whose it is.
//!
//! ```text
//! <parent>/enamel-scratch-<user>/          this user's, nobody else writes in it
//!     server-XXXXXX.owner                  the process that uses the folder; made before the folder, removed after it
//!     server-XXXXXX/                       log; in it, of the server's account: data, run (socket, process id), tmp
//! ```
//!
//! A run that was killed leaves marker and folder. The next one removes both if the marker proves that its process is gone: of this machine, with
//! another start, or before the last boot. Without such a proof it touches nothing.

use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use repo_format::id::RepositoryId;

use super::unix::{self, User};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::machine::{self, Process};

const PREFIX: &str = "server-";
const ENDING: &str = ".owner";
/// The first line of a marker.
const HEAD: &str = "enamel scratch server 1";
/// Bytes of the log that an error shows at most.
const LAST_WORDS_MAX: usize = 800;
/// The words of servers for a full disk: the number of the error (ENOSPC), or its text.
const FULL: [&str; 4] = ["error 28", "Errcode: 28", "No space left on device", "Out of disk space"];
/// The longest path that a socket can have on every system.
const SOCKET_MAX: usize = 103;

/// A folder of a scratch server. When it is dropped it is removed.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes an empty one in `parent`. The server's account is `user`, if it is not this process's.
    ///
    /// # Errors
    /// If the folder cannot be written, or its path is too long for a socket.
    pub fn make(parent: &Path, user: Option<&User>) -> Result<Self> {
        let failed = |e| Error::io(format!("cannot make a folder for a scratch server in {}", parent.display()), e);
        let mut marker = tempfile::Builder::new().prefix(PREFIX).suffix(ENDING).tempfile_in(parent).map_err(failed)?;
        marker.write_all(Owner::this_process().to_text().as_bytes()).map_err(failed)?;
        let (_, marker) = marker.keep().map_err(|e| failed(e.error))?;
        let folder = Folder { path: marker.with_extension("") };
        unix::make_folder(&folder.path, unix::ENTERED_BY_ALL).map_err(failed)?;
        for inner in [folder.data(), folder.run(), folder.temporary()] {
            unix::make_folder(&inner, unix::PRIVATE).map_err(failed)?;
            unix::give(&inner, user).map_err(failed)?;
        }
        unix::make_folder(&folder.private(), unix::PRIVATE).map_err(failed)?;
        if folder.socket().as_os_str().len() > SOCKET_MAX {
            let message = format!("the path of a socket would be too long in {}", parent.display());
            return Err(
                Error::new(ErrorKind::Usage, message).with_hint("Name a folder with a shorter path: --scratch-folder.")
            );
        }
        Ok(folder)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a program here has said that the disk is full.
    pub fn was_full(&self) -> bool {
        let said = std::fs::read(self.log()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        FULL.iter().any(|words| said.contains(words))
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where the server's socket and process id are.
    pub fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Where the server puts temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// For this process only.
    pub fn private(&self) -> PathBuf {
        self.path.join("own")
    }

    pub fn socket(&self) -> PathBuf {
        self.run().join("socket")
    }

    pub fn process_id(&self) -> PathBuf {
        process_id(&self.path)
    }

    /// The log of the programs that run here.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The end of the log, in one line: errors if there are any.
    pub fn last_words(&self) -> String {
        let said = std::fs::read(self.log()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR") || line.contains("rror:")).collect();
        let mut lines = if errors.is_empty() { said.lines().collect() } else { errors };
        // A server says the same again and again, each time with another time.
        lines.dedup_by_key(|line| line.split_once(']').map_or(*line, |(_, said)| said));
        let text = lines.join("; ");
        let from = text.char_indices().map(|(at, _)| at).find(|at| text.len() - at <= LAST_WORDS_MAX);
        match &text[from.unwrap_or(0)..] {
            "" => "it said nothing".to_owned(),
            words => words.to_owned(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If the folder cannot be removed now, the marker stays, and the next run tries again.
        if remove_folder(&self.path).is_ok() {
            let _ = std::fs::remove_file(marker_of(&self.path));
        }
    }
}

/// The folder of this user's scratch servers in `parent`; it is made if it is not there.
///
/// # Errors
/// [`ErrorKind::Refused`] if there is something else of its name, or others can write in it.
pub(super) fn own_parent(parent: &Path) -> Result<PathBuf> {
    let path = parent.join(format!("enamel-scratch-{}", unix::user_number()));
    let made = unix::make_folder(&path, unix::ENTERED_BY_ALL);
    match made {
        Err(e) if e.kind() != Io::AlreadyExists => {
            Err(Error::io(format!("cannot make the folder {} for scratch servers", path.display()), e)
                .with_hint("Name a folder with --scratch-folder."))
        }
        _ if unix::is_own_folder(&path) => Ok(path),
        _ => {
            let message = format!("{} is not a folder of this user that nobody else can write", path.display());
            Err(Error::new(ErrorKind::Refused, message)
                .with_hint("Remove it, or name another folder: --scratch-folder."))
        }
    }
}

/// Removes the leftovers of killed runs; returns messages about them.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn remove_leftovers(parent: &Path) -> Result<Vec<String>> {
    let failed = |e| Error::io(format!("cannot look for what is left in {}", parent.display()), e);
    let mut told = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(failed)? {
        let marker = entry.map_err(failed)?.path();
        let name = marker.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_marker = name.starts_with(PREFIX) && name.ends_with(ENDING);
        let owner = is_marker.then(|| std::fs::read_to_string(&marker).ok()).flatten();
        if owner.and_then(|text| Owner::parse(&text)).is_some_and(|owner| owner.is_gone()) {
            told.extend(remove_leftover(&marker));
        }
    }
    Ok(told)
}

/// Ends the server of a folder if it still runs, and removes the folder and its marker; returns a message about it.
fn remove_leftover(marker: &Path) -> Option<String> {
    let folder = marker.with_extension("");
    let there = folder.exists();
    if !end_server(&folder) {
        return Some(format!(
            "a scratch server of an earlier run may still be running in {}: end it, and remove the folder",
            folder.display()
        ));
    }
    match remove_folder(&folder).and_then(|()| std::fs::remove_file(marker)) {
        Ok(()) => there.then(|| format!("removed {}, which a run had left that was killed", folder.display())),
        // Another run removes it, too.
        Err(e) if e.kind() == Io::NotFound => None,
        Err(e) => Some(format!("{}, which a run has left that was killed, cannot be removed: {e}", folder.display())),
    }
}

/// Whether no server runs in `folder` any more.
fn end_server(folder: &Path) -> bool {
    let Some(id) = std::fs::read_to_string(process_id(folder)).ok().and_then(|text| text.trim().parse().ok()) else {
        return true;
    };
    match machine::process(id) {
        Process::Gone => true,
        // Its number may be another process's by now.
        Process::There(_) => !unix::may_run_in(id, folder) || unix::kill_and_wait(id, folder),
    }
}

fn remove_folder(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != Io::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn marker_of(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(ENDING);
    name.into()
}

fn process_id(folder: &Path) -> PathBuf {
    folder.join("run").join("pid")
}

/// A process as a marker names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    process: u64,
    /// When it started, as the system counts.
    start: Option<u64>,
    boot: String,
    space: String,
    /// The machine; none where nothing tells it from others.
    machine: Option<String>,
}

impl Owner {
    fn this_process() -> Self {
        let process = u64::from(std::process::id());
        let start = match machine::process(process) {
            Process::There(start) => start,
            Process::Gone => None,
        };
        let (boot, space) = (machine::boot_id(), machine::process_space());
        let machine = machine::identity(RepositoryId([0; 16])).map(|id| id.to_string());
        Owner { process, start, boot, space, machine }
    }

    fn to_text(&self) -> String {
        let start = self.start.map(|start| start.to_string()).unwrap_or_default();
        let machine = self.machine.as_deref().unwrap_or_default();
        format!("{HEAD}\n{}\n{start}\n{}\n{}\n{machine}\n", self.process, self.boot, self.space)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut next = || lines.next().map(str::to_owned);
        if next()? != HEAD {
            return None;
        }
        let (process, start, boot, space, machine) = (next()?, next()?, next()?, next()?, next()?);
        let start = if start.is_empty() { None } else { Some(start.parse().ok()?) };
        let machine = Some(machine).filter(|machine| !machine.is_empty());
        Some(Owner { process: process.parse().ok()?, start, boot, space, machine })
    }

    /// Whether this process has surely ended.
    fn is_gone(&self) -> bool {
        let now = Owner::this_process();
        if self.boot.is_empty() || now.boot.is_empty() {
            return false;
        }
        if self.boot != now.boot {
            return self.machine.is_some() && self.machine == now.machine;
        }
        let is_other = |start: Option<u64>| start.is_some() && self.start.is_some() && start != self.start;
        self.space == now.space
            && match machine::process(self.process) {
                Process::Gone => true,
                Process::There(start) => is_other(start),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(parent: &Path, owner: &Owner) -> PathBuf {
        let marker = parent.join("server-abcdef.owner");
        std::fs::write(&marker, owner.to_text()).unwrap();
        std::fs::create_dir_all(parent.join("server-abcdef/data/shop")).unwrap();
        parent.join("server-abcdef")
    }

    fn parent() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let parent = own_parent(folder.path()).unwrap();
        (folder, parent)
    }

    #[test]
    fn a_folder_goes_with_its_value() {
        let (_held, parent) = parent();
        let folder = Folder::make(&parent, None).unwrap();
        assert!(folder.data().is_dir() && folder.private().is_dir());
        assert!(remove_leftovers(&parent).unwrap().is_empty(), "this process is there");
        assert!(folder.data().is_dir());
        drop(folder);
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_of_a_process_that_is_gone_is_removed() {
        let (_held, parent) = parent();
        let here = Owner::this_process();
        for gone in [
            Owner { process: u64::MAX, ..here.clone() },
            Owner { start: here.start.map(|start| start + 1), ..here.clone() },
            Owner { boot: "an earlier one".to_owned(), ..here.clone() },
        ] {
            let folder = leave(&parent, &gone);
            assert_eq!(remove_leftovers(&parent).unwrap().len(), 1, "{gone:?}");
            assert!(!folder.exists() && !marker_of(&folder).exists());
        }
    }

    #[test]
    fn a_folder_of_a_process_that_may_be_there_stays() {
        let (_held, parent) = parent();
        let here = Owner::this_process();
        for there in [
            here.clone(),
            Owner { machine: Some("another".to_owned()), boot: "another".to_owned(), ..here.clone() },
            Owner { machine: None, boot: "another".to_owned(), ..here.clone() },
            Owner { space: "another".to_owned(), process: u64::MAX, ..here.clone() },
        ] {
            let folder = leave(&parent, &there);
            assert!(remove_leftovers(&parent).unwrap().is_empty(), "{there:?}");
            assert!(folder.exists());
        }
        std::fs::write(parent.join("server-abcdef.owner"), "something else\n").unwrap();
        remove_leftovers(&parent).unwrap();
        assert!(parent.join("server-abcdef").exists());
    }

    #[test]
    fn a_link_in_place_of_the_parent_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("enamel-scratch-{}", unix::user_number()));
        std::os::unix::fs::symlink("/tmp", path).unwrap();
        assert_eq!(own_parent(folder.path()).unwrap_err().kind(), ErrorKind::Refused);
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let owner = Owner::this_process();
        assert_eq!(Owner::parse(&owner.to_text()), Some(owner.clone()));
        assert_eq!(Owner::parse(&owner.to_text()[..40]), None);
    }
}
