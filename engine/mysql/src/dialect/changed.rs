//! Counts the values that a server holds differently.

/// The number of changed values of each column, by the columns' places in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed(Vec<u64>);

impl Changed {
    /// Adds those of other rows.
    pub fn add(&mut self, other: &Changed) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The numbers, in order of the columns.
    pub(super) fn counts(&self) -> impl Iterator<Item = &u64> {
        self.0.iter()
    }

    /// Counts one of the column at `place`.
    pub(super) fn count(&mut self, place: usize) {
        self.0.resize(self.0.len().max(place + 1), 0);
        self.0[place] += 1;
    }
}
