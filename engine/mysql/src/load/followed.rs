//! Work on loaded rows that is part of the load: the changes of a log, done again before anybody sees the rows.
//!
//! That work cannot be repeated on rows that it has changed. So the marker notes before it that it begins, and after it
//! that it is done.

use super::marker::Marker;
use super::run::{Run, SchemaRun};
use crate::database::{Connection, quote_name};
use engine_core::error::{Error, ErrorKind, Result};

/// Work of the caller, when all tables are filled and have their keys.
pub struct Followed<'f> {
    /// Its name in the marker, at most 200 bytes: the same work has the same name.
    pub name: String,
    /// The work.
    pub run: &'f (dyn Fn() -> Result<()> + Sync),
}

impl Followed<'_> {
    fn begun(&self) -> String {
        format!("begun {}", self.name)
    }

    fn done(&self) -> String {
        format!("done {}", self.name)
    }
}

/// Refuses to resume a load whose rows were changed by other work, or by a part of this.
///
/// # Errors
/// [`ErrorKind::Usage`] then.
pub fn check_resumed(followed: Option<&Followed<'_>>, marker: &Marker, schema: &str) -> Result<()> {
    let Some(found) = marker.followed() else { return Ok(()) };
    if followed.is_some_and(|followed| followed.done() == found) {
        return Ok(());
    }
    let message = format!(
        "schema {schema} holds an unfinished restore: it stopped after it had begun to do the log again, and that cannot be \
         resumed; remove it with: DROP DATABASE {}",
        quote_name(schema)
    );
    Err(Error::new(ErrorKind::Usage, message))
}

/// Whether an earlier run has done the work.
pub fn is_done(schema: &SchemaRun<'_>) -> bool {
    schema.marker.followed().is_some()
}

/// Does the work.
///
/// # Errors
/// If a table could not be loaded; those of the work.
pub fn follow(
    run: &Run<'_>,
    connection: &mut Connection,
    schemas: &[SchemaRun<'_>],
    followed: &Followed<'_>,
) -> Result<()> {
    if run.tally.problem_count() > 0 {
        let message = "the log is not done again: not everything that the snapshot has could be loaded";
        return Err(Error::new(ErrorKind::Database, message));
    }
    run.check()?;
    for schema in schemas {
        schema.marker.note_followed(connection, &followed.begun())?;
    }
    (followed.run)()?;
    for schema in schemas {
        schema.marker.note_followed(connection, &followed.done())?;
    }
    Ok(())
}
