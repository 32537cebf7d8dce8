//! Numbers, sizes and spans of time as people read them.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 365 * DAY;

/// The digits of an id that are shown.
const DIGITS_SHOWN: usize = 8;

/// The first digits of an id: enough to find it by.
pub fn short(id: impl std::fmt::Display) -> String {
    let mut id = id.to_string();
    id.truncate(DIGITS_SHOWN);
    id
}

/// A number of bytes with three digits and its unit: `1.50 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A number with commas: `12,400`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and its noun, which takes an `s` unless the number is one.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A span of time in one unit, rounded down: `45 seconds`, `12 minutes`, `30 hours`, `19 days`, `4 months`.
pub fn span(seconds: u64) -> String {
    // Two of a unit, before the next larger one says as much.
    match seconds {
        0..90 => counted(seconds, "second"),
        _ if seconds < 2 * HOUR => counted(seconds / MINUTE, "minute"),
        _ if seconds < 2 * DAY => counted(seconds / HOUR, "hour"),
        _ if seconds < 2 * MONTH => counted(seconds / DAY, "day"),
        _ if seconds < 2 * YEAR => counted(seconds / MONTH, "month"),
        _ => counted(seconds / YEAR, "year"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1_572_864, "1.50 MiB"), (104_857_600, "100 MiB")];
        for (value, text) in cases {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(bytes(1024 * 1024 - 1), "1.00 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((counted(1, "file"), counted(2, "file")), ("1 file".into(), "2 files".into()));
    }

    #[test]
    fn a_span_has_one_unit() {
        let spans = [0, 1, 89, 90, 3599, 3 * HOUR, 47 * HOUR, 2 * DAY, 59 * DAY, 60 * DAY, 700 * DAY, 3 * YEAR];
        let words = [
            "0 seconds",
            "1 second",
            "89 seconds",
            "1 minute",
            "59 minutes",
            "3 hours",
            "47 hours",
            "2 days",
            "59 days",
            "2 months",
            "23 months",
            "3 years",
        ];
        assert_eq!(spans.map(span), words);
    }
}
