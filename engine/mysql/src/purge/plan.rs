//! The plan: what would go, of which snapshot, and what is refused; sealed, so that what is run is what was planned.

use std::path::PathBuf;

use jiff::civil::Date;
use repo_format::id::LeaseId;

use super::category::Category;
use super::cutoff::server_day;
use super::dates::Dates;
use super::files::{FileCounts, FileProblems, located};
use super::first_pass::prove;
use super::hold::prepare;
use super::holes;
use super::job::{Job, Rule};
use super::prove::LeftRows;
use super::reclaim::data_folder;
use super::seal::Seal;
use super::source::{SourceChoice, find_source};
use super::table::Place;
use crate::database::{Address, Connection, Privileges, Purpose, Reach, Server, Weight, attended, missing};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::Database;

/// Rows a second that a run removes, for an estimate: a modest server with users on it.
const ROWS_PER_SECOND: u64 = 5000;

/// What is to be removed, and where the proof for it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The server, see [`Server::identity`].
    pub server: String,
    /// The schema.
    pub schema: String,
    /// The snapshot that holds the rows.
    pub snapshot: LeaseId,
    /// Which rows of each category.
    pub rule: Rule,
    /// The categories.
    pub categories: Vec<Category>,
    /// Says that a member of the repository made all of it.
    pub seal: Seal,
}

/// What is asked for.
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

/// A plan, and what was found out when it was made.
#[derive(Debug)]
pub struct Planned {
    /// The plan, of the categories that are not refused.
    pub plan: Plan,
    /// What of each would go.
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

/// What of a category would go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The category.
    pub category: String,
    /// Rows of each table, that of the parents first.
    pub tables: Vec<(String, u64)>,
    /// Their encoded bytes.
    pub bytes: u64,
    /// Of the parents.
    pub dates: Dates,
    /// Rows that are old and stay.
    pub left: LeftRows,
    /// Files that would go with the rows, those among them that a run leaves as a row that stays names them; `None` if files are not meant to.
    pub files: Option<FileCounts>,
}

impl Forecast {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
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
    check_rights(&mut connection, &server, (Purpose::Purge, &options.schema))?;
    let today = check_cutoff(&mut connection, &options.rule)?;
    let identity = server.identity(&mut connection)?;
    let data_folder = data_folder(&mut connection, address)?;
    let reader = ChunkReader::new(repository);
    let choice = SourceChoice { snapshot: options.snapshot, server: &identity, schema: &options.schema };
    let source = find_source(repository, &reader, &choice)?;
    let database = Database::open(&reader, &source.snapshot.manifest, Some(&source.root))?;
    let schema = database.schema(&options.schema)?;
    let manifest = &source.snapshot.manifest;
    let mut place = Place::new(&mut connection, &server, (&reader, manifest), &schema)?;

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
    monitor.begin(Phase::Verify, None);
    for category in &options.categories {
        let found = located(&reader, manifest, category);
        match found.and_then(|category| Job::new(&mut place, &category, &options.rule)) {
            Ok(mut job) => {
                planned.warnings.extend(warnings(&job, options, today));
                planned.warnings.extend(holes::warning(&job, place.connection)?);
                planned.forecasts.push(forecast(&mut job, place.connection, monitor)?);
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
    check_exceptions(&place, &planned.plan)?;
    let spared: u64 = planned.forecasts.iter().map(|forecast| forecast.left.spared).sum();
    if spared == 0 && !options.rule.exceptions.is_empty() && !planned.forecasts.is_empty() {
        planned.warnings.push("no old row is spared by the exceptions: look whether they are what is meant".to_owned());
    }
    planned.plan.seal = Seal::of(&planned.plan, repository.keys());
    Ok(planned)
}

/// Checks that what is meant by old is not of the future. Gives the server's day.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is. If the server does not answer.
pub(super) fn check_cutoff(connection: &mut Connection, rule: &Rule) -> Result<Date> {
    let today = server_day(connection)?;
    match rule.cutoff.first_kept() > today {
        true => {
            let message = format!("the cut-off lies in the future: at the server it is {today}");
            Err(Error::new(ErrorKind::Usage, message))
        }
        false => Ok(today),
    }
}

/// What the account lacks would show as absent, as triggers do: so it is asked first.
pub(super) fn check_rights(
    connection: &mut Connection,
    server: &Server,
    (purpose, schema): (Purpose, &str),
) -> Result<()> {
    let privileges = Privileges::read(connection, server)?;
    let lacks = missing(&privileges, server, purpose, &Reach::unknown(&[schema.to_owned()]));
    let needed: Vec<String> = lacks
        .iter()
        .filter(|right| right.weight == Weight::Needed)
        .map(|lacking| format!("{} ({})", lacking.right, lacking.consequence))
        .collect();
    match needed.is_empty() {
        true => Ok(()),
        false => {
            let message = format!("the account lacks rights on `{schema}`: {}", needed.join("; "));
            Err(Error::new(ErrorKind::PermissionDenied, message))
        }
    }
}

/// A table in two categories would be judged by two rules; a receipt holds files of one folder.
pub(super) fn check_names(categories: &[Category]) -> Result<()> {
    if categories.iter().filter(|category| category.attachments.is_some()).count() > 1 {
        return Err(Error::new(ErrorKind::Usage, "files can go with the rows of one category only"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for name in categories.iter().flat_map(Category::tables) {
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::new(ErrorKind::Usage, format!("two categories are about the table `{name}`")));
        }
        seen.push(name);
    }
    Ok(())
}

/// An exception that no table knows would spare nothing.
pub(super) fn check_exceptions(place: &Place<'_, '_>, plan: &Plan) -> Result<()> {
    for exception in &plan.rule.exceptions {
        let knows = |name: &str| -> Result<bool> {
            let table = place.tables.iter().find(|info| info.name.eq_ignore_ascii_case(name));
            let Some(table) = table else { return Ok(false) };
            let saved = place.saved.table(&table.name)?;
            Ok(saved.record.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&exception.column)))
        };
        let mut known = false;
        for name in plan.categories.iter().flat_map(Category::tables) {
            known |= knows(name)?;
        }
        if !known && !plan.categories.is_empty() {
            let message = format!("no table of the plan has the column `{}` of an exception", exception.column);
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

fn forecast(job: &mut Job<'_>, connection: &mut Connection, monitor: &dyn Monitor) -> Result<Forecast> {
    let mut forecast = Forecast {
        category: job.category.name.clone(),
        tables: job.tables().map(|table| (table.name.clone(), 0)).collect(),
        bytes: 0,
        dates: Dates::default(),
        left: LeftRows::default(),
        files: job.attached.as_ref().map(|_| FileCounts::default()),
    };
    let mut after = None;
    // Rows of several parts may name the same file.
    let mut files = super::files::FileSet::new();
    loop {
        let proof = prove(job, connection, after, monitor)?;
        let counts = [&proof.parents].into_iter().chain(&proof.children).map(super::keys::KeySet::len);
        forecast.tables.iter_mut().zip(counts).for_each(|((_, rows), more)| *rows += more);
        forecast.bytes += proof.bytes;
        forecast.left += proof.left;
        forecast.dates.join(&proof.dates);
        files.extend(proof.files);
        after = proof.next;
        if after.is_none() {
            if let Some(counts) = &mut forecast.files {
                files.values().for_each(|size| counts.went(*size));
            }
            return Ok(forecast);
        }
    }
}

fn warnings(job: &Job<'_>, options: &PlanOptions, today: Date) -> Vec<String> {
    let mut warnings = Vec::new();
    let name = &job.category.name;
    if let Some(years) = job.category.keep_years {
        let since = today.saturating_sub(jiff::Span::new().years(i64::from(years)));
        if options.rule.cutoff.first_kept() > since {
            warnings.push(format!(
                "{name}: rows younger than {years} years would go. By the cautious reading of HIPAA, 45 CFR 164.316, audit logs are \
                 kept for six years; the repository keeps these rows as long as the receipt of the run is not released."
            ));
        }
    }
    warnings.extend(job.category.note.iter().map(|note| format!("{name}: {note}")));
    warnings
}
