//! First and last date of rows.

/// First and last date of some rows, as they are encoded: so they are in order as texts are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dates(Option<(String, String)>);

impl Dates {
    /// The first and the last; `None` if there are no rows.
    pub fn range(&self) -> Option<(&str, &str)> {
        self.0.as_ref().map(|(first, last)| (first.as_str(), last.as_str()))
    }

    /// One more row.
    pub(in crate::purge) fn add(&mut self, date: &str) {
        match &mut self.0 {
            None => self.0 = Some((date.to_owned(), date.to_owned())),
            Some((first, _)) if date < first.as_str() => date.clone_into(first),
            Some((_, last)) if date > last.as_str() => date.clone_into(last),
            Some(_) => {}
        }
    }

    /// More rows.
    pub(in crate::purge) fn join(&mut self, other: &Dates) {
        if let Some((first, last)) = other.range() {
            self.add(first);
            self.add(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_of_all_rows_are_kept_in_whatever_order_they_come() {
        let mut some = Dates::default();
        assert_eq!(some.range(), None);
        ["2019-05-01", "2018-01-01", "2020-01-01", "2019-01-01"].iter().for_each(|date| some.add(date));
        let mut all = Dates::default();
        all.add("2017-01-01");
        all.join(&some);
        all.join(&Dates::default());
        assert_eq!(
            (some.range(), all.range()),
            (Some(("2018-01-01", "2020-01-01")), Some(("2017-01-01", "2020-01-01")))
        );
    }
}
