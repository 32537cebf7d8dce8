//! Time zones that statements name. A scratch server knows none, and gets the rules that this machine has.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::{Dst, TimeZone};

use crate::database::{Address, Connection, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// Servers know changes within these seconds since 1970, as their own tools fill them.
const FIRST: i64 = i32::MIN as i64;
const LAST: i64 = i32::MAX as i64;

/// Offset, daylight saving and name of the times between two changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Period {
    offset: i32,
    is_summer: bool,
    name: String,
}

/// A zone as a server has it.
#[derive(Debug, PartialEq, Eq)]
struct Rules {
    /// The first one holds before the first change.
    periods: Vec<Period>,
    /// Seconds since 1970, and which period begins then.
    changes: Vec<(i64, usize)>,
}

/// All zones that this machine knows.
pub(super) fn known() -> BTreeSet<String> {
    jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect()
}

/// The first of `zones` that this machine does not know.
pub(super) fn first_unknown(zones: &BTreeSet<String>) -> Option<&String> {
    zones.iter().find(|zone| TimeZone::get(zone).is_err())
}

/// Gives the server at `address` the rules of `zones`.
///
/// # Errors
/// [`ErrorKind::NotFound`] if this machine does not know one; [`ErrorKind::Database`] if the server refuses.
pub(super) fn fill(address: &Address, zones: &BTreeSet<String>) -> Result<()> {
    if zones.is_empty() {
        return Ok(());
    }
    let mut connection = Connection::open(address)?;
    for (id, zone) in (1..).zip(zones) {
        statements(id, zone)?.iter().try_for_each(|sql| connection.run(sql))?;
    }
    Ok(())
}

fn statements(id: u32, zone: &str) -> Result<Vec<String>> {
    let Rules { periods, changes } = rules(zone)?;
    let periods = periods.iter().enumerate().map(|(at, period)| {
        let Period { offset, is_summer, name } = period;
        format!("({id}, {at}, {offset}, {}, {})", u8::from(*is_summer), quote_text(name))
    });
    let changes: Vec<String> = changes.iter().map(|(time, period)| format!("({id}, {time}, {period})")).collect();
    let mut statements = vec![
        format!("INSERT INTO mysql.time_zone (Time_zone_id, Use_leap_seconds) VALUES ({id}, 'N')"),
        format!(
            "INSERT INTO mysql.time_zone_transition_type (Time_zone_id, Transition_type_id, `Offset`, Is_DST, Abbreviation) VALUES {}",
            periods.collect::<Vec<_>>().join(", ")
        ),
    ];
    if !changes.is_empty() {
        statements.push(format!(
            "INSERT INTO mysql.time_zone_transition (Time_zone_id, Transition_time, Transition_type_id) VALUES {}",
            changes.join(", ")
        ));
    }
    statements
        .push(format!("INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ({}, {id})", quote_text(zone)));
    Ok(statements)
}

fn rules(zone: &str) -> Result<Rules> {
    let failed = |e: jiff::Error| {
        Error::caused(ErrorKind::NotFound, format!("this machine does not know the time zone {zone}"), e)
    };
    let time_zone = TimeZone::get(zone).map_err(failed)?;
    let start = Timestamp::from_second(FIRST).map_err(failed)?;
    let before = time_zone.to_offset_info(start);
    let mut rules = Rules {
        periods: vec![period(before.offset().seconds(), before.dst(), before.abbreviation())],
        changes: Vec::new(),
    };
    for change in time_zone.following(start).take_while(|change| change.timestamp().as_second() <= LAST) {
        let period = period(change.offset().seconds(), change.dst(), change.abbreviation());
        let at = rules.periods.iter().position(|known| *known == period).unwrap_or_else(|| {
            rules.periods.push(period);
            rules.periods.len() - 1
        });
        rules.changes.push((change.timestamp().as_second(), at));
    }
    Ok(rules)
}

fn period(offset: i32, dst: Dst, name: &str) -> Period {
    Period { offset, is_summer: dst == Dst::Yes, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_changes() {
        let rules = rules("Europe/Berlin").unwrap();
        let (_, at) = rules.changes.iter().rfind(|(time, _)| *time <= 1_700_000_000).unwrap();
        assert_eq!(rules.periods[*at], Period { offset: 3600, is_summer: false, name: "CET".to_owned() });
        // The last Sunday of October 2023, at one o'clock in UTC.
        assert!(rules.changes.contains(&(1_698_541_200, *at)));
        assert!(rules.changes.iter().all(|(time, _)| *time <= LAST) && rules.changes.len() > 100);
        assert_eq!(super::rules("UTC").unwrap().changes, []);
    }

    #[test]
    fn a_zone_that_is_not_known_is_named() {
        let zones = ["Europe/Berlin".to_owned(), "Mars/Olympus".to_owned()].into();
        assert_eq!(first_unknown(&zones).map(String::as_str), Some("Mars/Olympus"));
        assert!(known().contains("Europe/Berlin"));
    }
}
