//! Events from bytes that arrive in pieces, as chunks of a repository do.

use super::{Event, HEADER_LEN, Header, Malformed};

/// The largest event that is accepted: the largest packet that a server takes, and what stands around it.
const EVENT_MAX: usize = (1 << 30) + (1 << 20);

/// Takes events from pieces. Memory: one event and one piece.
#[derive(Debug, Default)]
pub struct EventBuffer {
    bytes: Vec<u8>,
    start: usize,
}

impl EventBuffer {
    /// Adds the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next event; `None` if its end has not been pushed yet.
    ///
    /// # Errors
    /// [`Malformed`] if there is none.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Malformed> {
        let rest = &self.bytes[self.start..];
        if rest.len() < HEADER_LEN {
            return Ok(None);
        }
        let size = Header::read(rest)?.size as usize;
        if size > EVENT_MAX {
            return Err(Malformed("the event is larger than 1 GiB"));
        }
        match rest.get(..size) {
            None => Ok(None),
            Some(bytes) => {
                self.start += size;
                Event::new(bytes).map(Some)
            }
        }
    }

    /// Whether everything that was pushed has been taken.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }
}
