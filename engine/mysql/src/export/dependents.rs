//! Omits objects from a script that depend on omitted ones.

use std::collections::BTreeSet;

use repo_format::database::{LeftOut, ObjectType, SchemaObject};

use super::selection::Selection;
use crate::database::TableName;
use crate::dialect::{Kind, Token, is_keyword, tokens, unquote};

/// Removes views and triggers from `selection` that need `missing` objects (schemas and names), or one another; returns
/// them.
pub(super) fn leave_out_dependents(selection: &mut Selection<'_>, mut missing: BTreeSet<TableName>) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    loop {
        let before = left_out.len();
        for (schema, _) in &mut selection.schemas {
            let name = schema.record.name.clone();
            schema.record.objects.retain(|object| {
                let Some(needed) = needs(&name, object, &missing) else { return true };
                let what = if object.kind == ObjectType::View { "view" } else { "trigger" };
                let why = format!("{needed}, which it needs, is not in it");
                let (schema, name, what) = (name.clone(), object.name.clone(), what.to_owned());
                left_out.push(LeftOut { schema, name, what, why });
                false
            });
        }
        if left_out.len() == before {
            return left_out;
        }
        let views = left_out[before..].iter().filter(|left_out| left_out.what == "view");
        missing.extend(views.map(|view| TableName::new(&view.schema, &view.name)));
    }
}

/// The objects in `missing` that an object of `schema` needs.
fn needs(schema: &str, object: &SchemaObject, missing: &BTreeSet<TableName>) -> Option<TableName> {
    match object.kind {
        ObjectType::Trigger => {
            let table = TableName::new(schema, object.table.clone()?);
            missing.contains(&table).then_some(table)
        }
        ObjectType::View => {
            let create = &object.create.0;
            let tokens = tokens(create)?;
            (0..tokens.len())
                .find_map(|at| table_at(create, &tokens, at, schema).filter(|table| missing.contains(table)))
        }
        _ => None,
    }
}

/// The table or view that is named at `at`: behind what comes before tables, and not before a dot.
fn table_at(create: &[u8], tokens: &[Token], at: usize, schema: &str) -> Option<TableName> {
    let text = |at: usize| tokens.get(at).map(|token| &create[token.at.clone()]);
    let name = |at: usize| String::from_utf8_lossy(&unquote(text(at).unwrap_or_default())).into_owned();
    let before = at.checked_sub(1).and_then(|before| tokens.get(before))?;
    let comes_before_tables = matches!(before.kind, Kind::Open | Kind::Comma)
        || ["FROM", "JOIN", "STRAIGHT_JOIN"].iter().any(|word| is_keyword(create, before, word));
    if tokens[at].kind != Kind::Name || !comes_before_tables {
        return None;
    }
    match text(at + 1) {
        // A column has its table, and maybe a schema, before it.
        Some(b".") if text(at + 3) != Some(b".") => Some(TableName::new(name(at), name(at + 2))),
        Some(b".") => None,
        _ => Some(TableName::new(schema, name(at))),
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;

    use super::*;

    #[test]
    fn a_view_needs_its_tables_and_no_columns() {
        let missing: BTreeSet<_> = [TableName::new("s", "gone")].into();
        let view = |create: &str| SchemaObject {
            create: ByteString(create.as_bytes().to_vec()),
            ..crate::export::order::tests::view("v", b"")
        };
        let needs = |create: &str| needs("s", &view(create), &missing).is_some();
        assert!(needs("CREATE VIEW `v` AS select `g`.`a` AS `a` from (`t` join `gone` `g`)"));
        assert!(needs("CREATE VIEW `v` AS select `s`.`gone`.`a` AS `a` from `s`.`gone`"));
        assert!(!needs(
            "CREATE VIEW `v` AS select `t`.`gone` AS `gone` from `t` where `t`.`gone` in (select `t`.`gone` from `t`)"
        ));
        assert!(!needs("CREATE VIEW `v` AS select 'from `gone`' AS `x` from `other`.`gone`"));
    }
}
