//! `enamel log`: what happened between snapshots, and how to restore the moment before.

use clap::ValueEnum;
use engine::Result;
use engine::binlog::archive::{self, Archived};
use engine::binlog::listing::{ChangeKind, ListOptions, ListOrder, Listed, Listing, list};
use engine::database::TableName;
use engine::error::chain;
use repo_format::config::Access;
use repo_format::log::{TimeSource, TransactionFlags};
use serde::Serialize;

use crate::binlog::{break_words, coverage_words, not_kept, time};
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::exit::{Exit, after_printing, is_broken_pipe};
use crate::moment::parse_moment;
use crate::table_name::parse_table_name;
use crate::ui::{Align, Table, Ui, format};
use crate::writer;

/// List what happened in a database, from its binary log: first what destroys most.
///
/// Each line is one transaction: when it was committed, how many rows it changed, and what it did. BEFORE is the place
/// just before it in the server's log. If a database is named, here or in enamel.toml, Enamel first fetches what its
/// server has in its log, so that the last minutes are there, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel log
  enamel log --from '2026-11-20 14:00' --table opendental.appointment
  enamel log --kind drop,truncate,delete --min-rows 100
  enamel log --order time --all

Exit status: 0 done, even if nothing happened; 3 a part of the log is missing or cannot be read: it is named; 1 failed, 2 usage, \
            10 no repository, 12 wrong password")]
pub struct LogArgs {
    /// Only what was committed then or later: 2026-11-20 14:03:22
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<i64>,
    /// Only what was committed before
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    to: Option<i64>,
    /// Only what changes this table; can be given several times
    #[arg(long = "table", value_name = "SCHEMA.TABLE", value_parser = parse_table_name)]
    tables: Vec<TableName>,
    /// Only what changes so many rows
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    min_rows: u64,
    /// Only these kinds
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<KindArg>,
    /// Which comes first
    #[arg(long, value_name = "ORDER", default_value = "destructive")]
    order: OrderArg,
    /// Show all, not only the first 50; in the order `destructive` the first 100,000
    #[arg(long)]
    all: bool,
    /// Do not ask the server for the newest part of its log
    #[arg(long)]
    no_fetch: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// So many lines are shown unless all are wanted.
const SHOWN: usize = 50;
/// So many lines get columns of the same width; headings stand over each.
const ROWS_AT_ONCE: usize = 1000;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OrderArg {
    /// Most destructive first
    Destructive,
    /// Oldest first
    Time,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    Drop,
    Truncate,
    Alter,
    Delete,
    Update,
    Insert,
    Create,
    Other,
}

impl From<KindArg> for ChangeKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Drop => ChangeKind::Drop,
            KindArg::Truncate => ChangeKind::Truncate,
            KindArg::Alter => ChangeKind::Alter,
            KindArg::Delete => ChangeKind::Delete,
            KindArg::Update => ChangeKind::Update,
            KindArg::Insert => ChangeKind::Insert,
            KindArg::Create => ChangeKind::Create,
            KindArg::Other => ChangeKind::Other,
        }
    }
}

#[derive(Serialize)]
struct TransactionMessage<'a> {
    time: String,
    time_is_exact: bool,
    before: String,
    after: String,
    log: String,
    gtid: Option<&'a str>,
    kind: &'static str,
    rows: u64,
    tables: Vec<TableMessage<'a>>,
    more_tables: bool,
    statement: Option<String>,
    schema: Option<&'a str>,
}

#[derive(Serialize)]
struct TableMessage<'a> {
    schema: &'a str,
    table: &'a str,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

/// Lists.
///
/// # Errors
/// The repository cannot be read.
pub fn run(args: &LogArgs, context: &Context<'_>) -> Result<Exit> {
    let fetched = fetch(args, context)?;
    let repository = context.open(Access::Read)?;
    let options = ListOptions {
        from: args.from,
        until: args.to,
        tables: args.tables.clone(),
        min_rows: args.min_rows,
        kinds: args.kinds.iter().map(|kind| ChangeKind::from(*kind)).collect(),
        order: match args.order {
            OrderArg::Destructive => ListOrder::Destructive,
            OrderArg::Time => ListOrder::Time,
        },
        most: if args.all { usize::MAX } else { SHOWN },
    };
    let mut lines = Lines::new(context.ui);
    let listing = match list(&repository, &options, context.ui, &mut |listed| lines.add(listed)) {
        Err(error) if is_broken_pipe(&error) => return Ok(fetched),
        listing => listing?,
    };
    for (id, error) in &listing.unreadable {
        context.ui.warn(format_args!("the log {} cannot be read: {}", format::short(id), chain(error)));
    }
    let exit = if listing.unreadable.is_empty() { fetched } else { Exit::Incomplete };
    after_printing(exit, lines.end(&listing))
}

/// Fetches the newest part of the log, if a server is named; gives whether it is there. A failure is told, and the list has what is there.
/// A break is told here, as the next run finds none.
fn fetch(args: &LogArgs, context: &Context<'_>) -> Result<Exit> {
    let Some(address) = args.database.address(context)?.filter(|_| !args.no_fetch) else { return Ok(Exit::Done) };
    let fetched =
        context.open(Access::Write).and_then(|repo| archive::fetch(&repo, &address, &writer::own(), context.ui));
    let faults: Vec<String> = match &fetched {
        Ok(Archived::Done(saved)) => saved
            .iter()
            .flat_map(|one| break_words(&one.record).into_iter().chain(coverage_words(&one.record)))
            .collect(),
        Ok(not) => {
            not_kept(not).into_iter().map(|why| format!("the newest part of the log is not fetched: {why}")).collect()
        }
        Err(error) => vec![format!("the newest part of the log is not fetched: {}", chain(error))],
    };
    faults.iter().for_each(|fault| context.ui.warn(fault));
    Ok(if faults.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// The lines of a list, as they come.
struct Lines<'u> {
    ui: &'u Ui,
    table: Table,
    rows: usize,
}

impl<'u> Lines<'u> {
    fn new(ui: &'u Ui) -> Self {
        Lines { ui, table: Self::table(), rows: 0 }
    }

    fn table() -> Table {
        Table::new(&[("TIME", Align::Whole), ("BEFORE", Align::Whole), ("ROWS", Align::Right), ("WHAT", Align::Left)])
    }

    fn add(&mut self, listed: &Listed) -> Result<()> {
        if self.ui.is_json() {
            return self.ui.message("transaction", message(listed));
        }
        // A time that is not exact is marked: the statement began then.
        let mark = if is_exact(listed) { "" } else { "~" };
        let shown = format!("{}{mark}", format::time(time(listed.record.time)));
        self.table.row([shown, before(listed), format::count(listed.rows()), what(listed)]);
        self.rows += 1;
        if self.rows < ROWS_AT_ONCE { Ok(()) } else { self.print() }
    }

    fn print(&mut self) -> Result<()> {
        self.rows = 0;
        self.ui.table(&std::mem::replace(&mut self.table, Self::table()))
    }

    fn end(mut self, listing: &Listing) -> Result<()> {
        if self.ui.is_json() {
            return Ok(());
        }
        if !listing.has_logs {
            self.ui.say(
                "no binary log has been kept: `enamel backup` and `enamel watch` keep it where the server writes one",
            );
            return Ok(());
        }
        if listing.listed == 0 {
            self.ui.say("the log has nothing of the kind");
            return Ok(());
        }
        if self.rows > 0 {
            self.print()?;
        }
        if listing.more > 0 {
            self.ui.say(format_args!(
                "{} more: `--all --order time` shows all",
                format::counted(listing.more, "transaction")
            ));
        }
        Ok(())
    }
}

fn is_exact(listed: &Listed) -> bool {
    listed.record.time_source != TimeSource::Statement
}

fn before(listed: &Listed) -> String {
    format!("{}:{}", listed.file, listed.record.begin)
}

/// The changes of a transaction, in one line.
fn what(listed: &Listed) -> String {
    let record = &listed.record;
    let changes = record.tables.iter().map(|table| {
        let counts = [(table.deleted, "deleted"), (table.updated, "updated"), (table.inserted, "inserted")];
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        let counts: Vec<_> = counts.map(|(number, verb)| format!("{} {verb}", format::count(*number))).collect();
        format!("{}.{}: {}", table.schema, table.table, counts.join(", "))
    });
    let mut parts: Vec<String> = changes.collect();
    if let Some(text) = &record.text {
        parts.push(format::message(&String::from_utf8_lossy(&text.0).split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    if record.flags.has(TransactionFlags::MORE_TABLES) {
        parts.push("and more that is not listed".to_owned());
    }
    parts.join("; ")
}

fn message(listed: &Listed) -> TransactionMessage<'_> {
    let record = &listed.record;
    TransactionMessage {
        time: format::rfc3339(time(record.time)),
        time_is_exact: is_exact(listed),
        before: before(listed),
        after: format!("{}:{}", listed.file, record.end),
        log: listed.log.to_string(),
        gtid: record.gtid.as_deref(),
        kind: kind(listed.kind),
        rows: listed.rows(),
        tables: record
            .tables
            .iter()
            .map(|table| TableMessage {
                schema: &table.schema,
                table: &table.table,
                inserted: table.inserted,
                updated: table.updated,
                deleted: table.deleted,
            })
            .collect(),
        more_tables: record.flags.has(TransactionFlags::MORE_TABLES),
        statement: record.text.as_ref().map(|text| String::from_utf8_lossy(&text.0).into_owned()),
        schema: record.schema.as_deref(),
    }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Drop => "drop",
        ChangeKind::Truncate => "truncate",
        ChangeKind::Alter => "alter",
        ChangeKind::Delete => "delete",
        ChangeKind::Update => "update",
        ChangeKind::Insert => "insert",
        ChangeKind::Create => "create",
        ChangeKind::Other => "other",
    }
}
