//! Generated columns whose values the server keeps: it computes them anew, so their digests say whether they are those that were saved.

use repo_format::database::{ServerRecord, Variable};
use repo_format::id::Bytes32;

use super::run::Run;
use super::table::TableLoad;
use crate::database::{
    Connection, KeptSums, RowEncoder, RowKey, is_lost, kept_list, quote_name, quote_text, select_list, with_kept_only,
};
use engine_core::error::Result;

/// Settings that expressions depend on, besides the time zone.
const SETTINGS: [&str; 4] =
    ["block_encryption_mode", "default_week_format", "div_precision_increment", "lc_time_names"];
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
    let mut loaded = digests(run, connection, table)?;
    if loaded != *saved {
        loaded = computed_again(run, connection, table, (saved, loaded))?;
    }
    let columns = table.source().record.kept();
    let differs = |(_, (saved, loaded)): &(_, (&Bytes32, &Bytes32))| saved != loaded;
    let named = columns.zip(saved.iter().zip(&loaded)).filter(differs).map(|(column, _)| {
        format!(
            "its generated column {} has other values than were saved: a restore computes them again, and its expression gives another \
             value in the time zone and language of this session, or on this server",
            quote_name(&column.name)
        )
    });
    Ok(named.collect())
}

/// How the sessions of a server compute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    zone: String,
    /// Assignments of other settings.
    settings: Vec<String>,
}

impl Way {
    /// That of a session which loads.
    fn usual() -> Self {
        Way { zone: "+00:00".to_owned(), settings: Vec::new() }
    }

    /// Those of `source` as far as the snapshot tells them, the likeliest first.
    fn all_of(source: &ServerRecord) -> Vec<Self> {
        let zones = match source.time_zone.split_once('/') {
            // Its zone may be named as a table of zones names it; and this server may stand in the same.
            Some(("SYSTEM", system)) => vec![system, "SYSTEM"],
            Some((zone, _)) => vec![zone],
            None => Vec::new(),
        };
        let is_wanted = |variable: &&Variable| SETTINGS.contains(&variable.name.as_str());
        let assigned = |variable: &Variable| match variable.value.parse::<u32>() {
            Ok(number) => format!("{}={number}", variable.name),
            Err(_) => format!("{}={}", variable.name, quote_text(&variable.value)),
        };
        let settings: Vec<String> = source.variables.iter().filter(is_wanted).map(assigned).collect();
        zones.into_iter().map(|zone| Way { zone: zone.to_owned(), settings: settings.clone() }).collect()
    }

    /// Has the server compute the generated columns of `table` so. `false` if it does not.
    fn compute(&self, run: &Run<'_>, table: &TableLoad<'_>) -> Result<bool> {
        run.check()?;
        let mut session = run.connect()?;
        let is_set = is_done(session.run(&format!("SET SESSION time_zone={}", quote_text(&self.zone))))?;
        for setting in &self.settings {
            // One that the server does not have is not what its expressions depend on.
            is_done(session.run(&format!("SET SESSION {setting}")))?;
        }
        let (schema, name) = (quote_name(&table.schema().plan.staging), quote_name(&table.record().name));
        Ok(is_set && is_done(session.run(&format!("ALTER TABLE {schema}.{name} FORCE, ALGORITHM=COPY")))?)
    }
}

/// Whether the server did what it was asked for.
fn is_done(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if is_lost(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Has the columns computed as sessions of the source do it, until their digests are those that were `saved`. Gives the digests that they
/// have then: of all ways, those of the best.
fn computed_again(
    run: &Run<'_>,
    connection: &mut Connection,
    table: &TableLoad<'_>,
    (saved, loaded): (&[Bytes32], Vec<Bytes32>),
) -> Result<Vec<Bytes32>> {
    let differing = |now: &[Bytes32]| now.iter().zip(saved).filter(|(now, saved)| now != saved).count();
    let mut now = Way::usual();
    let mut best = (now.clone(), loaded);
    for way in Way::all_of(run.source.server()) {
        if differing(&best.1) == 0 || !way.compute(run, table)? {
            continue;
        }
        now = way.clone();
        let computed = digests(run, connection, table)?;
        if differing(&computed) < differing(&best.1) {
            best = (way, computed);
        }
    }
    let (way, computed) = best;
    if way != now && !way.compute(run, table)? {
        return digests(run, connection, table);
    }
    if way != Way::usual() {
        let (schema, name) = table.name();
        run.monitor.note(&format!(
            "{schema}.{name}: its generated columns are computed in the time zone {} and with the settings of the server that was saved",
            way.zone
        ));
    }
    Ok(computed)
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
