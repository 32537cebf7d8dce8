//! Makes sequences, views, routines, triggers and events, each under its original `sql_mode`, character sets and time
//! zone.

use repo_format::cbor::ByteString;
use repo_format::database::{ObjectType, SchemaObject, SchemaRecord};

use super::definer::with_current_definer;
use super::options::{Definer, Events, LoadOptions};
use super::pointing;
use super::renaming::Renaming;
use super::run::Run;
use super::session::MadeUnder;
use super::tally::count;
use crate::database::{Connection, quote_bytes, quote_name, quote_text};
use crate::dialect::{Quoting, Replaced, is_keyword, tokens, with_plain_literals};
use engine_core::error::{Error, ErrorKind, Result, chain};

/// The account that an object shall run as is not there.
const NO_SUCH_DEFINER: u16 = 1449;
/// An event's time has passed, and it is not made.
const EVENT_PASSED: [u16; 2] = [1544, 1588];

/// Objects that are made in a schema.
pub struct Objects<'r, 'o> {
    pub run: &'o Run<'r>,
    /// Where they are made.
    pub schema: &'o str,
    /// The schema they come from.
    pub record: &'o SchemaRecord,
    /// How.
    pub options: &'o LoadOptions,
    /// The names that schemas get.
    pub renaming: &'o Renaming,
}

/// The name of an object's kind in SQL.
pub fn type_name(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::Sequence => "SEQUENCE",
        ObjectType::View => "VIEW",
        ObjectType::Function => "FUNCTION",
        ObjectType::Procedure => "PROCEDURE",
        ObjectType::Package => "PACKAGE",
        ObjectType::PackageBody => "PACKAGE BODY",
        ObjectType::Trigger => "TRIGGER",
        ObjectType::Event => "EVENT",
    }
}

impl Objects<'_, '_> {
    /// Makes the sequences with their saved values. Replaces existing ones, which an earlier run has made.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn make_sequences(&self, connection: &mut Connection) -> Result<()> {
        for object in self.of(&[ObjectType::Sequence]) {
            let made = self.make_sequence(connection, &object);
            self.settle(&object, made)?;
        }
        Ok(())
    }

    fn make_sequence(&self, connection: &mut Connection, object: &SchemaObject) -> Result<()> {
        let name = format!("{}.{}", quote_name(self.schema), quote_name(&object.name));
        connection.run(&format!("DROP SEQUENCE IF EXISTS {name}"))?;
        connection.run(&format!("USE {}", quote_name(self.schema)))?;
        connection.run_bytes(&object.create.0)?;
        let Some(next) = object.next_value else { return Ok(()) };
        // The value was not handed out: it is the next.
        connection.run(&format!("SELECT SETVAL({name}, {next}, 0, {})", object.cycles.unwrap_or(0)))
    }

    /// Makes triggers, of the tables that `is_wanted` says.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn make_triggers(&self, connection: &mut Connection, is_wanted: &dyn Fn(&str) -> bool) -> Result<()> {
        let triggers = self.of(&[ObjectType::Trigger]).into_iter();
        for object in triggers.filter(|trigger| trigger.table.as_deref().is_some_and(is_wanted)) {
            let made = self.make(connection, &object);
            self.settle(&object, made)?;
        }
        Ok(())
    }

    /// Makes events; returns those that were made.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn make_events(&self, connection: &mut Connection) -> Result<Vec<SchemaObject>> {
        let mut all = Vec::new();
        for object in self.of(&[ObjectType::Event]) {
            let made = self.make(connection, &object);
            all.extend(self.settle(&object, made)?.then_some(object));
        }
        Ok(all)
    }

    /// The objects of some kinds, with definitions for this server. An object that would work on a schema outside is
    /// reported and omitted.
    fn of(&self, kinds: &[ObjectType]) -> Vec<SchemaObject> {
        let objects = self.record.objects.iter().filter(|object| kinds.contains(&object.kind));
        objects.filter_map(|object| self.fitted(object)).collect()
    }

    fn fitted(&self, object: &SchemaObject) -> Option<SchemaObject> {
        let quoting = Quoting::of(object.sql_mode.as_deref().unwrap_or_default());
        let schema = &self.record.name;
        let renamed = self.renaming.apply(schema, &object.create.0, quoting);
        if !renamed.pointing.is_empty() {
            let names = pointing::names(&renamed.pointing);
            self.problem(object, &format!("{names}: it is not made, unless references are kept"));
            return None;
        }
        if object.kind != ObjectType::View
            && self.renaming.is_copy(schema)
            && self.renaming.has_text(&object.create.0, quoting)
        {
            self.run.monitor.note(&format!(
                "{}.{}: a text in it holds the former name of a schema; SQL that it makes of such texts works on that schema",
                self.schema, object.name
            ));
        }
        let mut replaced = Replaced::new();
        let sql = self.run.target.collations.adapt_object(&renamed.sql, quoting, &mut replaced);
        for (from, to) in replaced {
            let name = format!("{}.{}", self.schema, object.name);
            self.run
                .monitor
                .note(&format!("{name}: the server does not know the collation {from}; {to} stands in its place"));
        }
        // The text of a program is in the character set of who made it, that of a view is not.
        let sql = match object.kind {
            ObjectType::View => with_plain_literals(&sql, &self.run.target.server, quoting),
            _ => sql,
        };
        Some(SchemaObject { create: ByteString(sql), ..object.clone() })
    }

    fn problem(&self, object: &SchemaObject, message: &str) {
        let what = type_name(object.kind).to_lowercase();
        self.run.tally.problem(self.schema, &object.name, &format!("{what}: {message}"));
    }

    /// Whether an object is made; names one that is not.
    fn settle(&self, object: &SchemaObject, made: Result<()>) -> Result<bool> {
        match made {
            Ok(()) => count(&self.run.tally.objects, 1),
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                self.problem(object, &chain(&error));
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes one object in the session that it was made in. The session is as before afterwards. It takes milliseconds, and a schema whose
    /// tables have been replaced shall not be without its objects: the wish to stop waits.
    fn make(&self, connection: &mut Connection, object: &SchemaObject) -> Result<()> {
        let schema = quote_name(self.schema);
        connection.run(&format!("USE {schema}"))?;
        // An earlier run that was interrupted may have made it.
        if object.kind != ObjectType::View {
            drop_object(connection, object.kind, &quote_name(&object.name))?;
        } else if self.has_view(connection, &object.name)? {
            connection.run(&format!("DROP VIEW {}", quote_name(&object.name)))?;
        }
        let collation = object.database_collation.as_deref().filter(|collation| *collation != self.record.collation);
        if let Some(collation) = collation {
            connection.run(&format!("ALTER DATABASE {schema} COLLATE {}", quote_name(collation)))?;
        }
        let made = self.make_in_session(connection, object);
        MadeUnder::default().set(connection, &self.run.target.server)?;
        if collation.is_some() {
            set_defaults(connection, self.schema, self.record)?;
        }
        made
    }

    fn has_view(&self, connection: &mut Connection, name: &str) -> Result<bool> {
        let sql = format!(
            "SELECT 1 FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote_text(self.schema),
            quote_text(name)
        );
        Ok(connection.value(&sql)?.is_some())
    }

    fn make_in_session(&self, connection: &mut Connection, object: &SchemaObject) -> Result<()> {
        let server = &self.run.target.server;
        let mut create = object.create.0.clone();
        let mut under = MadeUnder::default();
        if let Some(client) = object.client_character_set.as_deref() {
            under.client = client;
        }
        if !server.is_mariadb_from((10, 6, 2)) && std::str::from_utf8(&create).is_err() {
            // Only MariaDB from this version on takes statements in another character set from this program.
            create = in_utf8(connection, &create, under.client)?;
            under.client = "utf8mb4";
        }
        under.collation = object.connection_collation.as_deref().unwrap_or(under.collation);
        under.sql_mode = object.sql_mode.as_deref().unwrap_or(under.sql_mode);
        under.time_zone = object.time_zone.as_deref().unwrap_or(under.time_zone);
        if self.options.definer == Definer::Current {
            create = with_current_definer(&create);
        }
        if object.kind == ObjectType::Event && self.options.events == Events::Disabled {
            create = disabled(&create).ok_or_else(|| {
                Error::new(ErrorKind::Database, "its definition does not say whether it is enabled, so it is not made")
            })?;
        }
        under.set(connection, server)?;
        connection.run_bytes(&create)?;
        self.heed_warnings(connection, object)
    }

    fn heed_warnings(&self, connection: &mut Connection, object: &SchemaObject) -> Result<()> {
        if connection.warning_count() == 0 {
            return Ok(());
        }
        for row in connection.rows("SHOW WARNINGS")? {
            let mut texts = row.into_iter().map(|v| String::from_utf8_lossy(&v.unwrap_or_default()).into_owned());
            let (_, code, message) = (texts.next(), texts.next(), texts.next().unwrap_or_default());
            match code.and_then(|code| code.parse::<u16>().ok()) {
                Some(NO_SUCH_DEFINER) => self.run.monitor.note(&format!("{}.{}: {message}", self.schema, object.name)),
                Some(code) if EVENT_PASSED.contains(&code) => return Err(Error::new(ErrorKind::Database, message)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Makes the routines and views of several schemas, in any possible order: an object comes after those it refers to.
/// Returns those that were made.
///
/// # Errors
/// If the connection is lost.
pub fn make_routines_and_views(connection: &mut Connection, schemas: &[Objects<'_, '_>]) -> Result<Vec<SchemaObject>> {
    use ObjectType as T;
    const KINDS: [ObjectType; 5] = [T::Function, T::Procedure, T::Package, T::PackageBody, T::View];
    let mut all = Vec::new();
    let mut waiting: Vec<_> = schemas
        .iter()
        .flat_map(|objects| objects.of(&KINDS).into_iter().map(move |object| (objects, object)))
        .collect();
    loop {
        let mut failed = Vec::new();
        let before = waiting.len();
        for (objects, object) in waiting {
            match objects.make(connection, &object) {
                Ok(()) => {
                    count(&objects.run.tally.objects, 1);
                    all.push(object);
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => failed.push((objects, object, error)),
            }
        }
        if failed.len() == before || failed.is_empty() {
            failed.iter().for_each(|(objects, object, error)| objects.problem(object, &chain(error)));
            return Ok(all);
        }
        waiting = failed.into_iter().map(|(objects, object, _)| (objects, object)).collect();
    }
}

/// Sets the default character set and collation of `schema` to those of `record`.
///
/// # Errors
/// If the server refuses.
pub fn set_defaults(connection: &mut Connection, schema: &str, record: &SchemaRecord) -> Result<()> {
    // In quotes: `binary` is also a keyword, and MariaDB 10.5 takes it for that.
    let (set, collation) = (&record.character_set, quote_name(&record.collation));
    connection.run(&format!("ALTER DATABASE {} CHARACTER SET {set} COLLATE {collation}", quote_name(schema)))
}

/// Gives `schema` the comment of `record`, if the server has such.
///
/// # Errors
/// If the server refuses.
pub fn set_comment(run: &Run<'_>, connection: &mut Connection, schema: &str, record: &SchemaRecord) -> Result<()> {
    match &record.comment {
        None => Ok(()),
        Some(comment) if run.target.server.is_mariadb_from((10, 5, 0)) => {
            // Here stands a plain text and no expression; in the mode of a load's sessions a backslash escapes.
            let text = comment.replace('\\', "\\\\").replace('\'', "''");
            connection.run(&format!("ALTER DATABASE {} COMMENT '{text}'", quote_name(schema)))
        }
        Some(comment) => {
            run.monitor
                .note(&format!("the server keeps no comments of schemas: that of {} was: {comment}", record.name));
            Ok(())
        }
    }
}

/// Drops an object that is neither a view nor a sequence, if it is there; `name` is quoted.
///
/// # Errors
/// If the server refuses.
pub fn drop_object(connection: &mut Connection, kind: ObjectType, name: &str) -> Result<()> {
    let sql = format!("DROP {} IF EXISTS {name}", type_name(kind));
    if !matches!(kind, ObjectType::Package | ObjectType::PackageBody) {
        return connection.run(&sql);
    }
    // In any other mode packages are no SQL.
    connection.run("SET SESSION sql_mode='ORACLE'")?;
    let dropped = connection.run(&sql);
    connection.run(&format!("SET SESSION sql_mode={}", quote_text(MadeUnder::default().sql_mode)))?;
    dropped
}

/// Whether nothing more can be made.
fn is_fatal(error: &Error) -> bool {
    error.kind() != ErrorKind::Database || crate::database::is_lost(error)
}

/// The definition of an event, disabled; `None` when it does not say whether it is enabled.
fn disabled(create: &[u8]) -> Option<Vec<u8>> {
    let at = find_state(create)?;
    let rest = &create[at..];
    let end = at + state_len(rest)?;
    Some([&create[..at], b"DISABLE", &create[end..]].concat())
}

/// `ENABLE`, `DISABLE`, or `DISABLE ON SLAVE` (`REPLICA`).
fn state_len(rest: &[u8]) -> Option<usize> {
    const STATES: [&[u8]; 4] = [b"DISABLE ON SLAVE", b"DISABLE ON REPLICA", b"DISABLE", b"ENABLE"];
    STATES.iter().find(|state| rest.starts_with(state)).map(|state| state.len())
}

/// Where an event's state stands: after `ON COMPLETION PRESERVE` or `NOT PRESERVE`, before its comment and body. The body may be in another
/// character set, so only what stands before is read.
fn find_state(create: &[u8]) -> Option<usize> {
    const BEFORE: &[u8] = b" PRESERVE ";
    let starts = create.windows(BEFORE.len()).enumerate().filter(|(_, window)| *window == BEFORE);
    starts.map(|(at, _)| at + BEFORE.len()).find(|at| {
        let head = tokens(&create[..*at]);
        let is_outside =
            head.is_some_and(|tokens| tokens.last().is_some_and(|last| is_keyword(create, last, "PRESERVE")));
        is_outside && state_len(&create[*at..]).is_some()
    })
}

/// A definition that is in the character set `client`, as UTF-8.
fn in_utf8(connection: &mut Connection, create: &[u8], client: &str) -> Result<Vec<u8>> {
    let sql = format!("SELECT CONVERT(_{client} {} USING utf8mb4)", quote_bytes(create));
    let row = connection.rows(&sql)?.into_iter().next();
    row.and_then(|row| row.into_iter().next().flatten())
        .ok_or_else(|| Error::new(ErrorKind::Database, format!("the server does not read the character set {client}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_disabled_in_their_definition() {
        let of = |create: &[u8]| disabled(create).map(|sql| String::from_utf8_lossy(&sql).into_owned());
        assert_eq!(
            of(b"CREATE EVENT `x PRESERVE ENABLE` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE DO SELECT ' PRESERVE ENABLE \xff'")
                .unwrap(),
            "CREATE EVENT `x PRESERVE ENABLE` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE DISABLE DO SELECT ' PRESERVE ENABLE \u{fffd}'"
        );
        assert!(
            of(b"CREATE EVENT e ON COMPLETION PRESERVE DISABLE ON SLAVE DO SELECT 1")
                .unwrap()
                .contains("PRESERVE DISABLE DO")
        );
        assert_eq!(of(b"CREATE EVENT e DO SELECT 1"), None);
    }
}
