//! Periods of the calendar.

use jiff::Zoned;

use super::Period;

/// Distinguishes a period from all others of its length. An hour that the clock repeats counts as two.
pub(super) fn period_of(time: &Zoned, period: Period) -> (i16, i16, i32) {
    match period {
        Period::Hour => (time.year(), time.day_of_year() * 24 + i16::from(time.hour()), time.offset().seconds()),
        Period::Day => (time.year(), time.day_of_year(), 0),
        Period::Week => {
            let week = time.date().iso_week_date();
            (week.year(), week.week().into(), 0)
        }
        Period::Month => (time.year(), time.month().into(), 0),
        Period::Quarter => (time.year(), i16::from((time.month() - 1) / 3), 0),
        Period::Year => (time.year(), 0, 0),
    }
}
