//! Stored generated columns: the server computes them again, and digests show whether the values are those that were
//! saved.

use repo_format::database::{ServerRecord, Variable};
use repo_format::id::Bytes32;

use super::run::Run;
use super::table::TableLoad;
use crate::database::{
    Connection, KeptSums, RowEncoder, RowKey, Use, is_lost, kept_list, quote_name, quote_text, select_list, settings,
    with_kept_only,
};
use engine_core::error::Result;

/// Settings that expressions depend on, besides the time zone.
const SETTINGS: [&str; 4] =
    ["block_encryption_mode", "default_week_format", "div_precision_increment", "lc_time_names"];
/// Names of the time zone that a session has which loads.
const UTC: [&str; 3] = ["+00:00", "UTC", "Etc/UTC"];
/// Rows that are read between two looks whether to stop.
const ROWS_BETWEEN_LOOKS: u64 = 4096;

/// The messages about columns of `table` whose values differ from the saved ones. A snapshot of an older version has no
/// digests of them.
///
/// # Errors
/// If the server does not return the rows.
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
            "{schema}.{name}: the values of its generated columns are not compared with the saved ones, because {why}"
        ));
        return Ok(Vec::new());
    }
    let mut loaded = digests(run, connection, table)?;
    if loaded != *saved {
        loaded = computed_again(run, connection, table, saved, loaded)?;
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
    /// Names of its time zone: the first that a server knows.
    zones: Vec<String>,
    /// Assignments of other settings.
    settings: Vec<String>,
}

impl Way {
    /// That of a session which loads.
    fn usual() -> Self {
        Way { zones: vec!["+00:00".to_owned()], settings: Vec::new() }
    }

    /// That of `source`, as far as the snapshot tells it; `None` if it is the usual one.
    fn of(source: &ServerRecord) -> Option<Self> {
        Self::of_zone(&source.time_zone, &source.variables)
    }

    fn of_zone(time_zone: &str, variables: &[Variable]) -> Option<Self> {
        let zones = match time_zone.strip_prefix("SYSTEM/") {
            // Not every server knows zones by their names; and this one may stand in the same.
            Some(of_system) => vec![of_system.to_owned(), "SYSTEM".to_owned()],
            None => vec![time_zone.rsplit_once('/').map_or(time_zone, |(zone, _)| zone).to_owned()],
        };
        let settings: Vec<String> = variables.iter().filter(|variable| is_unusual(variable)).map(assigned).collect();
        let is_usual = settings.is_empty() && UTC.contains(&zones[0].as_str());
        (!is_usual).then_some(Way { zones, settings })
    }

    /// Has the server compute the generated columns of `table` with these settings. Returns the time zone, if it does.
    fn compute(&self, run: &Run<'_>, table: &TableLoad<'_>) -> Result<Option<&str>> {
        run.check()?;
        let mut session = run.connect()?;
        let mut known = None;
        for zone in &self.zones {
            if known.is_none() && is_done(session.run(&format!("SET SESSION time_zone={}", quote_text(zone))))? {
                known = Some(zone.as_str());
            }
        }
        for setting in &self.settings {
            // If the server does not know a setting, its expressions do not depend on it.
            is_done(session.run(&format!("SET SESSION {setting}")))?;
        }
        let (schema, name) = (quote_name(&table.schema().plan.staging), quote_name(&table.record().name));
        let rebuild = format!("ALTER TABLE {schema}.{name} FORCE, ALGORITHM=COPY");
        Ok(if known.is_some() && is_done(session.run(&rebuild))? { known } else { None })
    }
}

/// Whether expressions depend on a variable of the source that differs in a loading session.
fn is_unusual(variable: &Variable) -> bool {
    let usual = settings(Use::Load).find(|setting| setting.name == variable.name);
    SETTINGS.contains(&variable.name.as_str()) && usual.is_none_or(|setting| !setting.is_shown(&variable.value))
}

fn assigned(variable: &Variable) -> String {
    match variable.value.parse::<u32>() {
        Ok(number) => format!("{}={number}", variable.name),
        Err(_) => format!("{}={}", variable.name, quote_text(&variable.value)),
    }
}

/// Whether the server did the statement.
fn is_done(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if is_lost(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Has the columns computed like in sessions of the source, if that brings them nearer to the `saved` digests. Returns
/// the digests after that.
fn computed_again(
    run: &Run<'_>,
    connection: &mut Connection,
    table: &TableLoad<'_>,
    saved: &[Bytes32],
    loaded: Vec<Bytes32>,
) -> Result<Vec<Bytes32>> {
    let differing = |now: &[Bytes32]| now.iter().zip(saved).filter(|(now, saved)| now != saved).count();
    let Some(way) = Way::of(run.source.server()) else { return Ok(loaded) };
    let Some(zone) = way.compute(run, table)? else { return Ok(loaded) };
    let computed = digests(run, connection, table)?;
    if differing(&computed) >= differing(&loaded) {
        return match Way::usual().compute(run, table)? {
            Some(_) => Ok(loaded),
            None => Ok(computed),
        };
    }
    let (schema, name) = table.name();
    run.monitor.note(&format!(
        "{schema}.{name}: its generated columns are computed in the time zone {zone} and with the settings of the server that was saved"
    ));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn way(time_zone: &str, variables: &[(&str, &str)]) -> Option<Way> {
        let of = |(name, value): &(&str, &str)| Variable { name: (*name).to_owned(), value: (*value).to_owned() };
        Way::of_zone(time_zone, &variables.iter().map(of).collect::<Vec<_>>())
    }

    #[test]
    fn a_server_computes_otherwise_by_its_time_zone_or_its_settings() {
        let usual = [("lc_time_names", "en_US"), ("div_precision_increment", "4"), ("sql_mode", "ANSI")];
        assert_eq!(way("SYSTEM/UTC", &usual), None);
        assert_eq!(way("+00:00/CET", &usual), None);
        assert_eq!(way("SYSTEM/CET", &usual).unwrap().zones, ["CET", "SYSTEM"]);
        assert_eq!(way("SYSTEM/Etc/UTC", &usual), None);
        assert_eq!(way("Europe/Berlin/UTC", &[]).unwrap().zones, ["Europe/Berlin"]);
        let other = way("SYSTEM/UTC", &[("lc_time_names", "de_DE"), ("div_precision_increment", "8")]).unwrap();
        assert_eq!(other.settings, ["lc_time_names='de_DE'", "div_precision_increment=8"]);
    }
}
