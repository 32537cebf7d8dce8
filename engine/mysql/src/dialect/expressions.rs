//! Translates expressions in the definition of a table, which generated columns and keys contain, for another family.

use std::collections::BTreeSet;

use super::reading::{Changes, Reading};
use super::tokens::Kind;

/// The generated columns and expression keys that MariaDB refuses.
pub(super) fn refused_by_mariadb(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    for (at, token) in reading.tokens.iter().enumerate() {
        let item = reading.item(at);
        let name = reading.name(&item);
        if token.depth == 1
            && reading.is(at, "NOT")
            && reading.is(at + 1, "NULL")
            && reading.is_column(&item)
            && reading.has(&item, "GENERATED")
        {
            let both = token.at.start..reading.tokens[at + 1].at.end;
            changes.leave_out(
                both,
                format!("its column {name} may be NULL, as the server takes no NOT NULL of a generated column"),
            );
        } else if token.depth == 2 && token.kind == Kind::Open && reading.is_expression_of_key(at) {
            changes.replace(reading.bytes(&item), "");
            let missed = format!("its key {name} is not made: it is of an expression, and the server has no such keys");
            if changes.missed.last() != Some(&missed) {
                changes.missed.push(missed);
            }
        }
    }
    changes
}

/// The messages about columns that another family computes in its own way.
pub fn computed_otherwise(create: &[u8]) -> Vec<String> {
    let reading = Reading::of(create);
    let mut notes = BTreeSet::new();
    for (at, token) in
        reading.tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word && token.depth > 1)
    {
        let is_of_json = create[token.at.clone()].to_ascii_lowercase().starts_with(b"json_");
        let item = reading.item(at);
        if is_of_json && reading.is_column(&item) && reading.has(&item, "GENERATED") {
            let name = reading.name(&item);
            notes.insert(format!(
                "its column {name} is computed: of a key that is there twice the server may take the other value"
            ));
        }
    }
    notes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::edited;

    #[test]
    fn a_generated_column_may_be_null_and_keys_of_expressions_are_left_out_for_mariadb() {
        let create = "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `g` int GENERATED ALWAYS AS ((`a` + 1)) STORED NOT NULL,\n  PRIMARY KEY (`a`),\n  \
                      UNIQUE KEY `u` (((`a` + 0))),\n  KEY `k` (`g`,(lower(`a`))),\n  KEY `p` (`g`(3))\n) ENGINE=InnoDB";
        let Changes { edits, notes, missed, .. } = refused_by_mariadb(&Reading::of(create.as_bytes()));
        let expected = "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `g` int GENERATED ALWAYS AS ((`a` + 1)) STORED ,\n  PRIMARY KEY (`a`),\n  \
                        KEY `p` (`g`(3))\n) ENGINE=InnoDB";
        assert_eq!(String::from_utf8(edited(create.as_bytes(), &edits)).unwrap(), expected);
        assert_eq!((notes.len(), missed.len()), (1, 2), "{notes:?} {missed:?}");
    }

    #[test]
    fn columns_computed_of_documents_are_named() {
        let create = "CREATE TABLE `t` (`j` longtext CHECK (json_valid(`j`)), `x` int GENERATED ALWAYS AS (json_value(`j`,'$.a')) VIRTUAL, `y` int GENERATED ALWAYS AS (1) VIRTUAL)";
        let notes = computed_otherwise(create.as_bytes());
        assert!(notes.len() == 1 && notes[0].contains("`x`"), "{notes:?}");
    }
}
