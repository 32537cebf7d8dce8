//! Checks that the target enforces and the source did not of every row: a row that breaks one is kept, and the check is not enforced.

use super::run::Run;
use super::table::TableLoad;
use crate::database::{Connection, is_lost};
use engine_core::error::{Result, chain};

/// Enforces the checks of a loaded table. A check that rows break stays as it is, and is named. An earlier run may have done it: then
/// nothing changes.
///
/// # Errors
/// If the connection is lost, or the user wishes to stop.
pub fn enforce_checks(run: &Run<'_>, connection: &mut Connection, table: &TableLoad<'_>) -> Result<()> {
    let (schema, name) = table.name();
    let parts: Vec<String> = table.checks().iter().map(|check| check.enforcing(name)).collect();
    if parts.is_empty() {
        return Ok(());
    }
    run.check()?;
    // Each statement may read the whole table: if all goes well there is one.
    match connection.run(&format!("ALTER TABLE {} {}", table.quoted_name(), parts.join(", "))) {
        Err(error) if is_lost(&error) => return Err(error),
        Err(_) => {}
        Ok(()) => return Ok(()),
    }
    for (check, part) in table.checks().iter().zip(parts) {
        run.check()?;
        match connection.run(&format!("ALTER TABLE {} {part}", table.quoted_name())) {
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => {
                let (check, why) = (check.name(name), chain(&error));
                run.tally.problem(
                    schema,
                    name,
                    &format!("its rows are there, but its check {check} is not enforced: {why}"),
                );
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
