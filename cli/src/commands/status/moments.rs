//! The moments of databases that can be restored.

use engine::binlog::window::{self, Found, Restorable};
use engine::repository::Repository;
use engine::snapshots::status::Status;
use engine::{Error, Result};
use repo_format::id::LeaseId;
use repo_format::manifest::RootKind;
use serde::Serialize;

use crate::binlog::{GapMessage, WindowMessage, gap_message, gap_words, moment, span_words, window_message};
use crate::ui::{Ui, format};

/// The moments that can be restored, and databases of which only those of snapshots can.
pub(super) struct Moments {
    restorable: Vec<Restorable>,
    unreadable: Vec<(LeaseId, Error)>,
    /// Addresses of servers that no log is kept of.
    without: Vec<Vec<u8>>,
}

#[derive(Serialize)]
struct RestorableMessage {
    database: String,
    log_is_kept: bool,
    kept_until: Option<String>,
    age_seconds: Option<u64>,
    is_interrupted: bool,
    windows: Vec<WindowMessage>,
    gaps: Vec<GapMessage>,
    message: String,
}

#[derive(Serialize)]
struct UnreadableLog {
    id: String,
    message: String,
}

impl Moments {
    /// Reads what logs say: of all servers, or of those in the sources that are shown.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn read(repository: &Repository, status: &Status, all: bool) -> Result<Self> {
        let roots = status.sources.iter().flat_map(|source| &source.newest.manifest.roots);
        let mut shown: Vec<Vec<u8>> =
            roots.filter(|root| root.kind == RootKind::Database).map(|root| root.path.0.clone()).collect();
        shown.sort();
        shown.dedup();
        let Found { mut restorable, unreadable, .. } = window::read(repository)?;
        restorable.retain(|one| all || shown.contains(&one.address));
        shown.retain(|address| restorable.iter().all(|one| one.address != *address));
        Ok(Moments { restorable, unreadable, without: shown })
    }

    /// Whether every log can be read, and none has ended without a snapshot since. A server without a log is no fault.
    pub fn is_fine(&self) -> bool {
        self.unreadable.is_empty() && !self.restorable.iter().any(Restorable::is_interrupted)
    }

    /// Prints a sentence for each.
    pub fn print(&self, ui: &Ui) -> Result<()> {
        for one in self.restorable.iter().filter(|one| !ui.is_quiet() || one.is_interrupted()) {
            ui.prose(format_args!("{}: {}", format::path(&one.address), words(one)))?;
            let gaps = one.gaps.iter().filter(|gap| !ui.is_quiet() || gap.until.is_none());
            gaps.map(gap_words).try_for_each(|gap| ui.prose(gap))?;
        }
        for (id, error) in &self.unreadable {
            ui.prose(unreadable(*id, error))?;
        }
        if ui.is_quiet() {
            return Ok(());
        }
        self.without.iter().try_for_each(|address| ui.prose(format_args!("{}: {WITHOUT}", format::path(address))))
    }

    /// Prints a message for each.
    pub fn message(&self, ui: &Ui) -> Result<()> {
        for one in &self.restorable {
            let message = RestorableMessage {
                database: String::from_utf8_lossy(&one.address).into_owned(),
                log_is_kept: true,
                kept_until: Some(moment(one.kept_until)),
                age_seconds: age(one),
                is_interrupted: one.is_interrupted(),
                windows: one.windows.iter().map(window_message).collect(),
                gaps: one.gaps.iter().map(gap_message).collect(),
                message: words(one),
            };
            ui.message("restorable", message)?;
        }
        for address in &self.without {
            let message = RestorableMessage {
                database: String::from_utf8_lossy(address).into_owned(),
                log_is_kept: false,
                kept_until: None,
                age_seconds: None,
                is_interrupted: false,
                windows: Vec::new(),
                gaps: Vec::new(),
                message: WITHOUT.to_owned(),
            };
            ui.message("restorable", message)?;
        }
        self.unreadable.iter().try_for_each(|(id, error)| {
            ui.message("unreadable_log", UnreadableLog { id: id.to_string(), message: unreadable(*id, error) })
        })
    }
}

const WITHOUT: &str = "no binary log is kept: the moments of snapshots alone can be restored";

fn unreadable(id: LeaseId, error: &Error) -> String {
    format!("the log {} cannot be read, so no moment in it can be restored: {error}", format::short(id))
}

/// The age of what is kept, in seconds of this machine's clock.
fn age(one: &Restorable) -> Option<u64> {
    let now = engine::machine::now();
    let until = one.kept_until / 1_000_000 - one.clock_ahead / 1000;
    u64::try_from((now.seconds - until).max(0)).ok()
}

/// From when to when every moment can be restored, in a sentence.
fn words(one: &Restorable) -> String {
    let mut spans: Vec<_> = one.windows.iter().map(span_words).collect();
    let Some(last) = spans.pop() else {
        let until = crate::binlog::shown(one.kept_until);
        return format!(
            "the binary log is kept up to {until}, but no whole snapshot stands in it: the next backup begins what can be restored"
        );
    };
    let age = match age(one) {
        Some(seconds) if !one.is_interrupted() => format!(", {} ago", format::age(seconds)),
        _ => String::new(),
    };
    let before = if spans.is_empty() { String::new() } else { format!("{}, and ", spans.join(", ")) };
    format!("restorable to any moment {before}{last}{age}")
}
