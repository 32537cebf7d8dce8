//! The first start, seen from the program that opens its page.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use engine::Result;

use super::server::{Console, Inside, Kept};
use super::setup::{Finish, Next, Wizard};
use super::{call, no_state_dir};
use crate::commands::setup::answers::{self, Draft};
use crate::context::Context;
use crate::fnv;
use crate::global::Global;
use crate::ui::Ui;

/// How often it is looked whether the user wishes to stop.
const POLL: Duration = Duration::from_millis(100);

/// A first start, seen from the program.
pub struct First {
    settings: PathBuf,
    state_dir: PathBuf,
    socket: String,
}

/// A first start whose page is open.
pub struct Opened {
    console: Console,
    kept: Kept,
    finished: Receiver<Next>,
}

impl First {
    /// The first start with these options, if nothing is set up with them, or its page is still open.
    ///
    /// # Errors
    /// There is no folder for the settings, or for what this computer has seen; the page does not answer.
    pub fn of(context: &Context<'_>, global: &Global) -> Result<Option<Self>> {
        let settings = answers::settings_path(global)?;
        let is_named = context.settings.repository.is_some();
        if is_named && global.repo.is_some() {
            return Ok(None);
        }
        let is_set_up = is_named && !Draft::of(&settings).is_there();
        let state_dir = match context.state_dir() {
            None if is_set_up => return Ok(None),
            found => found.ok_or_else(no_state_dir)?,
        };
        let path = settings.as_os_str().as_encoded_bytes();
        let socket = format!("setup-{:016x}", fnv::hash(path.iter().copied()));
        let first = First { settings, state_dir, socket };
        // Its last step is still to be done: a console beside it would be a second agent.
        let is_over = is_set_up && first.link()?.is_none();
        Ok((!is_over).then_some(first))
    }

    /// The link to the page of a program that has it open already.
    ///
    /// # Errors
    /// It does not answer.
    pub fn link(&self) -> Result<Option<String>> {
        call::ask(&self.inside())
    }

    /// Opens the page.
    ///
    /// # Errors
    /// Its port is taken.
    pub fn open(&self, context: &Context<'_>, global: &Global) -> Result<Opened> {
        let (next, finished) = channel();
        let wizard = |door, closed| Wizard {
            door,
            global: global.clone(),
            interrupt: context.ui.interrupt().clone(),
            state_dir: self.state_dir.clone(),
            draft: Draft::of(&self.settings),
            settings: self.settings.clone(),
            progress: Mutex::default(),
            finish: Finish { next, closed },
        };
        let (console, kept) = Console::open_first(context, &self.inside(), wizard)?;
        Ok(Opened { console, kept, finished })
    }

    /// The options of the console that takes over.
    pub fn global(&self, global: &Global) -> Global {
        Global { config: Some(self.settings.clone()), ..global.clone() }
    }

    fn inside(&self) -> Inside<'_> {
        Inside { state_dir: &self.state_dir, repository: &self.socket }
    }
}

impl Opened {
    /// Waits until everything is set up; `None` if the user ended the program before.
    pub fn wait(self, ui: &Ui) -> Option<(Next, Kept)> {
        let next = loop {
            if ui.is_interrupted() {
                break None;
            }
            match self.finished.recv_timeout(POLL) {
                Ok(next) => break Some(next),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        // Its last page leaves first.
        drop(self.console);
        next.map(|next| (next, self.kept))
    }
}
