//! Load: the database of a snapshot into a server.
//!
//! ```text
//!  plan       which schemas and tables, under which names; nothing that is there is in the way
//!  schemas    made, marked as being loaded; sequences
//!  tables     over several connections, the largest first:   store -> pack -> chunk -> segments -> LOAD DATA
//!             made with their primary keys, filled, other keys built at once
//!  then       checks, foreign keys; digests, if asked for; work of the caller on the rows; paths to images
//!  swap       what was loaded beside a schema takes its place
//!  objects    routines and views, triggers, events; accounts, if asked for
//! ```
//!
//! Objects that the server refuses are reported, and everything else is loaded. An interrupted load resumes when it is
//! run again: a marker in each schema notes what is complete.

mod accounts;
mod batch;
mod briefly;
mod building;
mod check;
mod definer;
mod definition;
mod enforcing;
mod filling;
mod firing;
mod followed;
mod grants;
mod insert;
mod kept;
mod login;
mod marker;
mod objects;
mod options;
mod paths;
mod plan;
mod pointing;
mod purged;
mod renaming;
mod rights;
mod rows;
mod run;
mod session;
mod source;
mod swap;
mod table;
mod table_definition;
mod table_work;
mod tally;
mod target;
mod warnings;
mod workers;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::database::{Address, Connection, attended, quote_name};
use crate::dialect::said_of_collation;
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::Snapshot;

use building::Building;
pub use followed::Followed;
use marker::{Marker, Step};
use objects::Objects;
pub use options::{
    Accounts, Binlog, Check, Definer, Events, Existing, Images, LoadOptions, LoadOutcome, LoadedTable, References,
    SchemaChoice,
};
use plan::PlannedSchema;
pub use purged::{PurgedChoice, PurgedOptions, RestoredTable, restore_purged};
use run::{Run, SchemaRun};
use source::Source;
use table::TableLoad;
use tally::Tally;
use target::Target;

/// Connections at the same time, at most: more than a server has cores for does not help.
const JOBS_MAX: usize = 16;

/// Loads the part of the database in `snapshot` that `options` name into the server at `address`.
///
/// It never touches a schema with contents, unless that should be replaced; then the former contents are kept under
/// another name. Differences from the snapshot are problems in the outcome; everything else is loaded.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the snapshot has no such database, schema or table; [`ErrorKind::NotEmpty`] if something
/// is in the way; [`ErrorKind::Database`] if the server cannot be reached or is full; if the repository cannot be read;
/// if the monitor wishes to stop. Another run resumes.
pub fn load(
    repository: &Repository,
    snapshot: &Snapshot,
    address: &Address,
    options: &LoadOptions,
    monitor: &dyn Monitor,
) -> Result<LoadOutcome> {
    load_followed(&Wanted { repository, snapshot, options, followed: None }, address, monitor)
}

/// A database that is wanted on a server.
pub struct Wanted<'w> {
    /// Where it is saved.
    pub repository: &'w Repository,
    /// As of when.
    pub snapshot: &'w Snapshot,
    /// Which part, and how.
    pub options: &'w LoadOptions,
    /// Work on its rows that is part of the load.
    pub followed: Option<&'w Followed<'w>>,
}

/// Loads `wanted` as [`load`] does, with work of the caller on the rows once all are there.
///
/// # Errors
/// As [`load`]; [`ErrorKind::Usage`] if an earlier load stopped while that work was going on.
pub fn load_followed(wanted: &Wanted<'_>, address: &Address, monitor: &dyn Monitor) -> Result<LoadOutcome> {
    attended(address, monitor, |address| load_attended(wanted, address, monitor))
}

fn load_attended(wanted: &Wanted<'_>, address: &Address, monitor: &dyn Monitor) -> Result<LoadOutcome> {
    let Wanted { repository, snapshot, options, followed } = *wanted;
    let report = repository.sync_catalog(monitor)?;
    for (segment, error) in report.damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    let reader = ChunkReader::new(repository);
    let mut source = Source::open(&reader, snapshot, options)?;
    let mut asking = Connection::open(address)?;
    let target = Target::read(&mut asking)?;
    for schema in &mut source.schemas {
        let replaced = target.collations.adapt_record(&mut schema.record);
        let said = replaced.iter().map(|(from, to)| said_of_collation(from, to));
        said.for_each(|said| monitor.note(&format!("{}: {said}", schema.record.name)));
    }
    let mut planned = plan::plan(&source.schemas, options, &target)?;
    plan::look(&mut asking, &mut planned, options.existing, &snapshot.id.to_string())?;
    rights::tell(&mut asking, &target, &planned, options, monitor)?;
    drop(asking);
    let (renaming, loading) = plan::renamings(&source, &planned, options, &target)?;
    let tally = Tally::new(monitor);
    let run = Run {
        source: &source,
        target: &target,
        renaming: &renaming,
        loading: &loading,
        address,
        options,
        followed,
        tally: &tally,
        monitor,
        building: Building::default(),
        jobs: options.jobs.unwrap_or_else(cores).clamp(1, JOBS_MAX),
        stop: AtomicBool::new(false),
        says_inserting: AtomicBool::new(false),
        says_shortcomings: AtomicBool::new(false),
    };
    if options.dry_run {
        return Ok(LoadOutcome { tables: planned_tables(&source, &planned)?, ..LoadOutcome::default() });
    }
    say_that_case_matters(&planned, &run);
    let bytes = source.schemas.iter().flat_map(|schema| &schema.tables).map(|table| table.bytes).sum();
    let items = source.schemas.iter().map(|schema| schema.tables.len() as u64).sum();
    monitor.begin(Phase::Load, Some(Work { items, bytes }));
    let result = carry_out(&run, &planned, &snapshot.id.to_string());
    monitor.end();
    let (tables, former) = result?;
    Ok(LoadOutcome { tables, former, ..tally.into_outcome() })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// The tables of a dry run.
fn planned_tables(source: &Source<'_>, planned: &[PlannedSchema<'_>]) -> Result<Vec<LoadedTable>> {
    let mut tables = Vec::new();
    for schema in planned {
        for table in &schema.source.tables {
            let mut rows = 0;
            for segment in source.segments(table)? {
                rows += segment?.rows;
            }
            let (name, bytes) = (table.record.name.clone(), table.bytes);
            tables.push(LoadedTable { schema: schema.name.clone(), table: name, rows, bytes });
        }
    }
    Ok(tables)
}

fn carry_out<'r>(
    run: &Run<'r>,
    planned: &'r [PlannedSchema<'r>],
    snapshot: &str,
) -> Result<(Vec<LoadedTable>, Vec<SchemaChoice>)> {
    let mut connection = run.connect()?;
    let mut schemas = Vec::with_capacity(planned.len());
    for plan in planned {
        schemas.push(begin_schema(run, &mut connection, plan, snapshot)?);
    }
    let tables = load_schemas(run, &mut connection, &schemas)?;
    let mut former = Vec::new();
    for schema in &schemas {
        if schema.plan.swaps {
            let kept = put_in_place(run, &mut connection, schema, &former)?;
            former.push(kept);
        }
    }
    make_objects(run, &mut connection, &schemas)?;
    if run.options.accounts == Accounts::Make {
        accounts::make(run, &mut connection)?;
    }
    for schema in &schemas {
        say_what_the_snapshot_lacks(run, schema);
        end_schema(run, &mut connection, schema)?;
    }
    Ok((tables, former))
}

/// Makes the schema that is loaded into, marks it, and makes its sequences.
fn begin_schema<'r>(
    run: &Run<'r>,
    connection: &mut Connection,
    plan: &'r PlannedSchema<'r>,
    snapshot: &str,
) -> Result<SchemaRun<'r>> {
    if !plan.exists {
        connection.run(&format!("CREATE DATABASE {}", quote_name(&plan.staging)))?;
    }
    objects::set_defaults(connection, &plan.staging, &plan.source.record)?;
    objects::set_comment(run, connection, &plan.staging, &plan.source.record)?;
    let marker = Marker::open(connection, &plan.staging, snapshot)?;
    for (table, error) in &plan.source.lost {
        run.tally.problem(&plan.name, table, &format!("it is lost in the repository: {}", chain(error)));
    }
    followed::check_resumed(run.followed, &marker, &plan.staging)?;
    let schema = SchemaRun { plan, marker, has_failures: AtomicBool::new(false) };
    if plan.is_whole && !swap::has_begun(&schema) {
        objects_of(run, &schema, &plan.staging).make_sequences(connection)?;
    }
    Ok(schema)
}

fn objects_of<'r, 'o>(run: &'o Run<'r>, schema: &'o SchemaRun<'r>, name: &'o str) -> Objects<'r, 'o> {
    Objects { run, schema: name, record: &schema.plan.source.record, options: run.options, renaming: run.renaming }
}

/// Fills all tables, then adds foreign keys, checks, and sets the paths to images.
fn load_schemas<'r>(run: &Run<'r>, connection: &mut Connection, schemas: &[SchemaRun<'r>]) -> Result<Vec<LoadedTable>> {
    let mut tables = Vec::new();
    for schema in schemas.iter().filter(|schema| !swap::has_begun(schema)) {
        tables.extend(schema.plan.source.tables.iter().map(|table| TableLoad::new(run, schema, table)));
    }
    tables.retain(|table| !table.is_left_out(run));
    workers::load_tables(run, &tables)?;
    run.monitor.end();
    run.monitor.begin(Phase::Keys, Some(Work { items: tables.len() as u64, bytes: 0 }));
    for table in &tables {
        enforcing::enforce_checks(run, connection, table)?;
        add_foreign_keys(run, connection, table)?;
        run.monitor.advance(Work { items: 1, bytes: 0 });
    }
    let is_followed = schemas.iter().any(followed::is_done);
    if run.options.check == Check::Digests && !is_followed {
        compare(run, connection, &tables)?;
    }
    if let Some(followed) = run.followed.filter(|_| !is_followed) {
        followed::follow(run, connection, schemas, followed)?;
    }
    for schema in schemas.iter().filter(|schema| !swap::has_begun(schema)) {
        paths::set(run, connection, schema)?;
    }
    let loaded = |table: &TableLoad<'_>| {
        let (schema, name) = table.name();
        LoadedTable { schema: schema.to_owned(), table: name.to_owned(), rows: table.rows(), bytes: table.bytes() }
    };
    Ok(tables.iter().filter(|table| !table.has_failed()).map(loaded).collect())
}

/// Reads all tables again, and compares them with the snapshot.
fn compare(run: &Run<'_>, connection: &mut Connection, tables: &[TableLoad<'_>]) -> Result<()> {
    let tables: Vec<_> = tables.iter().filter(|table| !table.has_failed()).collect();
    let bytes = tables.iter().map(|table| table.bytes()).sum();
    run.monitor.end();
    run.monitor.begin(Phase::Compare, Some(Work { items: tables.len() as u64, bytes }));
    for table in tables {
        check::check(run, connection, table)?;
        run.monitor.advance(Work { items: 1, bytes: 0 });
    }
    Ok(())
}

fn add_foreign_keys(run: &Run<'_>, connection: &mut Connection, table: &TableLoad<'_>) -> Result<()> {
    let Some(statement) = table.foreign_keys() else { return Ok(()) };
    run.check()?;
    let (schema, name) = table.name();
    connection.run(&format!("USE {}", quote_name(&table.schema().plan.staging)))?;
    match connection.run_bytes(statement) {
        Err(error) if crate::database::is_lost(&error) => Err(error),
        Err(error) => {
            run.tally.problem(schema, name, &format!("its foreign keys are not made: {}", chain(&error)));
            Ok(())
        }
        Ok(()) => table.schema().marker.note(connection, Step::ForeignKeys, name, "made"),
    }
}

/// Swaps, if everything is as it was.
fn put_in_place(
    run: &Run<'_>,
    connection: &mut Connection,
    schema: &SchemaRun<'_>,
    former: &[SchemaChoice],
) -> Result<SchemaChoice> {
    let plan = schema.plan;
    if run.tally.problem_count() > 0 && !swap::has_begun(schema) {
        let message = format!(
            "schema `{}` is as it was: the data in `{}` differs from the saved data, and does not replace it",
            plan.name, plan.staging
        );
        return Err(Error::new(ErrorKind::Database, message));
    }
    run.check()?;
    swap::swap(run, connection, schema, former)
}

/// Makes everything but tables. Views may refer to other schemas, so this covers all schemas at once.
fn make_objects(run: &Run<'_>, connection: &mut Connection, schemas: &[SchemaRun<'_>]) -> Result<()> {
    let of = |schema| objects_of(run, schema, &schema.plan.name);
    let whole: Vec<Objects<'_, '_>> = schemas.iter().filter(|schema| schema.plan.is_whole).map(of).collect();
    objects::make_routines_and_views(connection, &whole)?;
    for schema in schemas {
        of(schema).make_triggers(connection, &|table| schema.plan.has(table))?;
    }
    whole.iter().try_for_each(|objects| objects.make_events(connection).map(drop))
}

/// Reports what the backup could not save, and notes tables of a later moment. Objects that were not saved do not
/// prevent replacing a schema: all its former contents are kept.
fn say_what_the_snapshot_lacks(run: &Run<'_>, schema: &SchemaRun<'_>) {
    let record = &schema.plan.source.record;
    let server = run.source.server();
    let is_wanted = |of: &str, name: &str| of == record.name && schema.plan.has(name);
    for left_out in server.left_out.iter().filter(|left_out| is_wanted(&left_out.schema, &left_out.name)) {
        // The definition of a view that was not valid is there, and was tried.
        if !record.objects.iter().any(|object| object.name == left_out.name) {
            let message = format!("{}: the snapshot does not have it: {}", left_out.what, left_out.why);
            run.tally.problem(&schema.plan.name, &left_out.name, &message);
        }
    }
    for late in server.late.iter().filter(|late| is_wanted(&late.schema, &late.table)) {
        run.monitor
            .note(&format!("{}.{} is of a later moment than others: {}", schema.plan.name, late.table, late.why));
    }
}

/// Notes that names which were the same at the source are not here.
fn say_that_case_matters(planned: &[PlannedSchema<'_>], run: &Run<'_>) {
    let has_programs = planned.iter().any(|schema| schema.is_whole && !schema.source.record.objects.is_empty());
    if has_programs && run.renaming.folds && !run.target.folds_names {
        run.monitor.note(
            "the server that was saved took names of tables for the same whatever their case (lower_case_table_names), and this one does \
             not: routines, triggers and events that write a name otherwise than its table has it fail when they run",
        );
    }
}

/// Drops the marker, unless there are tables to try again. A schema that was loaded beside another is empty then, and
/// is dropped, too.
fn end_schema(run: &Run<'_>, connection: &mut Connection, schema: &SchemaRun<'_>) -> Result<()> {
    if schema.has_failures.load(Ordering::Relaxed) {
        run.monitor.note(&format!(
            "in schema `{0}` some tables are not loaded: the same command tries these again, as long as the table `{0}`.`{1}` is there",
            schema.plan.name,
            marker::MARKER
        ));
        return Ok(());
    }
    schema.marker.remove(connection)?;
    if schema.plan.swaps {
        let staging = &schema.plan.staging;
        match marker::Contents::read(connection, staging)? {
            Some(contents) if contents.is_empty() => {
                connection.run(&format!("DROP DATABASE {}", quote_name(staging)))?;
            }
            Some(contents) => run.monitor.note(&format!("schema `{staging}` stays, as it has {}", contents.named())),
            None => {}
        }
    }
    Ok(())
}
