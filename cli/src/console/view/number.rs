//! Numbers as people read them.

use engine::words;

/// A number with separators.
pub fn count(number: u64) -> String {
    words::count(number)
}

/// A number of things: "1 file", "2,981 files".
pub fn counted(number: u64, thing: &str) -> String {
    words::counted(number, thing)
}

/// A size.
pub fn bytes(number: u64) -> String {
    words::bytes(number)
}

/// The share of `part` in `whole`, in percent, rounded down; `None` of nothing.
pub fn percent(part: u64, whole: u64) -> Option<u64> {
    let share = u128::from(part.min(whole)) * 100 / u128::from(whole).max(1);
    (whole > 0).then(|| u64::try_from(share).unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_so_that_all_is_only_said_at_the_end() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(999, 1000), Some(99));
        assert_eq!(percent(5, 4), Some(100));
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100));
    }
}
