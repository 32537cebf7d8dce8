//! Which rows of each category are meant.

use super::category::Exception;
use super::cutoff::{Cutoff, Unset};

/// Which rows of each category are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Rows before it are old.
    pub cutoff: Cutoff,
    /// How rows without a date are treated.
    pub unset: Unset,
    /// Rows that stay in any case.
    pub exceptions: Vec<Exception>,
}
