//! The first start: the page asks what `enamel setup` asks, in the same steps, and does it with the same functions. Answers are kept in
//! a file as they come, so a program that is killed goes on where it was. The sheet is in memory only: its key counts when
//! words of it were typed back.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::database::Password;
use engine::error::chain;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::evidence::ActionEnd;
use serde_json::Value;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::door::{Door, People, Person, Role};
use crate::agent::Journal;
use crate::commands::setup::answers::{self, Draft, NONE};
use crate::commands::setup::file::Lines;
use crate::commands::setup::server::{self, Application, Found, Survey};
use crate::commands::setup::sheet::{self, Sheet, TYPED_BACK};
use crate::commands::setup::{disk, making};
use crate::context::Context;
use crate::environment;
use crate::global::Global;
use crate::interrupt::Interrupt;
use crate::process;
use crate::settings::Place;
use crate::ui::{Ui, format};

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

/// Answers about what to save.
#[derive(Default)]
pub struct What {
    /// The address of the database server; empty for none.
    pub database: String,
    /// The password of its account.
    pub password: Zeroizing<String>,
    /// Where the images of the application are on this computer.
    pub images: String,
    /// Folders, with commas between.
    pub folders: String,
}

/// The last wishes, each of which may be left out.
#[derive(Default)]
pub struct Wish {
    /// The name with which the owner comes in without a link.
    pub name: String,
    /// Their password for the page.
    pub password: Zeroizing<String>,
    /// The same once more.
    pub again: Zeroizing<String>,
    /// The computer is to make backups by itself.
    pub is_service: bool,
}

/// The agent that serves the page next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This program.
    Here,
    /// The service of this computer.
    Service,
}

/// Ends the page of the first start.
pub struct Finish {
    /// Tells the program.
    pub next: Sender<Next>,
    /// Closes the page.
    pub closed: watch::Sender<bool>,
}

impl Finish {
    /// Everything is set up: connections that come from now on wait for the console. Returns whether the program still waits for it.
    fn with(&self, next: Next) -> bool {
        self.closed.send_replace(true);
        self.next.send(next).is_ok()
    }
}

/// Done, or an answer will not do.
pub type Answered = Result<std::result::Result<(), Wrong>>;

/// The first start as its pages see it.
pub struct Wizard {
    /// Lets the owner in.
    pub door: Arc<Door>,
    pub(super) global: Global,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) settings: PathBuf,
    pub(super) draft: Draft,
    pub(super) progress: Mutex<Progress>,
    pub(super) state_dir: PathBuf,
    pub(super) finish: Finish,
}

/// The things that are in memory only. Its holder is the only one who does something.
#[derive(Default)]
pub(super) struct Progress {
    sheet: Option<Arc<Sheet>>,
    /// The sheet opens the backups.
    is_added: bool,
    is_whole: bool,
    /// The journal says who has set everything up.
    is_noted: bool,
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
    /// The database server as it is now, or why nobody gets in; none if none is saved.
    pub database: Option<std::result::Result<Survey, String>>,
    /// The address of a server on this computer.
    pub usual_database: Option<String>,
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
        let database = match step {
            Step::Make => survey(&lines).map(|survey| survey.map_err(|error| chain(&error).to_string())),
            _ => None,
        };
        let data_folder = database.as_ref().and_then(|survey| survey.as_ref().ok()?.data_folder.clone());
        Ok(Seen {
            step,
            shared: place.and_then(|place| shared(&place, &lines, data_folder)),
            database,
            usual_database: server::usual_url(),
            lines,
            disks: disk::others(),
            sheet: progress.sheet.clone(),
            settings: self.settings.clone(),
        })
    }

    /// Takes what to save: looks into the database, and keeps the password of its account in a file beside the settings.
    ///
    /// # Errors
    /// They cannot be kept.
    pub fn take_what(&self, given: &What) -> Answered {
        let progress = self.progress();
        if progress.has_begun() {
            return Ok(Ok(()));
        }
        let mut lines = self.lines()?;
        if let Err(wrong) = self.take_database(given, &mut lines)? {
            return Ok(Err(wrong));
        }
        match answers::folders(&given.folders, lines.database.is_some()) {
            Err(error) => return Ok(Err(Wrong::new("folders", &error))),
            Ok(folders) => lines.sources = folders,
        }
        self.draft.keep(&lines).map(Ok)
    }

    fn take_database(&self, given: &What, lines: &mut Lines) -> Answered {
        let url = given.database.trim();
        if url.is_empty() || url == NONE {
            *lines = Lines {
                database: None,
                database_password_file: None,
                profile: None,
                map_paths: Vec::new(),
                ..lines.clone()
            };
            return Ok(Ok(()));
        }
        let is_known = lines.database.as_deref() == Some(url);
        let file = lines.database_password_file.clone().filter(|file| is_known && file.exists());
        let opened = match (given.password.is_empty(), &file) {
            (false, _) => server::open(url, Some(Password(given.password.clone()))),
            (true, file) => server::open_by_file(url, file.as_deref()),
        };
        let surveyed = opened.and_then(|mut connection| server::survey(&mut connection, &lines.map_paths));
        let survey = match surveyed {
            Err(error) => return Ok(Err(Wrong::new("database", &error))),
            Ok(survey) => survey,
        };
        lines.profile = None;
        for Application { profile, found } in survey.applications {
            if let Found::ImagesElsewhere(there) = found {
                match mapping(profile.title, &there, given.images.trim()) {
                    Err(why) => return Ok(Err(Wrong { field: "images", why })),
                    Ok(None) => continue,
                    Ok(Some(mapping)) => lines.map_paths.push(mapping),
                }
            }
            lines.profile = Some(profile.name.to_owned());
        }
        lines.database_password_file = match given.password.is_empty() {
            true => file,
            false => Some(server::keep_password(self.folder(), &given.password)?),
        };
        lines.database = Some(url.to_owned());
        Ok(Ok(()))
    }

    fn folder(&self) -> &Path {
        self.settings.parent().unwrap_or(Path::new("/"))
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
        let data_folder = survey(&lines).transpose()?.and_then(|survey| survey.data_folder);
        if let Some(source) = shared(&place, &lines, data_folder).filter(|_| !takes_risk) {
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
            (progress.sheet, progress.is_added) = (Some(Arc::new(Sheet::new(&place, context)?)), false);
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
        let is_whole = self.with_context(&self.after(), |context| {
            let place = context.repository_place()?;
            if !sheet.is_for(place) {
                // Somebody has set up another place meanwhile: this paper would lead to the wrong one.
                return Ok(false);
            }
            let (repository, _) = making::repository(context, place)?;
            // Another program may have made another sheet: this one is on paper now, so it has to open the backups as well.
            if !progress.is_added {
                sheet.add_to(&repository)?;
                progress.is_added = true;
            }
            self.draft.end().map(|()| true)
        })?;
        (progress.is_whole, progress.sheet) = (is_whole, None);
        Ok(Ok(()))
    }

    /// Does the last wishes, and lets the console take over; none if something that is needed is not there yet.
    ///
    /// # Errors
    /// The list of people cannot be written; this program cannot be started again.
    pub fn end(&self, wish: &Wish) -> Result<std::result::Result<Option<Next>, Wrong>> {
        let mut progress = self.progress();
        if !progress.is_whole {
            return Ok(Ok(None));
        }
        let repository =
            self.with_context(&self.after(), |context| Ok(format::short(context.open(Access::Read)?.id())))?;
        if let Err(wrong) = self.take_owner(wish, &repository)? {
            return Ok(Err(wrong));
        }
        // No agent has the journal yet.
        let journal = Journal::open(&self.state_dir, &repository)?;
        if !std::mem::replace(&mut progress.is_noted, true) {
            journal.during(owner().orderer(), &"set everything up on the page".into(), || Ok(()))?;
        }
        if wish.is_service
            && let Err(why) = self.hand_over(&journal)?
        {
            return Ok(Err(Wrong { field: "service", why }));
        }
        let next = if wish.is_service { Next::Service } else { Next::Here };
        // Nobody waits any more when the program ends already.
        Ok(Ok(self.finish.with(next).then_some(next)))
    }

    /// Makes the agent a service, or says why that cannot be.
    fn hand_over(&self, journal: &Journal) -> Result<std::result::Result<(), String>> {
        let number = journal.begin(owner().orderer(), &"hand over to the service of this computer".into())?;
        // The journal is the service's as soon as that begins.
        journal.end(number, ActionEnd::Done)?;
        let mut install = process::again(&self.after())?;
        install.args(["--quiet", "schedule", "install"]).stdin(Stdio::null());
        let output = install.output().map_err(|error| Error::io("cannot start this program again", error))?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        // It has not begun, and the last end of an action counts.
        journal.end(number, ActionEnd::Failed)?;
        Ok(Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    fn take_owner(&self, wish: &Wish, repository: &str) -> Answered {
        if wish.name.trim().is_empty() && wish.password.is_empty() {
            return Ok(Ok(()));
        }
        if wish.password != wish.again {
            return Ok(Err(Wrong { field: "again", why: "the two passwords differ".to_owned() }));
        }
        let owner = Person { name: wish.name.trim().to_owned(), role: Role::Owner };
        let put = People::of(&self.state_dir, repository).put(owner, &wish.password);
        Ok(put.map_err(|error| Wrong::new("password", &error)))
    }

    /// The options of programs that go by the new settings.
    fn after(&self) -> Global {
        Global { config: Some(self.settings.clone()), repo: None, ..self.global.clone() }
    }

    fn lines(&self) -> Result<Lines> {
        let draft = self.draft.read()?;
        draft.map_or_else(
            || answers::settings_at(&self.settings).map(|file| Lines { repository: None, ..Lines::of(&file) }),
            Ok,
        )
    }

    /// Looks at the settings that were made, or changes them.
    ///
    /// # Errors
    /// The settings cannot be read, and those of `work`.
    pub fn look_at_settings<T>(&self, work: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        self.with_context(&self.after(), work)
    }

    /// Sends a test notice in each way of the settings; returns status and messages of the program that did.
    ///
    /// # Errors
    /// This program cannot be started again.
    pub fn test_notices(&self) -> Result<(Option<i32>, Vec<Value>)> {
        let mut test = process::again(&self.after())?;
        test.args(["--json", "notify", "test"]).stdin(Stdio::null());
        let output = test.output().map_err(|error| Error::io("cannot start this program again", error))?;
        let lines = String::from_utf8_lossy(&output.stdout);
        Ok((output.status.code(), lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()))
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

/// The first of what is saved that is on the disk of `place`.
fn shared(place: &Place, lines: &Lines, data_folder: Option<PathBuf>) -> Option<PathBuf> {
    let saved: Vec<_> = lines.sources.iter().cloned().chain(data_folder).collect();
    place.folder().and_then(|folder| disk::shared_with(folder, &saved)).cloned()
}

/// Looks into the database; none if none is saved.
fn survey(lines: &Lines) -> Option<Result<Survey>> {
    let url = lines.database.as_deref()?;
    let opened = server::open_by_file(url, lines.database_password_file.as_deref());
    Some(opened.and_then(|mut connection| server::survey(&mut connection, &lines.map_paths)))
}

/// The mapping of images that are elsewhere; none if they are left out.
///
/// # Errors
/// The answer is none; why, in words.
fn mapping(title: &str, there: &str, answer: &str) -> std::result::Result<Option<String>, String> {
    if answer.is_empty() {
        return Err(format!(
            "{title} is there, and its images are in `{there}` for other computers. Name the same folder on this computer, \
             or write none to leave them out."
        ));
    }
    server::mapping(there, answer).map_err(|error| chain(&error).to_string())
}

/// The person who sets up: the user of the program.
pub fn owner() -> Person {
    Person { name: environment::user_name(), role: Role::Owner }
}
