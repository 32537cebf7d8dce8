//! Rows for the tables of any schema.

use engine::database::{Connection, quote_name, quote_text};

use crate::server::TestServer;

/// Adds up to `rows` rows to each table of a schema: values that fit the types of the columns, and differ from row to row. Rows whose
/// keys are taken are left out; what they refer to need not be there.
pub fn fill(server: &TestServer, schema: &str, rows: u32) {
    let mut connection = server.connect();
    for setting in ["sql_mode = ''", "foreign_key_checks = 0"] {
        connection.run(&format!("SET SESSION {setting}")).unwrap();
    }
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_TYPE = 'BASE TABLE'",
        quote_text(schema)
    );
    for table in texts(&mut connection, &sql).concat() {
        let columns = format!(
            "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} \
             AND EXTRA NOT LIKE '%VIRTUAL%' AND EXTRA NOT LIKE '%STORED%' AND EXTRA NOT LIKE '%PERSISTENT%' ORDER BY ORDINAL_POSITION",
            quote_text(schema),
            quote_text(&table)
        );
        let columns = texts(&mut connection, &columns);
        let names: Vec<String> = columns.iter().map(|column| quote_name(&column[0])).collect();
        for row in 1..=rows {
            let values: Vec<String> = columns.iter().map(|column| value(&column[1], row)).collect();
            let insert = format!(
                "INSERT IGNORE INTO {}.{} ({}) VALUES ({})",
                quote_name(schema),
                quote_name(&table),
                names.join(", "),
                values.join(", ")
            );
            connection.run(&insert).unwrap_or_else(|e| panic!("{e:?}"));
        }
    }
}

fn texts(connection: &mut Connection, sql: &str) -> Vec<Vec<String>> {
    let rows = connection.rows(sql).unwrap_or_else(|e| panic!("{e:?}"));
    let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap_or_default()).unwrap();
    rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
}

/// A value that a column of this type takes, or shortens.
fn value(data_type: &str, row: u32) -> String {
    match data_type.to_lowercase().as_str() {
        "float" | "double" | "decimal" => format!("{row}.25"),
        "date" => format!("'2020-02-{:02}'", row % 28 + 1),
        "datetime" | "timestamp" => format!("'2020-02-{:02} 12:34:56'", row % 28 + 1),
        "time" => format!("'12:00:{:02}'", row % 60),
        "year" => format!("{}", 2000 + row % 100),
        "json" => format!("'{{\"row\": {row}}}'"),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => format!("UNHEX(SHA2({row}, 256))"),
        "geometry" | "point" => format!("POINT({row}, {row})"),
        kind if kind.ends_with("text") || kind.ends_with("char") => format!("'{row} it''s \\\\ ä\\t\\n'"),
        _ => row.to_string(),
    }
}
