//! Changes paths to images in restored rows: a copy must not point at the images of the practice at work.

use repo_format::database::TableRecord;

use super::options::Images;
use super::run::{Run, SchemaRun};
use crate::database::Connection;
use crate::profile;
use engine_core::error::{Result, chain};

/// Sets the paths of a schema that comes back under another name or on another server, before anybody can see it.
///
/// # Errors
/// If the connection is lost.
pub fn set(run: &Run<'_>, connection: &mut Connection, schema: &SchemaRun<'_>) -> Result<()> {
    let tables: Vec<TableRecord> = schema.plan.source.tables.iter().map(|table| table.record.clone()).collect();
    let known = profile::of_schema(&tables).or_else(|| profile::for_snapshot(run.source.server()));
    let identity = run.options.stands_for.as_ref().unwrap_or(&run.source.server().identity);
    let is_home = !schema.plan.is_renamed() && *identity == run.target.identity;
    let path = match &run.options.images {
        Images::Keep => return Ok(()),
        Images::Blank if is_home => return Ok(()),
        Images::Blank => None,
        Images::At(path) => Some(path.as_str()),
    };
    let Some(profile) = known else { return Ok(()) };
    let statements = profile::path_statements(profile, &schema.plan.staging, &tables, path);
    for statement in &statements {
        if let Err(error) = connection.run(statement) {
            if crate::database::is_lost(&error) {
                return Err(error);
            }
            let message = format!("a path may still lead to images that are in use: {}", chain(&error));
            run.tally.problem(&schema.plan.name, "paths to images", &message);
        }
    }
    if !statements.is_empty() {
        let now = path.map_or_else(|| "lead nowhere now".to_owned(), |path| format!("lead to {path} now"));
        run.monitor.note(&format!("schema `{}` is of {}: its paths to images {now}", schema.plan.name, profile.title));
    }
    Ok(())
}
