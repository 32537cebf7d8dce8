//! Export: databases of a snapshot as a script of plain SQL, which the client of any server loads.
//!
//! ```text
//! settings; for each schema: sequences, tables, rows
//!           for each schema: routines; then views, empty ones first; then triggers, events; settings as they were
//! ```
//!
//! Views come after routines, which they may call, and while the views that they refer to stand there, empty. Triggers come after rows, which must not set them off. What was not run on MySQL: a script of MySQL's definitions; all of it is by its documentation.

mod literal;
mod objects;
mod order;
mod rows;
mod script;
mod selection;

use std::borrow::Cow;
use std::io::Write;

use repo_format::database::{LeftOut, ObjectType, SchemaObject, SchemaRecord, ServerRecord, TableRecord};

use crate::database::{holds_rows, quote_name};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::saved::{Database, SavedTable, Schema, read_segment};
use crate::snapshots::Snapshot;

use order::in_order;
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
/// [`ErrorKind::NotFound`] if the snapshot does not hold what was named; errors of `out`; records that are damaged.
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
        let SchemaRecord { name, character_set, collation, comment, .. } = &schema.record;
        let (name, defaults) = (quote_name(name), format!("CHARACTER SET {character_set} COLLATE {collation}"));
        // Only MariaDB has comments of schemas.
        let comment = comment.as_ref().map(|text| {
            // In the script's mode a backslash escapes.
            format!(" /*M!100507 COMMENT '{}' */", text.replace('\\', "\\\\").replace('\'', "''"))
        });
        let comment = comment.unwrap_or_default();
        let create = format!("CREATE DATABASE IF NOT EXISTS {name} /*!40100 DEFAULT {defaults} */{comment}");
        self.script.line(&format!("\n{create};\nUSE {name};"))?;
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
        self.script.bytes(&without_counter(&table.record))?;
        self.script.line(";")?;
        self.outcome.tables += 1;
        if !holds_rows(&table.record.engine) {
            return Ok(());
        }
        let name = quote_name(&table.record.name);
        let has_lazy_keys = ["MyISAM", "Aria"].contains(&table.record.engine.as_str());
        if has_lazy_keys {
            self.script.guarded("!40000", &format!("ALTER TABLE {name} DISABLE KEYS"))?;
        }
        self.rows(schema, table)?;
        if has_lazy_keys {
            self.script.guarded("!40000", &format!("ALTER TABLE {name} ENABLE KEYS"))?;
        }
        Ok(())
    }

    fn rows(&mut self, schema: &SchemaRecord, table: &SavedTable) -> Result<()> {
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
                Err(error) if error.kind() == ErrorKind::Damaged => {
                    writer.finish(&mut self.script)?;
                    self.lost(&schema.name, &table.record.name, &error)?;
                }
                Err(error) => return Err(error),
            }
        }
        writer.finish(&mut self.script)
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
        let all = selection
            .schemas
            .iter()
            .flat_map(|(schema, tables)| chosen(&schema.record, tables).map(|object| (&schema.record, object)));
        let all: Vec<_> = all.collect();
        let of = |wanted: fn(ObjectType) -> bool| all.iter().copied().filter(move |(_, object)| wanted(object.kind));
        let flavour = self.server.flavour;
        self.each(of(objects::is_routine), |script, (schema, object)| {
            objects::program(schema, object, flavour, script)
        })?;
        let views = in_order(of(|kind| kind == ObjectType::View).collect());
        let (valid, invalid): (Vec<_>, Vec<_>) = views.into_iter().partition(|(_, view)| objects::is_valid(view));
        self.each(valid.iter().copied(), |script, (_, view)| objects::placeholder(view, script))?;
        self.outcome.objects -= valid.len() as u64;
        self.each(valid.into_iter(), |script, (_, view)| objects::view(view, flavour, script))?;
        for (schema, view) in invalid {
            self.invalid(&schema.name, view)?;
        }
        self.each(of(|kind| matches!(kind, ObjectType::Trigger | ObjectType::Event)), |script, (schema, object)| {
            objects::program(schema, object, flavour, script)
        })
    }

    /// Writes objects, each in its schema, and counts them.
    fn each<'s>(
        &mut self,
        objects: impl Iterator<Item = (&'s SchemaRecord, &'s SchemaObject)>,
        write: impl Fn(&mut Script<'_>, (&SchemaRecord, &SchemaObject)) -> Result<()>,
    ) -> Result<()> {
        let mut used = None;
        for (schema, object) in objects {
            if used.replace(&schema.name) != Some(&schema.name) {
                self.script.line(&format!("\nUSE {};", quote_name(&schema.name)))?;
            }
            write(&mut self.script, (schema, object))?;
            self.outcome.objects += 1;
        }
        Ok(())
    }

    /// Says of a view that no server makes it.
    fn invalid(&mut self, schema: &str, view: &SchemaObject) -> Result<()> {
        let why = "it is not valid: something that it refers to is not there";
        self.script.comment(&format!("Not there is the view {}: {why}:", quote_name(&view.name)))?;
        self.script.comment(&String::from_utf8_lossy(&view.create.0))?;
        let is_known = |left_out: &LeftOut| left_out.schema == schema && left_out.name == view.name;
        if !self.outcome.left_out.iter().any(is_known) {
            let (schema, name) = (schema.to_owned(), view.name.clone());
            self.outcome.left_out.push(LeftOut { schema, name, what: "view".to_owned(), why: why.to_owned() });
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

/// The definition of a table. Of an ARCHIVE table it goes without its AUTO_INCREMENT: the engine takes no row with a number below, and
/// counts on from its last row.
fn without_counter(table: &TableRecord) -> Cow<'_, [u8]> {
    const OPTIONS: &[u8] = b"\n) ENGINE=ARCHIVE AUTO_INCREMENT=";
    let create = &table.create.0[..];
    let Some(at) = create.windows(OPTIONS.len()).rposition(|window| window == OPTIONS) else { return create.into() };
    let (head, rest) = (&create[..at + "\n) ENGINE=ARCHIVE".len()], &create[at + OPTIONS.len()..]);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    [head, &rest[digits..]].concat().into()
}
