//! The server's warnings while it stores rows: an unexpected one means a changed value.

use std::collections::BTreeMap;

use repo_format::database::{Column, TableRecord};

use crate::database::{Connection, WARNINGS_KEPT, error_code, without_values};
use engine_core::error::{Error, Result, chain};

/// A value was cut, or is none of an ENUM's labels.
const TRUNCATED: u16 = 1265;
/// Warnings about operands of computations: a text that is not a number or time, a division by zero, an invalid
/// document.
const OF_OPERANDS: [u16; 11] = [1292, 1365, 1411, 1441, 4035, 4036, 4037, 4038, 4039, 4040, 4041];

/// Unexpected warnings, by message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    seen: BTreeMap<Said, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    code: u16,
    /// Column that is named, or nothing.
    column: String,
    /// The message of the first one.
    message: String,
    /// It is about a row that is left out.
    is_row: bool,
}

impl Said {
    /// Whether it says the same of other values.
    fn is_like(&self, other: &Said) -> bool {
        self.code == other.code && self.column == other.column && self.is_row == other.is_row
    }
}

impl Warnings {
    /// Reads those of the last statement, which stored rows of `record`.
    ///
    /// # Errors
    /// If the server does not say them.
    pub fn read(connection: &mut Connection, record: &TableRecord) -> Result<Self> {
        let mut warnings = Warnings::default();
        let count = usize::from(connection.warning_count());
        if count == 0 {
            return Ok(warnings);
        }
        let rows = connection.rows("SHOW WARNINGS")?;
        let shown = rows.len();
        for row in rows {
            let mut texts = row.into_iter().map(|v| String::from_utf8_lossy(&v.unwrap_or_default()).into_owned());
            let (_, code, message) = (texts.next(), texts.next(), texts.next().unwrap_or_default());
            let code = code.and_then(|code| code.parse().ok()).unwrap_or(0);
            if !is_expected(code, &message, record) {
                warnings.add(code, without_values(code, &message), false);
            }
        }
        // An account may not be allowed to have the server keep as many as it can; and it counts no further than that.
        if shown < count || count >= WARNINGS_KEPT {
            warnings.add(0, format!("more than {shown} warnings in one statement, which cannot all be read"), false);
        }
        Ok(warnings)
    }

    fn add(&mut self, code: u16, message: String, is_row: bool) {
        let column = if is_row { String::new() } else { named_column(&message) };
        let said = Said { code, column, message, is_row };
        let known = self.seen.iter_mut().find(|(known, _)| known.is_like(&said));
        match known {
            Some((_, count)) => *count += 1,
            None => _ = self.seen.insert(said, 1),
        }
    }

    /// Adds a row that was refused by `error`.
    pub fn refused(&mut self, error: &Error) {
        self.add(error_code(error).unwrap_or_default(), chain(error), true);
    }

    /// Takes those of one number out; how many there were.
    pub fn take(&mut self, code: u16) -> u64 {
        let mut taken = 0;
        self.seen.retain(|said, count| {
            if said.code == code {
                taken += *count;
            }
            said.code != code
        });
        taken
    }

    /// Adds those of another statement.
    pub fn merge(&mut self, other: Warnings) {
        for (said, count) in other.seen {
            let known = self.seen.iter_mut().find(|(known, _)| known.is_like(&said));
            match known {
                Some((_, sum)) => *sum += count,
                None => _ = self.seen.insert(said, count),
            }
        }
    }

    /// One sentence for each kind: the number, and the first message.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.seen.iter().map(|(said, count)| {
            let times = if *count == 1 { "a value".to_owned() } else { format!("{count} values") };
            match said.code {
                0 => said.message.clone(),
                _ if said.is_row && *count == 1 => format!("a row is left out: {}", said.message),
                _ if said.is_row => format!("{count} rows are left out, the first for this: {}", said.message),
                code => format!("{times} not stored as saved: {} (warning {code})", said.message),
            }
        })
    }
}

/// Whether a warning is expected. ENUM columns hold 0 where a value had none of their labels, and the server warns when
/// 0 is stored again. It also rounds generated values, and warns about operands as it did when the row was new; digests
/// check the results.
fn is_expected(code: u16, message: &str, record: &TableRecord) -> bool {
    let column = named_column(message);
    let generates = record.columns.iter().any(|column| column.generated == Some(true));
    if generates && column.is_empty() && OF_OPERANDS.contains(&code) {
        return true;
    }
    let is_named = |name: &str| column.strip_prefix('\'').and_then(|c| c.strip_suffix('\'')) == Some(name);
    let is_enum = |column_type: &str| column_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("enum("));
    let may_be_cut = |column: &Column| is_enum(&column.column_type) || column.generated == Some(true);
    code == TRUNCATED && record.columns.iter().any(|column| is_named(&column.name) && may_be_cut(column))
}

/// The column that a message names: `column 'c' at row 5`, ``column `s`.`t`.`c` at row 5``.
fn named_column(message: &str) -> String {
    let Some((_, rest)) = message.split_once("column ") else { return String::new() };
    rest.rsplit_once(" at row").map_or(rest, |(column, _)| column).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_counted_by_code_and_column() {
        let mut warnings = Warnings::default();
        for row in 1..4 {
            warnings.add(1366, format!("Incorrect string value: '…' for column `s`.`t`.`c` at row {row}"), false);
        }
        warnings.add(1062, "Duplicate entry '1' for key 'PRIMARY'".to_owned(), false);
        let said: Vec<String> = warnings.sentences().collect();
        assert!(said[0].starts_with("a value not stored as saved: Duplicate entry"), "{said:?}");
        assert_eq!(
            said[1],
            "3 values not stored as saved: Incorrect string value: '…' for column `s`.`t`.`c` at row 1 (warning 1366)"
        );
    }

    #[test]
    fn the_number_0_is_expected_of_an_enum_and_what_is_said_of_generating() {
        use repo_format::database::ValueEncoding;
        let of = |name: &str, column_type: &str| Column {
            column_type: column_type.to_owned(),
            ..crate::load::rows::tests::column(name, ValueEncoding::Integer)
        };
        let record = crate::load::rows::tests::record(vec![
            of("e", "enum('a')"),
            of("v", "varchar(3)"),
            Column { generated: Some(true), ..of("g", "decimal(3,1)") },
        ]);
        assert!(is_expected(1265, "Data truncated for column 'e' at row 1", &record));
        assert!(is_expected(1265, "Data truncated for column 'g' at row 1", &record));
        assert!(!is_expected(1265, "Data truncated for column 'v' at row 1", &record));
        assert!(!is_expected(1366, "Incorrect value for column 'e' at row 1", &record));
        assert!(is_expected(4037, "Unexpected end of JSON text in argument 1 to function 'json_extract'", &record));
        assert!(!is_expected(1292, "Incorrect datetime value: '…' for column `s`.`t`.`v` at row 1", &record));
        let plain = crate::load::rows::tests::record(vec![of("v", "varchar(3)")]);
        assert!(!is_expected(1292, "Truncated incorrect INTEGER value: '…'", &plain));
    }
}
