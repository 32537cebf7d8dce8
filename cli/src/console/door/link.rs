//! One-time links: the agent's own user comes in by one, without a password.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::Result;

use super::secret::Secret;

/// How long a link is good for.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// Links that wait at a time; with more, the oldest goes.
const LINKS_MAX: usize = 8;

/// The links that nobody has used yet.
#[derive(Default)]
pub struct Links(Mutex<Vec<(Secret, Instant)>>);

impl Links {
    /// A new link.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn make(&self, now: Instant) -> Result<Secret> {
        let secret = Secret::new()?;
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if links.len() >= LINKS_MAX {
            links.remove(0);
        }
        links.push((secret, now));
        Ok(secret)
    }

    /// Whether `text` is a link that is good. It is not, the next time.
    pub fn take(&self, text: &str, now: Instant) -> bool {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|(_, made)| now.duration_since(*made) < GOOD_FOR);
        let found = links.iter().position(|(secret, _)| secret.is(text));
        found.map(|at| links.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_for_a_minute() {
        let (links, start) = (Links::default(), Instant::now());
        let (one, two) = (links.make(start).unwrap().to_string(), links.make(start).unwrap().to_string());
        assert!(links.take(&one, start) && !links.take(&one, start));
        assert!(!links.take("", start) && !links.take(&two, start + GOOD_FOR));
    }
}
