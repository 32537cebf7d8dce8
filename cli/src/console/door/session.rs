//! Sessions: browsers that have come in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::Result;

use super::role::Role;
use super::secret::Secret;
use super::things::Things;
use crate::agent::Orderer;

/// A browser that nobody used for so long has to come in again.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// The same, however often it is used.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// With more, the one that was used least lately goes.
const SESSIONS_MAX: usize = 64;

/// A person, as the audit log and pages name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// The things that they may do.
    pub role: Role,
}

impl Person {
    /// The person, as the journal has them.
    pub fn orderer(&self) -> Orderer<'_> {
        Orderer { person: &self.name, role: self.role.name() }
    }
}

/// A browser that has come in.
pub struct Session {
    /// The person.
    pub person: Person,
    /// Stands in each form of its pages.
    pub token: Secret,
    /// The things that it was shown.
    pub things: Things,
    begun: Instant,
}

/// All sessions of this agent. They end with it.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Used>>);

struct Used {
    session: Arc<Session>,
    last: Instant,
}

impl Sessions {
    /// A session for `person`; returns its secret, which the browser keeps.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn begin(&self, person: Person, now: Instant) -> Result<Secret> {
        let (secret, token) = (Secret::new()?, Secret::new()?);
        let mut sessions = self.sessions();
        sessions.retain(|_, used| used.is_alive(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, used)| used.last).map(|(secret, _)| secret.clone());
            oldest.map(|secret| sessions.remove(&secret));
        }
        let session = Arc::new(Session { person, token, things: Things::default(), begun: now });
        sessions.insert(secret.to_string(), Used { session, last: now });
        Ok(secret)
    }

    /// The session of this secret, if it is alive.
    pub fn find(&self, secret: &str, now: Instant) -> Option<Arc<Session>> {
        let mut sessions = self.sessions();
        let used = sessions.get_mut(secret)?;
        if !used.is_alive(now) {
            sessions.remove(secret);
            return None;
        }
        used.last = now;
        Some(used.session.clone())
    }

    /// Whether a session has not ended. To ask is not to use it.
    pub fn has(&self, session: &Arc<Session>, now: Instant) -> bool {
        self.sessions().values().any(|used| Arc::ptr_eq(&used.session, session) && used.is_alive(now))
    }

    /// Ends a session.
    pub fn end(&self, secret: &str) {
        self.sessions().remove(secret);
    }

    /// Ends all sessions of a person: their role or password has changed.
    pub fn end_all_of(&self, name: &str) {
        self.sessions().retain(|_, used| used.session.person.name != name);
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Used>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn is_alive(&self, now: Instant) -> bool {
        now.duration_since(self.last) < IDLE && now.duration_since(self.session.begun) < LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dana() -> Person {
        Person { name: "Dana".to_owned(), role: Role::Staff }
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_at_the_end_of_the_day() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let secret = sessions.begin(dana(), start).unwrap().to_string();
        let mut now = start;
        while now < start + LONGEST - IDLE {
            now += IDLE - Duration::from_secs(1);
            assert_eq!(sessions.find(&secret, now).unwrap().person, dana());
        }
        assert!(sessions.find(&secret, start + LONGEST).is_none());
        let secret = sessions.begin(dana(), start).unwrap().to_string();
        assert!(sessions.find(&secret, start + IDLE).is_none());
        assert!(sessions.find(&secret, start).is_none(), "an ended session is gone");
    }

    #[test]
    fn many_sessions_push_out_the_one_that_was_used_least_lately() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let begin = |second| sessions.begin(dana(), start + Duration::from_secs(second)).unwrap().to_string();
        let (first, second) = (begin(0), begin(1));
        sessions.find(&first, start + Duration::from_secs(2)).unwrap();
        (0..SESSIONS_MAX as u64 - 1).for_each(|n| drop(begin(3 + n)));
        let now = start + Duration::from_secs(100);
        assert!(sessions.find(&first, now).is_some() && sessions.find(&second, now).is_none());
        sessions.end_all_of("Dana");
        assert!(sessions.find(&first, now).is_none());
    }
}
