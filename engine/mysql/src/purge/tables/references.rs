//! Foreign keys that refer to a table: they can delete or change rows that nobody has proven.

use super::named::{is_table, refused};
use crate::database::{Connection, Server, TableInfo, texts};
use engine_core::error::Result;

/// A table, and the tables that go with it.
pub(super) struct Family<'a> {
    pub info: &'a TableInfo,
    /// The names of all of them, which are in one schema.
    pub names: &'a [&'a str],
}

impl Family<'_> {
    fn has(&self, schema: &str, table: &str) -> bool {
        schema.eq_ignore_ascii_case(&self.info.schema) && self.names.iter().any(|name| name.eq_ignore_ascii_case(table))
    }
}

/// A foreign key that the account sees.
struct Reference {
    schema: String,
    name: String,
    /// It is in `schema`, too.
    table: String,
    /// Its effect on rows of `table`.
    on_delete: String,
}

/// Fails if a foreign key of a table outside of `family` refers to its table, or one that does more than refuse.
///
/// A foreign key that only refuses, of a table that goes along, does no harm: its rows go first, in the same transaction. A foreign key with
/// CASCADE or SET NULL is refused even there: nothing compares the rows that it would delete or change.
///
/// # Errors
/// [`ErrorKind::Refused`](engine_core::error::ErrorKind::Refused), naming the foreign key; if the server refuses.
pub(super) fn check_references(connection: &mut Connection, server: &Server, family: &Family<'_>) -> Result<()> {
    let info = family.info;
    let visible = visible(connection, info)?;
    for reference in &visible {
        let Reference { schema, table, on_delete, .. } = reference;
        let only_refuses = ["RESTRICT", "NO ACTION"].contains(&on_delete.as_str());
        let is_other = !table.eq_ignore_ascii_case(&info.name);
        if !(is_other && only_refuses && family.has(schema, table)) {
            let why = format!("is referred to by a foreign key of `{schema}`.`{table}`, ON DELETE {on_delete}");
            return Err(refused(&info.name, &why));
        }
    }
    // Servers show only those of tables that the account has a right on. InnoDB keeps all of them.
    let hidden = match info.transactional {
        true if server.is_mysql_from((8, 0, 0)) => hidden_of_dictionary(connection, info, &visible)?,
        true if server.lists_foreign_keys() => hidden_of_innodb(connection, family)?,
        _ => None,
    };
    match hidden {
        None => Ok(()),
        Some(table) => Err(refused(&info.name, &format!("is referred to by a foreign key of {table}"))),
    }
}

fn visible(connection: &mut Connection, info: &TableInfo) -> Result<Vec<Reference>> {
    let sql = format!(
        "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_NAME, DELETE_RULE \
         FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {}",
        is_table(info, "UNIQUE_CONSTRAINT_SCHEMA", "REFERENCED_TABLE_NAME")
    );
    let reference = |row| {
        let mut texts = texts(row).into_iter().map(Option::unwrap_or_default);
        let mut next = || texts.next().unwrap_or_default();
        Reference { schema: next(), name: next(), table: next(), on_delete: next() }
    };
    Ok(connection.rows(&sql)?.into_iter().map(reference).collect())
}

/// The table of a foreign key of MySQL 8 that is not among `visible`.
///
/// Names stand there as they are, with a slash between them that may also be part of one. So whole texts are compared, each with one of
/// those that are seen.
fn hidden_of_dictionary(
    connection: &mut Connection,
    info: &TableInfo,
    visible: &[Reference],
) -> Result<Option<String>> {
    let mut seen: Vec<_> = visible
        .iter()
        .map(|Reference { schema, name, table, .. }| (format!("{schema}/{name}"), format!("{schema}/{table}")))
        .collect();
    let meant = format!("{}/{}", info.schema, info.name);
    for row in connection.rows("SELECT REF_NAME, ID, FOR_NAME FROM information_schema.INNODB_FOREIGN")? {
        let mut texts = texts(row).into_iter().map(Option::unwrap_or_default);
        let mut next = || texts.next().unwrap_or_default();
        let (to, found) = (next(), (next(), next()));
        // Whether the server tells names by their case is not asked: one more than is meant does no harm.
        if to.to_lowercase() != meant.to_lowercase() {
            continue;
        }
        match seen.iter().position(|visible| *visible == found) {
            Some(at) => drop(seen.swap_remove(at)),
            None => return Ok(Some(found.1.replacen('/', ".", 1))),
        }
    }
    Ok(None)
}

/// The table of a foreign key, outside of `family`, as InnoDB of other servers has it.
fn hidden_of_innodb(connection: &mut Connection, family: &Family<'_>) -> Result<Option<String>> {
    let info = family.info;
    // Names stand there as those of files do, in which a slash is written otherwise.
    let decoded = |(column, part): (&str, i8)| {
        let name = format!("CAST(SUBSTRING_INDEX({column}, '/', {part}) AS BINARY)");
        format!("CONVERT(CONVERT({name} USING filename) USING utf8mb4)")
    };
    let columns = [("REF_NAME", 1), ("REF_NAME", -1), ("FOR_NAME", 1), ("FOR_NAME", -1)].map(decoded);
    let sql = format!("SELECT {} FROM information_schema.INNODB_SYS_FOREIGN", columns.join(", "));
    for row in connection.rows(&sql)? {
        let mut names = texts(row).into_iter().map(Option::unwrap_or_default);
        let mut next = || names.next().unwrap_or_default();
        let (to_schema, to_table, schema, table) = (next(), next(), next(), next());
        let is_meant = to_schema.eq_ignore_ascii_case(&info.schema) && to_table.eq_ignore_ascii_case(&info.name);
        // Foreign keys within the family are seen, and have been judged.
        if is_meant && !family.has(&schema, &table) {
            return Ok(Some(format!("`{schema}`.`{table}`")));
        }
    }
    Ok(None)
}
