//! `enamel restore --purged`: rows that a purge removed, back in a server.

use engine::Result;
use engine::database::TableName;
use engine::load::{Binlog, PurgedChoice, PurgedOptions, RestoredTable, restore_purged};
use engine::monitor::Monitor;
use engine::upkeep::receipt::find;
use repo_format::config::Access;
use serde::Serialize;

use super::{ChosenTable, LoadArgs};
use crate::context::Context;
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::ui::{Ui, format};

#[derive(Serialize)]
struct Table<'t> {
    schema: &'t str,
    table: &'t str,
    rows: u64,
    restored_rows: u64,
    rows_there: u64,
    problems: &'t [String],
}

#[derive(Serialize)]
struct Summary {
    receipt: String,
    dry_run: bool,
    tables: u64,
    restored_rows: u64,
    rows_there: u64,
    problems: u64,
}

/// Restores the rows of a receipt into the server that is named.
///
/// # Errors
/// See [`engine::load::restore_purged`].
pub fn run(args: &LoadArgs, receipt: &str, effect: Effect, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    repo.sync_catalog(context.ui)?;
    let purge = find(&repo, receipt)?;
    let named = purge.named(receipt)?;
    if let Some(begun) = purge.begun.as_ref().filter(|begun| begun.id() != named.id()) {
        context.ui.note(&format!(
            "the purge had named more rows than it says it removed; if a connection was lost, --purged {} brings back all of them",
            format::short(begun.id())
        ));
    }
    let manifest = &named.manifest;
    let url = args.to_database.as_deref().unwrap_or_default();
    let address = args.server.address(url, context)?;
    let options = PurgedOptions {
        tables: args.tables.iter().map(choice).collect(),
        binlog: if args.no_binlog { Binlog::Skip } else { Binlog::Write },
        dry_run: effect.is_dry(),
    };
    let tables = restore_purged(&repo, manifest, &address, &options, context.ui)?;
    let summary = Summary {
        receipt: manifest.id.to_string(),
        dry_run: effect.is_dry(),
        tables: tables.len() as u64,
        restored_rows: tables.iter().map(|table| table.restored).sum(),
        rows_there: tables.iter().map(|table| table.there).sum(),
        problems: tables.iter().map(|table| table.problems.len() as u64).sum(),
    };
    let exit = if summary.problems > 0 { Exit::Incomplete } else { Exit::Done };
    after_printing(exit, print(context.ui, &address.public(), &tables, &summary))
}

fn choice(table: &ChosenTable) -> PurgedChoice {
    let from = table.table.clone();
    PurgedChoice { to: table.other.clone().unwrap_or_else(|| from.clone()), from }
}

fn print(ui: &Ui, server: &str, tables: &[RestoredTable], summary: &Summary) -> Result<()> {
    if ui.is_json() {
        for RestoredTable { to: TableName { schema, table }, rows, restored, there, problems } in tables {
            let (restored_rows, rows_there) = (*restored, *there);
            ui.message("table", Table { schema, table, rows: *rows, restored_rows, rows_there, problems })?;
        }
        return ui.message("summary", summary);
    }
    for RestoredTable { to: TableName { schema, table }, restored, there, problems, .. } in tables {
        let name = format::path(format!("{schema}.{table}").as_bytes());
        problems.iter().for_each(|problem| ui.warn(format_args!("{name}: {problem}")));
        if !ui.is_quiet() {
            let left = match there {
                0 => String::new(),
                there => format!("; {} stayed out, because rows with the same keys are there", format::count(*there)),
            };
            ui.line(format_args!("{name}  {}{left}", format::counted(*restored, "row")))?;
        }
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let id = format::short(&summary.receipt);
    if summary.dry_run {
        ui.prose(format_args!("dry run: nothing was restored to {server} from receipt {id}"))
    } else {
        ui.prose(format_args!("purged rows of receipt {id} restored to {server}"))
    }
}
