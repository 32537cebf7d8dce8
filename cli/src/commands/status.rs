//! `enamel status`: whether backups are made, for people and for monitoring.

use std::time::Duration;

use engine::Result;
use engine::health::{Health, State};
use engine::snapshots::status::{SourceStatus, Status, StatusOptions};
use repo_format::config::{Access, Config};

use crate::commands::init::host_name;
use crate::commands::{accept, supplemental};
use crate::context::Context;
use crate::duration::parse_duration;
use crate::exit::{Exit, after_printing};
use crate::health::health_of;
use crate::ui::{Align, Table, Tone, Ui, format};

mod checks;
mod details;
mod message;
mod moments;

use moments::Moments;

pub use details::disappeared;

/// Show whether backups are made: the age of the newest, and what is wrong with it.
///
/// A source is everything that is saved together: the same machine, the same folders and databases. A source that is
/// now saved together with more is not shown any more. Enamel names snapshots that were made with problems, tables that
/// are missing or late, and snapshots that cannot be read, have disappeared, or are from the future. A snapshot from
/// the future says nothing about the last backup, so the newest of the others counts.
///
/// Enamel says from when to when any moment of a database server can be restored, if its binary log is kept, and names
/// the times that are left out.
///
/// Then it answers whether everything is safe: backups are made on time, whole, restorable and read again, there is a
/// second copy, a second key, and room. A line that is not good names a command that helps. These answers change the
/// exit status only with --strict.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel status
  enamel status --max-age 26h --quiet    for monitoring: says only what is wrong
  enamel status --tag hourly --max-age 2h --json
  enamel status --strict --quiet         also a missing second copy or key

Exit status: 0 all is well; 3 a source is as old as --max-age, was not saved whole, or was never saved, or a snapshot cannot \
            be read, has disappeared, is from the future, was put back, or needs data that is lost, or the binary log of a \
            database has a gap and no snapshot was made since; 4 the newest snapshot of a \
            source needs data that is lost; with --strict also 3 if a check needs attention or is bad; 1 failed, 2 usage, or no snapshot has the tag or is of the machine, \
            10 no repository, 12 wrong password")]
pub struct StatusArgs {
    /// The age from which the newest snapshot of a source is too old: 90min, 26h, 2d [default: any age]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_age: Option<Duration>,
    /// Only snapshots with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only snapshots of this machine
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Let everything that needs attention change the exit status: no second copy, no second key, little room
    #[arg(long)]
    strict: bool,
}

/// Shows the state of the repository.
///
/// # Errors
/// The repository cannot be read.
pub fn run(args: &StatusArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let options = StatusOptions { host: args.host.clone(), tag: args.tag.clone(), this_host: host_name() };
    let status = engine::snapshots::status::status(&repo, &options)?;
    let is_older = accept::tell_older(&repo, context.ui)?;
    let judged: Vec<_> = status.sources.iter().map(|source| Judged::new(source, args.max_age)).collect();
    let all_there = status.unreadable.is_empty()
        && status.missing.is_empty()
        && status.future.is_empty()
        && status.put_back.is_empty()
        && status.suffering.is_empty();
    let is_copied = supplemental::tell_status(&repo, context)?;
    let moments = Moments::read(&repo, &status, options.host.is_none() && options.tag.is_none())?;
    let is_fine = all_there
        && is_copied
        && moments.is_fine()
        && !is_older
        && !judged.is_empty()
        && judged.iter().all(Judged::is_fine);
    let ui = context.ui;
    let health = health_of(&repo, &status, args.max_age, context)?;
    let is_fine = is_fine && (!args.strict || health.state() < State::Attention);
    repo.remember_opened()?;
    let exit = if is_fine {
        Exit::Done
    } else if status.sources.iter().any(|source| source.suffers_since.is_some()) {
        Exit::Damage
    } else {
        Exit::Incomplete
    };
    let printed = if ui.is_json() {
        message::print(
            ui,
            &Shown { status: &status, judged: &judged, moments: &moments, health: &health, config: repo.config() },
            exit,
        )
    } else {
        print(ui, &status, &judged, &moments).and_then(|()| print_checks(args, &health, ui))
    };
    after_printing(exit, printed)
}

/// Everything that is shown.
struct Shown<'s> {
    status: &'s Status,
    judged: &'s [Judged<'s>],
    moments: &'s Moments,
    health: &'s Health,
    config: &'s Config,
}

/// A quiet run says only what changes its exit status.
fn print_checks(args: &StatusArgs, health: &Health, ui: &Ui) -> Result<()> {
    checks::print(ui, health, |check| !ui.is_quiet() || (args.strict && check.state >= State::Attention))
}

/// A source, and whether it is old.
struct Judged<'s> {
    source: &'s SourceStatus,
    is_old: bool,
}

impl<'s> Judged<'s> {
    fn new(source: &'s SourceStatus, max_age: Option<Duration>) -> Self {
        let age = source.age_seconds.map(Duration::from_secs);
        Judged { source, is_old: age.zip(max_age).is_some_and(|(age, max_age)| age >= max_age) }
    }

    fn is_fine(&self) -> bool {
        !self.is_old && self.source.age_seconds.is_some() && self.source.is_whole()
    }

    fn tone(&self) -> Tone {
        if self.is_fine() {
            Tone::Good
        } else if self.source.suffers_since.is_some() || self.is_old {
            Tone::Bad
        } else {
            Tone::Attention
        }
    }

    /// The state of a source, in a few words.
    fn state(&self) -> String {
        let manifest = &self.source.newest.manifest;
        let databases = &self.source.databases;
        let missing: usize = databases.iter().map(|database| database.missing.len()).sum();
        let late: usize = databases.iter().map(|database| database.late.len()).sum();
        let counts = [(manifest.problems.count, "problem"), (missing as u64, "missing"), (late as u64, "late")];
        let is_from_future = self.source.age_seconds.is_none();
        let suffers = self.source.suffers_since.is_some();
        let ages = [(self.is_old, "TOO OLD"), (is_from_future, "FROM THE FUTURE"), (suffers, "LOST DATA")];
        let mut words: Vec<_> = ages.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word.to_owned()).collect();
        words.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| match what {
            "problem" => format::counted(count, what),
            _ => format!("{} {what}", format::count(count)),
        }));
        if words.is_empty() { "fine".to_owned() } else { words.join(", ") }
    }
}

fn print(ui: &Ui, status: &Status, judged: &[Judged<'_>], moments: &Moments) -> Result<()> {
    if status.sources.is_empty() {
        ui.line("there are no snapshots yet: nothing can be restored")?;
    }
    let shown: Vec<_> = judged.iter().filter(|source| !ui.is_quiet() || !source.is_fine()).collect();
    if !shown.is_empty() {
        ui.table(&table(ui, &shown))?;
    }
    moments.print(ui)?;
    details::print(ui, status, judged)
}

fn table(ui: &Ui, shown: &[&Judged<'_>]) -> Table {
    let host = |source: &SourceStatus| format::path(source.newest.manifest.host.as_bytes());
    let what = |source: &SourceStatus, paths| format::roots(&source.newest.manifest.roots, paths);
    // Folders of the same name are told apart by their paths.
    let label = |judged: &&Judged<'_>| (host(judged.source), what(judged.source, false));
    let is_twice = |judged: &&Judged<'_>| shown.iter().filter(|other| label(other) == label(judged)).count() > 1;
    let has_hosts = shown.windows(2).any(|two| host(two[0].source) != host(two[1].source));
    let mut columns = vec![("AGE", Align::Right), ("LAST BACKUP", Align::Whole), ("SNAPSHOT", Align::Whole)];
    columns.extend(has_hosts.then_some(("HOST", Align::Left)));
    columns.extend([("WHAT", Align::Left), ("STATE", Align::Left)]);
    let mut table = Table::new(&columns);
    for judged in shown {
        let Judged { source, .. } = judged;
        let newest = &source.newest;
        let mut row = vec![
            source.age_seconds.map_or_else(|| "?".to_owned(), format::age),
            format::time(newest.manifest.time()),
            format::short(newest.id),
        ];
        row.extend(has_hosts.then(|| host(source)));
        row.extend([what(source, ui.is_verbose() || is_twice(judged)), judged.state()]);
        table.row_with_state(row, judged.tone());
    }
    table
}
