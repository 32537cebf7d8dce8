//! Office hours, as people write them: `Mon-Sat 07:00-19:00`.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// Names of days as they are written; three letters tell them apart.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const DAY: SignedDuration = SignedDuration::from_hours(24);
const FORM: &str =
    "write office hours as `Mon-Sat 07:00-19:00`, or several with commas: `Mon-Fri 08:00-18:00, Sat 08:00-13:00`";

/// The times of the week in which people work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeHours(Vec<Span>);

/// The same hours on some days. They end on the day after if `until` is not later than `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    days: Vec<Weekday>,
    from: Time,
    until: Time,
}

impl OfficeHours {
    /// Whether people work at this local time.
    pub fn contains(&self, at: DateTime) -> bool {
        self.0.iter().any(|span| span.contains(at))
    }

    /// How much of the time from `from` to `until` people worked; nothing if `until` comes first.
    pub fn between(&self, from: Timestamp, until: Timestamp, zone: &TimeZone) -> Duration {
        let mut worked = SignedDuration::ZERO;
        let mut at = from;
        while at < until {
            let local = at.to_zoned(zone.clone()).datetime();
            let end = self.next_edge(at, local, zone).unwrap_or(until).min(until);
            if self.contains(local) {
                worked = worked.saturating_add(end.duration_since(at));
            }
            at = end;
        }
        worked.unsigned_abs()
    }

    /// How long nobody works from `from` on; a day at most.
    pub fn free_from(&self, from: &Zoned) -> Duration {
        let (begin, zone) = (from.timestamp(), from.time_zone());
        let end = begin.checked_add(DAY).unwrap_or(Timestamp::MAX);
        let mut at = begin;
        while at < end {
            let local = at.to_zoned(zone.clone()).datetime();
            if self.contains(local) {
                break;
            }
            at = self.next_edge(at, local, zone).unwrap_or(end).min(end);
        }
        at.duration_since(begin).unsigned_abs()
    }

    /// A later moment until which nothing begins or ends: hours, the day, or a time that the clock of `zone` keeps.
    fn next_edge(&self, at: Timestamp, local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
        let later = self.0.iter().flat_map(|span| [span.from, span.until]).filter(|edge| *edge > local.time()).min();
        let edge = match later {
            Some(time) => local.date().to_datetime(time),
            None => local.date().tomorrow().ok()?.to_datetime(Time::midnight()),
        };
        let by_clock = at.checked_add(edge.duration_since(local)).ok()?;
        let set = zone.following(at).next().map(|transition| transition.timestamp());
        Some(set.map_or(by_clock, |set| set.min(by_clock)))
    }
}

impl Span {
    fn contains(&self, at: DateTime) -> bool {
        let (today, time) = (at.weekday(), at.time());
        let on = |day: Weekday| self.days.contains(&day);
        if self.from < self.until {
            return on(today) && self.from <= time && time < self.until;
        }
        on(today) && self.from <= time || on(today.previous()) && time < self.until
    }
}

impl FromStr for OfficeHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let spans: Option<Vec<Span>> = text.split(',').map(span).collect();
        spans.map(OfficeHours).ok_or_else(|| FORM.to_owned())
    }
}

fn span(text: &str) -> Option<Span> {
    let (days, hours) = text.trim().split_once(char::is_whitespace)?;
    let (from, until) = hours.trim().split_once('-')?;
    Some(Span { days: days_of(days)?, from: time(from)?, until: time(until)? })
}

fn days_of(text: &str) -> Option<Vec<Weekday>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (parse_day(first)?, parse_day(last)?);
    let mut days = vec![first];
    while days.last() != Some(&last) {
        days.push(days[days.len() - 1].next());
    }
    Some(days)
}

/// The day of this name, which may be cut after three letters.
pub fn parse_day(text: &str) -> Option<Weekday> {
    let text = text.trim().to_ascii_lowercase();
    let found = DAYS.iter().find(|(name, _)| text.starts_with(name))?;
    let full = format!("{:?}", found.1).to_ascii_lowercase();
    full.starts_with(&text).then_some(found.1)
}

/// A time of the day. `24:00` is the end of a day, and so its beginning.
pub fn time(text: &str) -> Option<Time> {
    match text.trim() {
        "24:00" => Some(Time::midnight()),
        text => Time::strptime("%H:%M", text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(hours: &str, at: &str) -> bool {
        hours.parse::<OfficeHours>().unwrap().contains(at.parse().unwrap())
    }

    #[test]
    fn hours_hold_on_their_days() {
        // 2026-11-28 is a Saturday.
        let week = "Mon-Sat 07:00-19:00";
        for (at, is) in [
            ("2026-11-28T07:00", true),
            ("2026-11-28T06:59:59", false),
            ("2026-11-28T19:00", false),
            ("2026-11-29T12:00", false),
            ("2026-11-30T18:59", true),
        ] {
            assert_eq!(contains(week, at), is, "{at}");
        }
        assert!(contains("Mon-Fri 08:00-18:00, Sat 08:00-13:00", "2026-11-28T12:59"));
        assert!(!contains("mon-friday 08:00-18:00, sat 08:00-13:00", "2026-11-28T13:00"));
    }

    #[test]
    fn the_time_until_somebody_works_is_known() {
        let free = |hours: &str, from: &str| {
            let from: Zoned = format!("{from}[Europe/Berlin]").parse().unwrap();
            hours.parse::<OfficeHours>().unwrap().free_from(&from).as_secs()
        };
        let week = "Mon-Sat 07:00-19:00";
        assert_eq!(free(week, "2026-12-01T02:00"), 5 * 3600);
        assert_eq!(free(week, "2026-12-01T06:59:59"), 1);
        assert_eq!(free(week, "2026-12-01T07:00"), 0);
        assert_eq!(free(week, "2026-11-29T02:00"), 24 * 3600, "a Sunday");
        assert_eq!(free("Sun-Sat 22:00-01:00", "2026-12-01T02:00"), 20 * 3600);
        assert_eq!(free(week, "2027-03-27T20:00"), 24 * 3600);
        assert_eq!(free("Sun 07:00-19:00", "2027-03-28T01:00"), 5 * 3600, "the clock goes on by an hour");
    }

    #[test]
    fn hours_may_pass_midnight_and_days_the_end_of_the_week() {
        let night = "Fri-Sun 22:00-06:00";
        for (at, is) in [
            ("2026-11-27T22:00", true),
            ("2026-11-28T05:59", true),
            ("2026-11-28T06:00", false),
            ("2026-11-30T03:00", true),
            ("2026-11-27T03:00", false),
        ] {
            assert_eq!(contains(night, at), is, "{at}");
        }
        assert!(
            contains("Sat-Mon 09:00-24:00", "2026-11-30T23:59") && !contains("Sat-Mon 09:00-24:00", "2026-12-01T00:00")
        );
        assert!(contains("Mon-Sun 00:00-00:00", "2026-11-30T00:00"), "all day");
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "",
            "Mon",
            "07:00-19:00",
            "Mon-Sat 7-19",
            "Mo-Sa 07:00-19:00",
            "Mon-Sat 07:00-25:00",
            "Mondays 07:00-19:00",
        ] {
            assert!(text.parse::<OfficeHours>().unwrap_err().contains("Mon-Sat 07:00-19:00"), "{text}");
        }
    }

    #[test]
    fn only_the_time_in_which_people_work_is_counted() {
        let hours: OfficeHours = "Mon-Fri 08:00-18:00, Sat 08:00-13:00".parse().unwrap();
        // From Friday at 17:30 to Monday at 09:00.
        let (from, until) = ("2026-11-27T17:30Z".parse().unwrap(), "2026-11-30T09:00Z".parse().unwrap());
        assert_eq!(hours.between(from, until, &TimeZone::UTC).as_secs(), 3600 * 13 / 2);
        assert_eq!(hours.between(until, from, &TimeZone::UTC), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn time_at_work_is_the_sum_of_its_minutes(
            start in 0_i64..60 * 24 * 500,
            minutes in 0_i64..60 * 24 * 4,
            zone in prop::sample::select(vec!["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
            hours in prop::sample::select(vec![
                "Mon-Sat 07:00-19:00", "Fri-Sun 22:00-06:00", "Mon-Sun 01:15-01:45", "Sat-Mon 00:00-24:00, Sun 01:30-03:00",
            ]),
        ) {
            let (hours, zone) = (hours.parse::<OfficeHours>().unwrap(), TimeZone::get(zone).unwrap());
            let at = |minute: i64| Timestamp::from_second(1_767_225_600 + 60 * minute).unwrap();
            let works = |minute: &i64| hours.contains(at(*minute).to_zoned(zone.clone()).datetime());
            let worked = (start..start + minutes).filter(works).count() as u64;
            prop_assert_eq!(hours.between(at(start), at(start + minutes), &zone).as_secs(), 60 * worked);
        }
    }
}
