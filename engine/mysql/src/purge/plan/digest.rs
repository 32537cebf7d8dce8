//! The digest of a plan: what is run is what was read (FORMAT.md, section 6.4).

use repo_format::context;

use super::contents::Plan;
use crate::purge::terms::{Attachments, Category, Column, Unset};

impl Plan {
    /// A digest of everything that the plan says. It has no key: anyone can make one, so it is no seal.
    pub fn digest(&self) -> [u8; 32] {
        let mut fields = Fields(blake3::Hasher::new_derive_key(context::PURGE_PLAN_DIGEST));
        fields.text(&self.server);
        fields.text(&self.schema);
        fields.bytes(&self.snapshot.0);
        fields.text(&self.rule.cutoff.first_kept().to_string());
        fields.text(match self.rule.unset {
            Unset::Keep => "keep",
            Unset::Old => "old",
        });
        fields.number(self.rule.exceptions.len());
        for exception in &self.rule.exceptions {
            fields.text(&exception.column);
            fields.text(&exception.value);
        }
        fields.number(self.categories.len());
        self.categories.iter().for_each(|category| fields.category(category));
        *fields.0.finalize().as_bytes()
    }
}

/// Each field with its length before it: so no two plans look the same.
struct Fields(blake3::Hasher);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }

    fn category(&mut self, category: &Category) {
        self.text(&category.name);
        self.text(&category.table);
        self.text(&category.date);
        self.number(category.children.len());
        for child in &category.children {
            self.text(&child.table);
            self.text(&child.column);
        }
        self.number(usize::from(category.condition.is_some()));
        self.text(category.condition.as_deref().unwrap_or_default());
        self.number(usize::from(category.attachments.is_some()));
        if let Some(attachments) = &category.attachments {
            self.attachments(attachments);
        }
    }

    fn attachments(&mut self, attachments: &Attachments) {
        self.text(&attachments.rows.table);
        self.text(&attachments.rows.column);
        self.text(&attachments.file_name);
        self.text(&attachments.folder);
        self.text(&attachments.saved_folder);
        self.text(&attachments.sub_folder);
        self.number(attachments.unset.len());
        attachments.unset.iter().for_each(|column| self.text(column));
        self.columns(&attachments.named_by);
        self.columns(&attachments.rows_used_by);
        self.columns(&attachments.parents_used_by);
    }

    fn columns(&mut self, columns: &[Column]) {
        self.number(columns.len());
        for Column { table, column } in columns {
            self.text(table);
            self.text(column);
        }
    }
}

#[cfg(test)]
mod tests {
    use repo_format::id::LeaseId;

    use super::*;
    use crate::purge::{Child, Cutoff, Exception, Rule, Seal};

    fn plan() -> Plan {
        Plan {
            server: "s".to_owned(),
            schema: "practice".to_owned(),
            snapshot: LeaseId([1; 16]),
            rule: Rule {
                cutoff: Cutoff::before("2023-01-01".parse().unwrap()),
                unset: Unset::Keep,
                exceptions: vec![Exception { column: "PatNum".to_owned(), value: "42".to_owned() }],
            },
            categories: vec![Category {
                name: "log".to_owned(),
                table: "log".to_owned(),
                date: "at".to_owned(),
                children: vec![Child { table: "hash".to_owned(), column: "log".to_owned() }],
                attachments: None,
                condition: None,
                keep_years: None,
                note: None,
            }],
            seal: Seal::default(),
        }
    }

    #[test]
    fn whatever_decides_on_rows_is_in_the_digest() {
        let changes: [fn(&mut Plan); 10] = [
            |plan| plan.server.push('x'),
            |plan| plan.schema.push('x'),
            |plan| plan.snapshot = LeaseId([2; 16]),
            |plan| plan.rule.cutoff = Cutoff::before("2023-01-02".parse().unwrap()),
            |plan| plan.rule.unset = Unset::Old,
            |plan| plan.rule.exceptions.clear(),
            |plan| plan.rule.exceptions[0].value.push('0'),
            |plan| plan.categories[0].children.clear(),
            |plan| plan.categories[0].condition = Some(String::new()),
            |plan| plan.categories[0].date.push('x'),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = plan();
            change(&mut changed);
            assert_ne!(changed.digest(), plan().digest(), "change {at}");
        }
        assert_eq!(plan().digest(), plan().digest());
    }
}
