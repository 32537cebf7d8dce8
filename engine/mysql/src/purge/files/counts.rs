//! Files that go and files that stay, counted and named.

use std::collections::BTreeMap;

use repo_format::cbor::ByteString;
use repo_format::node::{Problem, ProblemKind};

/// Problems that an outcome names.
const NAMED: usize = 1000;

/// Paths of files, and their sizes.
pub(in crate::purge) type FileSet = BTreeMap<Vec<u8>, u64>;

/// Old files: how many went, or would go, and how many stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Files that went, or would go.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Files that stay though their rows went, by reason. Files that keep their rows are counted as rows.
    pub left: BTreeMap<String, u64>,
}

impl FileCounts {
    /// Adds a file that went.
    pub(in crate::purge) fn went(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }

    /// Adds a file that stays.
    pub(in crate::purge) fn stays(&mut self, why: &str) {
        *self.left.entry(why.to_owned()).or_default() += 1;
    }

    /// Adds all of `other`.
    pub(in crate::purge) fn add(&mut self, other: &FileCounts) {
        self.files += other.files;
        self.bytes += other.bytes;
        for (why, files) in &other.left {
            *self.left.entry(why.clone()).or_default() += files;
        }
    }

    /// How many files stay.
    pub fn left_files(&self) -> u64 {
        self.left.values().sum()
    }
}

/// Files that stay, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileProblems {
    /// The first 1,000 of them: path below the folder, or the name that a row has, and why.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub count: u64,
}

impl FileProblems {
    /// Adds those of others.
    pub(in crate::purge) fn extend(&mut self, others: impl IntoIterator<Item = FileProblems>) {
        for other in others {
            self.count += other.count;
            let room = NAMED - self.problems.len();
            self.problems.extend(other.problems.into_iter().take(room));
        }
    }

    /// Adds one.
    pub(in crate::purge) fn add(&mut self, path: &[u8], why: &str) {
        self.count += 1;
        if self.problems.len() < NAMED {
            let path = ByteString(path.to_vec());
            self.problems.push(Problem { path, kind: ProblemKind::Changed, message: why.to_owned() });
        }
    }
}
