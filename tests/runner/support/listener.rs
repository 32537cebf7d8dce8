//! Messages of a run in passing.

use std::sync::Mutex;

use engine::monitor::Monitor;

/// Remembers what it was told.
#[derive(Default)]
pub struct Listener(Mutex<Vec<String>>);

impl Monitor for Listener {
    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

impl Listener {
    /// How many notes have `text`.
    pub fn heard(&self, text: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|note| note.contains(text)).count()
    }
}
