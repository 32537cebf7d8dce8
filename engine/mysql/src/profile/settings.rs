//! Settings of the application: the schema that holds them, their values, and the values that a copy must not have.

use repo_format::database::{TableRecord, Variable};

use super::Profile;
use super::definition::has_column;
use crate::database::{Connection, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// The schema of the application: the only one of `schemas` that has its tables. Copies that the application itself has made of another
/// of these do not count, and no copies that lead to no images, as restores beside the live schema are.
///
/// # Errors
/// [`ErrorKind::Usage`] if there is none, or there are several: they are named.
pub fn find_schema(connection: &mut Connection, profile: &Profile, schemas: &[String]) -> Result<String> {
    let mut found = Vec::new();
    for schema in schemas {
        if has_tables(connection, profile, schema)? {
            found.push(schema.clone());
        }
    }
    without_own_copies(profile, &mut found);
    if found.len() > 1 {
        let mut with_images = Vec::new();
        for schema in &found {
            let path = setting(connection, profile, schema, profile.images.setting)?;
            with_images.extend(path.filter(|path| !path.is_empty()).map(|_| schema.clone()));
        }
        // If none leads to images, somebody has to say which one is used.
        if with_images.len() == 1 {
            found = with_images;
        }
    }
    only(profile, found)
}

fn without_own_copies(profile: &Profile, found: &mut Vec<String>) {
    let all = found.clone();
    let is_copy = |schema: &String| {
        let rest = |original: &String| schema.strip_prefix(original.as_str());
        all.iter().filter_map(rest).any(|rest| rest.starts_with(profile.copy_mark))
    };
    found.retain(|schema| !is_copy(schema));
}

fn only(profile: &Profile, mut found: Vec<String>) -> Result<String> {
    let title = profile.title;
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => {
            let tables = profile.tables().map(|table| format!("`{table}`")).join(" and ");
            Err(Error::new(ErrorKind::Usage, format!("no schema is one of {title}: none has the tables {tables}")))
        }
        _ => Err(Error::new(
            ErrorKind::Usage,
            format!("several schemas are of {title}, and only one can be saved with its images: {}", found.join(", ")),
        )
        .with_hint("Name the one that people work in: --schema, or `schemas` in enamel.toml.")),
    }
}

fn has_tables(connection: &mut Connection, profile: &Profile, schema: &str) -> Result<bool> {
    let tables = profile.tables();
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME IN ({})",
        quote_text(schema),
        tables.map(quote_text).join(", ")
    );
    Ok(connection.value(&sql)?.is_some_and(|count| count == tables.len().to_string()))
}

/// The user of the application who may administer and logged in last; `None` if there is none, or the profile cannot tell.
///
/// # Errors
/// If the server refuses, also because the schema is of an older version without these tables.
pub fn newest_administrator(connection: &mut Connection, profile: &Profile, schema: &str) -> Result<Option<String>> {
    let Some(query) = profile.newest_administrator else { return Ok(None) };
    connection.value(&query.replace("{schema}", &quote_name(schema)))
}

/// The settings that a snapshot records, in the profile's order; those that the schema does not have are left out.
///
/// # Errors
/// If the server refuses.
pub fn settings(connection: &mut Connection, profile: &Profile, schema: &str) -> Result<Vec<Variable>> {
    let mut found = Vec::new();
    for name in profile.settings.recorded {
        if let Some(value) = setting(connection, profile, schema, name)? {
            found.push(Variable { name: (*name).to_owned(), value });
        }
    }
    Ok(found)
}

/// The value of a setting, if the schema has it.
pub(super) fn setting(
    connection: &mut Connection,
    profile: &Profile,
    schema: &str,
    name: &str,
) -> Result<Option<String>> {
    let place = &profile.settings;
    let sql = format!(
        "SELECT CONVERT({} USING utf8mb4) FROM {}.{} WHERE {} = {}",
        quote_name(place.value),
        quote_name(schema),
        quote_name(place.table),
        quote_name(place.name),
        quote_text(name)
    );
    connection.value(&sql)
}

/// Statements after which a restored `schema`, which has `tables`, points at the folder `image_path`, or at none: the setting, and
/// every path that some machines use instead. Other paths among the settings stay as they are.
pub fn path_statements(
    profile: &Profile,
    schema: &str,
    tables: &[TableRecord],
    image_path: Option<&str>,
) -> Vec<String> {
    let path = quote_text(image_path.unwrap_or_default());
    let update = |table: &str, column: &str, which: String| {
        let (table, column) = (quote_name(table), quote_name(column));
        format!("UPDATE {}.{table} SET {column} = {path} WHERE {which}", quote_name(schema))
    };
    let mut statements = Vec::new();
    let place = &profile.settings;
    if has_column(tables, place.table, place.value) {
        let which = format!("{} = {}", quote_name(place.name), quote_text(profile.images.setting));
        statements.push(update(place.table, place.value, which));
    }
    for place in profile.images.overrides {
        if has_column(tables, place.table, place.column) {
            statements.push(update(place.table, place.column, format!("{} <> ''", quote_name(place.column))));
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{Column, RowOrder, ValueEncoding};

    use super::super::{named, of_schema};
    use super::*;

    fn table(name: &str, columns: &[&str]) -> TableRecord {
        let column = |name: &&str| Column::new(name, "text", ValueEncoding::Bytes);
        TableRecord {
            name: name.into(),
            create: ByteString(Vec::new()),
            engine: "MyISAM".into(),
            columns: columns.iter().map(column).collect(),
            key: Vec::new(),
            order: RowOrder::RowBytes,
            encoding: 1,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    fn practice() -> Vec<TableRecord> {
        vec![
            table("preference", &["PrefName", "ValueString"]),
            table("document", &["DocNum", "PatNum", "FileName"]),
            table("computerpref", &["ComputerName", "AtoZpath"]),
        ]
    }

    #[test]
    fn a_copy_points_at_what_was_asked_for_or_at_nothing() {
        let profile = named("opendental").unwrap();
        let statements = path_statements(profile, "od_test", &practice(), None);
        assert_eq!(
            statements,
            [
                "UPDATE `od_test`.`preference` SET `ValueString` = '' WHERE `PrefName` = 'DocPath'",
                "UPDATE `od_test`.`computerpref` SET `AtoZpath` = '' WHERE `AtoZpath` <> ''",
            ],
            "there is no table replicationserver"
        );
        let statements = path_statements(profile, "od", &practice(), Some("/srv/copy"));
        assert!(statements.iter().all(|statement| statement.contains("= '/srv/copy' WHERE")), "{statements:?}");
    }

    #[test]
    fn a_schema_is_known_by_its_columns_in_any_case() {
        let mut tables = practice();
        tables[0].name = "PREFERENCE".into();
        assert_eq!(of_schema(&tables).unwrap().name, "opendental");
        tables[1].columns.clear();
        assert!(of_schema(&tables).is_none());
    }

    #[test]
    fn copies_that_the_application_made_do_not_count() {
        let profile = named("opendental").unwrap();
        let schemas = |names: &[&str]| {
            let mut found = names.iter().map(|name| (*name).to_owned()).collect();
            without_own_copies(profile, &mut found);
            only(profile, found)
        };
        assert_eq!(schemas(&["opendental", "opendentalbackup_11_20_2026"]).unwrap(), "opendental");
        assert_eq!(schemas(&["odbackup_11_20_2026"]).unwrap(), "odbackup_11_20_2026");
        assert!(schemas(&["east", "west"]).unwrap_err().to_string().contains("east, west"));
        assert_eq!(schemas(&[]).unwrap_err().kind(), ErrorKind::Usage);
    }
}
