//! Checks before rows are looked at.

use jiff::civil::Date;

use super::contents::Plan;
use crate::database::{Connection, Privileges, Purpose, Reach, Server, Weight, missing};
use crate::purge::tables::Place;
use crate::purge::terms::{Category, Rule, server_day};
use engine_core::error::{Error, ErrorKind, Result};

/// Checks that the cut-off does not lie in the future. Gives the server's day.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is. If the server does not answer.
pub(in crate::purge) fn check_cutoff(connection: &mut Connection, rule: &Rule) -> Result<Date> {
    let today = server_day(connection)?;
    if rule.cutoff.first_kept() > today {
        let message = format!("the cut-off lies in the future: at the server it is {today}");
        Err(Error::new(ErrorKind::Usage, message).with_hint("Name an earlier day with --before or --through."))
    } else {
        Ok(today)
    }
}

/// Checks the rights of the account first: without a right, triggers and other objects would seem to be absent.
pub(in crate::purge) fn check_rights(
    connection: &mut Connection,
    server: &Server,
    purpose: Purpose,
    schema: &str,
) -> Result<()> {
    let privileges = Privileges::read(connection, server)?;
    let lacks = missing(&privileges, server, purpose, &Reach::unknown(&[schema.to_owned()]));
    let needed: Vec<String> = lacks
        .iter()
        .filter(|right| right.weight == Weight::Needed)
        .map(|lacking| format!("{} ({})", lacking.right, lacking.consequence))
        .collect();
    if needed.is_empty() {
        Ok(())
    } else {
        let message = format!("the account lacks rights on `{schema}`: {}", needed.join("; "));
        Err(Error::new(ErrorKind::PermissionDenied, message))
    }
}

/// Checks that no table is in two categories, as two rules would judge it, and that one category has files, as a receipt holds one folder.
pub(in crate::purge) fn check_names(categories: &[Category]) -> Result<()> {
    if categories.iter().filter(|category| category.attachments.is_some()).count() > 1 {
        return Err(Error::new(ErrorKind::Usage, "files can go with the rows of one category only"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for name in categories.iter().flat_map(Category::tables) {
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::new(ErrorKind::Usage, format!("two categories are about the table `{name}`")));
        }
        seen.push(name);
    }
    Ok(())
}

/// Checks that some table has the column of each exception: otherwise the exception would spare nothing.
pub(in crate::purge) fn check_exceptions(place: &Place<'_, '_>, plan: &Plan) -> Result<()> {
    for exception in &plan.rule.exceptions {
        let knows = |name: &str| -> Result<bool> {
            let table = place.tables.iter().find(|info| info.name.eq_ignore_ascii_case(name));
            let Some(table) = table else { return Ok(false) };
            let saved = place.saved.schema.table(&table.name)?;
            Ok(saved.record.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&exception.column)))
        };
        let mut known = false;
        for name in plan.categories.iter().flat_map(Category::tables) {
            known |= knows(name)?;
        }
        if !known && !plan.categories.is_empty() {
            let message = format!("no table of the plan has the column `{}` of an exception", exception.column);
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}
