//! Times as people say them, with the exact one beside.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A time on a page: words, and what a pointer over them shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// As people say it: "today 14:00", "yesterday 9:30", "Tue 3 November 14:00".
    pub words: String,
    /// Exact, with seconds and zone.
    pub exact: String,
}

/// The time zone of this computer, and its time.
pub fn here(seconds: i64) -> Zoned {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::system())
}

/// A time, seen at `now`.
pub fn moment(seconds: i64, now: &Zoned) -> Moment {
    let then = here(seconds).with_time_zone(now.time_zone().clone());
    let words = format!("{} {}", day(then.date(), now.date()), then.strftime("%H:%M"));
    Moment { words, exact: then.strftime("%A, %-d %B %Y, %H:%M:%S %Z").to_string() }
}

/// A day, seen from `today`.
pub fn day(date: Date, today: Date) -> String {
    match (today - date).get_days() {
        _ if date.year() != today.year() => date.strftime("%-d %B %Y").to_string(),
        0 if date == today => "today".to_owned(),
        _ if date.tomorrow().is_ok_and(|next| next == today) => "yesterday".to_owned(),
        _ => date.strftime("%a %-d %B").to_string(),
    }
}

/// An age: "12 minutes", "3 hours", "5 days".
pub fn age(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => return "less than a minute".to_owned(),
        60..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    engine::words::counted(number, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_called_as_people_call_them() {
        let today = jiff::civil::date(2026, 11, 1);
        let called = |year, month, day_| day(jiff::civil::date(year, month, day_), today);
        assert_eq!(called(2026, 11, 1), "today");
        assert_eq!(called(2026, 10, 31), "yesterday");
        assert_eq!(called(2026, 10, 27), "Tue 27 October");
        assert_eq!(called(2025, 11, 1), "1 November 2025");
    }

    #[test]
    fn an_age_is_told_in_one_unit() {
        let told = [
            (59, "less than a minute"),
            (60, "1 minute"),
            (7199, "119 minutes"),
            (7200, "2 hours"),
            (200_000, "2 days"),
        ];
        for (seconds, words) in told {
            assert_eq!(age(seconds), words);
        }
    }
}
