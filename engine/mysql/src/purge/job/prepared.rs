//! A category made ready: its tables, and the expressions that say which rows are meant.

use super::attached::Attached;
use super::member::{ChildMember, Member};
use crate::database::{error_code, is_lost, quote_name, quote_text};
use crate::purge::tables::{Place, Table, refused};
use crate::purge::terms::{Category, Condition, Rule, is_old};
use engine_core::error::{Error, ErrorKind, Result};

/// A category, ready to be worked on.
pub(in crate::purge) struct Job<'r> {
    pub category: Category,
    pub parent: Member<'r>,
    pub children: Vec<ChildMember<'r>>,
    /// Holds for rows that are old.
    pub is_old: String,
    /// A condition that must also hold for a row of the parent table to go. It is selected beside the row.
    pub condition: Option<String>,
    /// Place of the date among the values of a row.
    pub date_place: usize,
    /// The files that go with the rows, if they do.
    pub attached: Option<Attached<'r>>,
}

impl<'r> Job<'r> {
    /// Looks at all tables of `category`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if rows cannot be removed from one of them; the message says which and why. Else of the server and the
    /// repository.
    pub fn new(place: &mut Place<'_, 'r>, category: &Category, rule: &Rule) -> Result<Self> {
        let family: Vec<&str> = category.tables().collect();
        let parent = place.table(&category.table, &family)?;
        let date = parent.column(&category.date).ok_or_else(|| lacks(&parent, &category.date))?;
        let is_old = is_old(place.connection, rule.cutoff, rule.unset, date)
            .map_err(|e| e.context(format!("cannot remove rows of the table `{}`", parent.name)))?;
        let date_place = parent.place(&category.date).ok_or_else(|| lacks(&parent, &category.date))?;
        let condition = category.condition.as_deref();
        let column = |name: &str| parent.column(name);
        let condition = condition.map(|condition| Condition::to_sql(condition, &column)).transpose()?;
        let mut children = Vec::new();
        for child in category.all_children() {
            let table = place.table(&child.table, &family)?;
            let column = table.column(&child.column).ok_or_else(|| lacks(&table, &child.column))?.name.clone();
            let index = index_on(place, &table, &column)?;
            children.push(ChildMember {
                member: Member::new(table, rule)?,
                column: quote_name(&column),
                index: quote_name(&index),
            });
        }
        let attachments = category.attachments.as_ref();
        let attached = attachments.map(|attachments| Attached::new(place, attachments, &children)).transpose()?;
        let parent = Member::new(parent, rule)?;
        let job = Job { category: category.clone(), parent, children, is_old, condition, date_place, attached };
        job.check_leading(place)?;
        Ok(job)
    }

    /// Whether all tables have transactions: then rows of all of them go together, or none.
    pub fn is_transactional(&self) -> bool {
        self.tables().all(|table| table.transactional)
    }

    /// All tables, that of the parents first.
    pub fn tables(&self) -> impl Iterator<Item = &Table<'r>> {
        [&self.parent.table].into_iter().chain(self.children.iter().map(|child| &child.member.table))
    }

    /// The expressions that decide on a row of the parent table, before its values: whether it is old, whether the condition holds, the exceptions.
    pub fn leading(&self) -> String {
        let condition = self.condition.as_deref().unwrap_or("1");
        format!("({}), {condition}, {}", self.is_old, self.parent.leading())
    }

    /// Checks that the server knows every name in these expressions.
    fn check_leading(&self, place: &mut Place<'_, '_>) -> Result<()> {
        let parent = format!("{} LIMIT 0", self.parent.table.select(&self.leading()));
        place.connection.stream(&parent).map(drop).map_err(|e| {
            let what = format!("the condition of the category `{}` cannot be used", self.category.name);
            // A category is refused if the server rejects its condition. A lost connection says nothing of the category.
            let refused = !is_lost(&e) && error_code(&e).is_some();
            let e = if refused { e.with_kind(ErrorKind::Refused) } else { e };
            e.context(what)
        })?;
        self.children.iter().try_for_each(|child| {
            let sql = format!("{} FORCE INDEX ({}) LIMIT 0", child.member.table.select(""), child.index);
            place.connection.stream(&sql).map(drop)
        })
    }
}

fn lacks(table: &Table<'_>, column: &str) -> Error {
    refused(&table.name, &format!("has no column `{column}`"))
}

/// The index that begins with `column`. Without one the rows of each batch would be looked for in the whole table.
fn index_on(place: &mut Place<'_, '_>, table: &Table<'_>, column: &str) -> Result<String> {
    // No statement can be made to use an index that is hidden from all of them.
    let used = match place.server {
        server if server.is_mysql_from((8, 0, 0)) => " AND IS_VISIBLE = 'YES'",
        server if server.is_mariadb_from((10, 6, 0)) => " AND IGNORED = 'NO'",
        _ => "",
    };
    let sql = format!(
        "SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND COLUMN_NAME = {} \
         AND SEQ_IN_INDEX = 1 AND SUB_PART IS NULL AND INDEX_TYPE = 'BTREE' AND COMMENT <> 'disabled'{used} LIMIT 1",
        quote_text(&place.saved.schema.record.name),
        quote_text(&table.name),
        quote_text(column)
    );
    let index = place.connection.value(&sql)?;
    index.ok_or_else(|| refused(&table.name, &format!("has no index on `{column}` that is in use")))
}
