//! The parts of servers' files that have been listed.

use std::collections::HashMap;
use std::ops::Range;

use repo_format::id::StreamId;
use repo_format::log::LogFile;

/// Parts of files. Two machines may have fetched the same, and a merged log has what small ones have.
#[derive(Default)]
pub struct Seen(HashMap<(StreamId, String), Vec<Range<u64>>>);

impl Seen {
    /// The parts of a file that have been listed.
    pub fn of(&self, stream: StreamId, file: &str) -> Vec<Range<u64>> {
        self.0.get(&(stream, file.to_owned())).cloned().unwrap_or_default()
    }

    /// Whether all of a part has been listed.
    pub fn has(&self, stream: StreamId, file: &LogFile) -> bool {
        let own = self.0.get(&(stream, file.name.clone()));
        own.is_some_and(|parts| parts.iter().any(|part| part.start <= file.first && file.end <= part.end))
    }

    /// Notes that a part has been listed.
    pub fn add(&mut self, stream: StreamId, file: &str, part: Range<u64>) {
        let parts = self.0.entry((stream, file.to_owned())).or_default();
        // Logs follow each other, so there are few parts.
        match parts.iter_mut().find(|known| known.start <= part.start && part.start <= known.end) {
            Some(known) => known.end = known.end.max(part.end),
            None => parts.push(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;

    use super::*;

    #[test]
    fn parts_that_follow_each_other_are_one() {
        let (mut seen, stream) = (Seen::default(), StreamId([1; 16]));
        let file = |first, end| {
            let format = ByteString(Vec::new());
            LogFile { name: "a".to_owned(), format, first, end, is_closed: false }
        };
        for (from, to) in [(4, 100), (100, 200), (150, 180), (300, 400)] {
            seen.add(stream, "a", from..to);
        }
        assert_eq!(seen.of(stream, "a"), [4..200, 300..400]);
        assert!(seen.has(stream, &file(100, 200)) && seen.has(stream, &file(4, 180)));
        assert!(!seen.has(stream, &file(100, 300)) && !seen.has(StreamId([2; 16]), &file(100, 200)));
        assert_eq!(seen.of(stream, "b"), []);
    }
}
