//! How `enamel console` asks a running agent for a link: over a socket that only the agent's own user can reach.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Error, ErrorKind, Result};
use tokio::io::AsyncWriteExt;

use super::Inside;
use super::door::Door;
use crate::whole_file::make_private_folder;

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer answer is none.
const ANSWER_MAX: u64 = 500;

/// The agent's end.
pub struct Answering {
    listener: UnixListener,
    path: PathBuf,
    /// The system gives it back however the agent ends.
    _lock: File,
}

impl Answering {
    /// Takes the place of an agent that has ended.
    ///
    /// # Errors
    /// Another agent is there, or the socket cannot be made.
    pub fn new(inside: &Inside<'_>) -> Result<Self> {
        let path = path(inside);
        let failed = |error| socket_failed(&path, error);
        make_private_folder(inside.state_dir).map_err(failed)?;
        // Two that begin at once would both find that nobody answers, and carry out one order twice.
        let lock = lock(&path.with_extension("lock"))?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Answering { listener, path, _lock: lock })
    }

    /// Gives a link to each who asks.
    pub(super) async fn answer(self, door: Arc<Door>) {
        // It was made non-blocking.
        let Ok(listener) = self.listener.try_clone().and_then(tokio::net::UnixListener::from_std) else { return };
        loop {
            let Ok((mut stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // Without randomness the answer is empty, and the caller says so.
            let Ok(link) = door.links.make(Instant::now()) else { continue };
            let port = door.port;
            // A caller that is gone needs none.
            let _ = stream.write_all(format!("http://127.0.0.1:{port}/enter?link={link}").as_bytes()).await;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // The next agent takes over a socket that stays.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks the agent for a link; `None` if none is running.
///
/// # Errors
/// It does not answer.
pub fn ask(inside: &Inside<'_>) -> Result<Option<String>> {
    let path = path(inside);
    let failed = |error| Error::io("the running agent does not answer", error);
    let mut stream = match UnixStream::connect(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(socket_failed(&path, error)),
        Ok(stream) => stream,
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut link = String::new();
    stream.by_ref().take(ANSWER_MAX).read_to_string(&mut link).map_err(failed)?;
    if link.starts_with("http://") {
        return Ok(Some(link));
    }
    Err(Error::new(ErrorKind::Io, "the running agent gave no link"))
}

fn path(inside: &Inside<'_>) -> PathBuf {
    inside.state_dir.join(format!("console-{}.sock", inside.repository))
}

/// Takes the file that only one agent has.
///
/// # Errors
/// Another one has it; it cannot be used.
fn lock(path: &Path) -> Result<File> {
    let failed = |error| Error::io(format!("cannot lock {}", path.display()), error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Usage, "another agent of this repository has its console open")
                .with_hint("`enamel console` opens that one."))
        }
    }
}

fn socket_failed(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot use the socket {}", path.display()), error)
        .with_hint("The path of a socket has at most 100 bytes: name a shorter folder with --state-dir or `state-dir`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_has_the_console_also_when_its_socket_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let inside = Inside { state_dir: &folder.path().join("state"), repository: "c17bc452" };
        let first = Answering::new(&inside).unwrap();
        for _ in 0..2 {
            assert_eq!(Answering::new(&inside).err().unwrap().kind(), ErrorKind::Usage);
            std::fs::remove_file(path(&inside)).unwrap_or_default();
        }
        assert!(Answering::new(&Inside { repository: "another", ..inside }).is_ok());
        drop(first);
        assert!(Answering::new(&inside).is_ok());
    }
}
