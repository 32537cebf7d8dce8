//! When rows are removed, and how fast.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::database::Address;
use engine_core::machine;

/// When, and how fast.
#[derive(Debug, Clone)]
pub struct PaceOptions {
    /// Rows a second, at most, of all tables together.
    pub rows_per_second: Option<u32>,
    /// End after this time, from the first batch on, or from when it waits for more than the window.
    pub time: Option<Duration>,
    /// Work only at these times of the day; wait else.
    pub window: Option<Window>,
    /// Wait while more threads than this are at work in the server.
    pub threads_running: u64,
    /// Wait while InnoDB has more old transactions than this to tidy up.
    pub history_length: u64,
    /// Servers that replicate this one: wait while one of them lags.
    pub replicas: Vec<Address>,
    /// The longest lag of a replica.
    pub lag: Duration,
}

impl Default for PaceOptions {
    fn default() -> Self {
        PaceOptions {
            rows_per_second: None,
            time: None,
            window: None,
            // Far above what a practice has in the middle of a day.
            threads_running: 25,
            // Where InnoDB begins to be slow for everybody.
            history_length: 100_000,
            replicas: Vec::new(),
            lag: Duration::from_secs(5),
        }
    }
}

/// Times of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Time,
    /// The first moment after it; before `from` it is of the next day.
    pub until: Time,
    /// Where it is that time.
    pub zone: TimeZone,
}

impl Window {
    fn contains(&self, time: Time) -> bool {
        if self.from <= self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }

    /// Whether it is such a time now.
    pub(in crate::purge) fn is_open(&self) -> bool {
        let now = machine::now();
        let nanoseconds = i32::try_from(now.nanoseconds).unwrap_or(0);
        // A clock that no calendar has is no reason to work outside of the window.
        jiff::Timestamp::new(now.seconds, nanoseconds)
            .is_ok_and(|now| self.contains(now.to_zoned(self.zone.clone()).time()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_go_over_midnight() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let window = |from, until| Window { from: time(from), until: time(until), zone: TimeZone::UTC };
        let night = window("22:00", "05:00");
        assert!(night.contains(time("23:00")) && night.contains(time("04:59")) && !night.contains(time("05:00")));
        let day = window("12:00", "13:00");
        assert!(day.contains(time("12:00")) && !day.contains(time("13:00")) && !day.contains(time("11:59")));
    }
}
