//! How `enamel console` asks a running agent for a link: over a socket that only the agent's own user can reach.

use std::fs::Permissions;
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
}

impl Answering {
    /// Takes the place of an agent that has ended.
    ///
    /// # Errors
    /// Another agent is there, or the socket cannot be made.
    pub fn new(inside: &Inside<'_>) -> Result<Self> {
        let path = path(inside);
        let failed = |error| socket_failed(&path, error);
        if UnixStream::connect(&path).is_ok() {
            return Err(Error::new(ErrorKind::Usage, "another agent of this repository has its console open")
                .with_hint("`enamel console` opens that one."));
        }
        make_private_folder(inside.state_dir).map_err(failed)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Answering { listener, path })
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

fn socket_failed(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot use the socket {}", path.display()), error)
        .with_hint("The path of a socket has at most 100 bytes: name a shorter folder with --state-dir or `state-dir`.")
}
