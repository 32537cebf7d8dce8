//! A schema as its users see it on any server: the same schema on servers of two versions or families has equal descriptions.

use std::collections::BTreeMap;

use engine::database::{Connection, quote_name, quote_text};

use super::TestServer;
use super::fingerprint::rows;

/// Longer values are described by a digest.
const SHOWN_MAX: usize = 40;
/// The ends of rows of a versioned table that are still there, before MariaDB 11.5 and since.
const FOR_EVER: [&str; 2] = ["2038-01-19 03:14:07.999999", "2106-02-07 06:28:15.999999"];

impl TestServer {
    /// The contents of a schema, by kind and name, in words that do not depend on the server: columns, keys and all
    /// rows of each table; columns and rows of views; the code of routines, triggers and events. Left out is the table
    /// in which a restore notes how far it is.
    ///
    /// # Panics
    /// If a table cannot be read.
    pub fn portable(&self, schema: &str) -> BTreeMap<String, String> {
        let mut connection = self.connect();
        if self.version().is_mysql() {
            for setting in
                ["information_schema_stats_expiry = 0", "show_gipk_in_create_table_and_information_schema = ON"]
            {
                connection.run(&format!("SET SESSION {setting}")).unwrap_or_else(|e| panic!("{e:?}"));
            }
        }
        connection.run(&format!("USE {}", quote_name(schema))).unwrap_or_else(|e| panic!("{e:?}"));
        let mut found = BTreeMap::new();
        let names = format!(
            "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
             AND TABLE_NAME <> 'enamel_restore'",
            quote_text(schema)
        );
        for row in rows(&mut connection, &names) {
            let of = Of { mysql: self.version().is_mysql(), schema, name: &row[0] };
            let text = match row[1].as_str() {
                "VIEW" => of.view(&mut connection),
                "SEQUENCE" => {
                    rows(&mut connection, &format!("SELECT * FROM {}", quote_name(&row[0]))).concat().join(" ")
                }
                versioned => of.table(&mut connection, versioned == "SYSTEM VERSIONED"),
            };
            let kind = if ["VIEW", "SEQUENCE"].contains(&row[1].as_str()) { &row[1] } else { "TABLE" };
            found.insert(format!("{kind} {}", row[0]), text);
        }
        for (kind, sql) in CODE {
            for row in rows(&mut connection, &sql.replace('?', &quote_text(schema))) {
                found.insert(format!("{kind} {}", row[0]), row[1..].join("\n"));
            }
        }
        found
    }
}

/// Code of each kind: the name first, then what it is.
const CODE: [(&str, &str); 3] = [
    (
        "ROUTINE",
        "SELECT ROUTINE_NAME, ROUTINE_TYPE, REPLACE(DATA_TYPE, 'json', 'longtext'), IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, DEFINER, ROUTINE_COMMENT,
            SQL_MODE LIKE '%ANSI_QUOTES%', SQL_MODE LIKE '%NO_BACKSLASH_ESCAPES%', ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?",
    ),
    (
        "TRIGGER",
        "SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, DEFINER, ACTION_STATEMENT
            FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?",
    ),
    (
        "EVENT",
        "SELECT EVENT_NAME, DEFINER, TIME_ZONE, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STARTS, ENDS, STATUS,
            ON_COMPLETION, EVENT_COMMENT, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?",
    ),
];

/// A table or a view, and the family of its server.
struct Of<'a> {
    mysql: bool,
    schema: &'a str,
    name: &'a str,
}

impl Of<'_> {
    fn table(&self, connection: &mut Connection, versioned: bool) -> String {
        let columns = self.columns(connection);
        let mut lines: Vec<String> = columns.iter().map(Column::description).collect();
        lines.extend(self.keys(connection));
        lines.extend(self.references(connection));
        let values: Vec<String> = columns.iter().map(Column::value).collect();
        let past = if versioned { " FOR SYSTEM_TIME ALL" } else { "" };
        let sql = format!("SELECT {} FROM {}{past}", values.join(", "), quote_name(self.name));
        lines.extend(sorted(rows(connection, &sql)));
        if versioned {
            let now = rows(connection, &format!("SELECT COUNT(*) FROM {}", quote_name(self.name))).concat().concat();
            lines.push(format!("{now} current rows"));
        }
        lines.join("\n")
    }

    /// A view of a table that is gone has no columns, and cannot be read.
    fn view(&self, connection: &mut Connection) -> String {
        let sql = format!(
            "SELECT SECURITY_TYPE, CHECK_OPTION, DEFINER FROM information_schema.VIEWS WHERE {}",
            self.is("TABLE_SCHEMA")
        );
        let mut lines = vec![rows(connection, &sql).concat().join(" ")];
        let columns = self.columns(connection);
        lines.extend(columns.iter().map(|column| column.name.clone()));
        let values: Vec<String> = columns.iter().map(Column::value).collect();
        match connection.rows(&format!("SELECT {} FROM {}", values.join(", "), quote_name(self.name))) {
            Ok(found) => lines.extend(sorted(found.into_iter().map(super::fingerprint::texts).collect())),
            Err(_) => lines.push("cannot be read".to_owned()),
        }
        lines.join("\n")
    }

    fn is(&self, schema_column: &str) -> String {
        format!("{schema_column} = {} AND TABLE_NAME = {}", quote_text(self.schema), quote_text(self.name))
    }

    fn columns(&self, connection: &mut Connection) -> Vec<Column> {
        let sql = format!(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE, EXTRA, COLUMN_DEFAULT, COLUMN_COMMENT
             FROM information_schema.COLUMNS WHERE {} ORDER BY ORDINAL_POSITION",
            self.is("TABLE_SCHEMA")
        );
        let of = |row: Vec<String>| Column {
            name: row[0].clone(),
            data_type: row[1].to_lowercase(),
            full_type: plain_type(&row[2]),
            // A document of MySQL is text elsewhere.
            character_set: match (row[1].as_str(), row[3].as_str()) {
                ("json", _) => "utf8mb4".to_owned(),
                (_, "utf8") => "utf8mb3".to_owned(),
                (_, set) => set.to_owned(),
            },
            nullable: row[4].clone(),
            extra: row[5].to_lowercase(),
            default: if row[1].contains("binary") { plain_bytes(&row[6]) } else { plain_default(&row[6]) },
            comment: row[7].clone(),
        };
        rows(connection, &sql).into_iter().map(of).collect()
    }

    fn keys(&self, connection: &mut Connection) -> Vec<String> {
        let expression = if self.mysql { "IF(EXPRESSION IS NULL, '', 'expression')" } else { "''" };
        let sql = format!(
            "SELECT INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, NON_UNIQUE, REPLACE(INDEX_TYPE, 'SE_SPECIFIC', 'NONE'), INDEX_COMMENT,
             {expression}
             FROM information_schema.STATISTICS WHERE {}",
            self.is("TABLE_SCHEMA")
        );
        sorted(rows(connection, &sql).into_iter().map(|row| vec![format!("key {}", row.join(" "))]).collect())
    }

    fn references(&self, connection: &mut Connection) -> Vec<String> {
        let sql = format!(
            "SELECT CONSTRAINT_NAME, REFERENCED_TABLE_NAME, REPLACE(UPDATE_RULE, 'NO ACTION', 'RESTRICT'),
             REPLACE(DELETE_RULE, 'NO ACTION', 'RESTRICT') FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {}",
            self.is("CONSTRAINT_SCHEMA")
        );
        sorted(rows(connection, &sql).into_iter().map(|row| vec![format!("reference {}", row.join(" "))]).collect())
    }
}

struct Column {
    name: String,
    data_type: String,
    full_type: String,
    character_set: String,
    nullable: String,
    extra: String,
    default: String,
    comment: String,
}

impl Column {
    fn description(&self) -> String {
        let is = |word: &'static str| if self.extra.contains(word) { word } else { "" };
        let kinds = ["auto_increment", "virtual", "on update", "invisible"].map(is);
        let stored = if self.extra.contains("stored") { "stored" } else { "" };
        let default = if self.extra.contains(" generated") || !stored.is_empty() { "" } else { &self.default };
        format!(
            "{} {} {} {} {} {stored} default {default} comment {}",
            self.name,
            self.full_type,
            self.character_set,
            self.nullable,
            kinds.join(" "),
            self.comment
        )
    }

    /// An expression whose text is the same on all servers if the value is.
    fn value(&self) -> String {
        let name = quote_name(&self.name);
        match self.data_type.as_str() {
            "float" | "double" => format!("{name} + 0e0"),
            "enum" | "set" => format!("{name} + 0"),
            "json" => long(&name, &name),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                long(&name, &format!("CAST({name} AS BINARY)"))
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => long(&name, &name),
            "bit" => format!("HEX({name})"),
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" | "geomcollection" => format!("HEX({name})"),
            _ => format!("CAST({name} AS CHAR)"),
        }
    }
}

fn long(name: &str, bytes: &str) -> String {
    format!("IF(LENGTH({name}) > {SHOWN_MAX}, SHA2({bytes}, 256), HEX({name}))")
}

/// Without widths of display, which MySQL gave up, and with names that both know.
fn plain_type(shown: &str) -> String {
    let shown = shown.replace("geomcollection", "geometrycollection").replace("json", "longtext");
    // How a column is stored is not what it is.
    let shown = shown.split(" /*").next().unwrap_or_default();
    let whole = ["tinyint", "smallint", "mediumint", "int", "bigint", "year"];
    match shown.split_once('(') {
        Some((name, rest)) if whole.contains(&name) => {
            format!("{name}{}", rest.split_once(')').map_or("", |(_, rest)| rest))
        }
        _ => shown.to_owned(),
    }
}

/// Without the signs of expressions, which the families use differently.
fn plain_default(shown: &str) -> String {
    let text = shown.replace("_utf8mb4", "").replace("_latin1", "").replace("\\n", "\n").to_lowercase();
    text.chars().filter(|letter| !matches!(letter, '\'' | '\\' | '(' | ')' | '`' | ' ' | '\n')).collect()
}

/// Bytes are shown as they are, or as a number of base 16.
fn plain_bytes(shown: &str) -> String {
    let text = plain_default(&shown.replace("\\0", ""));
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix('x')) else { return text };
    let pairs: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    match pairs {
        Some(bytes) => plain_default(&String::from_utf8_lossy(&bytes)).trim_end_matches('\0').to_owned(),
        None => text,
    }
}

fn sorted(rows: Vec<Vec<String>>) -> Vec<String> {
    let line = |row: Vec<String>| {
        let end = |value: String| if FOR_EVER.contains(&value.as_str()) { "for ever".to_owned() } else { value };
        row.into_iter().map(end).collect::<Vec<_>>().join("\t")
    };
    let mut lines: Vec<String> = rows.into_iter().map(line).collect();
    lines.sort();
    lines
}
