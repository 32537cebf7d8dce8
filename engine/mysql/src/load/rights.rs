//! Checks the rights of the loading account before anything is made, instead of failing object by object.

use repo_format::database::{ObjectType, SchemaRecord};

use super::options::{Definer, LoadOptions};
use super::plan::PlannedSchema;
use super::target::Target;
use crate::database::{Connection, Holding, Privileges, Purpose, Reach, Weight, missing};
use engine_core::error::Result;
use engine_core::monitor::Monitor;

/// Reports the rights that the account lacks for `planned`, as far as the server tells. The account may hold more, for
/// example by a grant to another host, so nothing is refused.
///
/// # Errors
/// If the server does not answer.
pub fn tell(
    connection: &mut Connection,
    target: &Target,
    planned: &[PlannedSchema<'_>],
    options: &LoadOptions,
    monitor: &dyn Monitor,
) -> Result<()> {
    // Tables alone may be all that the account has a right on.
    if !options.tables.is_empty() {
        return Ok(());
    }
    let privileges = Privileges::read(connection, &target.server)?;
    let account = connection.value("SELECT CURRENT_USER()")?.unwrap_or_default();
    for (purpose, swaps) in [(Purpose::Restore, false), (Purpose::Replace, true)] {
        let schemas = planned.iter().filter(|schema| schema.swaps == swaps);
        let holdings: Vec<_> = schemas.map(|schema| holding(schema, &account, options.definer)).collect();
        if holdings.is_empty() {
            continue;
        }
        let lacking = missing(&privileges, &target.server, purpose, &Reach::Schemas(holdings));
        for lacks in lacking.iter().filter(|lacks| lacks.weight != Weight::Useful) {
            monitor.note(&format!("the account lacks {} on {}: {}", lacks.right, lacks.on, lacks.consequence));
        }
    }
    Ok(())
}

/// The future contents of a schema.
fn holding(schema: &PlannedSchema<'_>, account: &str, definer: Definer) -> Holding {
    let record: &SchemaRecord = &schema.source.record;
    let has = |kinds: &[ObjectType]| record.objects.iter().any(|object| kinds.contains(&object.kind));
    let is_of_others = |definer: &String| definer != account;
    Holding {
        schema: schema.name.clone(),
        locked_tables: false,
        views: has(&[ObjectType::View]),
        routines: has(&[ObjectType::Function, ObjectType::Procedure, ObjectType::Package, ObjectType::PackageBody]),
        triggers: has(&[ObjectType::Trigger]),
        events: has(&[ObjectType::Event]),
        definers: definer != Definer::Current
            && record.objects.iter().filter_map(|object| object.definer.as_ref()).any(is_of_others),
    }
}
