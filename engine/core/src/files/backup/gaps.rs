//! The snapshot's record of things that it does not contain.

use repo_format::cbor::ByteString;
use repo_format::entry::Gaps;
use repo_format::limits;
use repo_format::manifest::{LEFT_OUT_CACHES, LEFT_OUT_FILE_SYSTEMS, LeftOut};

use super::BackupOptions;

/// The names that a folder lacks in the snapshot, collected until the folder ends.
#[derive(Default)]
pub(super) struct GapLog {
    why: u8,
    names: Vec<Vec<u8>>,
    bytes: u64,
    /// There were more than a directory may name.
    overflowed: bool,
}

impl GapLog {
    /// Notes that `name` is missing; `why` has the bits of [`Gaps`].
    pub fn add(&mut self, name: Vec<u8>, why: u8) {
        self.why |= why;
        self.bytes += name.len() as u64;
        let is_full = self.names.len() as u64 >= limits::GAP_NAMES_COUNT || self.bytes > limits::GAP_NAMES;
        self.overflowed |= is_full;
        if self.overflowed {
            self.names = Vec::new();
        } else {
            self.names.push(name);
        }
    }

    /// The record for the folder's entry.
    pub fn into_gaps(mut self) -> Option<Gaps> {
        if self.why == 0 {
            return None;
        }
        if self.overflowed {
            return Some(unlisted(self.why));
        }
        self.names.sort_unstable();
        self.names.dedup();
        Some(Gaps { why: self.why, names: Some(self.names.into_iter().map(ByteString).collect()) })
    }
}

/// A folder whose omissions are unknown.
pub(super) fn unlisted(why: u8) -> Gaps {
    Gaps { why, names: None }
}

/// The options that omit things, as the manifest states them. Drops patterns that would fill the manifest; then only
/// names show the omissions.
pub(super) fn left_out(options: &BackupOptions) -> LeftOut {
    // The last patterns win.
    let patterns: Vec<String> = options.exclude.patterns.iter().chain(&options.exclude.always).cloned().collect();
    let bytes: u64 = patterns.iter().map(|pattern| pattern.len() as u64).sum();
    let caches = if options.exclude.caches { LEFT_OUT_CACHES } else { 0 };
    let file_systems = if options.one_file_system { LEFT_OUT_FILE_SYSTEMS } else { 0 };
    LeftOut {
        patterns: (bytes + 4 * patterns.len() as u64 <= limits::PATTERNS).then_some(patterns),
        ignore_file_name: options.exclude.ignore_file_name.clone(),
        options: Some(caches | file_systems),
    }
}

#[cfg(test)]
mod tests {
    use repo_format::entry::{GAP_OTHER, GAP_RULE};

    use super::*;

    #[test]
    fn what_is_missing_is_named_in_order() {
        assert_eq!(GapLog::default().into_gaps(), None);
        let mut log = GapLog::default();
        log.add(b"b".to_vec(), GAP_RULE);
        log.add(b"a".to_vec(), GAP_OTHER);
        let names = Some(vec![ByteString(b"a".to_vec()), ByteString(b"b".to_vec())]);
        assert_eq!(log.into_gaps(), Some(Gaps { why: GAP_RULE | GAP_OTHER, names }));
    }

    #[test]
    fn more_than_a_directory_may_name_is_not_named_at_all() {
        let mut log = GapLog::default();
        for n in 0..limits::GAP_NAMES_COUNT {
            log.add(n.to_string().into_bytes(), GAP_RULE);
        }
        log.add(b"one more".to_vec(), GAP_OTHER);
        assert_eq!(log.into_gaps(), Some(unlisted(GAP_RULE | GAP_OTHER)));
        let mut long = GapLog::default();
        (0..17u8).for_each(|n| long.add(vec![n + 1; 4096], GAP_RULE));
        assert_eq!(long.into_gaps(), Some(unlisted(GAP_RULE)));
    }
}
