//! Fits a table to another server. A restore and a script use the same way.

use repo_format::database::TableRecord;

use super::changed::Changed;
use super::checks::unnamed;
use super::collation::{Collations, Replaced, said_of_collation};
use super::expressions::computed_otherwise;
use super::families::{translated, with_times};
use super::reading::Translated;
use super::unstorable::{Values, Way, late_defaults, refusal, with_types};
use super::versioned::{Converted, Versioning, without_versioning};
use crate::database::Server;

/// The server that a table comes to, as far as tables depend on it.
#[derive(Debug, Clone, Copy)]
pub struct TableTarget<'t> {
    /// Which program and version.
    pub server: &'t Server,
    /// The collations it knows.
    pub collations: &'t Collations,
    /// The last moment of its TIMESTAMP.
    pub end_of_time: &'t str,
    /// Each TIMESTAMP that is not NULL gets a default, and the first one follows every change of its row.
    pub fills_times: bool,
}

/// A table as the target has it.
#[derive(Debug, Clone)]
pub struct FittedTable {
    /// Its definition.
    pub create: Vec<u8>,
    /// The columns that have values.
    pub record: TableRecord,
    /// How its rows become those of the target.
    pub rows: RowsFitted,
    /// Differences in its definition, as sentences.
    pub notes: Vec<String>,
    /// Omissions that the user will miss, as sentences.
    pub missed: Vec<String>,
    /// Why the target has no such table.
    pub refusal: Option<String>,
}

/// How the rows of a table become those of the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsFitted {
    /// Its history.
    pub versioning: Option<Versioning>,
    /// Values that the target does not hold.
    pub values: Option<Values>,
}

/// The table `record` of the server `source` as `target` has it.
pub fn fit_table(record: &TableRecord, source: &Server, target: &TableTarget<'_>) -> FittedTable {
    let server = target.server;
    let mut replaced = Replaced::new();
    let create = target.collations.adapt(&record.create.0, &mut replaced);
    let mut words = translated(&create, server);
    words.apply(|reading| late_defaults(reading, target.end_of_time));
    if source.is_mariadb() && !server.is_mariadb() {
        words.apply(unnamed);
    }
    let Translated { sql: mut create, mut notes, missed, refusal: why } = words;
    if target.fills_times {
        let timed = with_times(&create);
        create = timed.sql;
        notes.extend(timed.notes);
    }
    notes.extend(replaced.iter().map(|(from, to)| said_of_collation(from, to)));
    if source.is_mariadb() != server.is_mariadb() {
        notes.extend(computed_otherwise(&create));
    }
    let versioning = Versioning::of(record, source, server, target.end_of_time);
    if let Some(versioning) = &versioning {
        create = versioning.definition(&create);
        notes.extend(versioning.loss().map(str::to_owned));
    } else if record.versioned == Some(false) {
        notes.push(
            "only its current rows are in the snapshot: its history is kept by numbers of transactions, which no server takes"
                .to_owned(),
        );
        if !server.is_mariadb_from((10, 3, 4)) {
            create = without_versioning(&create);
        }
    }
    let way = Way { source, target: server, last: target.end_of_time };
    let values = Values::of(record, versioning.as_ref(), &way);
    let typed = with_types(record, server);
    FittedTable {
        create,
        record: versioning.as_ref().map_or_else(|| typed.clone(), |versioning| versioning.record(&typed)),
        rows: RowsFitted { versioning, values },
        notes,
        missed,
        refusal: why.or_else(|| refusal(record, server)),
    }
}

impl RowsFitted {
    /// Encoded rows in the target's form; `rows` is their number.
    pub fn convert(&self, text: Vec<u8>, rows: u64) -> Converted {
        let (text, changed) = self.with_values(text);
        match &self.versioning {
            Some(versioning) => Converted { changed, ..versioning.convert(&text) },
            None => Converted { text, rows, changed, ..Converted::default() },
        }
    }

    /// Encoded rows, all of them, with the values that the target holds.
    pub fn with_values(&self, text: Vec<u8>) -> (Vec<u8>, Changed) {
        match &self.values {
            Some(values) => values.convert(&text),
            None => (text, Changed::default()),
        }
    }

    /// Whether it has other values than were saved.
    pub fn changes_values(&self) -> bool {
        self.values.is_some()
    }

    /// One sentence for each column of which values are otherwise.
    pub fn sentences(&self, changed: &Changed) -> Vec<String> {
        self.values.as_ref().map(|values| values.sentences(changed)).unwrap_or_default()
    }
}
