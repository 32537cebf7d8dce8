//! Words for what a purge removed.

use engine::upkeep::receipt::{Purge, PurgedFiles, PurgedTable};

use crate::ui::format;

/// A text of a repository on one line, without control characters that a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    format::path(text.as_bytes())
}

pub(super) fn state(purge: &Purge) -> &'static str {
    if purge.ended.is_some() { "ended" } else { "begun" }
}

pub(super) fn rows(tables: &[PurgedTable]) -> u64 {
    tables.iter().map(|table| table.rows).sum()
}

/// How many files, and how large they are.
pub(super) fn files_sentence(files: &PurgedFiles) -> String {
    let count = format::counted(files.files.len() as u64, "file");
    format!("{count} of {}", format::bytes(files.files.iter().map(|file| file.size).sum()))
}
