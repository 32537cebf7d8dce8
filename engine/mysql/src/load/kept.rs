//! Generated columns whose values the server keeps: it computes them anew, so their digests say whether they are those that were saved.

use repo_format::id::Bytes32;

use super::run::Run;
use super::table::TableLoad;
use crate::database::{Connection, KeptSums, RowEncoder, RowKey, kept_list, quote_name, select_list, with_kept_only};
use engine_core::error::Result;

/// Rows that are read between two looks whether to stop.
const ROWS_BETWEEN_LOOKS: u64 = 4096;

/// What is said of columns of `table` whose values are not those that were saved. A snapshot of an older version has no digests of them.
///
/// # Errors
/// If the server does not give the rows.
pub fn differing(run: &Run<'_>, connection: &mut Connection, table: &TableLoad<'_>) -> Result<Vec<String>> {
    let Some(saved) = &table.source().record.kept_digests else { return Ok(Vec::new()) };
    if !table.has_all_history() || table.rewrites_values() {
        let (schema, name) = table.name();
        let why = if table.rewrites_values() {
            "its rows are written otherwise here"
        } else {
            "not all of its history is there"
        };
        run.monitor.note(&format!(
            "{schema}.{name}: the values of its generated columns are not compared with what was saved, as {why}"
        ));
        return Ok(Vec::new());
    }
    let loaded = digests(run, connection, table)?;
    let columns = table.source().record.kept();
    let differs = |(_, (saved, loaded)): &(_, (&Bytes32, &Bytes32))| saved != loaded;
    let named = columns.zip(saved.iter().zip(&loaded)).filter(differs).map(|(column, _)| {
        format!(
            "its generated column {} has other values than were saved: a restore computes them anew, in UTC and with a server's own \
             defaults, and its expression gives another value then, or on this server",
            quote_name(&column.name)
        )
    });
    Ok(named.collect())
}

/// The digests of the table that was loaded.
fn digests(run: &Run<'_>, connection: &mut Connection, table: &TableLoad<'_>) -> Result<Vec<Bytes32>> {
    let record = with_kept_only(table.record());
    let history = if record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
    let (mut encoder, mut sums) = (RowEncoder::new(&record), KeptSums::of(&record));
    let (mut row, mut key, mut rows) = (Vec::new(), RowKey::default(), 0u64);
    let (schema, name) = (quote_name(&table.schema().plan.staging), quote_name(&record.name));
    let (stored, kept) = (select_list(&record), kept_list(&record).join(", "));
    let mut result = connection.stream(&format!("SELECT {stored}, {kept} FROM {schema}.{name}{history}"))?;
    let doing = || "cannot read the generated columns that were loaded".to_owned();
    while let Some(values) = result.next_row(&doing) {
        let values = values?;
        let (stored, kept) = values.split_at(values.len().saturating_sub(sums.count()));
        row.clear();
        encoder.encode(stored, &mut row, &mut key)?;
        sums.add(kept, &key, &table.as_saved(&row))?;
        rows += 1;
        if rows % ROWS_BETWEEN_LOOKS == 0 {
            run.check()?;
        }
    }
    Ok(sums.digests().unwrap_or_default())
}
