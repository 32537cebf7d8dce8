//! Words for what a purge removed.

use engine::binlog::keep::logs_between;
use engine::binlog::stored::StoredLog;
use engine::database::LogLife;
use engine::machine;
use engine::upkeep::receipt::{Purge, PurgedFiles, PurgedTable, ReceiptRecord};
use engine::upkeep::retention::Age;

use crate::binlog;
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

/// The logs of a repository that may have the rows of a receipt, as the server deleted them.
pub(super) fn logs_of<'l>(logs: &'l [StoredLog], record: &ReceiptRecord) -> Vec<&'l StoredLog> {
    let ended = record.ended.unwrap_or_else(|| machine::now().seconds);
    logs_between(logs, &record.server, record.started, ended)
}

/// Whether logs still have removed rows.
pub(super) fn kept_logs_sentence(logs: &[&StoredLog]) -> String {
    let until = logs.iter().map(|log| log.record.complete_until).max();
    match until {
        None => "no kept binary log has them".to_owned(),
        Some(until) => format!(
            "{} up to {} may have them, too, until `enamel forget --keep-log` lets them go",
            format::counted(logs.len() as u64, "kept binary log"),
            binlog::shown(until)
        ),
    }
}

/// How long the binary log of the server, and the logs that are kept of it, have the rows that were removed.
pub(super) fn log_sentences(server: Option<LogLife>, kept: Option<Age>) -> Vec<String> {
    let own = match server {
        None | Some(LogLife::Off) => return Vec::new(),
        Some(LogLife::Seconds(seconds)) => {
            format!("for {}", format::age(seconds))
        }
        Some(LogLife::UntilDeleted) => "until somebody deletes it".to_owned(),
    };
    let kept = match kept {
        Some(age) => format!("about {age} (keep-log)"),
        None => "as long as no rule says keep-log".to_owned(),
    };
    vec![
        format!("the server's binary log has them {own}"),
        format!("logs that backups keep of it have them, too: {kept}"),
    ]
}
