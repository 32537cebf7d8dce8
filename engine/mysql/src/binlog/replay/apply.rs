//! Statements of the log: what is left out, what surrounds the others, and whether they end as they did at the source.

use super::LeftOutKind;
use super::MixedTransactions;
use super::classify::{Part, Statement};
use super::group::{Before, Frame};
use super::outcome::Doubt;
use super::plain::PlainEvent;
use super::run::{Replay, Step, Stop};
use super::scope::LateWindow;
use crate::binlog::event::{Counter, LoadQuery, Query, QuerySettings};
use crate::database::{TableName, error_code, outline, quote_name};
use engine_core::error::Result;

/// Errors of a statement that was ended from outside: how far it had come, nothing says.
const FROM_OUTSIDE: [u16; 8] = [1053, 1205, 1213, 1317, 1907, 1927, 1969, 3024];
/// First words of statements that change the definition or all rows of the table that they name.
const OF_ONE_TABLE: [&str; 4] = ["ALTER", "TRUNCATE", "OPTIMIZE", "REPAIR"];

/// A statement, with all that is known of it.
struct Logged<'s> {
    event: &'s PlainEvent<'s>,
    query: &'s Query<'s>,
    settings: QuerySettings,
    statement: Statement<'s>,
    load: Option<&'s LoadQuery>,
}

impl Logged<'_> {
    /// How it begins, for messages.
    fn shown(&self) -> String {
        outline(&String::from_utf8_lossy(self.query.text))
    }

    fn schema(&self) -> String {
        String::from_utf8_lossy(self.query.schema).into_owned()
    }

    /// Whether it may be about a table.
    fn may_mean(&self, table: &TableName) -> bool {
        let is = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
        !self.statement.is_clear()
            || self.statement.mentions().any(|(schema, name)| {
                is(&name, table.table.as_bytes())
                    && is(schema.as_deref().unwrap_or(self.query.schema), table.schema.as_bytes())
            })
    }
}

impl Replay<'_> {
    /// Takes a statement; `load` if it loads a file.
    pub(super) fn statement(&mut self, event: &PlainEvent<'_>, query: &Query<'_>, load: Option<&LoadQuery>) -> Step {
        let settings = QuerySettings::read(query.settings)?;
        let statement = Statement::read(query.text, settings.sql_mode.unwrap_or_default());
        let logged = Logged { event, query, settings, statement, load };
        let is_transaction = self.group().frame != Frame::Single;
        match logged.statement.part {
            Part::Begin => {
                self.group().frame = Frame::Transaction;
                return Ok(());
            }
            Part::Commit if is_transaction => return self.end_group("COMMIT"),
            Part::Rollback if is_transaction => return self.end_group("ROLLBACK"),
            Part::Commit | Part::Rollback | Part::Nothing => {}
            Part::XaStart => {
                let xid = query.text.get("XA START ".len()..).unwrap_or_default();
                self.group().frame = Frame::Xa(String::from_utf8_lossy(xid).into_owned());
                return Ok(());
            }
            Part::XaEnd => {
                self.begin_at_target()?;
                self.group().is_xa_ended = true;
                return Ok(self.session().statement(query.text)?);
            }
            Part::XaDecide => self.decide(&logged)?,
            Part::Savepoint => {
                self.begin_at_target()?;
                return self.run(&logged);
            }
            Part::Accounts => self.outcome.leave_out(LeftOutKind::Accounts, first_words(&logged)),
            Part::Server => self.outcome.leave_out(LeftOutKind::Server, first_words(&logged)),
            Part::Schema | Part::Definition | Part::Rows => self.apply(&logged)?,
        }
        if let Some(load) = load {
            self.files.forget(load.file);
        }
        self.group().before = Before::default();
        self.end_single();
        Ok(())
    }

    /// Commits or rolls back an XA transaction that is prepared.
    fn decide(&mut self, logged: &Logged<'_>) -> Step {
        let text = logged.query.text;
        let Some(at) = self.prepared.iter().position(|prepared| text.ends_with(prepared.xid.as_bytes())) else {
            // No snapshot has the changes of a transaction that is only prepared.
            return if logged.statement.names(b"ROLLBACK") {
                Ok(())
            } else {
                Err(refused(
                    logged,
                    "the XA transaction was prepared before the snapshot, which does not have its changes",
                ))
            };
        };
        let result = self.prepared.remove(at).session.statement(text);
        self.group().is_applied = true;
        self.outcome.statements += 1;
        if self.is_rehearsal() { Ok(()) } else { as_expected(logged, result) }
    }

    fn apply(&mut self, logged: &Logged<'_>) -> Step {
        if let Some(schema) = self.other_schema(logged) {
            self.leave_out_schema(&schema);
            return Ok(());
        }
        if self.is_of_others(logged)? || self.is_in_base(logged)? || self.is_mixed(logged)? {
            return Ok(());
        }
        self.group().has_changes = true;
        self.note_zone(logged);
        if let Some(zone) = self.other_zone.as_ref().filter(|_| logged.settings.time_zone.as_deref() == Some("SYSTEM"))
        {
            let source = self.options.system_zone.as_deref().unwrap_or_default();
            let why =
                format!("it depends on the time zone of the server's machine, {source}, and this machine has {zone}");
            return Err(refused(logged, &why));
        }
        if FROM_OUTSIDE.contains(&logged.query.error) {
            return Err(refused(logged, "it was ended from outside, and nothing says how far it had come"));
        }
        if let Some((user, host)) = logged.statement.definer() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            self.definers.make(&text(&user), host.as_deref().map(text).as_deref())?;
        }
        self.make_current_schema(logged)?;
        self.begin_at_target()?;
        self.note_doubts(logged);
        self.run(logged)?;
        if logged.statement.part == Part::Schema {
            let made = logged.statement.schema().filter(|_| !logged.statement.is_drop());
            made.iter().for_each(|schema| self.scope.add_schema(schema));
            self.session().forget_schema();
        }
        Ok(())
    }

    /// The schema that the statement is of, if that is not replayed.
    fn other_schema(&self, logged: &Logged<'_>) -> Option<String> {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        if logged.statement.part == Part::Schema {
            // The log has a schema that is made now from its beginning.
            let name = logged.statement.schema()?;
            let is_other = logged.statement.is_drop() && !self.scope.has_schema(&name);
            return is_other.then(|| text(&name));
        }
        if let Some(schemas) = logged.settings.schemas.as_ref().filter(|schemas| !schemas.is_empty()) {
            let is_other = schemas.iter().all(|schema| !self.scope.has_schema(schema));
            return is_other.then(|| text(&schemas[0]));
        }
        let first = logged.statement.qualifiers().next();
        if first.as_deref().is_some_and(|first| first.eq_ignore_ascii_case(b"mysql")) {
            return Some("mysql".to_owned());
        }
        if self.scope.has_schema(logged.query.schema) && !logged.query.schema.is_empty() {
            return None;
        }
        let mut named = self.scope.named_schemas().peekable();
        let is_named = if named.peek().is_some() {
            named.any(|schema| logged.statement.names(schema))
        } else {
            logged.statement.qualifiers().any(|name| self.scope.has_schema(&name))
        };
        (!is_named && logged.statement.is_clear()).then(|| logged.schema())
    }

    /// Whether a statement is of no table that is asked for.
    fn is_of_others(&self, logged: &Logged<'_>) -> std::result::Result<bool, Stop> {
        let Some(only) = &self.options.only else { return Ok(false) };
        let is_whole =
            |schema: &[u8]| self.options.whole.iter().any(|whole| schema.eq_ignore_ascii_case(whole.as_bytes()));
        let is_of_others = match (logged.statement.part, logged.statement.schema()) {
            (Part::Schema, Some(schema)) => {
                !is_whole(&schema) && only.iter().all(|table| !table.schema.as_bytes().eq_ignore_ascii_case(&schema))
            }
            // Nothing says which rows a statement changes: triggers and functions may change any.
            (Part::Definition, _) => {
                logged.statement.is_clear()
                    && !is_whole(logged.query.schema)
                    && !logged.statement.qualifiers().any(|name| is_whole(&name))
                    && only.iter().all(|table| !logged.statement.names(table.table.as_bytes()))
            }
            _ => false,
        };
        if is_of_others { Ok(true) } else { Err(refused(logged, "it may concern the tables that are asked for")) }
    }

    /// Whether a statement is about a table that the base has as of a later time, so that it has been done there.
    fn is_in_base(&self, logged: &Logged<'_>) -> std::result::Result<bool, Stop> {
        if let Some(table) = self.options.kept.iter().find(|table| logged.may_mean(table)) {
            let why = format!(
                "{} is not as it was at the snapshot's moment, and this statement depends on it",
                table.shown()
            );
            return Err(refused(logged, &why));
        }
        let windows: Vec<&LateWindow> =
            self.scope.open_windows().filter(|window| logged.may_mean(&window.table)).collect();
        let Some(window) = windows.first() else { return Ok(false) };
        let first = first_words(logged);
        let is_of_one = OF_ONE_TABLE.iter().any(|word| first.starts_with(word)) && !logged.statement.names(b"RENAME");
        if windows.len() == 1 && is_of_one && !self.scope.has_reached(&window.before) {
            return Ok(true);
        }
        let why =
            format!("the snapshot read {} after its moment, and this statement changed it meanwhile", window.table);
        Err(refused(logged, &why))
    }

    /// Whether a statement of a transaction around the moment had changed a table without transactions before the moment, as statements do that
    /// are logged when their transaction ends.
    fn is_mixed(&mut self, logged: &Logged<'_>) -> std::result::Result<bool, Stop> {
        let began = i64::from(logged.event.header.timestamp);
        // A statement that is logged at once is the first of its group.
        if began > self.options.moment || self.group().frame == Frame::Single || !self.group().has_changes {
            return Ok(false);
        }
        let found = self.options.without_transactions.iter().find(|table| logged.may_mean(table)).cloned();
        match (found, self.options.mixed) {
            (None, _) => Ok(false),
            (Some(_), MixedTransactions::AssumeApplied) => Ok(true),
            (Some(table), MixedTransactions::Refuse) => {
                let why = format!(
                    "it changes {}, which has no transactions, and was logged when its transaction ended: nothing says whether the snapshot has \
                     it already",
                    table.shown()
                );
                Err(refused(logged, &why))
            }
        }
    }

    /// Makes the schema that a statement was given in, if only others of its schemas are replayed.
    fn make_current_schema(&mut self, logged: &Logged<'_>) -> Step {
        if logged.query.schema.is_empty()
            || logged.statement.part == Part::Schema
            || self.scope.has_schema(logged.query.schema)
        {
            return Ok(());
        }
        let name = quote_name(&logged.schema());
        Ok(self.definers.run(&format!("CREATE DATABASE IF NOT EXISTS {name}"))?)
    }

    /// Runs a statement as the session did that it came from, and compares how it ends.
    fn run(&mut self, logged: &Logged<'_>) -> Step {
        let before = std::mem::take(&mut self.group().before);
        self.outcome.statements += 1;
        if self.is_rehearsal() {
            return Ok(self.session().become_that_of(&logged.event.header, logged.query, &logged.settings)?);
        }
        let file = logged.load.map(|load| self.files.take(load.file)).transpose()?;
        let text = logged.load.map_or_else(|| Ok(logged.query.text.to_vec()), LoadQuery::local_text)?;
        let session = self.session();
        before.variables.iter().try_for_each(|variable| session.set_variable(variable))?;
        session.become_that_of(&logged.event.header, logged.query, &logged.settings)?;
        before.counters.iter().try_for_each(|counter| session.set_counter(*counter))?;
        before.seeds.map_or(Ok(()), |seeds| session.set_seeds(seeds))?;
        let result = match file {
            Some(file) => session.load(&text, file),
            None => session.statement(&text),
        };
        as_expected(logged, result)
    }

    /// Notes the time zone of a statement that is named.
    fn note_zone(&mut self, logged: &Logged<'_>) {
        let zone = logged.settings.time_zone.as_ref();
        self.outcome.zones.extend(zone.filter(|zone| *zone != "SYSTEM" && !zone.starts_with(['+', '-'])).cloned());
        self.outcome.converts_zones |= logged.statement.converts_zones();
    }

    fn note_doubts(&mut self, logged: &Logged<'_>) {
        let counts = self.group().before.counters.iter().any(|counter| matches!(counter, Counter::Next(_)));
        if counts && logged.statement.inserts_selected() {
            self.doubt(logged, "it inserts rows that it selects, and their order decides which numbers they get");
        }
        if let Some(why) = logged.statement.doubt() {
            self.doubt(logged, why);
        }
    }

    /// The table of the base that a name in a statement may mean.
    fn table_of(&self, logged: &Logged<'_>, (schema, table): (Option<Vec<u8>>, Vec<u8>)) -> Option<TableName> {
        let key = TableName::of_bytes(schema.as_deref().unwrap_or(logged.query.schema), &table);
        self.options.tables.contains(&key).then_some(key)
    }

    fn doubt(&mut self, logged: &Logged<'_>, why: &'static str) {
        self.outcome.doubt(Doubt { at: self.at.clone(), why, text: logged.shown() });
        let tables = logged.statement.mentions().filter_map(|mention| self.table_of(logged, mention));
        // An INSERT only reads the others.
        let count = if logged.statement.inserts() { 1 } else { usize::MAX };
        let tables: Vec<TableName> = tables.take(count).collect();
        for table in tables {
            self.outcome.doubtful.entry(table).or_insert(why);
        }
    }
}

/// Compares how a statement ended with how it did at the source.
fn as_expected(logged: &Logged<'_>, result: Result<()>) -> Step {
    match (logged.query.error, result) {
        (0, result) => Ok(result?),
        (expected, Ok(())) => {
            Err(refused(logged, &format!("at the source it ended with the error {expected}, and here it does not")))
        }
        (expected, Err(error)) if error_code(&error) == Some(expected) => Ok(()),
        (expected, Err(error)) => Err(Stop::Failed(
            error.context(format!("at the source it ended with the error {expected}, and here with another one")),
        )),
    }
}

fn refused(logged: &Logged<'_>, why: &str) -> Stop {
    Stop::Refused(format!("`{}`: {why}", logged.shown()))
}

/// The first words of a statement, without what they are about: it may be a password.
fn first_words(logged: &Logged<'_>) -> String {
    logged.statement.first_words()
}
