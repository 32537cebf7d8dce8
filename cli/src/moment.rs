//! Moments as people write them: `2026-11-20 14:03:22`, this machine's time unless a zone is named.

use engine::machine;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// The time of this machine, in its zone.
pub fn now() -> Zoned {
    Timestamp::from_second(machine::now().seconds).unwrap_or_default().to_zoned(TimeZone::system())
}

/// Reads a moment: microseconds since 1970. A time that a clock shows twice, as when summer time ends, needs its zone.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_moment(text: &str) -> Result<i64, String> {
    parse_in(text, &TimeZone::system())
}

/// Reads a day.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_date(text: &str) -> Result<Date, String> {
    text.trim().parse().map_err(|_| "write a day as 2026-11-20".to_owned())
}

fn parse_in(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_microsecond());
    }
    let local: DateTime = text
        .parse()
        .map_err(|_| "write a time as 2026-11-20 14:03:22, or with a zone as 2026-11-20T14:03:22-06:00".to_owned())?;
    let moments = zone.to_ambiguous_zoned(local);
    if moments.is_ambiguous() {
        return Err(format!(
            "the clock shows {local} twice or never that day: add the zone, as 2026-11-20T14:03:22-06:00"
        ));
    }
    let moment = moments.compatible().map_err(|_| format!("{local} is too far away"))?;
    Ok(moment.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_local_unless_they_name_a_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::fixed(jiff::tz::offset(1)));
        let utc = parse_in("2026-11-20T13:03:22Z", &berlin).unwrap();
        assert_eq!(parse_in("2026-11-20 14:03:22", &berlin), Ok(utc));
        assert_eq!(parse_in("2026-11-20T07:03:22-06:00", &berlin), Ok(utc));
        assert_eq!(parse_in("2026-11-20 14:03:22.5", &berlin), Ok(utc + 500_000));
        assert!(parse_in("yesterday", &berlin).is_err());
    }

    #[test]
    fn an_hour_that_comes_twice_needs_its_zone() {
        let Ok(berlin) = TimeZone::get("Europe/Berlin") else { return };
        assert!(parse_in("2026-10-25 02:30:00", &berlin).unwrap_err().contains("twice"));
        assert!(parse_in("2026-10-25T02:30:00+01:00", &berlin).is_ok());
    }
}
