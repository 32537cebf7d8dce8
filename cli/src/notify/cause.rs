//! Reasons to tell somebody.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schedule::Job;

/// A reason to tell somebody. Earlier ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Cause {
    /// A job found damage.
    Damage(Job),
    /// Snapshots need data that is lost.
    Lost,
    /// Snapshots look as if their source had been attacked, and nobody has answered.
    Held,
    /// No backup was made for so much of the time in which people work.
    Nothing,
    /// The repository cannot be opened, so nothing is done at all.
    Closed,
    /// A job fails again and again.
    Failed(Job),
    /// A removal that was ordered for the night has failed, and nobody has seen that.
    RemovalFailed,
    /// One has not begun, and nobody has seen that.
    RemovalNotBegun,
    /// No trial has brought a backup back for weeks.
    Untried,
    /// Backups are made, and something is left out.
    LeftOut,
}

/// A cause that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Since when.
    pub since: Timestamp,
    /// Tries that failed, hours without a backup, days without a trial, snapshots that lost data or look like after an
    /// attack, or things that are left out.
    pub count: u64,
    /// The status that the job or removal ended with.
    pub exit: Option<i32>,
    /// Marks of the things that are left out, which say only whether they are the same.
    pub items: BTreeSet<u64>,
}

impl Cause {
    /// All.
    pub fn all() -> impl Iterator<Item = Cause> {
        let of_jobs = |cause: fn(Job) -> Cause| Job::ALL.into_iter().map(cause);
        let rest = [
            Cause::Lost,
            Cause::Held,
            Cause::Nothing,
            Cause::Closed,
            Cause::RemovalFailed,
            Cause::RemovalNotBegun,
            Cause::Untried,
            Cause::LeftOut,
        ];
        of_jobs(Cause::Damage).chain(of_jobs(Cause::Failed)).chain(rest)
    }

    /// Whether nothing is in danger while it stays for some days.
    pub fn is_warning(self) -> bool {
        matches!(self, Cause::RemovalFailed | Cause::RemovalNotBegun | Cause::Untried | Cause::LeftOut)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Damage(job) => write!(f, "damage-{}", job.name()),
            Cause::Lost => f.write_str("lost"),
            Cause::Held => f.write_str("held"),
            Cause::Nothing => f.write_str("nothing"),
            Cause::Closed => f.write_str("closed"),
            Cause::Failed(job) => write!(f, "failed-{}", job.name()),
            Cause::RemovalFailed => f.write_str("removal-failed"),
            Cause::RemovalNotBegun => f.write_str("removal-not-begun"),
            Cause::Untried => f.write_str("untried"),
            Cause::LeftOut => f.write_str("left-out"),
        }
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.to_string()
    }
}

impl TryFrom<String> for Cause {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = Cause::all().find(|cause| cause.to_string() == name);
        found.ok_or_else(|| format!("there is no cause `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_comes_back_from_its_name() {
        let names: BTreeSet<String> = Cause::all().map(String::from).collect();
        assert_eq!(names.len(), Cause::all().count());
        assert!(Cause::all().all(|cause| Cause::try_from(cause.to_string()) == Ok(cause)));
        assert!(Cause::try_from("other".to_owned()).is_err());
    }
}
