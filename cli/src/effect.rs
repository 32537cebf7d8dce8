//! Whether a command changes something, or only says what it would change.

/// The effect of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does what it says.
    Real,
    /// It says what it would do, and changes nothing.
    DryRun,
}

impl Effect {
    /// The effect of a command with or without `--dry-run`.
    pub fn of(dry_run: bool) -> Self {
        if dry_run { Effect::DryRun } else { Effect::Real }
    }

    /// Whether it changes nothing.
    pub fn is_dry(self) -> bool {
        self == Effect::DryRun
    }
}
