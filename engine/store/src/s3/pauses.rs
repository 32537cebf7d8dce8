//! Pauses between attempts: each twice as long as the one before, with jitter, until patience is at an end.

use std::time::{Duration, Instant};

use super::{Patience, Stop};

pub(super) struct Pauses {
    patience: Patience,
    next: Duration,
    began: Instant,
    stop: Stop,
}

/// The longest time between two questions whether the user wishes to stop.
pub(super) const ASKED: Duration = Duration::from_millis(100);

impl Pauses {
    pub fn new(patience: Patience, stop: Stop) -> Self {
        Pauses { patience, next: patience.first_pause, began: Instant::now(), stop }
    }

    /// Waits before the next attempt; `false` if there should be none.
    pub fn wait(&mut self) -> bool {
        let pause = jittered(self.next);
        if self.began.elapsed() + pause > self.patience.outage {
            return false;
        }
        let mut left = pause;
        while !left.is_zero() && !self.stop.is_wished() {
            let step = left.min(ASKED);
            std::thread::sleep(step);
            left -= step;
        }
        if self.stop.is_wished() {
            return false;
        }
        self.next = (self.next * 2).min(self.patience.longest_pause);
        true
    }
}

/// Between a half and all of `pause`, so that programs that were refused together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => pause / 2 + pause * u32::from(byte[0]) / 512,
        // Only the spread of the pauses is lost.
        Err(_) => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_end_with_patience() {
        let patience = Patience {
            outage: Duration::from_millis(20),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(4),
            ..Patience::default()
        };
        let mut pauses = Pauses::new(patience, Stop::default());
        let count = (0..1000).take_while(|_| pauses.wait()).count();
        assert!((3..=24).contains(&count), "{count}");
    }

    #[test]
    fn no_pause_outlasts_the_wish_to_stop() {
        let patience =
            Patience { first_pause: Duration::from_secs(3600), outage: Duration::MAX, ..Patience::default() };
        assert!(!Pauses::new(patience, Stop::when(|| true)).wait());
    }

    #[test]
    fn jitter_stays_within_its_pause() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(2));
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&pause), "{pause:?}");
        }
    }
}
