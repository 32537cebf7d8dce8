//! A schema as text: the copy of a schema is judged by it.

use std::collections::BTreeMap;

use engine::database::{Connection, Row, quote_name, quote_text};

use super::TestServer;

/// The name of a kind of object, the place of such names, and the columns of its `SHOW CREATE` that describe it.
struct Kind {
    name: &'static str,
    names: &'static str,
    columns: &'static [usize],
}

const KINDS: [Kind; 8] = [
    Kind { name: "VIEW", names: "SELECT TABLE_NAME FROM VIEWS WHERE TABLE_SCHEMA = ?", columns: &[1, 2, 3] },
    Kind {
        name: "SEQUENCE",
        names: "SELECT TABLE_NAME FROM TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'SEQUENCE'",
        columns: &[1],
    },
    Kind {
        name: "PROCEDURE",
        names: "SELECT ROUTINE_NAME FROM ROUTINES WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'PROCEDURE'",
        columns: &[1, 2, 3, 4, 5],
    },
    Kind {
        name: "FUNCTION",
        names: "SELECT ROUTINE_NAME FROM ROUTINES WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'FUNCTION'",
        columns: &[1, 2, 3, 4, 5],
    },
    Kind {
        name: "PACKAGE",
        names: "SELECT ROUTINE_NAME FROM ROUTINES WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'PACKAGE'",
        columns: &[1, 2, 3, 4, 5],
    },
    Kind {
        name: "PACKAGE BODY",
        names: "SELECT ROUTINE_NAME FROM ROUTINES WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'PACKAGE BODY'",
        columns: &[1, 2, 3, 4, 5],
    },
    // The moment of its creation, column 6, is left out.
    Kind {
        name: "TRIGGER",
        names: "SELECT TRIGGER_NAME FROM TRIGGERS WHERE TRIGGER_SCHEMA = ?",
        columns: &[1, 2, 3, 4, 5],
    },
    Kind { name: "EVENT", names: "SELECT EVENT_NAME FROM EVENTS WHERE EVENT_SCHEMA = ?", columns: &[1, 2, 3, 4, 5, 6] },
];

impl TestServer {
    /// Everything that a schema holds, by kind and name: definitions as the server shows them, with SQL mode, character set and
    /// definer; of each table a checksum of its rows. Two schemas with equal fingerprints are the same to their users.
    ///
    /// # Panics
    /// If a table cannot be read.
    pub fn fingerprint(&self, schema: &str) -> BTreeMap<String, String> {
        let mut connection = self.connect();
        if self.version().is_mysql() {
            // Fresh statistics, and hidden keys shown.
            connection.run("SET SESSION information_schema_stats_expiry = 0").unwrap_or_else(|e| panic!("{e:?}"));
            connection
                .run("SET SESSION show_gipk_in_create_table_and_information_schema = ON")
                .unwrap_or_else(|e| panic!("{e:?}"));
        }
        let mut found = BTreeMap::new();
        connection.run(&format!("USE {}", quote_name(schema))).unwrap_or_else(|e| panic!("{e:?}"));
        let shown = rows(&mut connection, &format!("SHOW CREATE DATABASE {}", quote_name(schema)));
        found.insert("DATABASE".to_owned(), shown[0][1].clone());
        for kind in &KINDS {
            objects(&mut connection, kind, schema, &mut found);
        }
        tables(&mut connection, schema, &mut found);
        found
    }
}

fn objects(connection: &mut Connection, kind: &Kind, schema: &str, found: &mut BTreeMap<String, String>) {
    let names = kind.names.replace(" FROM ", " FROM information_schema.").replace('?', &quote_text(schema));
    for name in rows(connection, &names).into_iter().map(|row| row[0].clone()) {
        let quoted = quote_name(&name);
        // A view whose table is gone has no definition that can be shown; that is what it is, then.
        let shown = match connection.rows(&format!("SHOW CREATE {} {quoted}", kind.name)) {
            Ok(shown) => texts(shown.into_iter().next().unwrap()),
            Err(e) => vec![e.to_string(); 7],
        };
        let mut text: Vec<String> = kind.columns.iter().map(|at| shown[*at].clone()).collect();
        match kind.name {
            "SEQUENCE" => text.extend(rows(connection, &format!("SELECT * FROM {quoted}")).concat()),
            "TRIGGER" => text.push(trigger_order(connection, schema, &name)),
            _ => {}
        }
        found.insert(format!("{} {name}", kind.name), text.join("\n"));
    }
}

fn trigger_order(connection: &mut Connection, schema: &str, name: &str) -> String {
    let sql = format!(
        "SELECT ACTION_ORDER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {} AND TRIGGER_NAME = {}",
        quote_text(schema),
        quote_text(name)
    );
    rows(connection, &sql).concat().concat()
}

fn tables(connection: &mut Connection, schema: &str, found: &mut BTreeMap<String, String>) {
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
         AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        quote_text(schema)
    );
    for row in rows(connection, &sql) {
        let name = quote_name(&row[0]);
        let create = without_character_sets(&rows(connection, &format!("SHOW CREATE TABLE {name}"))[0][1]);
        let sum = rows(connection, &format!("CHECKSUM TABLE {name} EXTENDED"))[0][1].clone();
        assert_ne!(sum, "NULL", "{name} cannot be read");
        let mut text = format!("{create}\nchecksum {sum}\n");
        // A checksum is the sum of those of the rows, and NULL is 0.
        text += &format!("{} rows\n", rows(connection, &format!("SELECT COUNT(*) FROM {name}"))[0][0]);
        if row[1] == "SYSTEM VERSIONED" {
            text += &history(connection, &name, &create);
        }
        text += &documents(connection, schema, &row[0]);
        found.insert(format!("TABLE {}", row[0]), text);
    }
}

/// Without the character set of a collation. MySQL shows it beside the collation only if the statement had a collation
/// for the column.
fn without_character_sets(create: &str) -> String {
    let mut parts = create.split(" CHARACTER SET ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(" COLLATE ") {
            Some((set, rest)) if rest.starts_with(set) => plain += &format!(" COLLATE {rest}"),
            _ => plain += &format!(" CHARACTER SET {part}"),
        }
    }
    plain
}

/// All rows that a versioned table ever had; CHECKSUM TABLE looks at the current ones only.
fn history(connection: &mut Connection, name: &str, create: &str) -> String {
    let hidden = if create.contains("ROW START") { "" } else { ", ROW_START, ROW_END" };
    let mut all = rows(connection, &format!("SELECT *{hidden} FROM {name} FOR SYSTEM_TIME ALL"));
    all.sort();
    all.into_iter().map(|row| row.join("\t")).collect::<Vec<_>>().join("\n")
}

/// The types of all values within documents of MySQL: `1.10` may be a decimal number or a double, and a checksum sees the
/// text only.
fn documents(connection: &mut Connection, schema: &str, table: &str) -> String {
    let sql = format!(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND DATA_TYPE = 'json'",
        quote_text(schema),
        quote_text(table)
    );
    let columns = rows(connection, &sql).concat();
    let types = columns.iter().map(|column| {
        let (column, table) = (quote_name(column), quote_name(table));
        let sql = format!(
            "WITH RECURSIVE part (document, path, value) AS (
                SELECT SHA2({column}, 256), CAST('$' AS CHAR(1000)), {column} FROM {table} WHERE {column} IS NOT NULL
                UNION ALL SELECT document, CONCAT(path, '.', inner_key), inner_value FROM part,
                    JSON_TABLE(value, '$.*' COLUMNS (inner_key FOR ORDINALITY, inner_value JSON PATH '$')) members
                    WHERE JSON_TYPE(value) = 'OBJECT'
                UNION ALL SELECT document, CONCAT(path, ',', inner_key), inner_value FROM part,
                    JSON_TABLE(value, '$[*]' COLUMNS (inner_key FOR ORDINALITY, inner_value JSON PATH '$')) elements
                    WHERE JSON_TYPE(value) = 'ARRAY'
             ) SELECT document, path, JSON_TYPE(value) FROM part ORDER BY 1, 2, 3"
        );
        let lines = rows(connection, &sql).into_iter().map(|row| row.join(" "));
        format!("{column}\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    });
    types.collect()
}

pub(super) fn rows(connection: &mut Connection, sql: &str) -> Vec<Vec<String>> {
    let rows = connection.rows(sql).unwrap_or_else(|e| panic!("{e:?}"));
    rows.into_iter().map(texts).collect()
}

/// Bytes that are no UTF-8 are written as escapes, so that two that differ look different.
pub(super) fn texts(row: Row) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_else(|e| e.as_bytes().escape_ascii().to_string());
    row.into_iter().map(|value| value.map_or_else(|| "NULL".to_owned(), text)).collect()
}
