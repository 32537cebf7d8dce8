//! The parts of a snapshot that supplemental backups copy.

use engine::copy::RootChoice;

use crate::settings::{Part, Supplemental};

/// The parts, for the copy and as a record names them. Both are empty for everything.
pub struct Parts {
    pub choice: Vec<RootChoice>,
    pub names: Vec<String>,
}

impl Parts {
    /// The parts that the settings name.
    pub fn of(settings: &Supplemental) -> Self {
        if settings.include.contains(&Part::Images) {
            return Parts { choice: Vec::new(), names: Vec::new() };
        }
        Parts { choice: vec![RootChoice::Databases], names: vec!["database".to_owned()] }
    }
}
