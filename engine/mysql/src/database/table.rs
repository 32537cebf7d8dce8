//! Tables: lists them, describes their columns, and decides how each value is read and stored again.

use repo_format::database::{Column, RowOrder, TableRecord, ValueEncoding};

use super::connection::texts;
use super::encoding::{Encoding, encoding, refusal};
use super::table_info::TableInfo;
use super::{Connection, Server, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// The base tables of `schemas`, in order of their names.
///
/// # Errors
/// If the server refuses.
pub fn list_tables(connection: &mut Connection, schemas: &[String]) -> Result<Vec<TableInfo>> {
    let mut tables = Vec::new();
    for schema in schemas {
        let sql = format!(
            "SELECT TABLE_NAME, ENGINE, TABLE_ROWS, DATA_LENGTH, UNIX_TIMESTAMP(UPDATE_TIME), TABLE_TYPE, TABLE_COMMENT \
             FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
             AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
            quote_text(schema)
        );
        for row in connection.rows(&sql)? {
            let mut row = texts(row).into_iter();
            let mut next = || row.next().flatten();
            let (name, engine) = (next().unwrap_or_default(), next().unwrap_or_default());
            let number = |text: Option<String>| text.and_then(|t| t.parse().ok()).unwrap_or(0);
            let (rows, data_bytes) = (number(next()), number(next()));
            let changed = next().and_then(|t| t.split('.').next().and_then(|t| t.parse().ok()));
            let versioned = next().is_some_and(|kind| kind == "SYSTEM VERSIONED");
            let comment = next().unwrap_or_default();
            let transactional = ["InnoDB", "ROCKSDB", "TokuDB"].iter().any(|e| engine.eq_ignore_ascii_case(e));
            tables.push(TableInfo {
                schema: schema.clone(),
                name,
                engine,
                rows,
                data_bytes,
                changed,
                versioned,
                comment,
                transactional,
            });
        }
    }
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(tables)
}

/// Reads everything needed to read and restore a table: its definition, columns and key.
///
/// # Errors
/// If the server refuses, or the table has a column of an unsupported type; the message names it.
pub fn describe_table(connection: &mut Connection, server: &Server, info: &TableInfo) -> Result<TableRecord> {
    let full_name = format!("{}.{}", quote_name(&info.schema), quote_name(&info.name));
    let shown = connection.rows(&format!("SHOW CREATE TABLE {full_name}"))?;
    let create = shown.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
    let period = if info.versioned { period(connection, info)? } else { Vec::new() };
    let columns = columns(connection, server, info, &period)?;
    // Without its period a historical row would become current again.
    let is_carried = |c: &Column| period.contains(&c.name) && c.generated != Some(true);
    let has_history = period.is_empty() || columns.iter().any(is_carried);
    let key = key(connection, info, &columns)?;
    let order = match &key[..] {
        [] => RowOrder::RowBytes,
        [one] if is_whole_number(&columns[*one as usize]) => RowOrder::Integer,
        _ => RowOrder::KeyBytes,
    };
    Ok(TableRecord {
        name: info.name.clone(),
        create: repo_format::cbor::ByteString(create),
        engine: info.engine.clone(),
        columns,
        key,
        order,
        encoding: repo_format::database::ROW_ENCODING,
        versioned: info.versioned.then_some(has_history),
        changed: if info.transactional { None } else { info.changed },
        segment_bits: None,
        kept_digests: None,
    })
}

/// The reason for a table whose periods are transaction numbers, which no statement can store.
pub const WITHOUT_HISTORY: &str = "its history is kept by numbers of transactions, which cannot be restored: its current rows are saved, its history is not";

/// An integer that is not an ENUM or SET in disguise.
fn is_whole_number(column: &Column) -> bool {
    column.encoding == ValueEncoding::Integer && column.select.is_none()
}

fn columns(connection: &mut Connection, server: &Server, info: &TableInfo, period: &[String]) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, EXTRA FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
        quote_text(&info.schema),
        quote_text(&info.name)
    );
    let rows = connection.rows(&sql)?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = texts(row).into_iter();
        let mut next = || row.next().flatten();
        let (name, data_type) = (next().unwrap_or_default(), next().unwrap_or_default().to_lowercase());
        let (column_type, character_set) = (next().unwrap_or_default(), next());
        let extra = next().unwrap_or_default().to_uppercase();
        // MySQL marks defaults that are expressions as DEFAULT_GENERATED.
        let is_kept = extra.contains("STORED GENERATED") || extra.contains("PERSISTENT");
        let is_generated = is_kept || extra.contains("VIRTUAL");
        // A time can be stored again; a transaction number cannot.
        let is_of_period = period.contains(&name);
        let generated = is_generated && !(is_of_period && data_type == "timestamp");
        let Encoding { encoding, select, load } = encoding(server, &name, &data_type).ok_or_else(|| {
            let what = format!("`{}`.`{}`: {}", info.schema, info.name, refusal(&name, &column_type));
            Error::new(ErrorKind::Database, what)
        })?;
        columns.push(Column {
            character_set,
            select,
            load,
            generated: generated.then_some(true),
            auto_increment: extra.contains("AUTO_INCREMENT").then_some(true),
            kept: (is_kept && !is_of_period).then_some(true),
            ..Column::new(&name, &column_type, encoding)
        });
    }
    // The period of a versioned table that names no columns for it.
    if info.versioned && period.is_empty() {
        for name in ["row_start", "row_end"] {
            columns.push(Column::new(name, "timestamp(6)", ValueEncoding::DateTime));
        }
    }
    Ok(columns)
}

/// The columns of a versioned table that hold the period of validity of a row, if it names them.
fn period(connection: &mut Connection, info: &TableInfo) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} \
         AND GENERATION_EXPRESSION IN ('ROW START', 'ROW END')",
        quote_text(&info.schema),
        quote_text(&info.name)
    );
    let name = |row| texts(row).into_iter().next().flatten();
    Ok(connection.rows(&sql)?.into_iter().filter_map(name).collect())
}

/// The columns of the primary key, or of the first unique key without NULL, prefixes and FLOAT.
fn key(connection: &mut Connection, info: &TableInfo, columns: &[Column]) -> Result<Vec<u32>> {
    let sql = format!(
        "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART, NULLABLE FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND NON_UNIQUE = 0 \
         ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX",
        quote_text(&info.schema),
        quote_text(&info.name)
    );
    let mut keys: Vec<(String, Option<Vec<u32>>)> = Vec::new();
    for row in connection.rows(&sql)? {
        let mut row = texts(row).into_iter();
        let mut next = || row.next().flatten();
        let (index, column) = (next().unwrap_or_default(), next());
        let (prefix, nullable) = (next(), next().unwrap_or_default());
        let place = columns.iter().position(|c| Some(&c.name) == column.as_ref());
        let inexact = |c: &Column| matches!(c.encoding, ValueEncoding::Float | ValueEncoding::Double);
        let usable = place.filter(|at| {
            let column = &columns[*at];
            prefix.is_none() && nullable != "YES" && column.generated != Some(true) && !inexact(column)
        });
        let place = usable.and_then(|at| u32::try_from(at).ok());
        match keys.last_mut() {
            Some((name, parts)) if *name == index => match (parts.as_mut(), place) {
                (Some(known), Some(place)) => known.push(place),
                _ => *parts = None,
            },
            _ => keys.push((index, place.map(|place| vec![place]))),
        }
    }
    // In a versioned table, historical rows have the same key as the current row.
    if info.versioned {
        return Ok(Vec::new());
    }
    Ok(keys.into_iter().find_map(|(_, parts)| parts).unwrap_or_default())
}
