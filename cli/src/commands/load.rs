//! `enamel restore --to-database`: the database of a snapshot, back on a server.

pub mod past;
pub mod purged;

use engine::database::TableName;
use engine::load::{
    Accounts, Binlog, Check, Definer, Events, Existing, Images, LoadOptions, LoadOutcome, LoadedTable, References,
    SchemaChoice,
};
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::context::Context;
use crate::database::ServerArgs;
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::table_name::parse_table_name;
use crate::ui::{Ui, format};

/// Restoring a database.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Restoring a database")]
pub struct LoadArgs {
    /// The server to restore into, as `mysql://USER@HOST[:PORT]` or `mysql://USER@localhost/?socket=PATH`
    #[arg(long, value_name = "URL")]
    pub to_database: Option<String>,
    /// Only this schema, under another name if you give one; can be given several times [default: all]
    #[arg(long = "schema", value_name = "NAME[=OTHER]", value_parser = parse_schema, requires = "to_database")]
    schemas: Vec<SchemaChoice>,
    /// Only this table and its triggers; can be given several times. With --purged `S.T=S2.T2` puts its rows into another table
    #[arg(long = "table", value_name = "SCHEMA.TABLE", value_parser = parse_table, requires = "to_database")]
    tables: Vec<ChosenTable>,
    /// Replace what is there. A schema is loaded beside the old one, checked and swapped, and the old one stays as
    /// SCHEMA__before_DATE. With --target, files and links take the place of folders with contents, and folders that of
    /// links
    #[arg(long)]
    pub overwrite: bool,
    /// Read everything again afterwards, and compare it with the digests of the snapshot
    #[arg(long, requires = "to_database")]
    check: bool,
    /// The account that views, routines, triggers and events run as
    #[arg(long, value_name = "WHO", default_value = "keep", requires = "to_database")]
    definer: DefinerArg,
    /// In a copy under another name, also create references to schemas that are not restored with it: they work on the
    /// originals
    #[arg(long, requires = "to_database")]
    keep_references: bool,
    /// Leave scheduled events enabled that were enabled; without this all come back disabled
    #[arg(long, requires = "to_database")]
    enable_events: bool,
    /// Also create users and roles that are not there, with their grants
    #[arg(long, requires = "to_database")]
    with_grants: bool,
    /// Where the restored application finds its images; without this a copy finds no images, so that it never touches
    /// live ones
    #[arg(long, value_name = "PATH", requires = "to_database")]
    image_path: Option<String>,
    /// Leave the paths to images in a copy as they are
    #[arg(long, requires = "to_database", conflicts_with = "image_path")]
    keep_image_path: bool,
    /// Keep the restore out of the server's binary log, and so from its replicas
    #[arg(long, requires = "to_database")]
    no_binlog: bool,
    /// Connections that load at the same time [default: as many as this machine has cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), requires = "to_database")]
    jobs: Option<u8>,
    #[command(flatten)]
    server: ServerArgs,
}

/// A table that the user named.
#[derive(Debug, Clone)]
struct ChosenTable {
    table: TableName,
    /// The table that its rows go into.
    other: Option<TableName>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DefinerArg {
    /// The account that they ran as
    Keep,
    /// The account that restores
    Current,
}

#[derive(Serialize)]
struct Table<'t> {
    schema: &'t str,
    table: &'t str,
    rows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Former<'t> {
    schema: &'t str,
    kept_as: &'t str,
}

#[derive(Serialize)]
struct Summary {
    snapshot: String,
    dry_run: bool,
    tables: u64,
    resumed_tables: u64,
    rows: u64,
    bytes: u64,
    objects: u64,
    checked_segments: u64,
    seconds: f64,
    problems: u64,
}

/// Restores the database of `snapshot` into the server at `url`.
///
/// # Errors
/// See [`engine::load::load`].
pub fn run(
    args: &LoadArgs,
    url: &str,
    effect: Effect,
    repository: &Repository,
    snapshot: &Snapshot,
    context: &Context<'_>,
) -> Result<Exit> {
    if args.tables.iter().any(|table| table.other.is_some()) {
        let message =
            "a table of a snapshot comes back under its own name: give its schema another name, with --schema";
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("`--schema SHOP=SHOP_BEFORE --table SHOP.ITEM` restores the table ITEM beside the live one."));
    }
    let address = args.server.address(url, context)?;
    let began = std::time::Instant::now();
    let outcome = engine::load::load(repository, snapshot, &address, &options(args, effect), context.ui)?;
    let exit = if outcome.problem_count > 0 { Exit::Incomplete } else { Exit::Done };
    let summary = Summary {
        snapshot: snapshot.id.to_string(),
        dry_run: effect.is_dry(),
        tables: outcome.tables.len() as u64,
        resumed_tables: outcome.resumed_tables,
        rows: if effect.is_dry() { outcome.tables.iter().map(|table| table.rows).sum() } else { outcome.rows },
        bytes: if effect.is_dry() { outcome.tables.iter().map(|table| table.bytes).sum() } else { outcome.bytes },
        objects: outcome.objects,
        checked_segments: outcome.checked_segments,
        seconds: began.elapsed().as_secs_f64(),
        problems: outcome.problem_count,
    };
    after_printing(exit, print(context.ui, &address.public(), &outcome, &summary))
}

fn options(args: &LoadArgs, effect: Effect) -> LoadOptions {
    LoadOptions {
        database: None,
        schemas: args.schemas.clone(),
        tables: args.tables.iter().map(|chosen| chosen.table.clone()).collect(),
        existing: if args.overwrite { Existing::Swap } else { Existing::Refuse },
        check: if args.check { Check::Digests } else { Check::Counts },
        definer: match args.definer {
            DefinerArg::Keep => Definer::Keep,
            DefinerArg::Current => Definer::Current,
        },
        references: if args.keep_references { References::Keep } else { References::Leave },
        events: if args.enable_events { Events::AsSaved } else { Events::Disabled },
        accounts: if args.with_grants { Accounts::Make } else { Accounts::Leave },
        images: match &args.image_path {
            Some(path) => Images::At(path.clone()),
            None if args.keep_image_path => Images::Keep,
            None => Images::Blank,
        },
        binlog: if args.no_binlog { Binlog::Skip } else { Binlog::Write },
        jobs: args.jobs.map(usize::from),
        stands_for: None,
        dry_run: effect.is_dry(),
    }
}

/// Reads `NAME` or `NAME=OTHER`.
fn parse_schema(text: &str) -> std::result::Result<SchemaChoice, String> {
    let (from, to) = text.split_once('=').unwrap_or((text, text));
    if from.is_empty() || to.is_empty() {
        Err("a schema is NAME, or NAME=OTHER to restore it under another name".to_owned())
    } else {
        Ok(SchemaChoice { from: from.to_owned(), to: to.to_owned() })
    }
}

/// Reads `SCHEMA.TABLE` or `SCHEMA.TABLE=SCHEMA.TABLE`.
fn parse_table(text: &str) -> std::result::Result<ChosenTable, String> {
    let (from, other) = match text.split_once('=') {
        Some((from, other)) => (from, Some(parse_table_name(other)?)),
        None => (text, None),
    };
    Ok(ChosenTable { table: parse_table_name(from)?, other })
}

/// Refuses options about a server if no server is named.
///
/// # Errors
/// [`ErrorKind::Usage`].
pub fn check_unused(args: &LoadArgs) -> Result<()> {
    // clap does not ask for an option that what is given excludes.
    let switches = [args.check, args.keep_references, args.enable_events, args.with_grants];
    let is_given = switches.contains(&true)
        || args.keep_image_path
        || args.no_binlog
        || args.image_path.is_some()
        || args.jobs.is_some()
        || !args.schemas.is_empty()
        || !args.tables.is_empty();
    if args.server.is_empty() && !is_given {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Usage, "an option needs a database, and no database is named: use --to-database")
            .with_hint("As `--to-database mysql://USER@HOST`; other options of a database mean nothing without it."))
    }
}

/// Refuses a path in a snapshot that goes into a server.
///
/// # Errors
/// [`ErrorKind::Usage`].
pub fn check_path(path: Option<&Vec<u8>>) -> Result<()> {
    match path {
        None => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::Usage,
            "a path chooses files; --schema and --table choose parts of a database",
        )
        .with_hint(
            "`--schema NAME` restores one schema, `--table SCHEMA.TABLE` one table; `enamel ls SNAP` lists them.",
        )),
    }
}

fn print(ui: &Ui, server: &str, outcome: &LoadOutcome, summary: &Summary) -> Result<()> {
    ui.problems(&outcome.problems, outcome.problem_count)?;
    if ui.is_json() {
        return print_json(ui, outcome, summary);
    }
    if summary.dry_run || ui.is_verbose() {
        for LoadedTable { schema, table, rows, bytes } in &outcome.tables {
            ui.line(format_args!("{schema}.{table}  {}, {}", format::counted(*rows, "row"), format::bytes(*bytes)))?;
        }
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let id = format::short(&summary.snapshot);
    if summary.dry_run {
        ui.prose(format_args!("dry run: nothing was restored to {server} from snapshot {id}"))?
    } else {
        ui.prose(format_args!("database of snapshot {id} restored to {server}"))?
    }
    for former in &outcome.former {
        ui.prose(format_args!("the former schema {} is kept as {}", former.from, former.to))?;
    }
    ui.fields(&fields(summary))
}

fn fields(summary: &Summary) -> Vec<(&'static str, String)> {
    let resumed = match summary.resumed_tables {
        0 => String::new(),
        resumed => format!(", {} of them by an earlier run", format::count(resumed)),
    };
    let mut fields = vec![
        ("tables", format!("{}{resumed}", format::count(summary.tables))),
        ("rows", format::count(summary.rows)),
        ("bytes", format::bytes(summary.bytes)),
    ];
    if !summary.dry_run {
        fields.push(("views etc.", format::count(summary.objects)));
        fields.push(("time", format!("{:.1} s", summary.seconds)));
    }
    if summary.checked_segments > 0 {
        fields.push(("checked", format!("{} read again", format::counted(summary.checked_segments, "segment"))));
    }
    if summary.problems > 0 {
        fields.push(("problems", format!("{}, named above", format::count(summary.problems))));
    }
    fields
}

fn print_json(ui: &Ui, outcome: &LoadOutcome, summary: &Summary) -> Result<()> {
    for LoadedTable { schema, table, rows, bytes } in &outcome.tables {
        ui.message("table", Table { schema, table, rows: *rows, bytes: *bytes })?;
    }
    for former in &outcome.former {
        ui.message("kept", Former { schema: &former.from, kept_as: &former.to })?;
    }
    ui.message("summary", summary)
}
