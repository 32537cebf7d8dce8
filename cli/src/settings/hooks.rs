//! Commands that run after a backup, as the section `[hooks]` names them.

use std::time::Duration;

use serde::Deserialize;

use crate::duration::parse_duration;

/// Long enough for a mail or a ping; what takes longer should not be forgotten while it hangs.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The commands, in the section `[hooks]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hooks {
    /// Run after each backup that made a snapshot.
    pub after: Option<String>,
    /// Run after each backup that made none.
    pub on_failure: Option<String>,
    /// A command that runs for longer is ended.
    pub time_limit: Option<String>,
}

impl Hooks {
    /// How long a command may run.
    ///
    /// # Errors
    /// A sentence, if the setting is no duration.
    pub fn time_limit(&self) -> Result<Duration, String> {
        self.time_limit.as_ref().map_or(Ok(TIME_LIMIT), |text| parse_duration(text))
    }
}
