//! Finds in events which rows of which tables have changed.

use std::collections::HashMap;

use super::{Changes, WantedKey, WantedTables};
use crate::binlog::event::{
    Event, Format, Header, Kind, Malformed, MappedName, Query, QuerySettings, RowsHeader, TableMap, each_inner,
    uncompressed,
};
use crate::binlog::replay::{Part, Statement};
use crate::database::{FoldedName, TableName};

/// Words of statements about programs and views.
const PROGRAMS: [&[u8]; 7] = [b"TRIGGER", b"VIEW", b"FUNCTION", b"PROCEDURE", b"EVENT", b"PACKAGE", b"SERVER"];

/// Words of definitions of tables that merge others.
const MERGES: [&[u8]; 3] = [b"MERGE", b"MRG_MYISAM", b"UNION"];

/// Collects what changes. Takes the events of a server's files in order.
pub(super) struct Collector<'w> {
    wanted: &'w WantedTables,
    changes: Changes,
    /// Tables of the transaction, by the numbers that its rows have.
    mapped: HashMap<u64, Mapped>,
    /// Tables of the transaction, and whether it has rows of them.
    touched: HashMap<FoldedName, bool>,
}

struct Mapped {
    name: FoldedName,
    /// None if it has a column of a type that is not known.
    map: Option<TableMap>,
}

impl<'w> Collector<'w> {
    /// Collects nothing so far.
    pub fn new(wanted: &'w WantedTables) -> Self {
        Collector { wanted, changes: Changes::default(), mapped: HashMap::new(), touched: HashMap::new() }
    }

    /// The changes that were found.
    pub fn finish(mut self) -> Changes {
        self.end_transaction();
        self.changes
    }

    /// Whether nothing can be told of any table, whatever follows.
    pub fn is_done(&self) -> bool {
        self.changes.everything().is_some()
    }

    /// Nothing can be told of any table, because of `why`.
    pub fn doubt_everything(&mut self, why: &'static str) {
        self.changes.doubt_everything(why);
    }

    /// Takes the next event; `format` is that of its file.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn add(&mut self, event: &Event<'_>, format: &Format) -> Result<(), Malformed> {
        let (header, body) = (event.header, event.body(format)?);
        if header.kind == Kind::TRANSACTION_PAYLOAD {
            return each_inner(body, format, |event, plain| self.add(event, plain));
        }
        let (kind, body) = uncompressed(header.kind, body)?;
        match kind {
            kind if kind.is_of_file() || kind.is_gtid() => self.end_transaction(),
            Kind::XID | Kind::XA_PREPARE => self.end_transaction(),
            Kind::QUERY => self.statement(&Query::read(&body)?),
            Kind::TABLE_MAP => self.table(&body)?,
            Kind::INTVAR | Kind::RAND | Kind::USER_VAR | Kind::ROWS_QUERY | Kind::ANNOTATE_ROWS | Kind::IGNORABLE => {}
            Kind::BEGIN_LOAD_QUERY | Kind::EXECUTE_LOAD_QUERY => {
                self.doubt_everything("the log has a statement that loads a file");
            }
            Kind::INCIDENT => self.doubt_everything("the server lost events of its log"),
            kind => match RowsHeader::read(&Header { kind, ..header }, &body)? {
                Some(rows) => self.rows(&rows)?,
                None => self.doubt_everything("the log has events of an unknown kind"),
            },
        }
        Ok(())
    }

    fn table(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let named = MappedName::read(body)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| Malformed("the name of a table is no text"));
        let name = FoldedName::from(&TableName::new(text(named.schema)?, text(named.table)?));
        self.touched.entry(name.clone()).or_insert(false);
        self.mapped.insert(named.table_id, Mapped { name, map: TableMap::read(body).ok() });
        Ok(())
    }

    fn rows(&mut self, rows: &RowsHeader<'_>) -> Result<(), Malformed> {
        let Some(Mapped { name, map }) = self.mapped.get(&rows.table_id) else {
            // Servers end a statement with rows of no table.
            if !rows.rows.is_empty() {
                self.changes.doubt_everything("the log has rows of an unknown table");
            }
            return Ok(());
        };
        if let Some(has_rows) = self.touched.get_mut(name) {
            *has_rows = true;
        }
        let wanted = self.wanted.tables.get(name).copied().flatten();
        let place = wanted.zip(map.as_ref()).and_then(|(wanted, map)| Some((wanted, map, wanted.key.place_in(map)?)));
        let Some((WantedKey { key, most }, map, place)) = place else {
            self.changes.doubt(name, "the log does not tell which of its rows have changed");
            return Ok(());
        };
        let mut all_have_keys = true;
        let is_logged =
            rows.values(map, place, &mut |value| match value.and_then(|value| key.rank_of_image(value)) {
                Some(rank) => self.changes.insert(name, rank, most),
                None => all_have_keys = false,
            })?;
        if !is_logged || !all_have_keys {
            self.changes.doubt(name, "the log has changed rows without their keys");
        }
        Ok(())
    }

    /// A table that a transaction names without rows may have been changed by a foreign key.
    fn end_transaction(&mut self) {
        self.mapped.clear();
        for (name, has_rows) in self.touched.drain() {
            if !has_rows {
                self.changes.doubt(&name, "the log names it without rows");
            }
        }
    }

    fn statement(&mut self, query: &Query<'_>) {
        let Ok(settings) = QuerySettings::read(query.settings) else {
            return self.doubt_everything("the log has a statement that cannot be read");
        };
        if !query.text.is_ascii() && !settings.is_utf8() {
            return self.doubt_everything("the log has a statement in a character set other than UTF-8");
        }
        let statement = Statement::read(query.text, settings.sql_mode.unwrap_or_default());
        match statement.part {
            Part::Begin | Part::Commit | Part::Rollback => self.end_transaction(),
            Part::Savepoint | Part::XaStart | Part::XaEnd | Part::Accounts | Part::Server | Part::Nothing => {}
            // Its rows stand in the log where it was prepared.
            Part::XaDecide => self.doubt_everything("the log has a transaction that was prepared before (XA)"),
            Part::Schema => match statement.schema().map(String::from_utf8) {
                Some(Ok(schema)) => self.changes.doubt_schema(schema.to_lowercase()),
                _ => self.doubt_everything("the log has a statement about an unknown schema"),
            },
            Part::Definition | Part::Rows => {
                self.changes.has_statements |= statement.part == Part::Rows;
                self.changes.has_programs |= PROGRAMS.iter().any(|word| statement.names(word));
                self.changes.has_merges |= MERGES.iter().any(|word| statement.names(word));
                self.name_tables(&statement);
            }
        }
    }

    /// The tables of all names in a statement have changed, in whatever schema.
    fn name_tables(&mut self, statement: &Statement<'_>) {
        if !statement.is_clear() {
            return self.doubt_everything("the log has a statement that cannot be read");
        }
        for (_, name) in statement.mentions() {
            let name = String::from_utf8_lossy(&name).to_lowercase();
            if self.wanted.names.contains(&name) {
                self.changes.named.insert(name);
            }
        }
    }
}
