//! An age in units of the calendar.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, SpanFieldwise, Timestamp};

/// An age of at least an hour: `36 hours`, `30 days`, `6 months`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(SpanFieldwise);

impl Age {
    /// An age, if `span` is whole hours or longer units.
    pub fn new(span: Span) -> Option<Self> {
        let small = [
            span.get_minutes(),
            span.get_seconds(),
            span.get_milliseconds(),
            span.get_microseconds(),
            span.get_nanoseconds(),
        ];
        let is_age = span.is_positive() && small.iter().all(|unit| *unit == 0);
        is_age.then_some(Age(span.fieldwise()))
    }

    /// The time that lies this age before `time`; the earliest possible time if that is beyond the calendar.
    pub(super) fn before(self, time: Timestamp, zone: &TimeZone) -> Timestamp {
        time.to_zoned(zone.clone()).checked_sub(self.0.0).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
    }
}

impl Age {
    /// The second that lies this age before `seconds`, both since 1970.
    pub fn before_second(self, seconds: i64, zone: &TimeZone) -> i64 {
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
        self.before(time, zone).as_second()
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0.0)
    }
}
