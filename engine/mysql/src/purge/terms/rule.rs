//! Which rows of each category are meant.

use super::category::Exception;
use super::cutoff::{Cutoff, Unset};

/// Which rows of each category are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is old.
    pub cutoff: Cutoff,
    /// What becomes of rows without a date.
    pub unset: Unset,
    /// Rows that stay in any case.
    pub exceptions: Vec<Exception>,
}
