//! `enamel purge plan`: what could be removed.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::purge::{Cutoff, Exception, Forecast, PlanOptions, Planned, Rule, Unset, plan};
use engine::{Error, ErrorKind, Result};
use jiff::civil::Date;
use repo_format::config::Access;
use serde::Serialize;

use super::categories;
use super::category::{self, Going};
use super::file;
use super::files::folder;
use crate::context::Context;
use crate::database::{DatabaseArgs, ServerArgs};
use crate::exit::{Exit, after_printing};
use crate::moment::parse_date;
use crate::snap::Snap;
use crate::ui::{Table, Ui, format};

/// Say what could be removed, and write a plan for it
///
/// Compares every old row with the newest snapshot of this server. A row would go only if the snapshot holds it exactly
/// as it is now. Enamel changes and locks nothing. Every table has the same cut-off: midnight of that day. Enamel
/// compares dates and times as they are written, TIMESTAMP in the zone of the server. A row whose date is unset
/// (0001-01-01, 0000-00-00) is not old.
///
/// Enamel refuses what it cannot do safely, and says why: a table without a primary key of one number, a table with
/// triggers that run on deletions, a table that a foreign key of another table refers to. Foreign keys of the child
/// rows that go along are allowed, unless they cascade: then rows would go that nobody has compared.
///
/// With --attachments the files of old e-mail messages go with them, and the rows that name these files. FOLDER is the
/// folder of images. A message goes only if the snapshot holds all its files as they are. Files and messages that
/// something else needs stay: templates, secure mail, summaries of care, claims.
///
/// Categories of Open Dental are securitylog (with securityloghash), emailmessage, wikilisthist, wikipagehist,
/// taskhist. You can define others in `[purge.NAME]` of enamel.toml, see `enamel config --help`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge plan --schema opendental --before 2020-01-01 \\
      --output old-log.plan
  enamel purge plan --schema opendental --through 2019-12-31 \\
      --category taskhist --category wikipagehist --except PatNum=42
  enamel purge plan --schema opendental --before 2018-01-01 \\
      --category emailmessage --attachments /srv/OpenDentImages \\
      --output mail.plan

Exit status: 0 done; 3 some of the categories are refused, and named; 1 failed, or all are refused; 2 usage, \
            10 no repository, 12 wrong password, 130 interrupted")]
pub struct PlanArgs {
    /// The database server, as `mysql://USER@HOST[:PORT]` or `mysql://USER@localhost/?socket=PATH`
    #[arg(long, value_name = "URL", help_heading = "Database options")]
    database: Option<String>,
    /// The schema
    #[arg(long, value_name = "NAME", help_heading = "Database options")]
    schema: Option<String>,
    /// Rows before this day, 00:00, are old
    #[arg(long, value_name = "DATE", value_parser = parse_date, required_unless_present = "through", conflicts_with = "through")]
    before: Option<Date>,
    /// Rows of this day or before are old
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    through: Option<Date>,
    /// The rows to remove; can be given several times [default: securitylog]
    #[arg(long = "category", value_name = "NAME")]
    categories: Vec<String>,
    /// Also remove the files that belong to old rows, from this folder of images: only with category emailmessage
    #[arg(long, value_name = "FOLDER")]
    attachments: Option<PathBuf>,
    /// Keep rows with this value, in each table that has the column; can be given several times
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = parse_exception)]
    except: Vec<Exception>,
    /// Rows without a date are old, too
    #[arg(long)]
    with_unset: bool,
    /// The snapshot to compare with [default: the newest one of this server and schema]
    #[arg(long, value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    snapshot: Option<Snap>,
    /// Write the plan into this file, for `enamel purge run`; it must not exist
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Serialize)]
struct RefusedMessage<'a> {
    category: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct ExceptMessage<'a> {
    column: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'a str,
    except: Vec<ExceptMessage<'a>>,
    snapshot: String,
    snapshot_time: String,
    before: String,
    through: String,
    rows: u64,
    seconds: u64,
    digest: String,
    warnings: &'a [String],
    output: Option<String>,
}

/// Plans.
///
/// # Errors
/// See [`engine::purge::plan`].
pub fn run(args: &PlanArgs, context: &Context<'_>) -> Result<Exit> {
    let database = DatabaseArgs {
        database: args.database.clone(),
        schemas: args.schema.iter().cloned().collect(),
        server: args.server.clone(),
    };
    let address = database.required_address(context)?;
    let options = options(args, &database, context)?;
    let repo = context.open(Access::Read)?;
    let snapshot = args.snapshot.as_ref().map(|snap| context.select(&repo, snap)).transpose()?;
    let options = PlanOptions { snapshot: snapshot.map(|snapshot| snapshot.id), ..options };
    let mut planned = plan(&repo, &address, &options, context.ui)?;
    planned.warnings.extend(shares_disk(context.repository_folder()?, &planned));
    if planned.plan.categories.is_empty() {
        let why: Vec<_> = planned.refused.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        return Err(Error::new(ErrorKind::Refused, format!("nothing can be removed: {}", why.join("; "))));
    }
    if let Some(path) = &args.output {
        file::write(path, &planned.plan, &remarks(&planned)?)?;
    }
    let exit = if planned.refused.is_empty() { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(context.ui, &planned, args.output.as_deref()))
}

fn options(args: &PlanArgs, database: &DatabaseArgs, context: &Context<'_>) -> Result<PlanOptions> {
    let schema = match &database.schemas(context)[..] {
        [schema] => schema.clone(),
        _ => {
            return Err(Error::new(ErrorKind::Usage, "rows are removed from one schema: name it with --schema")
                .with_hint("`enamel check --database URL` lists the schemas of the server."));
        }
    };
    let cutoff = match (args.before, args.through) {
        (Some(day), _) => Cutoff::before(day),
        (None, Some(day)) => Cutoff::through(day)?,
        (None, None) => {
            return Err(Error::new(ErrorKind::Usage, "say which rows are old, with --before or --through")
                .with_hint("As `--before 2016-01-01`: rows of earlier days are old."));
        }
    };
    let unset = if args.with_unset { Unset::Old } else { Unset::Keep };
    let chosen = categories::chosen(&args.categories, &context.settings.file)?;
    let categories = match &args.attachments {
        Some(path) => categories::with_attachments(chosen, &folder(path)?)?,
        None => chosen,
    };
    let rule = Rule { cutoff, unset, exceptions: args.except.clone() };
    Ok(PlanOptions { schema, snapshot: None, rule, categories })
}

/// Reads `COLUMN=VALUE`.
fn parse_exception(text: &str) -> std::result::Result<Exception, String> {
    match text.split_once('=') {
        Some((column, value)) if !column.trim().is_empty() => {
            Ok(Exception { column: column.trim().to_owned(), value: value.trim().to_owned() })
        }
        _ => Err("an exception is COLUMN=VALUE, as in PatNum=42".to_owned()),
    }
}

/// If the database and the repository share a disk, a failure takes the rows and their only copy.
fn shares_disk(repository: Option<&Path>, planned: &Planned) -> Option<String> {
    // A folder that cannot be asked is not on this machine, or this user may not see it.
    let device = |path: &Path| path.metadata().ok().map(|metadata| metadata.dev());
    let folder = planned.data_folder.as_deref()?;
    let same = device(folder)? == device(repository?)?;
    same.then(|| {
        "The repository is on the disk of the database: if that disk fails, the removed rows are lost with it."
            .to_owned()
    })
}

/// The summary of a plan, as comments in its file.
fn remarks(planned: &Planned) -> Result<String> {
    let mut text = Vec::new();
    table(planned).write(&mut text, usize::MAX).map_err(|e| Error::io("cannot write the plan", e))?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    // Writing into a text cannot fail.
    let _ = writeln!(text, "\nRows {} are old.", planned.plan.rule.cutoff);
    for sentence in sentences(planned) {
        let _ = writeln!(text, "{sentence}");
    }
    for warning in &planned.warnings {
        let _ = writeln!(text, "Note: {warning}");
    }
    let _ = writeln!(text, "\nRun this file as it is, or not at all: it is sealed with the keys of the repository.");
    Ok(text)
}

fn table(planned: &Planned) -> Table {
    category::table("ROWS", planned.forecasts.iter().map(Going::from))
}

/// Files that go with the rows, and everything that stays.
fn sentences(planned: &Planned) -> impl Iterator<Item = String> {
    let goes = "would go, unless a row that stays names them";
    planned.forecasts.iter().flat_map(move |forecast| Going::from(forecast).sentences(goes))
}

fn print(ui: &Ui, planned: &Planned, output: Option<&Path>) -> Result<()> {
    if ui.is_json() {
        return print_json(ui, planned, output);
    }
    ui.table(&table(planned))?;
    sentences(planned).try_for_each(|sentence| ui.prose(sentence))?;
    ui.problems(&planned.file_problems.problems, planned.file_problems.count)?;
    let printed = if ui.is_quiet() { Ok(()) } else { print_summary(ui, planned, output) };
    planned.refused.iter().for_each(|(name, why)| ui.warn(format_args!("{name} is refused: {why}")));
    planned.warnings.iter().for_each(|warning| ui.warn(warning));
    printed
}

fn print_summary(ui: &Ui, planned: &Planned, output: Option<&Path>) -> Result<()> {
    ui.line("")?;
    let bytes = planned.forecasts.iter().map(|forecast| forecast.bytes).sum();
    let snapshot = format!(
        "{}, of {}",
        format::short(planned.plan.snapshot),
        format::time(format::seconds(planned.snapshot_seconds))
    );
    ui.fields(&[
        ("old", planned.plan.rule.cutoff.to_string()),
        ("kept in", snapshot),
        ("bytes", format::bytes(bytes)),
        ("time", format!("about {}", format::age(planned.seconds()))),
    ])?;
    match output {
        Some(path) => ui.line(format_args!("plan written: enamel purge run {}", path.display())),
        None => ui.prose("nothing is written: --output FILE writes the plan"),
    }
}

fn print_json(ui: &Ui, planned: &Planned, output: Option<&Path>) -> Result<()> {
    ui.problems(&planned.file_problems.problems, planned.file_problems.count)?;
    planned.forecasts.iter().try_for_each(|forecast| ui.message("category", Going::from(forecast).message()))?;
    for (category, why) in &planned.refused {
        ui.message("refused", RefusedMessage { category, why })?;
    }
    let Rule { cutoff, exceptions, .. } = &planned.plan.rule;
    ui.message(
        "summary",
        Summary {
            schema: &planned.plan.schema,
            except: exceptions.iter().map(|e| ExceptMessage { column: &e.column, value: &e.value }).collect(),
            snapshot: planned.plan.snapshot.to_string(),
            snapshot_time: format::rfc3339(format::seconds(planned.snapshot_seconds)),
            before: cutoff.first_kept().to_string(),
            through: cutoff.last_old().to_string(),
            rows: planned.forecasts.iter().map(Forecast::rows).sum(),
            seconds: planned.seconds(),
            digest: format::hex(&planned.plan.digest()),
            warnings: &planned.warnings,
            output: output.map(|path| path.display().to_string()),
        },
    )
}
