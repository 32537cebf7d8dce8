//! The office: what pages look at. It keeps the repository open, and looks on threads of its own, a few at a time.

mod patients;
pub mod search;
mod shelf;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::health::{Check, Health, Question};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::status::Status;
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use patients::Patient;
use patients::Patients;
pub use shelf::Line;
use shelf::Shelf;

use super::settings::ConsoleSettings;
use crate::agent::Desk;
use crate::commands::init::host_name;
use crate::context::Context;
use crate::global::Global;
use crate::health;
use crate::interrupt::Interrupt;
use crate::ui::Ui;

/// Looks at a time: two read while others wait.
const LOOKS: usize = 3;
/// A repository that was opened so long ago is opened again: keys and settings may have changed.
const OPEN_FOR: Duration = Duration::from_secs(300);
/// An overview so old is made again.
const OVERVIEW_FOR: Duration = Duration::from_secs(30);

/// Whether everything is safe, as it was a moment ago.
pub struct Overview {
    /// The answers.
    pub health: Health,
    /// The sources and their newest snapshots.
    pub status: Status,
    /// The moment of the newest snapshot, in seconds.
    pub newest: Option<i64>,
    /// When this was looked at, in seconds.
    pub looked: i64,
}

/// Everything that pages look at.
pub struct Office {
    /// Where orders are left for the agent.
    pub desk: Arc<Desk>,
    global: Global,
    interrupt: Arc<Interrupt>,
    looks: Arc<Semaphore>,
    opened: Mutex<Option<Opened>>,
    overview: tokio::sync::Mutex<Option<(Instant, Option<Arc<Overview>>)>>,
    shelf: Shelf,
    patients: Patients,
    practice: String,
    settings: ConsoleSettings,
    database: Option<String>,
}

struct Opened {
    repository: Arc<Repository>,
    since: Instant,
}

impl Office {
    /// The office of an agent with these options.
    pub fn new(context: &Context<'_>, global: &Global, desk: Arc<Desk>) -> Self {
        let label = context.settings.file.notify.label.clone();
        Office {
            desk,
            global: global.clone(),
            interrupt: context.ui.interrupt().clone(),
            looks: Arc::new(Semaphore::new(LOOKS)),
            opened: Mutex::default(),
            overview: tokio::sync::Mutex::default(),
            shelf: Shelf::default(),
            patients: Patients::default(),
            practice: label.map_or_else(host_name, |label| format!("{label} · {}", host_name())),
            settings: context.settings.file.console.clone(),
            database: context.settings.file.database.clone(),
        }
    }

    /// The name of the practice, and of the computer.
    pub fn practice(&self) -> String {
        self.practice.clone()
    }

    /// `[console]`, as it was when the agent began.
    pub fn settings(&self) -> &ConsoleSettings {
        &self.settings
    }

    /// The address of the database server of this office.
    pub fn database(&self) -> Option<String> {
        self.database.clone()
    }

    /// Runs `work` on a thread, when few others run.
    ///
    /// # Errors
    /// Errors of `work`, or a mistake in it.
    pub async fn think<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _turn = self.turn().await?;
        on_a_thread(work).await
    }

    /// Looks at the repository, on a thread. Settings are read anew each time; the repository stays open for a while.
    ///
    /// # Errors
    /// The settings or the repository cannot be read, and those of `look`.
    pub async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Context<'_>, &Repository) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = self.turn().await?;
        let office = self.clone();
        joined(tokio::task::spawn_blocking(move || office.look_now(look)).await)
    }

    /// Looks at the settings alone, on a thread.
    ///
    /// # Errors
    /// The settings cannot be read, and those of `look`.
    pub async fn look_at_settings<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Context<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = self.turn().await?;
        let office = self.clone();
        joined(tokio::task::spawn_blocking(move || office.with_context(look)).await)
    }

    /// Whether everything is safe; `None` if nobody can tell. It is up to half a minute old.
    pub async fn overview(self: &Arc<Self>) -> Option<Arc<Overview>> {
        let mut kept = self.overview.lock().await;
        if let Some((when, overview)) = &*kept
            && when.elapsed() < OVERVIEW_FOR
        {
            return overview.clone();
        }
        let overview = self.look(Overview::read).await.ok().map(Arc::new);
        *kept = Some((Instant::now(), overview.clone()));
        overview
    }

    /// All snapshots, the oldest first.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub async fn lines(self: &Arc<Self>) -> Result<Arc<Vec<Arc<Line>>>> {
        let office = self.clone();
        self.look(move |_, repository| office.shelf.lines(repository)).await
    }

    /// Patients whose names have all of these words, as the newest snapshot knows them.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub async fn patients(self: &Arc<Self>, words: String) -> Result<Vec<Patient>> {
        let office = self.clone();
        self.look(move |context, repository| office.patients.named(context, repository, &words)).await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        self.looks.clone().acquire_owned().await.map_err(|_| Error::cancelled())
    }

    fn with_context<T>(&self, look: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        let ui = Ui::silent(self.interrupt.clone());
        let context = Context::new(&self.global, &ui)?;
        look(&context)
    }

    fn look_now<T>(&self, look: impl FnOnce(&Context<'_>, &Repository) -> Result<T>) -> Result<T> {
        self.with_context(|context| {
            let repository = self.repository(context)?;
            let looked = repository.sync_catalog(&NullMonitor).map(drop).and_then(|()| look(context, &repository));
            if looked.is_err() {
                // The next look begins anew: the disk may have been away, or the keys have changed.
                *self.opened() = None;
            }
            looked
        })
    }

    fn repository(&self, context: &Context<'_>) -> Result<Arc<Repository>> {
        let mut opened = self.opened();
        if let Some(opened) = opened.as_ref().filter(|opened| opened.since.elapsed() < OPEN_FOR) {
            return Ok(opened.repository.clone());
        }
        let repository = Arc::new(context.open(Access::Read)?);
        *opened = Some(Opened { repository: repository.clone(), since: Instant::now() });
        Ok(repository)
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overview {
    fn read(context: &Context<'_>, repository: &Repository) -> Result<Self> {
        let health::Look { status, health } = health::look(repository, context)?;
        let times = status.sources.iter().filter(|source| source.age_seconds.is_some());
        let newest = times.map(|source| source.newest.manifest.time().seconds).max();
        Ok(Overview { health, newest, looked: machine::now().seconds, status })
    }

    /// The answer to a question.
    pub fn check(&self, question: Question) -> Option<&Check> {
        self.health.checks.iter().find(|check| check.question == question)
    }

    /// The age of something, in seconds, when this was looked at.
    pub fn age(&self, seconds: i64) -> u64 {
        u64::try_from(self.looked.saturating_sub(seconds)).unwrap_or(0)
    }
}

/// Runs `work` on a thread.
///
/// # Errors
/// Errors of `work`, or a mistake in it.
pub async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    joined(tokio::task::spawn_blocking(work).await)
}

fn joined<T>(result: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    result.unwrap_or_else(|_| Err(Error::new(ErrorKind::Io, "a look at the repository has ended without an answer")))
}
