//! The frame around each page.

use std::sync::Arc;

use super::super::door::{Role, Session};
use super::super::office::Overview;
use super::{Mark, words};
use crate::agent::Task;

/// The sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// The first page.
    Backup,
    /// Find and bring back.
    Find,
    /// Old rows out of the live database.
    Remove,
    /// The second copy, with its own keys.
    Supplemental,
    /// Tests, evidence, and answers for auditors.
    Proof,
    /// Schedule, notices, people.
    Settings,
}

impl Tab {
    /// In their order.
    const ALL: &[Tab] = &[Tab::Backup, Tab::Find, Tab::Remove, Tab::Supplemental, Tab::Proof, Tab::Settings];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Tab::Backup => "Backup",
            Tab::Find => "Find & restore",
            Tab::Remove => "Remove old data",
            Tab::Supplemental => "Supplemental backups",
            Tab::Proof => "Proof",
            Tab::Settings => "Settings",
        }
    }

    /// Where it is.
    pub fn href(self) -> &'static str {
        match self {
            Tab::Backup => "/",
            Tab::Find => "/find",
            Tab::Remove => "/remove",
            Tab::Supplemental => "/supplemental",
            Tab::Proof => "/proof",
            Tab::Settings => "/settings",
        }
    }

    /// Whether it stands apart, at the end.
    pub fn is_last(self) -> bool {
        self == Tab::Settings
    }
}

/// The frame around each page.
pub struct Frame {
    /// The section.
    pub tab: Tab,
    /// The name of the practice, and of the computer.
    pub practice: String,
    /// Whether everything is safe, in two words.
    pub pill: Mark,
    /// The person who looks.
    pub who: String,
    /// The things that they may do.
    pub role: Role,
    /// Stands in each form.
    pub token: String,
    /// Whether the agent is at work.
    pub is_working: bool,
    /// The version of this program.
    pub version: &'static str,
}

impl Frame {
    /// The frame of a page in `tab`.
    pub fn new(
        tab: Tab,
        session: &Arc<Session>,
        practice: String,
        overview: Option<&Overview>,
        busy: Option<Task>,
    ) -> Self {
        Frame {
            tab,
            practice,
            pill: words::pill(overview),
            who: session.person.name.clone(),
            role: session.person.role,
            token: session.token.to_string(),
            is_working: busy.is_some(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// All sections.
    pub fn tabs(&self) -> &'static [Tab] {
        Tab::ALL
    }

    /// Whether the person may back up and bring back.
    pub fn is_staff(&self) -> bool {
        self.role >= Role::Staff
    }

    /// Whether the person may remove and change.
    pub fn is_owner(&self) -> bool {
        self.role >= Role::Owner
    }
}
