//! `enamel export-sql`: databases of a snapshot as plain SQL.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::database::{Server, TableName};
use engine::export::{ExportOptions, ExportOutcome, export_sql};
use engine::monitor::Monitor;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::{Error, Result};
use repo_format::config::Access;
use repo_format::database::LeftOut;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;
use crate::table_name::parse_table_name;
use crate::ui::{Ui, format};

/// Bytes that are gathered before the file or standard output gets them.
pub const BUFFER_BYTES: usize = 1 << 20;

/// Write databases of a snapshot as plain SQL.
///
/// The client of any server loads it, without Enamel: schemas, tables with their rows, sequences, views, routines,
/// triggers and events, as they were. It holds no users and no rights. It creates schemas that are missing; a table
/// that is there already stops the load, so that nothing is overwritten.
///
/// Every value keeps its bytes. Without `--for` definitions stay as they are, for a server of the same family that is
/// not older. With it Enamel writes them for that server: types, collations, hidden columns, modes, history. The head of the
/// script names what differs, and what is left out because that server has no equivalent; then the exit status is 3.
/// A value that no type of that server holds, as a TIMESTAMP after 2038, becomes the nearest value: Enamel counts such
/// values, also on standard error, and the exit status is 3.
///
/// The clients of MariaDB drop comments in routines unless you run them with `--comments`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel export-sql latest --output practice.sql
  enamel export-sql latest --schema opendental | mariadb
  enamel export-sql latest --for mysql --output for_mysql.sql
  enamel export-sql latest@2026-11-20T14:00 --table opendental.patient | less

Exit status: 0 done; 3 done, but something is missing: it is named; 1 failed, 2 usage, 10 no repository, \
            12 wrong password, 130 interrupted")]
pub struct ExportSqlArgs {
    /// The snapshot, as in `enamel --help`; SNAP:NAME if it holds several databases
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse))]
    snap: Snap,
    /// Only this schema, whole; can be given several times [default: all]
    #[arg(long = "schema", value_name = "NAME")]
    schemas: Vec<String>,
    /// Only this table of a schema, with its triggers; can be given several times
    #[arg(long = "table", value_name = "SCHEMA.TABLE", value_parser = parse_table_name)]
    tables: Vec<TableName>,
    /// The server that will load it: `mysql` or `mariadb`, or an older version as in `mariadb-10.5` [default: a server
    /// like the saved one]
    #[arg(long = "for", value_name = "SERVER", value_parser = target)]
    target: Option<Server>,
    /// The file to write; it appears when it is complete [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Summary {
    snapshot: String,
    schemas: u64,
    tables: u64,
    rows: u64,
    objects: u64,
    left_out: u64,
}

#[derive(Serialize)]
struct Missing<'o> {
    schema: &'o str,
    name: &'o str,
    what: &'o str,
    why: &'o str,
}

/// Exports.
///
/// # Errors
/// There is no such snapshot, schema or table; the SQL cannot be written.
pub fn run(args: &ExportSqlArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let snapshot = context.select(&repo, &args.snap)?;
    context.tell_what_is_missing(&repo, &snapshot, &[]);
    let options = ExportOptions {
        database: args.snap.path.clone(),
        schemas: args.schemas.clone(),
        tables: args.tables.clone(),
        target: args.target.clone(),
    };
    let ui = context.ui;
    let outcome = match &args.output {
        Some(path) => to_file(path, &repo, &snapshot, &options, ui)?,
        None => ui.with_out(|out| {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
            export_sql(&repo, &snapshot, &options, &mut out, &OnlyInterrupted(ui))
        })?,
    };
    report(args, &snapshot, &outcome, ui)?;
    Ok(if outcome.left_out.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// Writes beside `path`, and puts it there when it is whole.
///
/// # Errors
/// As [`export_sql`]; the file cannot be written.
pub fn to_file(
    path: &Path,
    repo: &Repository,
    snapshot: &Snapshot,
    options: &ExportOptions,
    ui: &Ui,
) -> Result<ExportOutcome> {
    let failed = |e| Error::io(format!("cannot write {}", path.display()), e);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder).map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    let outcome = export_sql(repo, snapshot, options, &mut out, ui)?;
    out.flush().map_err(failed)?;
    let file: NamedTempFile = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(outcome)
}

/// Standard output belongs to the SQL meanwhile: nothing is shown, but the user can stop it.
pub struct OnlyInterrupted<'u>(pub &'u Ui);

impl Monitor for OnlyInterrupted<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

fn report(args: &ExportSqlArgs, snapshot: &Snapshot, outcome: &ExportOutcome, ui: &Ui) -> Result<()> {
    if ui.is_json() && args.output.is_some() {
        for LeftOut { schema, name, what, why } in &outcome.left_out {
            ui.message("missing", Missing { schema, name, what, why })?;
        }
    } else {
        name_missing(outcome, ui);
    }
    let Some(path) = args.output.as_ref() else { return Ok(()) };
    let snapshot = snapshot.id.to_string();
    if ui.is_json() {
        let ExportOutcome { schemas, tables, rows, objects, .. } = *outcome;
        let left_out = outcome.left_out.len() as u64;
        return ui.message("summary", Summary { snapshot, schemas, tables, rows, objects, left_out });
    }
    if ui.is_quiet() {
        return Ok(());
    }
    ui.prose(format_args!("snapshot {} exported to {}", format::short(&snapshot), path.display()))?;
    let mut fields = vec![
        ("schemas", format::count(outcome.schemas)),
        ("tables", format::count(outcome.tables)),
        ("rows", format::count(outcome.rows)),
        ("views etc.", format::count(outcome.objects)),
    ];
    if !outcome.left_out.is_empty() {
        fields.push(("missing", format!("{}, named above", format::count(outcome.left_out.len() as u64))));
    }
    ui.fields(&fields)
}

/// Names what the SQL lacks, on standard error.
pub fn name_missing(outcome: &ExportOutcome, ui: &Ui) {
    for missing in &outcome.left_out {
        ui.warn(format_args!("{} {}.{}: {}", missing.what, missing.schema, missing.name, missing.why))
    }
}

/// Reads `mysql`, `mariadb-10.5`: without a version it is the newest.
fn target(text: &str) -> std::result::Result<Server, String> {
    let (family, version) = text.split_once('-').unwrap_or((text, "99"));
    let is_version = !version.is_empty() && version.split('.').all(|part| part.parse::<u16>().is_ok());
    match family {
        "mysql" if is_version => Ok(Server::from_version(version)),
        "mariadb" if is_version => Ok(Server::from_version(&format!("{version}-MariaDB"))),
        _ => Err("a server is mysql or mariadb, or one with a version, as mariadb-10.5".to_owned()),
    }
}
