//! Export: databases of a snapshot as a script of plain SQL, which the client of any server loads.
//!
//! ```text
//! settings; for each schema: sequences, tables, rows
//!           for each schema: routines; then views, empty ones first; then triggers, events; settings as they were
//! ```
//!
//! Views come after routines, which they may call, and after the views that they refer to, as far as these stand there empty. Triggers come
//! after rows, which must not set them off. What was not run on MySQL: a script of MySQL's definitions; all of it is by its documentation.

mod literal;
mod objects;
mod rows;
mod script;
mod selection;

use std::io::Write;

use repo_format::database::{LeftOut, ObjectType, SchemaObject, SchemaRecord, ServerRecord};

use crate::database::quote_name;
use crate::error::{Error, Result, chain};
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::saved::{Database, SavedTable, Schema, read_segment};
use crate::snapshots::Snapshot;

use rows::InsertWriter;
use script::Script;
use selection::{Selection, Tables};

/// What is exported.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Name of the database in the snapshot; not needed if it is the only one.
    pub database: Option<Vec<u8>>,
    /// Whole schemas. Without these and without tables: all.
    pub schemas: Vec<String>,
    /// Single tables: schema and name. Of other objects only their triggers go with them.
    pub tables: Vec<(String, String)>,
}

/// What became of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportOutcome {
    /// Schemas.
    pub schemas: u64,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Sequences, views, routines, triggers and events.
    pub objects: u64,
    /// What the snapshot lacks, as its backup has noted, and what is not in the script because the repository is damaged.
    pub left_out: Vec<LeftOut>,
}

/// Writes a script that makes what `options` name, to `out`. It makes schemas that are not there, and fails where a table is. Rows that
/// the repository has lost are left out, and named in the outcome and in the script.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the snapshot does not hold what was named; errors of `out`; records that are damaged.
pub fn export_sql(
    repository: &Repository,
    snapshot: &Snapshot,
    options: &ExportOptions,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<ExportOutcome> {
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &snapshot.manifest, options.database.as_deref())?;
    let selection = Selection::of(&database, options)?;
    monitor.begin(Phase::Restore, None);
    let mut export = Export {
        reader: &reader,
        server: &database.server,
        script: Script::new(out),
        outcome: ExportOutcome::default(),
        monitor,
    };
    export.begin(snapshot, &selection)?;
    for (schema, tables) in &selection.schemas {
        export.tables(schema, tables)?;
    }
    export.objects(&selection)?;
    export.script.end()?;
    monitor.end();
    Ok(export.outcome)
}

/// An export that goes on.
struct Export<'e> {
    reader: &'e ChunkReader<'e>,
    server: &'e ServerRecord,
    script: Script<'e>,
    outcome: ExportOutcome,
    monitor: &'e dyn Monitor,
}

impl Export<'_> {
    fn begin(&mut self, snapshot: &Snapshot, selection: &Selection<'_>) -> Result<()> {
        let ServerRecord { version, hostname, moment, .. } = self.server;
        self.script.comment(&format!("Snapshot {} of the server {hostname}, {version}", snapshot.id))?;
        self.script.comment(&format!("as it was {} seconds after 1970 began, by its own clock.", moment.seconds))?;
        self.script.comment("If a row is large: mariadb --max-allowed-packet=1G, and as much on the server.")?;
        for late in self.server.late.iter().filter(|late| selection.has(&late.schema, &late.table)) {
            let (schema, table) = (quote_name(&late.schema), quote_name(&late.table));
            self.script.comment(&format!("Later than that is {schema}.{table}: {}", late.why))?;
        }
        for left_out in self.server.left_out.iter().filter(|left_out| selection.has(&left_out.schema, &left_out.name)) {
            let (schema, name) = (quote_name(&left_out.schema), quote_name(&left_out.name));
            self.script.comment(&format!("Not there is the {} {schema}.{name}: {}", left_out.what, left_out.why))?;
            self.outcome.left_out.push(left_out.clone());
        }
        self.script.line("")?;
        self.script.begin()
    }

    /// Makes a schema with its sequences, tables and rows.
    fn tables(&mut self, schema: &Schema<'_>, tables: &Tables) -> Result<()> {
        let SchemaRecord { name, character_set, collation, .. } = &schema.record;
        let (name, defaults) = (quote_name(name), format!("CHARACTER SET {character_set} COLLATE {collation}"));
        self.script
            .line(&format!("\nCREATE DATABASE IF NOT EXISTS {name} /*!40100 DEFAULT {defaults} */;\nUSE {name};"))?;
        self.outcome.schemas += 1;
        for object in chosen(&schema.record, tables).filter(|object| object.kind == ObjectType::Sequence) {
            objects::sequence(object, &mut self.script)?;
            self.outcome.objects += 1;
        }
        for name in tables.names() {
            let table = schema.table(name)?;
            self.table(&schema.record, &table)?;
            self.monitor.advance(Work { items: 1, bytes: 0 });
        }
        Ok(())
    }

    fn table(&mut self, schema: &SchemaRecord, table: &SavedTable) -> Result<()> {
        self.script.line("")?;
        self.script.bytes(&table.record.create.0)?;
        self.script.line(";")?;
        let name = quote_name(&table.record.name);
        let has_lazy_keys = ["MyISAM", "Aria"].contains(&table.record.engine.as_str());
        if has_lazy_keys {
            self.script.guarded("!40000", &format!("ALTER TABLE {name} DISABLE KEYS"))?;
        }
        let mut writer = InsertWriter::new(&table.record);
        for segment in table.segments(self.reader)? {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let rows = segment.and_then(|segment| read_segment(self.reader, &segment));
            let written = rows.and_then(|rows| {
                self.monitor.advance(Work { items: 0, bytes: rows.len() as u64 });
                writer.write(&rows, &mut self.script)
            });
            match written {
                Ok(rows) => self.outcome.rows += rows,
                Err(error) if error.kind() == crate::ErrorKind::Damaged => {
                    writer.finish(&mut self.script)?;
                    self.lost(&schema.name, &table.record.name, &error)?;
                }
                Err(error) => return Err(error),
            }
        }
        writer.finish(&mut self.script)?;
        if has_lazy_keys {
            self.script.guarded("!40000", &format!("ALTER TABLE {name} ENABLE KEYS"))?;
        }
        self.outcome.tables += 1;
        Ok(())
    }

    /// Notes that rows are lost here.
    fn lost(&mut self, schema: &str, name: &str, error: &Error) -> Result<()> {
        let why = format!("rows are lost: {}", chain(error));
        self.script.comment(&format!("Here {why}"))?;
        self.monitor.problem(format!("{schema}.{name}").as_bytes(), &why);
        let (schema, name, what) = (schema.to_owned(), name.to_owned(), "table".to_owned());
        self.outcome.left_out.push(LeftOut { schema, name, what, why });
        Ok(())
    }

    /// Makes all else, when all tables are there.
    fn objects(&mut self, selection: &Selection<'_>) -> Result<()> {
        let flavour = self.server.flavour;
        self.each(selection, objects::is_routine, |export, schema, object| {
            export.outcome.objects += 1;
            objects::program(schema, object, flavour, &mut export.script)
        })?;
        self.each(
            selection,
            |kind| kind == ObjectType::View,
            |export, _, view| match objects::is_valid(view) {
                true => objects::placeholder(view, &mut export.script),
                false => Ok(()),
            },
        )?;
        self.each(
            selection,
            |kind| kind == ObjectType::View,
            |export, _, view| {
                export.outcome.objects += u64::from(objects::is_valid(view));
                objects::view(view, flavour, &mut export.script)
            },
        )?;
        self.each(
            selection,
            |kind| matches!(kind, ObjectType::Trigger | ObjectType::Event),
            |export, schema, object| {
                export.outcome.objects += 1;
                objects::program(schema, object, flavour, &mut export.script)
            },
        )
    }

    /// Calls `write` for the chosen objects of some kinds, each in its schema.
    fn each(
        &mut self,
        selection: &Selection<'_>,
        wanted: impl Fn(ObjectType) -> bool,
        write: impl Fn(&mut Self, &SchemaRecord, &SchemaObject) -> Result<()>,
    ) -> Result<()> {
        for (schema, tables) in &selection.schemas {
            let mut found = chosen(&schema.record, tables).filter(|object| wanted(object.kind)).peekable();
            if found.peek().is_some() {
                self.script.line(&format!("\nUSE {};", quote_name(&schema.record.name)))?;
            }
            found.try_for_each(|object| write(self, &schema.record, object))?;
        }
        Ok(())
    }
}

/// The objects of a schema that go with `tables`.
fn chosen<'s>(schema: &'s SchemaRecord, tables: &'s Tables) -> impl Iterator<Item = &'s SchemaObject> {
    schema.objects.iter().filter(move |object| match tables {
        Tables::All(_) => true,
        Tables::Some(names) => object.table.as_ref().is_some_and(|table| names.contains(table)),
    })
}
