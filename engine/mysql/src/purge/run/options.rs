//! How a plan is carried out.

use crate::purge::pace::PaceOptions;
use crate::purge::terms::Category;

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The user who does it.
    pub operator: String,
    /// The machine.
    pub host: String,
    /// Program and version.
    pub program: String,
    /// Why it is done.
    pub reason: Option<String>,
    /// When, and how fast.
    pub pace: PaceOptions,
    /// Rebuild the tables afterwards, so that their space is free.
    pub reclaim: bool,
    /// The categories that there are today: a plan whose categories are others is refused.
    pub categories: Vec<Category>,
}
