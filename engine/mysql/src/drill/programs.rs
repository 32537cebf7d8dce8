//! Examines restored views and routines: the server must be able to use them.

use repo_format::database::{ObjectType, SchemaObject};

use super::account::Account;
use crate::database::{Connection, is_lost, quote_name, quote_text};
use engine_core::error::{Error, Result, chain};
use engine_core::monitor::Monitor;
use engine_core::snapshots::saved::Database;

/// Prepares a query of each view of `database`, and asks for the definition of each routine, trigger and event.
///
/// # Errors
/// If the server fails, or the monitor wishes to stop.
pub(super) fn examine(
    database: &Database<'_>,
    ending: &str,
    connection: &mut Connection,
    account: &mut Account,
    monitor: &dyn Monitor,
) -> Result<()> {
    account.step("views and routines", monitor, |step| {
        let mut objects = 0;
        for schema in database.schema_names()? {
            let there = format!("{schema}{ending}");
            for object in &database.schema(&schema)?.record.objects {
                if monitor.is_cancelled() {
                    return Err(Error::cancelled());
                }
                objects += 1;
                let Err(error) = connection.run(&trial(&there, object)) else { continue };
                if is_lost(&error) {
                    return Err(error);
                }
                let text = format!("{schema}.{}: {}", object.name, chain(&error));
                let left_out = &database.server.left_out;
                // The backup found it so on the live server.
                if left_out.iter().any(|left_out| left_out.schema == schema && left_out.name == object.name) {
                    step.note(text);
                } else {
                    step.fault(text);
                }
            }
        }
        step.figure("views, routines, triggers and events", objects);
        Ok(())
    })
}

/// A statement that fails if the server cannot use the object.
fn trial(schema: &str, object: &SchemaObject) -> String {
    let name = format!("{}.{}", quote_name(schema), quote_name(&object.name));
    let show = |what: &str| format!("SHOW CREATE {what} {name}");
    match object.kind {
        // Preparing compiles it, and reads no row.
        ObjectType::View => format!("PREPARE enamel_drill FROM {}", quote_text(&format!("SELECT * FROM {name}"))),
        ObjectType::Sequence => show("SEQUENCE"),
        ObjectType::Function => show("FUNCTION"),
        ObjectType::Procedure => show("PROCEDURE"),
        ObjectType::Package => show("PACKAGE"),
        ObjectType::PackageBody => show("PACKAGE BODY"),
        ObjectType::Trigger => show("TRIGGER"),
        ObjectType::Event => show("EVENT"),
    }
}
