//! A scratch server: a database server that Enamel starts on an empty data folder, without network, and removes again with all that is in it.
//!
//! ```text
//! program   finds the program of the flavour and a version
//! folder    a private folder with a marker that says who uses it; removes what a killed run left
//! install   makes the data folder
//! settings  the command line: fast, alone, and with the settings of the server that was saved
//! room      ends the wait of a server whose disk is full
//! running   the process, which ends with this one however that ends
//! unix      users, free space, processes
//! ```
//!
//! Its data are copies, so nothing of them has to survive the machine's power, and stopping it is killing it.

mod folder;
mod install;
mod program;
mod room;
mod running;
mod settings;
mod unix;

use std::path::PathBuf;

use repo_format::database::ServerRecord;

use crate::database::{Address, Credentials, Server};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;

use folder::Folder;
use install::Installer;
use program::Program;
pub use room::Room;
use running::Running;
use settings::Use;
pub(crate) use settings::zone_of_scratch_server;

/// Where scratch servers lie unless the options say otherwise: on a disk, entered by every account, and open to servers that AppArmor confines.
const PARENT_DEFAULT: &str = "/var/tmp";
/// The remedy for a disk that is full.
pub(crate) const OTHER_DISK: &str = "Name a folder on another disk: --scratch-folder.";
/// An empty server with its logs.
const EMPTY_BYTES: u64 = 400 << 20;

/// How a scratch server is started.
#[derive(Debug, Clone, Default)]
pub struct ScratchOptions {
    /// The program of the server; looked for if none is named.
    pub program: Option<PathBuf>,
    /// Folders in which programs are looked for before the usual ones: the search path of the user.
    pub search: Vec<PathBuf>,
    /// The folder below which its own lies; /var/tmp if none is named.
    pub parent: Option<PathBuf>,
    /// Bytes that its data are going to take.
    pub data_bytes: u64,
}

/// A folder of this process's own, as scratch servers have. When it is dropped it is removed with all that is in it.
pub struct ScratchFolder {
    folder: Folder,
}

impl ScratchFolder {
    /// Makes an empty one with room for `options.data_bytes`, and removes what killed runs have left.
    ///
    /// # Errors
    /// [`ErrorKind::NoSpace`] if there is no room; if it cannot be made.
    pub fn make(options: &ScratchOptions, monitor: &dyn Monitor) -> Result<Self> {
        let parent = ready_parent(options, monitor)?;
        unix::check_room(&parent, options.data_bytes)?;
        Ok(ScratchFolder { folder: Folder::make(&parent, None)? })
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.folder.private()
    }
}

/// The folder of this user's scratch servers, without leftovers.
fn ready_parent(options: &ScratchOptions, monitor: &dyn Monitor) -> Result<PathBuf> {
    let parent = options.parent.clone().unwrap_or_else(|| PARENT_DEFAULT.into());
    let parent = folder::own_parent(&parent)?;
    for left in folder::remove_leftovers(&parent)? {
        monitor.note(&left);
    }
    Ok(parent)
}

/// A server of this process's own. When it is dropped the server is ended, and its folder removed.
pub struct ScratchServer {
    // Dropped in this order: first the process, then what it has open.
    running: Running,
    folder: Folder,
    program: Server,
}

impl ScratchServer {
    /// Starts a server that can take what the server of `record` has: the same flavour, no older series, the same settings. Returns when it
    /// answers.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no such server is installed; [`ErrorKind::NoSpace`] if there is no room for it; [`ErrorKind::Database`] if it
    /// does not start; if the monitor wishes to stop.
    pub fn start(record: &ServerRecord, options: &ScratchOptions, monitor: &dyn Monitor) -> Result<Self> {
        let found = program::find(&Server::of_record(record), options)?;
        Self::start_program(&found, Use::StandIn(record), options, monitor)
    }

    /// Starts a server of the program that is named, or of any that is installed, with a log of its changes; none if there is no program.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_own(options: &ScratchOptions, monitor: &dyn Monitor) -> Result<Option<Self>> {
        let Some(found) = program::any(options)? else { return Ok(None) };
        Self::start_program(&found, Use::Own, options, monitor).map(Some)
    }

    fn start_program(
        found: &Program,
        purpose: Use<'_>,
        options: &ScratchOptions,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let parent = ready_parent(options, monitor)?;
        let user = unix::server_user()?;
        unix::check_room(&parent, options.data_bytes.saturating_add(EMPTY_BYTES))?;
        let folder = Folder::make(&parent, user.as_ref())?;
        let settings = settings::Settings { purpose, server: &found.server, folder: &folder, user: user.as_ref() };
        Installer { program: found, settings: &settings, search: &options.search }.run(monitor)?;
        let running = Running::start(&found.path, &settings.running(), settings.time_zone_of_process(), &folder)?;
        let mut scratch = ScratchServer { running, folder, program: found.server.clone() };
        scratch.running.wait_until_it_answers(&scratch.address(), &scratch.folder, monitor)?;
        Ok(scratch)
    }

    /// Its socket, and its administrator. Only this user and the server's own account can enter the folder of the socket.
    pub fn address(&self) -> Address {
        let credentials = Credentials { user: "root".to_owned(), password: None };
        Address { socket: Some(self.folder.socket()), credentials, ..Address::default() }
    }

    /// Its program and version.
    pub fn server(&self) -> &Server {
        &self.program
    }

    /// A private folder beside its data, which goes with it.
    pub fn folder(&self) -> PathBuf {
        self.folder.private()
    }

    /// An error, if the server has found its disk full: what it says of its data proves nothing then.
    pub fn full(&self) -> Option<Error> {
        self.folder.was_full().then(|| room::full(self.folder.path()))
    }

    /// `monitor`, for work with this server: it also wishes to stop when the disk of the server is full.
    pub fn room<'m>(&self, monitor: &'m dyn Monitor) -> Room<'m> {
        Room::new(monitor, self.folder.path().to_owned())
    }

    /// `error`, with what the server said last, if it has ended or its disk was full.
    pub fn explained(&mut self, error: Error) -> Error {
        if error.kind() == ErrorKind::Cancelled {
            return error;
        }
        if let Some(full) = self.full() {
            return error.context(full.to_string()).with_kind(ErrorKind::NoSpace).with_hint(OTHER_DISK);
        }
        if self.running.has_ended() {
            error.context(format!("the scratch server has ended: {}", self.folder.last_words()))
        } else {
            error
        }
    }
}

/// Whether a program is installed, or named, that can stand in for `source`.
pub(crate) fn has_program(source: &Server, options: &ScratchOptions) -> bool {
    // A program that is named and does not suit is a mistake, and no reason for another way.
    !matches!(program::find(source, options), Err(error) if error.kind() == ErrorKind::NotFound)
}

fn not_started(folder: &Folder) -> Error {
    let message = format!("the scratch server did not start: {}", folder.last_words());
    if folder.was_full() {
        return Error::new(ErrorKind::NoSpace, message).with_hint(OTHER_DISK);
    }
    Error::new(ErrorKind::Database, message)
        .with_hint("Its account must be able to enter the folder: name another one with --scratch-folder.")
}
