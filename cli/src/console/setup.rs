//! The first start: the page asks what `enamel setup` asks, in the same steps, and does it with the same functions. Answers are kept in
//! a file as they come, so a program that is killed goes on where it was. The sheet is in memory only: its key counts when
//! words of it were typed back.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::error::chain;
use engine::{Error, ErrorKind, Result};

use super::door::{Door, Person, Role};
use super::server::{Console, Inside, Kept};
use super::{call, no_state_dir};
use crate::commands::setup::answers::{self, Draft};
use crate::commands::setup::file::Lines;
use crate::commands::setup::sheet::{self, Sheet, TYPED_BACK};
use crate::commands::setup::{disk, making};
use crate::context::Context;
use crate::environment;
use crate::fnv;
use crate::global::Global;
use crate::interrupt::Interrupt;
use crate::settings::Place;
use crate::ui::Ui;

/// How often it is looked whether the user wishes to stop.
const POLL: Duration = Duration::from_millis(100);

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Which folders to save.
    What,
    /// Where backups go.
    Where,
    /// A last look, before anything is made.
    Make,
    /// The recovery sheet.
    Paper,
    /// Everything that is needed is there.
    End,
}

/// An answer that will not do: its field, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The name of the field.
    pub field: &'static str,
    /// Why, in words.
    pub why: String,
}

impl Wrong {
    fn new(field: &'static str, error: &Error) -> Self {
        Wrong { field, why: chain(error).to_string() }
    }
}

/// Done, or an answer will not do.
pub type Answered = Result<std::result::Result<(), Wrong>>;

/// The first start as its pages see it.
pub struct Wizard {
    /// Lets the owner in.
    pub door: Arc<Door>,
    global: Global,
    interrupt: Arc<Interrupt>,
    settings: PathBuf,
    draft: Draft,
    progress: Mutex<Progress>,
    finished: Sender<()>,
}

/// The things that are in memory only. Whoever has it is the only one who does something.
#[derive(Default)]
struct Progress {
    sheet: Option<Arc<Sheet>>,
    is_whole: bool,
}

/// Everything that a page shows.
pub struct Seen {
    /// The step that is next.
    pub step: Step,
    /// The answers so far.
    pub lines: Lines,
    /// A folder to save on the disk of the backups.
    pub shared: Option<PathBuf>,
    /// Other disks of this computer.
    pub disks: Vec<PathBuf>,
    /// The sheet, when it is its turn.
    pub sheet: Option<Arc<Sheet>>,
    /// The settings file.
    pub settings: PathBuf,
}

impl Wizard {
    /// Everything that the page shows now.
    ///
    /// # Errors
    /// The answers so far cannot be read.
    pub fn look(&self) -> Result<Seen> {
        let progress = self.progress();
        let draft = self.draft.read()?;
        let step = match &draft {
            _ if progress.is_whole => Step::End,
            _ if progress.sheet.is_some() => Step::Paper,
            None => Step::What,
            Some(lines) if lines.repository.is_none() => Step::Where,
            Some(_) => Step::Make,
        };
        let lines = draft.map_or_else(|| answers::settings_at(&self.settings).map(|file| Lines::of(&file)), Ok)?;
        let place = lines.repository.as_deref().map(place_of).transpose()?;
        Ok(Seen {
            step,
            shared: place.and_then(|place| shared(&place, &lines)),
            lines,
            disks: disk::others(),
            sheet: progress.sheet.clone(),
            settings: self.settings.clone(),
        })
    }

    /// Takes the folders to save.
    ///
    /// # Errors
    /// They cannot be kept.
    pub fn take_what(&self, folders: &str) -> Answered {
        let progress = self.progress();
        if progress.has_begun() {
            return Ok(Ok(()));
        }
        let mut lines = self.lines()?;
        match answers::folders(folders, lines.database.is_some()) {
            Err(error) => return Ok(Err(Wrong::new("folders", &error))),
            Ok(folders) => lines.sources = folders,
        }
        self.draft.keep(&lines).map(Ok)
    }

    /// Takes the place of the backups. The disk of what is saved is one only for who takes the risk.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn take_where(&self, place: &str, takes_risk: bool) -> Answered {
        let progress = self.progress();
        if progress.has_begun() || !self.draft.is_there() {
            return Ok(Ok(()));
        }
        let mut lines = self.lines()?;
        let place = match answers::place(place.trim()) {
            Err(error) => return Ok(Err(Wrong::new("place", &error))),
            Ok(place) => place,
        };
        if let Some(source) = shared(&place, &lines).filter(|_| !takes_risk) {
            let why = format!(
                "{place} is on the same disk as {}: if that disk breaks, both are lost. A USB disk is safe.",
                source.display()
            );
            return Ok(Err(Wrong { field: "risk", why }));
        }
        lines.repository = Some(place.to_string().into());
        self.draft.keep(&lines).map(Ok)
    }

    /// Writes the settings, makes the repository and its key, and draws a sheet.
    ///
    /// # Errors
    /// A part cannot be made. Everything until then stays, and this goes on from there.
    pub fn make(&self) -> Result<()> {
        let mut progress = self.progress();
        let lines = self.draft.read()?;
        let Some((mut lines, place)) = lines.and_then(|lines| lines.repository.clone().map(|place| (lines, place)))
        else {
            return Ok(());
        };
        if progress.has_begun() {
            return Ok(());
        }
        let place = place_of(&place)?;
        lines.key_file = answers::key_file(&self.global, &answers::settings_at(&self.settings)?, &self.settings)?;
        let global = making::write_settings(&self.settings, &lines, &self.global)?;
        self.with_context(&global, |context| {
            let (repository, _) = making::repository(context, &place)?;
            if sheet::is_there(&repository)? {
                progress.is_whole = true;
                return self.draft.end();
            }
            progress.sheet = Some(Arc::new(Sheet::new(&place, context)?));
            Ok(())
        })
    }

    /// Lets the sheet open the backups, if its words were typed back.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn prove(&self, words: [&str; 2]) -> Answered {
        let mut progress = self.progress();
        let Some(sheet) = progress.sheet.clone().filter(|_| !progress.is_whole) else { return Ok(Ok(())) };
        for ((at, field), word) in TYPED_BACK.into_iter().zip(["first", "second"]).zip(words) {
            if let Err(error) = sheet.check(at, word) {
                return Ok(Err(Wrong::new(field, &error)));
            }
        }
        let global = Global { config: Some(self.settings.clone()), repo: None, ..self.global.clone() };
        self.with_context(&global, |context| {
            let (repository, _) = making::repository(context, context.repository_place()?)?;
            // A program that was killed may have added one before.
            if !sheet::is_there(&repository)? {
                sheet.add_to(&repository)?;
            }
            self.draft.end()
        })?;
        (progress.is_whole, progress.sheet) = (true, None);
        Ok(Ok(()))
    }

    /// Lets the console take over, if everything that is needed is there.
    pub fn finish(&self) -> bool {
        // Nobody waits any more: the program ends already.
        self.progress().is_whole && self.finished.send(()).is_ok()
    }

    fn lines(&self) -> Result<Lines> {
        let draft = self.draft.read()?;
        draft.map_or_else(
            || answers::settings_at(&self.settings).map(|file| Lines { repository: None, ..Lines::of(&file) }),
            Ok,
        )
    }

    fn with_context<T>(&self, global: &Global, work: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        let ui = Ui::silent(self.interrupt.clone());
        work(&Context::new(global, &ui)?)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// Whether answers can be changed no more.
    fn has_begun(&self) -> bool {
        self.is_whole || self.sheet.is_some()
    }
}

fn place_of(path: &Path) -> Result<Place> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("`{}` cannot be a place for backups: it is not UTF-8", path.display()))
    })?;
    answers::place(text)
}

fn shared(place: &Place, lines: &Lines) -> Option<PathBuf> {
    place.folder().and_then(|folder| disk::shared_with(folder, &lines.sources)).cloned()
}

/// The person who sets up: the user of the program.
pub fn owner() -> Person {
    Person { name: environment::user_name(), role: Role::Owner }
}

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
    finished: Receiver<()>,
}

impl First {
    /// The first start with these options, if nothing is set up with them.
    ///
    /// # Errors
    /// There is no folder for the settings, or for what this computer has seen.
    pub fn of(context: &Context<'_>, global: &Global) -> Result<Option<Self>> {
        let settings = answers::settings_path(global)?;
        let is_named = context.settings.repository.is_some();
        if is_named && (global.repo.is_some() || !Draft::of(&settings).is_there()) {
            return Ok(None);
        }
        let state_dir = context.state_dir().ok_or_else(no_state_dir)?;
        let path = settings.as_os_str().as_encoded_bytes();
        let socket = format!("setup-{:016x}", fnv::hash(path.iter().copied()));
        Ok(Some(First { settings, state_dir, socket }))
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
        let (done, finished) = channel();
        let wizard = |door| Wizard {
            door,
            global: global.clone(),
            interrupt: context.ui.interrupt().clone(),
            draft: Draft::of(&self.settings),
            settings: self.settings.clone(),
            progress: Mutex::default(),
            finished: done,
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
    pub fn wait(self, ui: &Ui) -> Option<Kept> {
        let is_finished = loop {
            if ui.is_interrupted() {
                break false;
            }
            match self.finished.recv_timeout(POLL) {
                Ok(()) => break true,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break false,
            }
        };
        drop(self.console);
        is_finished.then_some(self.kept)
    }
}
