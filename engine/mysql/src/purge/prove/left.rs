//! Rows that are old and stay.

use std::ops::AddAssign;

/// Rows that are old and stay, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftRows {
    /// They are not in the snapshot.
    pub not_saved: u64,
    /// They are in the snapshot with other values.
    pub changed: u64,
    /// Rows or files that belong to them are not in the snapshot as they are.
    pub children: u64,
    /// Something else needs them, or what belongs to them.
    pub used: u64,
    /// They, or rows that belong to them, have the highest number of their table, which must not be given again.
    pub highest: u64,
    /// They, or what belongs to them, are exceptions.
    pub spared: u64,
}

impl LeftRows {
    /// How many in all, apart from exceptions.
    pub fn total(&self) -> u64 {
        self.not_saved + self.changed + self.children + self.used + self.highest
    }
}

impl AddAssign for LeftRows {
    fn add_assign(&mut self, other: Self) {
        self.not_saved += other.not_saved;
        self.changed += other.changed;
        self.children += other.children;
        self.used += other.used;
        self.highest += other.highest;
        self.spared += other.spared;
    }
}
