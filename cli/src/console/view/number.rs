//! Numbers as people read them.

pub use engine::words::{bytes, count, counted};

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
