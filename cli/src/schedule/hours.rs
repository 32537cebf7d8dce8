//! Office hours, as people write them: `Mon-Sat 07:00-19:00`.

use std::str::FromStr;

use jiff::civil::{DateTime, Time, Weekday};

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
    let (first, last) = (day(first)?, day(last)?);
    let mut days = vec![first];
    while days.last() != Some(&last) {
        days.push(days[days.len() - 1].next());
    }
    Some(days)
}

fn day(text: &str) -> Option<Weekday> {
    let text = text.trim().to_ascii_lowercase();
    let found = DAYS.iter().find(|(name, _)| text.starts_with(name))?;
    let full = format!("{:?}", found.1).to_ascii_lowercase();
    full.starts_with(&text).then_some(found.1)
}

/// `24:00` is the end of a day, and so its beginning.
fn time(text: &str) -> Option<Time> {
    match text.trim() {
        "24:00" => Some(Time::midnight()),
        text => Time::strptime("%H:%M", text).ok(),
    }
}

#[cfg(test)]
mod tests {
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
}
