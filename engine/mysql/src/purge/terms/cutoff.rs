//! The age at which rows are old: one rule for every table.

use std::fmt;

use jiff::civil::Date;
use repo_format::database::Column;

use crate::database::{Connection, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// Dates of this year or before are none: applications write 0001-01-01 or 0000-00-00 where a date is unset.
const UNSET_BEFORE: &str = "0002-01-01";

/// The first moment that is not old any more: midnight at the beginning of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cutoff(Date);

impl Cutoff {
    /// Rows from before 00:00 of this day are old.
    pub fn before(day: Date) -> Self {
        Cutoff(day)
    }

    /// Rows of this day and before are old.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is no day after it.
    pub fn through(day: Date) -> Result<Self> {
        let next = day.tomorrow().map_err(|e| Error::caused(ErrorKind::Usage, format!("{day} is too late"), e))?;
        Ok(Cutoff(next))
    }

    /// The first day that is not old.
    pub fn first_kept(self) -> Date {
        self.0
    }

    /// The last day that is old; the first one there is if there is none.
    pub fn last_old(self) -> Date {
        self.0.yesterday().unwrap_or(self.0)
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "before {} 00:00, that is through {}", self.0, self.last_old())
    }
}

/// How rows without a date are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unset {
    /// They are not old.
    #[default]
    Keep,
    /// They are old.
    Old,
}

/// The day it is at the server, in its own zone.
///
/// # Errors
/// If the server does not answer.
pub(in crate::purge) fn server_day(connection: &mut Connection) -> Result<Date> {
    let text = in_server_zone(connection, "SELECT CURDATE()")?.unwrap_or_default();
    text.parse().map_err(|e| Error::caused(ErrorKind::Database, format!("the server's day is `{text}`"), e))
}

/// The condition under which `column` is old: by its type, as COLUMN_TYPE says it.
///
/// DATE and DATETIME are compared as they are written, TIMESTAMP in the zone of the server.
///
/// # Errors
/// [`ErrorKind::Refused`] if the column holds no dates.
pub(in crate::purge) fn is_old(
    connection: &mut Connection,
    cutoff: Cutoff,
    unset: Unset,
    column: &Column,
) -> Result<String> {
    let Column { name, column_type, .. } = column;
    let day = format!("{} 00:00:00", cutoff.first_kept());
    let data_type = column_type.split('(').next().unwrap_or_default().to_lowercase();
    let limit = match data_type.as_str() {
        "date" => cutoff.first_kept().to_string(),
        "datetime" => day,
        "timestamp" => in_utc(connection, &day)?,
        _ => {
            let message = format!("its column `{name}` is a {column_type}, which is not a date");
            return Err(Error::new(ErrorKind::Refused, message));
        }
    };
    let (name, limit) = (quote_name(name), quote_text(&limit));
    Ok(match unset {
        Unset::Keep => format!("{name} < {limit} AND {name} >= '{UNSET_BEFORE}'"),
        Unset::Old => format!("({name} < {limit} OR {name} IS NULL)"),
    })
}

/// A moment of the server's zone in UTC, the zone of sessions.
fn in_utc(connection: &mut Connection, moment: &str) -> Result<String> {
    let sql = format!("SELECT UNIX_TIMESTAMP({})", quote_text(moment));
    let seconds = in_server_zone(connection, &sql)?.unwrap_or_default();
    // There is no TIMESTAMP before 1970 but the one that is unset.
    let seconds = seconds.split('.').next().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0).max(1);
    let text = connection.value(&format!("SELECT FROM_UNIXTIME({seconds})"))?;
    text.ok_or_else(|| Error::new(ErrorKind::Database, format!("the server cannot say when {moment} is in UTC")))
}

fn in_server_zone(connection: &mut Connection, sql: &str) -> Result<Option<String>> {
    connection.run("SET SESSION time_zone = @@global.time_zone")?;
    let value = connection.value(sql);
    connection.run("SET SESSION time_zone = '+00:00'")?;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_cut_off_are_the_same() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let through = Cutoff::through(day("2023-12-31")).unwrap();
        assert_eq!(through, Cutoff::before(day("2024-01-01")));
        assert_eq!(through.to_string(), "before 2024-01-01 00:00, that is through 2023-12-31");
        assert_eq!(Cutoff::through(Date::MAX).unwrap_err().kind(), ErrorKind::Usage);
    }
}
