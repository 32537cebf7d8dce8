//! Everything that the connections of one load share.

use std::sync::atomic::{AtomicBool, Ordering};

use super::building::Building;
use super::followed::Followed;
use super::marker::Marker;
use super::options::LoadOptions;
use super::plan::PlannedSchema;
use super::renaming::Renaming;
use super::session;
use super::source::Source;
use super::tally::Tally;
use super::target::Target;
use crate::database::{Address, Connection};
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;

/// Everything that the threads of one load share.
pub struct Run<'r> {
    pub source: &'r Source<'r>,
    pub target: &'r Target,
    /// The names of schemas in the end.
    pub renaming: &'r Renaming,
    /// The names of schemas while tables are loaded.
    pub loading: &'r Renaming,
    pub address: &'r Address,
    pub options: &'r LoadOptions,
    pub followed: Option<&'r Followed<'r>>,
    pub tally: &'r Tally<'r>,
    pub monitor: &'r dyn Monitor,
    pub building: Building,
    /// Connections that work at the same time.
    pub jobs: usize,
    pub stop: AtomicBool,
    pub says_inserting: AtomicBool,
    pub says_shortcomings: AtomicBool,
}

/// A schema that is being loaded.
pub struct SchemaRun<'r> {
    pub plan: &'r PlannedSchema<'r>,
    pub marker: Marker,
    /// Some of its tables could not be loaded.
    pub has_failures: AtomicBool,
}

impl Run<'_> {
    /// Checks that the work may go on.
    ///
    /// # Errors
    /// If the user wishes to stop, or another thread has failed.
    pub fn check(&self) -> Result<()> {
        let stops = self.monitor.is_cancelled() || self.stop.load(Ordering::Relaxed);
        if stops { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// A connection that is set up for loading.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn connect(&self) -> Result<Connection> {
        let connection = session::open(self.address, self.options.binlog)?;
        if !self.says_shortcomings.swap(true, Ordering::Relaxed) {
            connection.shortcomings().for_each(|text| self.monitor.note(&text));
        }
        Ok(connection)
    }

    /// Says once that rows are inserted, as the server does not allow to load them.
    pub fn say_inserting(&self) {
        self.target.refuse_local();
        if !self.says_inserting.swap(true, Ordering::Relaxed) {
            self.monitor.note(
                "the server does not allow LOAD DATA LOCAL: rows are inserted, which takes longer; SET GLOBAL local_infile=ON \
                 on the server allows it",
            );
        }
    }
}
