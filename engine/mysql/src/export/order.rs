//! Decides the order in which views are made.
//!
//! A session that makes a view that refers to another acts for that view's definer, who may not exist on another
//! server. So a view is made before the views that it refers to, while these are still empty and belong to the user who
//! runs the script. But a view with a check option needs updatable views: it comes at the end, after those it refers
//! to.

use std::collections::BTreeSet;

use repo_format::database::{SchemaObject, SchemaRecord};

/// A view and its schema.
pub(super) type View<'s> = (&'s SchemaRecord, &'s SchemaObject);

/// `views` in the order in which they are to be made.
pub(super) fn in_order(views: Vec<View<'_>>) -> Vec<View<'_>> {
    const CHECKED: &[u8] = b"CHECK OPTION";
    let is_checked = |view: &View<'_>| view.1.create.0.windows(CHECKED.len()).any(|window| window == CHECKED);
    let (checked, free): (Vec<_>, Vec<_>) = views.into_iter().partition(is_checked);
    let mut ordered = before_what_they_mention(free);
    ordered.extend(before_what_they_mention(checked).into_iter().rev());
    ordered
}

/// `views`, each before those that its definition mentions, as far as that can be.
fn before_what_they_mention(views: Vec<View<'_>>) -> Vec<View<'_>> {
    let mut left: Vec<_> = views.into_iter().map(|view| (view, mentioned(&view.1.create.0))).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |at: &usize| {
            let name = plain(view_name(&left[*at]));
            !left.iter().enumerate().any(|(other, (_, names))| other != *at && names.contains(&name))
        };
        let next = (0..left.len()).find(is_free).unwrap_or(0);
        ordered.push(left.remove(next).0);
    }
    ordered
}

fn view_name<'s>(entry: &'s (View<'_>, BTreeSet<Vec<u8>>)) -> &'s [u8] {
    entry.0.1.name.as_bytes()
}

/// The names in backquotes. Column names among them can only change the order.
fn mentioned(create: &[u8]) -> BTreeSet<Vec<u8>> {
    create.split(|byte| *byte == b'`').skip(1).step_by(2).map(plain).collect()
}

/// A name without what is written otherwise in other character sets.
fn plain(name: &[u8]) -> Vec<u8> {
    name.iter().filter(|byte| byte.is_ascii() && **byte != b'`').copied().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::ObjectType;

    use super::*;

    pub fn view(name: &str, create: &[u8]) -> SchemaObject {
        SchemaObject {
            kind: ObjectType::View,
            name: name.to_owned(),
            create: ByteString(create.to_vec()),
            sql_mode: None,
            client_character_set: None,
            connection_collation: None,
            database_collation: None,
            definer: None,
            time_zone: None,
            table: None,
            next_value: None,
            cycles: None,
            status: None,
            columns: None,
        }
    }

    #[test]
    fn a_view_comes_before_what_it_mentions() {
        let objects = vec![
            view("ä_all", b"CREATE VIEW `\xe4_all` AS select `t`.`x` AS `x` from `t`"),
            view("b", b"CREATE VIEW `b` AS select 1 from `c` join `\xe4_all`"),
            view("c", b"CREATE VIEW `c` AS select 1 AS `1`"),
            view("d", b"CREATE VIEW `d` AS select 1 from `b`"),
        ];
        let schema = SchemaRecord {
            name: "s".to_owned(),
            character_set: String::new(),
            collation: String::new(),
            objects: objects.clone(),
            comment: None,
        };
        let views = objects.iter().map(|object| (&schema, object)).collect();
        let names: Vec<_> = before_what_they_mention(views).iter().map(|view| view.1.name.clone()).collect();
        assert_eq!(names, ["d", "b", "ä_all", "c"]);
    }

    #[test]
    fn views_that_mention_each_other_are_all_there() {
        let objects = [view("a", b"`a` `b`"), view("b", b"`b` `a`")];
        let schema = SchemaRecord {
            comment: None,
            name: String::new(),
            character_set: String::new(),
            collation: String::new(),
            objects: Vec::new(),
        };
        let views = objects.iter().map(|object| (&schema, object)).collect();
        assert_eq!(before_what_they_mention(views).len(), 2);
    }
}
