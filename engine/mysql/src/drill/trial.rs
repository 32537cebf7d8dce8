//! The database of the snapshot, restored on trial.

use repo_format::database::ServerRecord;

use super::account::{Account, Step};
use super::tables::{Restored, examine_tables};
use super::{Afterwards, Run, programs};
use crate::database::{Address, Connection, Server, quote_name};
use crate::load::{Check, Definer, Events, Images, LoadOptions, References, SchemaChoice, load};
use crate::scratch::{ScratchOptions, ScratchServer};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::snapshots::saved::Database;
use engine_core::words::counted;

/// A byte of rows takes about so many in a server with its indexes.
const ROOM_FACTOR: u64 = 2;
/// The end of the names of schemas on a server that the user named. Schemas with it are of a drill that was killed.
const ENDING: &str = "__enamel_drill";
/// The longest name of a schema, in characters.
const NAME_MAX: usize = 64;
/// The lock that says that a drill uses a server.
const LOCK: &str = "enamel drill";

/// Restores the database `name` and examines it.
///
/// # Errors
/// As [`super::drill`].
pub(super) fn examine(run: &Run<'_>, name: &[u8], account: &mut Account) -> Result<()> {
    let database = Database::open(run.reader, &run.snapshot.manifest, Some(name))?;
    if let Some(address) = &run.options.into {
        return in_server(run, &database, name, address, account);
    }
    let mut scratch = None;
    account.step("server", run.monitor, |step| {
        let started = start(run, &database)?;
        describe(step, &database.server, started.server());
        scratch = Some(started);
        Ok(())
    })?;
    let Some(mut scratch) = scratch else { return Ok(()) };
    let room = scratch.room(run.monitor);
    let run = &Run { monitor: &room, ..*run };
    let trial = Trial { run, database: &database, name, ending: "", address: scratch.address() };
    match trial.examine(account) {
        Err(error) => Err(scratch.explained(room.explained(error))),
        // Differences that a full disk makes are none of the backup.
        Ok(()) => scratch.full().map_or(Ok(()), Err),
    }
}

fn start(run: &Run<'_>, database: &Database<'_>) -> Result<ScratchServer> {
    let mut bytes = 0u64;
    for schema in database.schema_names()? {
        let schema = database.schema(&schema)?;
        for table in schema.table_names()? {
            // A damaged record is a fault of the restore.
            bytes = bytes.saturating_add(schema.table(&table).map_or(0, |table| table.row_bytes()));
        }
    }
    let options = &run.options.scratch;
    let options = ScratchOptions { data_bytes: bytes.saturating_mul(ROOM_FACTOR), ..options.clone() };
    ScratchServer::start(&database.server, &options, run.monitor)
}

fn describe(step: &mut Step, record: &ServerRecord, used: &Server) {
    let saved = Server::of_record(record);
    step.text(used.in_place_of(&saved));
    if used.flavour != saved.flavour {
        step.note("the server is of another family than the one that was saved");
    }
}

/// Restores into schemas of its own of a server that the user named, and drops them.
fn in_server(
    run: &Run<'_>,
    database: &Database<'_>,
    name: &[u8],
    address: &Address,
    account: &mut Account,
) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let mut names = Vec::new();
    account.step("server", run.monitor, |step| {
        if connection.value(&format!("SELECT GET_LOCK('{LOCK}', 0)"))?.as_deref() != Some("1") {
            return Err(Error::new(ErrorKind::Conflict, "another drill is using this server"));
        }
        let version = connection.value("SELECT VERSION()")?.unwrap_or_default();
        describe(step, &database.server, &Server::from_version(&version));
        for left in schemas_of_drills(&mut connection)? {
            connection.run(&format!("DROP DATABASE {}", quote_name(&left)))?;
            run.monitor.note(&format!("dropped the schema `{left}`, which a drill had left that was killed"));
        }
        names = database.schema_names()?;
        let long = names.iter().find(|name| name.chars().count() + ENDING.len() > NAME_MAX);
        long.map_or(Ok(()), |name| {
            let message = format!("the name of the schema `{name}` is too long for a copy `{name}{ENDING}`");
            Err(Error::new(ErrorKind::Usage, message)
                .with_hint("Leave --into out: on a server of its own a drill keeps the names."))
        })
    })?;
    let trial = Trial { run, database, name, ending: ENDING, address: address.clone() };
    let examined = trial.examine(account);
    if run.options.afterwards == Afterwards::Keep {
        return examined;
    }
    let dropped = schemas_of_drills(&mut connection).and_then(|left| {
        left.iter().try_for_each(|left| connection.run(&format!("DROP DATABASE {}", quote_name(left))))
    });
    examined.and(dropped)
}

fn schemas_of_drills(connection: &mut Connection) -> Result<Vec<String>> {
    let all = connection.rows("SHOW DATABASES")?;
    let names = all.into_iter().filter_map(|row| crate::database::texts(row).into_iter().next().flatten());
    Ok(names.filter(|name| name.ends_with(ENDING)).collect())
}

/// A database that is restored on trial.
struct Trial<'t> {
    run: &'t Run<'t>,
    database: &'t Database<'t>,
    /// The name of its root.
    name: &'t [u8],
    /// Put behind the names of its schemas.
    ending: &'static str,
    address: Address,
}

impl Trial<'_> {
    fn examine(&self, account: &mut Account) -> Result<()> {
        let mut restored = Restored { ending: self.ending, tables: Vec::new() };
        account.step("restore", self.run.monitor, |step| {
            restored.tables = self.restore(step)?;
            Ok(())
        })?;
        let mut connection = Connection::open(&self.address)?;
        examine_tables(self.database, &restored, &mut connection, account, self.run.monitor)?;
        programs::examine(self.database, self.ending, &mut connection, account, self.run.monitor)
    }

    /// Restores, and compares every row.
    fn restore(&self, step: &mut Step) -> Result<Vec<crate::load::LoadedTable>> {
        let names = self.database.schema_names()?;
        let schemas = names.into_iter().map(|from| SchemaChoice { to: format!("{from}{}", self.ending), from });
        let options = LoadOptions {
            database: Some(self.name.to_vec()),
            schemas: schemas.collect(),
            check: Check::Digests,
            definer: Definer::Current,
            references: if self.ending.is_empty() { References::Keep } else { References::Leave },
            events: Events::Disabled,
            images: Images::Blank,
            ..LoadOptions::default()
        };
        let repository = self.run.reader.repository();
        let outcome = load(repository, self.run.snapshot, &self.address, &options, self.run.monitor)?;
        step.figure("tables", outcome.tables.len() as u64);
        step.figure("rows", outcome.rows);
        step.figure("bytes", outcome.bytes);
        step.figure("views, routines and triggers", outcome.objects);
        step.figure("segments compared", outcome.checked_segments);
        let source_lacks = |path: &str| {
            let is_it = |schema: &str, name: &str| path == format!("{schema}{}.{name}", self.ending);
            self.database.server.left_out.iter().any(|left_out| is_it(&left_out.schema, &left_out.name))
        };
        for problem in &outcome.problems {
            let path = String::from_utf8_lossy(&problem.path.0);
            let text = format!("{path}: {}", problem.message);
            if source_lacks(&path) { step.note(text) } else { step.fault(text) }
        }
        let more = outcome.problem_count.saturating_sub(outcome.problems.len() as u64);
        if more > 0 {
            step.fault(format!("{} from the snapshot", counted(more, "more difference")));
        }
        Ok(outcome.tables)
    }
}
