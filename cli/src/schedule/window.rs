//! Hours of the day, by the clock of this computer.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan, Zoned};

use super::hours::time;

/// From one time of the day until another one, which may be on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: Time,
    until: Time,
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no window of the day, such as 22:00-06:00");
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let (from, until) = time(from).zip(time(until)).ok_or_else(wrong)?;
        if from == until {
            return Err(wrong());
        }
        Ok(Window { from, until })
    }
}

impl Window {
    /// Whether a moment is inside.
    pub fn has(&self, now: &Zoned) -> bool {
        let time = now.time();
        if self.from < self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }

    /// When the next one begins.
    pub fn next(&self, now: &Zoned) -> Option<Zoned> {
        let moments = (0..=1).filter_map(|days| at(now.date().checked_add(days.days()).ok()?, self.from, now));
        moments.into_iter().find(|begin| begin > now)
    }

    /// When the last one that is over ended.
    pub fn last_end(&self, now: &Zoned) -> Option<Timestamp> {
        let moments = (0..=1).filter_map(|days| at(now.date().checked_sub(days.days()).ok()?, self.until, now));
        moments.into_iter().find(|end| end <= now).map(|end| end.timestamp())
    }
}

/// A time that a change of clocks leaves out is the one after it.
fn at(date: Date, time: Time, zone_of: &Zoned) -> Option<Zoned> {
    date.to_datetime(time).to_zoned(zone_of.time_zone().clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zoned(text: &str) -> Zoned {
        format!("{text}[Europe/Berlin]").parse().unwrap()
    }

    #[test]
    fn a_window_may_reach_into_the_next_day() {
        let night: Window = "22:00-06:00".parse().unwrap();
        let cases = [
            ("2026-11-20T21:59", false, "2026-11-20T22:00", "2026-11-20T06:00"),
            ("2026-11-20T22:00", true, "2026-11-21T22:00", "2026-11-20T06:00"),
            ("2026-11-21T05:59", true, "2026-11-21T22:00", "2026-11-20T06:00"),
            ("2026-11-21T06:00", false, "2026-11-21T22:00", "2026-11-21T06:00"),
        ];
        for (now, is_inside, next, last) in cases {
            let moment = zoned(now);
            assert_eq!(night.has(&moment), is_inside, "{now}");
            assert_eq!(night.next(&moment).unwrap(), zoned(next), "{now}");
            assert_eq!(night.last_end(&moment).unwrap(), zoned(last).timestamp(), "{now}");
        }
        let noon: Window = "12:00-13:30".parse().unwrap();
        assert!(noon.has(&zoned("2026-11-20T13:29")) && !noon.has(&zoned("2026-11-20T13:30")));
    }

    #[test]
    fn a_time_that_the_change_of_clocks_leaves_out_is_the_one_after_it() {
        let window: Window = "02:30-05:00".parse().unwrap();
        let next = window.next(&zoned("2026-03-29T00:00")).unwrap();
        assert_eq!(next, zoned("2026-03-29T03:30"));
    }

    #[test]
    fn anything_else_is_no_window() {
        for text in ["", "22:00", "22-6", "24:00-00:00", "25:00-06:00", "22:00-22:00", "22:61-06:00"] {
            assert!(text.parse::<Window>().unwrap_err().contains("22:00-06:00"), "{text}");
        }
    }
}
