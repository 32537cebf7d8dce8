//! `enamel purge history`: what was removed, and is kept.

use std::path::PathBuf;

use engine::binlog::stored::{StoredLog, StoredLogs};
use engine::repository::Repository;
use engine::upkeep::receipt::{History, Purge, PurgedFiles, PurgedTable, Receipt, Release, history};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use serde::Serialize;

use super::report;
use super::words::{files_sentence, logs_of, rows, shown, state};
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::ui::{Align, Table, Ui, format};

/// List what was removed from live databases, oldest first.
///
/// A purge whose state is `begun` is running, or was interrupted: any of the rows that its receipt names may be gone,
/// and all are kept. `released` means that its rows are kept no longer.
///
/// With --report Enamel writes a page of plain text for an auditor. It says of each purge who removed rows, when and
/// why. It lists the number of rows by table, their dates and keys, where they are kept, the digest of everything that
/// holds them, and how to verify that.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge history
  enamel purge history --report purges.txt
  enamel purge history --json

Exit status: 0 done, 3 some receipts cannot be read, 1 failed, 10 no repository, 12 wrong password")]
pub struct HistoryArgs {
    /// Also write a page for an auditor to this file, which must not be there
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct PurgeMessage<'p> {
    receipt: String,
    purge: String,
    /// The receipt of phase 1, if there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_receipt: Option<String>,
    state: &'static str,
    operator: &'p str,
    host: &'p str,
    reason: &'p str,
    plan_digest: String,
    cutoff: &'p str,
    snapshot: String,
    server: &'p str,
    started: String,
    ended: Option<String>,
    rows: u64,
    tables: Vec<TableMessage<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<FilesMessage>,
    /// Kept binary logs that may have the rows, too.
    kept_logs: Vec<String>,
}

#[derive(Serialize)]
struct TableMessage<'p> {
    schema: &'p str,
    table: &'p str,
    category: &'p str,
    rows: u64,
    key_ranges: u64,
    first_date: Option<&'p str>,
    last_date: Option<&'p str>,
    left: Vec<LeftMessage<'p>>,
}

/// Files that were removed; their paths are in the report.
#[derive(Serialize)]
struct FilesMessage {
    files: u64,
    bytes: u64,
    left: u64,
}

#[derive(Serialize)]
struct LeftMessage<'p> {
    rows: u64,
    why: &'p str,
}

#[derive(Serialize)]
struct ReleaseMessage<'p> {
    purge: String,
    time: String,
    user: &'p str,
    host: &'p str,
    reason: &'p str,
}

/// Lists purges, and writes the report.
///
/// # Errors
/// The repository cannot be read, or the file not be written.
pub fn run(args: &HistoryArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    repo.sync_catalog(context.ui)?;
    let all = history(&repo)?;
    let StoredLogs { logs, unreadable } =
        if all.purges.is_empty() { StoredLogs::default() } else { StoredLogs::read(&repo)? };
    for (id, error) in &unreadable {
        context.ui.warn(format_args!("the log {} cannot be read: {}", format::short(id), engine::error::chain(error)));
    }
    if let Some(path) = &args.report {
        let place = context.repository_place()?.to_string();
        let text = report::text(&repo, &place, &all, &logs)?;
        write_new(path, &text)?;
    }
    for (id, error) in &all.unreadable {
        context.ui.warn(format_args!("{} cannot be read: {}", format::short(id), engine::error::chain(error)));
    }
    let exit = if all.unreadable.is_empty() && unreadable.is_empty() { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(context.ui, &all, &logs))
}

/// The page for an auditor.
///
/// # Errors
/// The repository cannot be read.
pub fn page(context: &Context<'_>, repository: &Repository) -> Result<String> {
    let all = history(repository)?;
    let logs = StoredLogs::read(repository)?.logs;
    report::text(repository, &context.repository_place()?.to_string(), &all, &logs)
}

/// Writes a new file, never over an old one: an older report is somebody's evidence.
fn write_new(path: &PathBuf, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| {
        let is_there = e.kind() == std::io::ErrorKind::AlreadyExists;
        let error = Error::io(format!("cannot write the report {}", path.display()), e);
        if !is_there {
            return error;
        }
        error.with_kind(ErrorKind::Usage).with_hint("Name another file: a report is never written over an older one.")
    };
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn print(ui: &Ui, all: &History, logs: &[StoredLog]) -> Result<()> {
    if ui.is_json() {
        for purge in &all.purges {
            ui.message("purge", message(purge, logs)?)?;
        }
        return all.released.iter().try_for_each(|release| ui.message("release", release_message(release)));
    }
    if all.purges.is_empty() && all.released.is_empty() {
        return ui.line("nothing was removed from a live database");
    }
    let columns = [
        ("RECEIPT", Align::Whole),
        ("TIME", Align::Whole),
        ("STATE", Align::Whole),
        ("ROWS", Align::Right),
        ("BY", Align::Left),
        ("TABLES", Align::Left),
        ("REASON", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for purge in &all.purges {
        let Receipt { record, .. } = purge.receipt()?;
        let mut names: Vec<_> = record.tables.iter().map(|t| format!("{}.{}", t.schema, t.table)).collect();
        names.dedup();
        names.extend(record.files.as_ref().map(files_sentence));
        table.row([
            format::short(purge.receipt()?.id()),
            format::time(format::seconds(record.started)),
            state(purge).to_owned(),
            format::count(rows(&record.tables)),
            shown(&record.operator),
            shown(&names.join(", ")),
            shown(&record.reason),
        ]);
    }
    for Release { purge, seconds, reason, author } in &all.released {
        let (id, time) = (format::short(purge), format::time(format::seconds(*seconds)));
        table.row([id, time, "released".to_owned(), String::new(), shown(&author.user), String::new(), shown(reason)]);
    }
    ui.table(&table)
}

fn files_message(files: &PurgedFiles) -> FilesMessage {
    FilesMessage {
        files: files.files.len() as u64,
        bytes: files.files.iter().map(|file| file.size).sum(),
        left: files.left.iter().map(|left| left.files).sum(),
    }
}

fn message<'p>(purge: &'p Purge, logs: &[StoredLog]) -> Result<PurgeMessage<'p>> {
    let receipt = purge.receipt()?;
    let record = &receipt.record;
    let time = |seconds| format::rfc3339(format::seconds(seconds));
    Ok(PurgeMessage {
        receipt: receipt.id().to_string(),
        purge: record.purge.to_string(),
        begun_receipt: purge.begun.as_ref().map(|begun| begun.id().to_string()).filter(|_| purge.ended.is_some()),
        state: state(purge),
        operator: &record.operator,
        host: &record.host,
        reason: &record.reason,
        plan_digest: format::hex(&record.plan.0),
        cutoff: &record.cutoff,
        snapshot: record.snapshot.to_string(),
        server: &record.server,
        started: time(record.started),
        ended: record.ended.map(time),
        rows: rows(&record.tables),
        tables: record.tables.iter().map(table_message).collect(),
        files: record.files.as_ref().map(files_message),
        kept_logs: logs_of(logs, record).iter().map(|log| log.id().to_string()).collect(),
    })
}

fn table_message(table: &PurgedTable) -> TableMessage<'_> {
    TableMessage {
        schema: &table.schema,
        table: &table.table,
        category: &table.category,
        rows: table.rows,
        key_ranges: table.ranges.len() as u64,
        first_date: table.first_date.as_deref(),
        last_date: table.last_date.as_deref(),
        left: table.left.iter().map(|left| LeftMessage { rows: left.rows, why: &left.why }).collect(),
    }
}

fn release_message(release: &Release) -> ReleaseMessage<'_> {
    ReleaseMessage {
        purge: release.purge.to_string(),
        time: format::rfc3339(format::seconds(release.seconds)),
        user: &release.author.user,
        host: &release.author.host,
        reason: &release.reason,
    }
}
