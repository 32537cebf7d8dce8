//! Loads rows into a table with LOAD DATA from memory, a few segments per statement.

use repo_format::database::TableRecord;

use super::batch::{Batch, Stored, with_value};
use super::insert;
use super::warnings::Warnings;
use crate::database::{Connection, error_code, quote_name};
use engine_core::error::Result;

/// How often a statement is tried again that lost a race for locks.
const LOCK_ATTEMPTS: u32 = 20;
/// Waited too long for a lock; chosen as the victim of a deadlock. Nothing of the statement was done.
const LOCK_LOST: [u16; 2] = [1205, 1213];
/// LOCAL is switched off: by the server, by the client as an old server says it.
const LOCAL_OFF: [u16; 3] = [1148, 3948, 4166];

/// By which statements rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// LOAD DATA LOCAL INFILE.
    Load,
    /// INSERT, where the server does not allow LOCAL.
    Insert,
}

/// How the rows of one table are stored.
#[derive(Debug, Clone)]
pub struct Sink {
    /// The full quoted name of the table.
    table: String,
    record: TableRecord,
    load: String,
}

impl Sink {
    /// Into `schema`.`table` rows as `record` describes them.
    pub fn new(schema: &str, record: &TableRecord) -> Self {
        let table = format!("{}.{}", quote_name(schema), quote_name(&record.name));
        let load = load_statement(&table, record);
        Sink { table, record: record.clone(), load }
    }

    /// The full quoted name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Stores the rows of `batch`. A row that the server refuses, also one whose key is there, is left out, with a warning.
    ///
    /// # Errors
    /// If the server does not store them.
    pub fn store(&self, connection: &mut Connection, batch: &Batch, method: Method) -> Result<Stored> {
        match method {
            Method::Load => self.load(connection, batch),
            Method::Insert => insert::store(connection, &self.table, &self.record, batch),
        }
    }

    fn load(&self, connection: &mut Connection, batch: &Batch) -> Result<Stored> {
        for attempt in 1.. {
            match connection.load_local(&self.load, &batch.pieces) {
                Ok(rows) => return Ok(Stored { rows, warnings: Warnings::read(connection, &self.record)? }),
                Err(error) if attempt < LOCK_ATTEMPTS && is_lock_lost(&error) => {}
                Err(error) if insert::is_of_one_row(&error, &self.record) => {
                    return insert::store(connection, &self.table, &self.record, batch);
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }
}

/// Whether a statement may be tried again: another one was in its way.
pub fn is_lock_lost(error: &engine_core::Error) -> bool {
    error_code(error).is_some_and(|code| LOCK_LOST.contains(&code))
}

/// Whether the server says that it does not allow LOAD DATA LOCAL.
pub fn is_local_refused(error: &engine_core::Error) -> bool {
    error_code(error).is_some_and(|code| LOCAL_OFF.contains(&code))
}

/// The statement that loads rows of `record` into `table`.
///
/// With a SET clause the server renumbers an id of 0, unless the column is itself set from a variable.
fn load_statement(table: &str, record: &TableRecord) -> String {
    let has_expressions = record.stored().any(|column| column.load.is_some());
    let (mut targets, mut sets) = (Vec::new(), Vec::new());
    for (at, column) in record.stored().enumerate() {
        let variable = format!("@c{at}");
        let through_variable = has_expressions && column.auto_increment == Some(true);
        match &column.load {
            Some(expression) => sets.push((&column.name, with_value(expression, &variable))),
            None if through_variable => sets.push((&column.name, variable.clone())),
            None => {
                targets.push(quote_name(&column.name));
                continue;
            }
        }
        targets.push(variable);
    }
    let mut sql = format!(
        "LOAD DATA LOCAL INFILE 'enamel' INTO TABLE {table} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({})",
        targets.join(", ")
    );
    if !sets.is_empty() {
        let sets: Vec<String> = sets.iter().map(|(name, value)| format!("{}={value}", quote_name(name))).collect();
        sql.push_str(&format!(" SET {}", sets.join(", ")));
    }
    sql
}

#[cfg(test)]
pub(super) mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{Column, RowOrder, ValueEncoding};

    use super::*;

    pub fn column(name: &str, encoding: ValueEncoding) -> Column {
        Column::new(name, "", encoding)
    }

    pub fn record(columns: Vec<Column>) -> TableRecord {
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(Vec::new()),
            engine: "InnoDB".to_owned(),
            columns,
            key: vec![0],
            order: RowOrder::Integer,
            encoding: 1,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    #[test]
    fn columns_are_loaded_as_they_are() {
        let id = Column { auto_increment: Some(true), ..column("id", ValueEncoding::Integer) };
        let generated = Column { generated: Some(true), ..column("g", ValueEncoding::Bytes) };
        let sql = load_statement("`s`.`t`", &record(vec![id, generated, column("a`b", ValueEncoding::Bytes)]));
        assert!(sql.contains("INTO TABLE `s`.`t` CHARACTER SET binary FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\'"));
        assert!(sql.ends_with("LINES TERMINATED BY '\\n' (`id`, `a``b`)"), "{sql}");
    }

    #[test]
    fn beside_an_expression_the_counting_column_goes_through_a_variable() {
        let id = Column { auto_increment: Some(true), ..column("id", ValueEncoding::Integer) };
        let load = Some("CAST(@v AS UNSIGNED)".to_owned());
        let list = Column { load, ..column("e", ValueEncoding::Integer) };
        let sql = load_statement("t", &record(vec![id, column("a", ValueEncoding::Bytes), list]));
        assert!(sql.ends_with("(@c0, `a`, @c2) SET `id`=@c0, `e`=CAST(@c2 AS UNSIGNED)"), "{sql}");
    }

    #[test]
    fn only_the_variable_itself_is_replaced() {
        assert_eq!(with_value("f(@v, @value, @v)", "1"), "f(1, @value, 1)");
    }
}
