//! The room of a scratch server: a server whose disk is full waits for ever, and nobody would know.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::OTHER_DISK;
use engine_core::error::{Error, ErrorKind};
use engine_core::filesystem::free_space;
use engine_core::monitor::{Monitor, Phase, Work};

/// A server with less free space waits, or ends soon: it writes in larger pieces.
const FREE_MIN: u64 = 1 << 20;

/// A monitor that also wishes to stop when the disk of a scratch server is full.
pub struct Room<'m> {
    monitor: &'m dyn Monitor,
    folder: PathBuf,
    was_full: AtomicBool,
}

impl<'m> Room<'m> {
    pub(super) fn new(monitor: &'m dyn Monitor, folder: PathBuf) -> Self {
        Room { monitor, folder, was_full: AtomicBool::new(false) }
    }

    /// `error`, or the full disk if that is why everything was stopped.
    pub fn explained(&self, error: Error) -> Error {
        let was_asked = self.monitor.is_cancelled();
        if error.kind() == ErrorKind::Cancelled && self.was_full.load(Ordering::Acquire) && !was_asked {
            return full(&self.folder);
        }
        error
    }
}

/// The error of a folder whose disk is full.
pub(super) fn full(folder: &Path) -> Error {
    let message = format!("the disk of the scratch server in {} was full", folder.display());
    Error::new(ErrorKind::NoSpace, message).with_hint(OTHER_DISK)
}

impl Monitor for Room<'_> {
    fn begin(&self, phase: Phase, total: Option<Work>) {
        self.monitor.begin(phase, total);
    }

    fn expect(&self, total: Work) {
        self.monitor.expect(total);
    }

    fn advance(&self, done: Work) {
        self.monitor.advance(done);
    }

    fn busy_with(&self, what: Option<&str>) {
        self.monitor.busy_with(what);
    }

    fn end(&self) {
        self.monitor.end();
    }

    fn problem(&self, path: &[u8], message: &str) {
        self.monitor.problem(path, message);
    }

    fn note(&self, message: &str) {
        self.monitor.note(message);
    }

    fn may_cost(&self, what: &str) -> bool {
        self.monitor.may_cost(what)
    }

    fn is_cancelled(&self) -> bool {
        // A folder that cannot be asked about says nothing.
        if free_space(&self.folder).is_ok_and(|free| free < FREE_MIN) {
            self.was_full.store(true, Ordering::Release);
        }
        self.was_full.load(Ordering::Acquire) || self.monitor.is_cancelled()
    }
}
