//! The hour in which least changes: heavy work is done then.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::hours::OfficeHours;

/// The hour of offices of which little is known.
const USUAL: i8 = 2;
/// So much of the past counts.
pub const PAST: SignedDuration = SignedDuration::from_hours(14 * 24);
/// With less of it nobody knows what is usual.
const PAST_MIN: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Hours of a day.
const HOURS: usize = 24;
/// The other hours are night.
const DAY: std::ops::Range<i8> = 6..20;

/// Files that changed between two snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// When the snapshot before was made.
    pub from: Timestamp,
    /// When this one was.
    pub until: Timestamp,
    /// Files that are new or changed.
    pub files: u64,
}

/// The hour of the day, in this zone, in which and in the hour after which least changed. Among equal ones the one
/// nearest to two at night counts.
pub fn quietest_hour(changes: &[Changes], zone: &TimeZone) -> i8 {
    let spans = changes.iter().filter(|change| change.from < change.until);
    let known = spans.clone().map(|change| change.until.duration_since(change.from).as_secs()).sum::<i64>();
    if known < PAST_MIN.as_secs() {
        return USUAL;
    }
    // Files per second, in parts of a million, for each hour: a longer night is no busier.
    let (mut files, mut seconds) = ([0_u128; HOURS], [0_u128; HOURS]);
    for change in spans {
        let length = change.until.duration_since(change.from).as_secs().unsigned_abs();
        let mut at = change.from;
        while at < change.until {
            let next =
                at.checked_add(SignedDuration::from_hours(1)).map_or(change.until, |next| next.min(change.until));
            let part = next.duration_since(at).as_secs().unsigned_abs();
            let hour = usize::try_from(at.to_zoned(zone.clone()).hour()).unwrap_or(0) % HOURS;
            files[hour] += u128::from(change.files) * u128::from(part) * 1_000_000 / u128::from(length.max(1));
            seconds[hour] += u128::from(part);
            at = next;
        }
    }
    let rate = |hour: usize| files[hour % HOURS].checked_div(seconds[hour % HOURS]);
    let both = |hour: usize| Some(rate(hour)? + rate(hour + 1)?);
    let best = (0..24).filter_map(|hour: i8| {
        let place = usize::try_from(hour).ok()?;
        Some((both(place)?, apart(hour, USUAL), hour))
    });
    best.min().map_or(USUAL, |(_, _, hour)| hour)
}

/// The full hour of the coming night, outside office hours, that is nearest to the quiet one; `None` if people work all night.
pub fn next_night(office: &OfficeHours, quiet: i8, now: &Zoned) -> Option<Timestamp> {
    let full = now.with().minute(0).second(0).subsec_nanosecond(0).build().ok()?;
    let hours = (1..=24).filter_map(|hours: i64| full.checked_add(hours.hours()).ok());
    let fit = hours.filter(|at| !DAY.contains(&at.hour()) && !office.contains(at.datetime()));
    fit.min_by_key(|at| apart(at.hour(), quiet)).map(|at| at.timestamp())
}

/// Hours between two hours of the day.
fn apart(hour: i8, other: i8) -> u8 {
    let apart = hour.abs_diff(other);
    apart.min(24_u8.saturating_sub(apart))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        // 2026-11-30, 0 h in Berlin.
        Timestamp::from_second(1_795_993_200 + hour * 3600).unwrap()
    }

    /// Snapshots each hour of these days, with as many changes as `files` says.
    fn hourly(days: i64, files: impl Fn(i64) -> u64) -> Vec<Changes> {
        (0..days * 24).map(|hour| Changes { from: at(hour), until: at(hour + 1), files: files(hour % 24) }).collect()
    }

    #[test]
    fn the_quietest_hour_is_where_least_changes() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let quietest = |changes: &[Changes]| quietest_hour(changes, &berlin);
        assert_eq!(quietest(&hourly(14, |hour| if (7..19).contains(&hour) { 100 } else { 0 })), 2, "an office");
        assert_eq!(quietest(&hourly(14, |hour| if hour == 4 || hour == 5 { 0 } else { 9 })), 4);
        // A program that converts pictures each night.
        assert_eq!(quietest(&hourly(14, |hour| if (0..5).contains(&hour) { 500 } else { hour.unsigned_abs() })), 5);
        assert_eq!(quietest(&hourly(14, |_| 0)), 2);
        assert_eq!(quietest(&hourly(2, |hour| u64::from(hour != 12))), 2, "little is known");
        assert_eq!(quietest(&[]), 2);
    }

    #[test]
    fn the_night_is_outside_office_hours_and_near_the_quiet_hour() {
        let at = |time: &str| -> Zoned { format!("{time}[America/New_York]").parse().unwrap() };
        let night = |office: &str, quiet: i8, now: &str| {
            let found = next_night(&office.parse().unwrap(), quiet, &at(now))?;
            Some(found.to_zoned(at(now).time_zone().clone()).datetime().to_string())
        };
        let day = "Mon-Sat 07:00-19:00";
        assert_eq!(night(day, 2, "2026-11-30T09:10").as_deref(), Some("2026-12-01T02:00:00"));
        assert_eq!(night(day, 2, "2026-12-01T01:59:59").as_deref(), Some("2026-12-01T02:00:00"));
        assert_eq!(night(day, 2, "2026-12-01T02:00").as_deref(), Some("2026-12-02T02:00:00"), "not this moment");
        assert_eq!(night(day, 13, "2026-11-29T09:10").as_deref(), Some("2026-11-29T20:00:00"), "never by day");
        assert_eq!(night("Mon-Sun 22:00-04:00", 2, "2026-11-30T09:10").as_deref(), Some("2026-12-01T04:00:00"));
        assert_eq!(night("Mon-Sun 00:00-00:00", 2, "2026-11-30T09:10"), None);
        // The clock goes on from two to three.
        assert_eq!(night(day, 2, "2026-03-07T12:00").as_deref(), Some("2026-03-08T01:00:00"));
    }

    #[test]
    fn few_snapshots_at_night_stand_for_all_of_it() {
        // One at 19 and one at 7 h; between them hourly.
        let mut changes = Vec::new();
        for day in 0..14 {
            changes.push(Changes { from: at(day * 24 - 5), until: at(day * 24 + 7), files: 12 });
            let office = (7..19).map(|hour| (day * 24 + hour, 40));
            changes.extend(office.map(|(hour, files)| Changes { from: at(hour), until: at(hour + 1), files }));
        }
        assert_eq!(quietest_hour(&changes, &TimeZone::get("Europe/Berlin").unwrap()), 2);
        // Clocks that went back.
        changes.push(Changes { from: at(5), until: at(1), files: 9 });
        assert_eq!(quietest_hour(&changes, &TimeZone::get("Europe/Berlin").unwrap()), 2);
    }
}
