//! Pauses between attempts: each twice as long as the one before, with jitter, until patience is at an end.

use std::time::{Duration, Instant};

use super::Patience;

pub(super) struct Pauses {
    patience: Patience,
    next: Duration,
    began: Instant,
}

impl Pauses {
    pub fn new(patience: Patience) -> Self {
        Pauses { patience, next: patience.first_pause, began: Instant::now() }
    }

    /// Waits before the next attempt; `false` if there should be none.
    pub fn wait(&mut self) -> bool {
        let pause = jittered(self.next);
        if self.began.elapsed() + pause > self.patience.outage {
            return false;
        }
        std::thread::sleep(pause);
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
        let mut pauses = Pauses::new(patience);
        let count = (0..1000).take_while(|_| pauses.wait()).count();
        assert!((3..=24).contains(&count), "{count}");
    }

    #[test]
    fn jitter_stays_within_its_pause() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(2));
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&pause), "{pause:?}");
        }
    }
}
