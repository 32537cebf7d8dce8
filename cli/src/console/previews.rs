//! Small pictures, made by `enamel preview` in a process of its own with limits: a file that attacks its decoder reaches nothing.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Error, ErrorKind, Result};
use repo_format::id::LeaseId;

use crate::environment;

/// Bytes of previews that are kept.
const KEPT_MAX: usize = 16 << 20;
/// A larger preview is none of ours.
const PREVIEW_MAX: u64 = 64 << 20;

/// The name of a preview: snapshot, path and size.
type Key = (LeaseId, Vec<u8>, u32);

/// The previews that were made lately.
#[derive(Default)]
pub struct Previews(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    bytes: usize,
    all: VecDeque<(Key, Arc<Vec<u8>>)>,
}

impl Previews {
    /// The preview of this name, if it is kept.
    pub fn kept(&self, key: &Key) -> Option<Arc<Vec<u8>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all.iter().find(|(of, _)| of == key).map(|(_, png)| png.clone())
    }

    /// Keeps a preview, and forgets the oldest.
    pub fn keep(&self, key: Key, png: Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += png.len();
        kept.all.push_back((key, png));
        while kept.bytes > KEPT_MAX
            && let Some((_, oldest)) = kept.all.pop_front()
        {
            kept.bytes -= oldest.len();
        }
    }
}

/// Makes a PNG of at most `side` pixels on each side.
///
/// # Errors
/// It is no picture, or cannot be opened; the process cannot be started.
pub fn make(picture: Vec<u8>, side: u32) -> Result<Vec<u8>> {
    let failed = |error| Error::io("cannot make a preview", error);
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("preview").arg("--side").arg(side.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    environment::hide_secrets(&mut command);
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || {
        // A decoder that has seen enough closes its end.
        stdin.map(|mut stdin| stdin.write_all(&picture))
    });
    let mut png = Vec::new();
    let read = child.stdout.take().map_or(Ok(0), |stdout| stdout.take(PREVIEW_MAX).read_to_end(&mut png));
    if read.is_err() || png.len() as u64 == PREVIEW_MAX {
        // It ends by itself, too, after some seconds.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let _ = writer.join();
    read.map_err(failed)?;
    if status.success() { Ok(png) } else { Err(Error::new(ErrorKind::Damaged, "this file has no preview")) }
}
