//! A database server to save, and how.

use std::path::PathBuf;
use std::time::Duration;

use repo_format::database::ProfileRecord;

use super::increment::Extent;
use crate::database::{Address, snapshot_sessions};
use engine_core::files::backup::Companion;

/// Most bytes of rows that may wait on disk, unless the options say otherwise.
const SPOOL_MAX: u64 = 64 << 30;
/// Bytes of a range of a large table, unless the options say otherwise.
const RANGE_BYTES: u64 = 64 << 20;
/// A writer that waits for this long makes the tables late that are not read yet, unless the options say otherwise.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// For how long it is tried to have all tables at one moment, unless the options say otherwise.
const PATIENCE: Duration = Duration::from_secs(180);

/// A database server to save.
pub struct DatabaseSource {
    /// Where it is, and who asks.
    pub address: Address,
    /// Which schemas; all but the server's own if none is named.
    pub schemas: Vec<String>,
    /// Users and grants, too.
    pub with_accounts: bool,
    /// For how long a writer may be made to wait by the locks of this run.
    pub wait_max: Duration,
    /// For how long it is tried to have all tables at one moment: those that others hold all the time are read afterwards.
    pub patience: Duration,
    /// How many sessions read at once; 0: as many as there are cores, and one more.
    pub sessions: usize,
    /// Where rows wait that are read under a lock; the cache folder if it is not said.
    pub spool_folder: Option<PathBuf>,
    /// How many bytes of them may wait.
    pub spool_bytes_max: u64,
    /// How much is read.
    pub extent: Extent,
    /// A table is read by several sessions at once in ranges of about so many bytes, if others would wait for it.
    pub range_bytes: u64,
    /// The findings of a profile.
    pub profile: Option<ProfileRecord>,
    /// Is asked, when all is stored, which files the database speaks of and the snapshot lacks.
    pub companion: Option<Companion>,
}

impl DatabaseSource {
    /// The server at `address`, with everything else as usual.
    pub fn new(address: Address) -> Self {
        DatabaseSource {
            address,
            schemas: Vec::new(),
            with_accounts: false,
            wait_max: WAIT_MAX,
            patience: PATIENCE,
            sessions: 0,
            spool_folder: None,
            spool_bytes_max: SPOOL_MAX,
            extent: Extent::default(),
            range_bytes: RANGE_BYTES,
            profile: None,
            companion: None,
        }
    }

    pub(super) fn session_count(&self) -> usize {
        if self.sessions > 0 { self.sessions } else { snapshot_sessions() }
    }
}
