//! Turns at a server: one run of a kind at a time.

use super::connection::Connection;
use engine_core::error::{Error, ErrorKind, Result};

/// The number of seconds to wait for another run: a server takes a while to notice that one was killed.
const WAIT_SECONDS: u32 = 5;

/// A kind of run that a server tolerates only one of at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Two backups would hold up each other, and everybody else twice.
    Backup,
    /// A second purge would miss rows that it has named.
    Purge,
}

impl Turn {
    fn name(self) -> &'static str {
        match self {
            Turn::Backup => "backup",
            Turn::Purge => "purge",
        }
    }

    /// Keeps other runs of this kind away from the server for as long as `connection` lives.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if another one is running: its session is named.
    pub fn take(self, connection: &mut Connection) -> Result<()> {
        let name = self.name();
        let lock = format!("enamel {name}");
        if connection.value(&format!("SELECT GET_LOCK('{lock}', {WAIT_SECONDS})"))?.as_deref() == Some("1") {
            return Ok(());
        }
        let session = connection.value(&format!("SELECT IS_USED_LOCK('{lock}')"))?;
        let session = session.map(|id| format!(" (session {id})")).unwrap_or_default();
        Err(Error::new(ErrorKind::Fenced, format!("another {name} of this database server is running{session}")))
    }
}
