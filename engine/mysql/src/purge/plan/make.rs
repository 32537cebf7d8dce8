//! The plan: what would go, of which snapshot, and what is refused; sealed, so that what is run is what was planned.

use std::path::PathBuf;

use jiff::civil::Date;
use repo_format::id::LeaseId;

use super::checks::{check_cutoff, check_exceptions, check_names, check_rights};
use super::contents::{Plan, Seal};
use super::forecast::{Forecast, forecast};
use crate::database::{Address, Connection, Purpose, Server, attended};
use crate::purge::files::{FileProblems, located};
use crate::purge::job::Job;
use crate::purge::pace::prepare;
use crate::purge::reclaim::{Holes, data_folder};
use crate::purge::tables::{Place, SavedSchema, SourceChoice, find_source};
use crate::purge::terms::{Category, Rule};
use engine_core::error::{ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::Database;

/// Rows a second that a run removes, for an estimate: a modest server with users on it.
const ROWS_PER_SECOND: u64 = 5000;

/// A request for a plan.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// The schema.
    pub schema: String,
    /// The snapshot; `None` stands for the newest one of the server that has the schema.
    pub snapshot: Option<LeaseId>,
    /// Which rows of each category.
    pub rule: Rule,
    /// The categories.
    pub categories: Vec<Category>,
}

/// A plan, and the findings of its making.
#[derive(Debug)]
pub struct Planned {
    /// The plan, of the categories that are not refused.
    pub plan: Plan,
    /// The rows and files of each category that would go.
    pub forecasts: Vec<Forecast>,
    /// Categories that are refused, and why.
    pub refused: Vec<(String, String)>,
    /// When the run of the snapshot began, in seconds since 1970.
    pub snapshot_seconds: i64,
    /// Sentences about what should be known.
    pub warnings: Vec<String>,
    /// Files that are not proven, so that their rows stay.
    pub file_problems: FileProblems,
    /// Where the server keeps its tables, if it runs on this machine.
    pub data_folder: Option<PathBuf>,
}

impl Planned {
    /// About how long a run would take, in seconds.
    pub fn seconds(&self) -> u64 {
        self.forecasts.iter().map(Forecast::rows).sum::<u64>().div_ceil(ROWS_PER_SECOND)
    }
}

/// Finds out what would go, as a run would: each row is compared with the snapshot. Nothing is changed or locked.
///
/// # Errors
/// [`ErrorKind::Refused`] if nothing of it can be done; [`ErrorKind::Usage`] if the cut-off lies in the future or an exception is
/// about no table; [`ErrorKind::NotFound`] if no snapshot fits. Else of the server and the repository.
pub fn plan(
    repository: &Repository,
    address: &Address,
    options: &PlanOptions,
    monitor: &dyn Monitor,
) -> Result<Planned> {
    attended(address, monitor, |address| plan_attended(repository, address, options, monitor))
}

fn plan_attended(
    repository: &Repository,
    address: &Address,
    options: &PlanOptions,
    monitor: &dyn Monitor,
) -> Result<Planned> {
    let mut connection = Connection::open(address)?;
    let server = Server::detect(&mut connection)?;
    prepare(&mut connection)?;
    check_rights(&mut connection, &server, Purpose::Purge, &options.schema)?;
    let today = check_cutoff(&mut connection, &options.rule)?;
    let identity = server.identity(&mut connection)?;
    let data_folder = data_folder(&mut connection, address)?;
    let reader = ChunkReader::new(repository);
    let choice = SourceChoice { snapshot: options.snapshot, server: &identity, schema: &options.schema };
    let source = find_source(repository, &reader, &choice)?;
    let database = Database::open(&reader, &source.snapshot.manifest, Some(&source.root))?;
    let schema = database.schema(&options.schema)?;
    let manifest = &source.snapshot.manifest;
    let mut place = Place::new(&mut connection, &server, SavedSchema { reader: &reader, manifest, schema: &schema })?;

    let mut planned = Planned {
        plan: Plan {
            server: identity,
            schema: options.schema.clone(),
            snapshot: source.snapshot.id,
            rule: options.rule.clone(),
            categories: Vec::new(),
            seal: Seal::default(),
        },
        forecasts: Vec::new(),
        refused: Vec::new(),
        snapshot_seconds: manifest.seconds,
        warnings: Vec::new(),
        file_problems: FileProblems::default(),
        data_folder,
    };
    check_names(&options.categories)?;
    let mut notes = Notes::default();
    monitor.begin(Phase::Prove, None);
    for category in &options.categories {
        let found = located(&reader, manifest, category);
        match found.and_then(|category| Job::new(&mut place, &category, &options.rule)) {
            Ok(mut job) => {
                let forecast = forecast(&mut job, place.connection, monitor)?;
                // About a category that nothing goes from there is nothing to know.
                if forecast.rows() > 0 {
                    notes.add(&job, options, today);
                    notes.add_holes(Holes::of(&job, place.connection)?);
                }
                planned.forecasts.push(forecast);
                planned.file_problems.extend(job.attached.take().map(|attached| attached.problems));
                planned.plan.categories.push(job.category);
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                planned.refused.push((category.name.clone(), chain(&error)));
            }
            Err(error) => return Err(error),
        }
    }
    monitor.end();
    planned.warnings = notes.sentences();
    check_exceptions(&place, &planned.plan)?;
    let spared: u64 = planned.forecasts.iter().map(|forecast| forecast.left.spared).sum();
    if spared == 0 && !options.rule.exceptions.is_empty() && !planned.forecasts.is_empty() {
        planned.warnings.push("no old row is spared by the exceptions: look whether they are what is meant".to_owned());
    }
    planned.plan.seal = Seal::of(&planned.plan, repository.keys());
    Ok(planned)
}

/// Sentences about categories: one that is true of several names them all.
#[derive(Default)]
struct Notes {
    /// Sentences, with the names of categories.
    said: Vec<(String, Vec<String>)>,
    holes: Option<Holes>,
}

impl Notes {
    /// Adds those about a category.
    fn add(&mut self, job: &Job<'_>, options: &PlanOptions, today: Date) {
        if let Some(years) = job.category.keep_years {
            let since = today.saturating_sub(jiff::Span::new().years(i64::from(years)));
            if options.rule.cutoff.first_kept() > since {
                self.note(job, format!(
                    "rows younger than {years} years would go. By the cautious reading of HIPAA, 45 CFR 164.316, audit logs are \
                     kept for six years; the repository keeps these rows as long as the receipt of the run is not released."
                ));
            }
        }
        job.category.note.iter().for_each(|note| self.note(job, note.clone()));
    }

    fn note(&mut self, job: &Job<'_>, text: String) {
        let name = job.category.name.clone();
        match self.said.iter_mut().find(|(known, _)| *known == text) {
            Some((_, names)) => names.push(name),
            None => self.said.push((text, vec![name])),
        }
    }

    fn add_holes(&mut self, more: Option<Holes>) {
        self.holes = match (self.holes.take(), more) {
            (Some(holes), Some(more)) => Some(holes.and(more)),
            (holes, more) => holes.or(more),
        };
    }

    fn sentences(self) -> Vec<String> {
        let said = self.said.into_iter().map(|(text, names)| format!("{}: {text}", names.join(", ")));
        said.chain(self.holes.map(|holes| holes.sentence())).collect()
    }
}
