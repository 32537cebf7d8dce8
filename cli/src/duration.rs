//! Durations as people write them: `26h`, `90 min`, `2 days`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a duration; a day has 24 hours.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let what = || "write a duration with its unit: 90min, 26h, 2d".to_owned();
    let span: Span = text.trim().parse().map_err(|_| what())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| what())?;
    Duration::try_from(duration).map_err(|_| what())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, seconds) in
            [("26h", 93_600), ("2d", 172_800), ("90min", 5400), ("1 week", 604_800), ("1h 30m", 5400)]
        {
            assert_eq!(parse_duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in ["", "26", "-2h", "2 months", "soon"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
