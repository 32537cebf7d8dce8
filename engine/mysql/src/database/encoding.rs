//! The encoding of a column's values, by type, and the types that are not supported.

use repo_format::database::{Column, LeftOut, TableRecord, ValueEncoding};

use super::connection::texts;
use super::{Connection, Row, Server, TableInfo, quote_name, quote_text};
use engine_core::error::Result;

/// The encoding of a value, and the expressions that select it and store it again.
pub(super) struct Encoding {
    pub encoding: ValueEncoding,
    pub select: Option<String>,
    pub load: Option<String>,
}

/// The encoding of the column `name` of the type `data_type`; `None` if the type is not supported.
pub(super) fn encoding(server: &Server, name: &str, data_type: &str) -> Option<Encoding> {
    use ValueEncoding as V;
    let with = |encoding, select, load| Some(Encoding { encoding, select, load });
    let plain = |encoding| with(encoding, None, None);
    let name = quote_name(name);
    match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" => plain(V::Integer),
        "float" => plain(V::Float),
        "double" | "real" => plain(V::Double),
        "decimal" | "numeric" => plain(V::Decimal),
        "date" => plain(V::Date),
        "datetime" | "timestamp" => plain(V::DateTime),
        "time" => plain(V::Time),
        "year" => plain(V::Year),
        // Selected by number: 0 and the label '' differ, and numbers need no character set.
        "enum" | "set" => {
            with(V::Integer, Some(format!("CAST({name} AS UNSIGNED)")), Some("CAST(@v AS UNSIGNED)".to_owned()))
        }
        "uuid" | "inet6" => with(V::Bytes, Some(format!("CAST({name} AS BINARY(16))")), None),
        "inet4" => with(V::Bytes, Some(format!("CAST({name} AS BINARY(4))")), None),
        // MySQL does not accept JSON in the character set binary.
        "json" if !server.is_mariadb() => with(V::Bytes, None, Some("CONVERT(@v USING utf8mb4)".to_owned())),
        "json" => plain(V::Bytes),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "binary" | "varbinary" | "tinyblob"
        | "blob" | "mediumblob" | "longblob" | "bit" => plain(V::Bytes),
        // Four bytes per number, as both MySQL and MariaDB store them.
        "vector" => plain(V::Bytes),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" | "geomcollection" => plain(V::Bytes),
        _ => None,
    }
}

/// The reason for omitting a table with a column of such a type.
pub(super) fn refusal(column: &str, column_type: &str) -> String {
    format!("its column `{column}` has the type {column_type}, which this version does not support")
}

/// The tables among `tables` of `schema` that a backup would omit because of a column's type.
///
/// # Errors
/// If the server refuses.
pub fn tables_of_unknown_types(
    connection: &mut Connection,
    server: &Server,
    schema: &str,
    tables: &[TableInfo],
) -> Result<Vec<LeftOut>> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        quote_text(schema)
    );
    let is_table = |name: &str| tables.iter().any(|table| table.schema == schema && table.name == name);
    Ok(unknown(server, connection.rows(&sql)?)
        .into_iter()
        .filter(|(name, _)| is_table(name))
        .map(|(name, why)| LeftOut { schema: schema.to_owned(), name, what: "table".to_owned(), why })
        .collect())
}

/// Tables with a column of an unknown type, and which: rows of table, column, type, whole type, in order of the tables.
fn unknown(server: &Server, rows: Vec<Row>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for row in rows {
        let mut cells = texts(row).into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        let (table, column, data_type, column_type) = (next(), next(), next().to_lowercase(), next());
        let is_named = found.last().is_some_and(|(name, _)| *name == table);
        if !is_named && encoding(server, &column, &data_type).is_none() {
            found.push((table, refusal(&column, &column_type)));
        }
    }
    found
}

/// A JSON column of MySQL. Its documents may hold values whose type does not show in their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedJson {
    /// The column.
    pub column: String,
    /// An additional expression to select: whether the document holds such a value.
    pub expression: String,
}

/// The expressions that find such values among the rows of `table`. MySQL before 8.0.4 cannot evaluate them.
pub fn typed_json(server: &Server, table: &TableRecord) -> Vec<TypedJson> {
    let is_json = |column: &&Column| column.column_type.eq_ignore_ascii_case("json");
    let columns = table.stored().filter(is_json).filter(|_| server.is_mysql_from((8, 0, 4)));
    columns.map(|column| TypedJson { column: column.name.clone(), expression: holds_types(&column.name) }).collect()
}

/// JSON text keeps numbers below 2^63 as signed, so only a larger unsigned number keeps its type.
fn holds_types(column: &str) -> String {
    let is_typed = |value: &str| {
        format!(
            "(JSON_TYPE({value}) IN ('DECIMAL', 'DATETIME', 'DATE', 'TIME', 'BLOB', 'BIT', 'OPAQUE') \
             OR JSON_TYPE({value}) = 'UNSIGNED INTEGER' AND {value} <= 9223372036854775807)"
        )
    };
    let column = quote_name(column);
    let within = |path: &str| {
        format!(
            "EXISTS (SELECT 1 FROM JSON_TABLE({column}, '{path}' COLUMNS (v JSON PATH '$')) AS parts WHERE {})",
            is_typed("parts.v")
        )
    };
    format!("COALESCE({} OR {} OR {}, 0)", is_typed(&column), within("$**.*"), within("$**[*]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_unknown_types_are_named_with_their_first_such_column() {
        let server = Server::from_version("12.9.1-MariaDB");
        let row = |cells: [&str; 4]| cells.map(|cell| Some(cell.as_bytes().to_vec())).to_vec();
        let rows = vec![
            row(["a", "id", "int", "int(11)"]),
            row(["b", "x", "XMLTYPE", "xmltype(7)"]),
            row(["b", "y", "tensor", "tensor"]),
            row(["c", "v", "vector", "vector(3)"]),
        ];
        let why = "its column `x` has the type xmltype(7), which this version does not support";
        assert_eq!(unknown(&server, rows), [("b".to_owned(), why.to_owned())]);
    }

    #[test]
    fn only_mysql_has_documents_with_types() {
        let column = Column::new("d", "json", ValueEncoding::Bytes);
        let record = TableRecord {
            name: "t".to_owned(),
            create: repo_format::cbor::ByteString(Vec::new()),
            engine: "InnoDB".to_owned(),
            columns: vec![column],
            key: Vec::new(),
            order: repo_format::database::RowOrder::RowBytes,
            encoding: repo_format::database::ROW_ENCODING,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        };
        let asked = |version| typed_json(&Server::from_version(version), &record).len();
        assert_eq!((asked("8.0.36"), asked("5.7.44"), asked("11.8.9-MariaDB")), (1, 0, 0));
    }
}
