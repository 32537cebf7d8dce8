//! Export: databases of a snapshot as a script of plain SQL, which the client of any server loads.
//!
//! ```text
//! settings; for each schema: sequences, tables, rows
//!           for each schema: routines; then views, empty ones first; then triggers, events; settings as they were
//! ```
//!
//! Views come after the routines that they may call, and while the views that they refer to exist, empty. Triggers come
//! after rows, because rows must not fire them. A script is for a server like the source, or for another one that the
//! user names.

mod dependents;
mod goal;
mod literal;
mod objects;
mod options;
mod order;
mod rows;
mod script;
mod selection;

use std::borrow::Cow;
use std::io::Write;

use repo_format::database::{LeftOut, ObjectType, SchemaObject, SchemaRecord, ServerRecord};

use crate::database::{Server, TableName, holds_rows, quote_name};
use crate::dialect::{Changed, END_2038, FittedTable, Versioning, enforced_later};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::{Database, SavedTable, Schema, read_segment};
use engine_core::tree::SegmentsAhead;
use engine_core::words::counted;

use dependents::leave_out_dependents;
use goal::{END_OF_TIME, Goal, fit_for, late_moments};
pub use options::{ExportOptions, ExportOutcome};
use order::in_order;
use rows::InsertWriter;
use script::Script;
use selection::{Selection, Tables};

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
    let mut selection = Selection::of(&database, options)?;
    monitor.begin(Phase::Export, Some(expected(&selection)));
    let mut export = Export {
        reader: &reader,
        server: &database.server,
        script: Script::new(out),
        outcome: ExportOutcome::default(),
        source: Server::from_version(&database.server.version),
        goal: options.target.clone().map(Goal::new),
        notes: Vec::new(),
        kept: Vec::new(),
        missed: Vec::new(),
        monitor,
    };
    export.fit(&mut selection);
    export.leave_out_dependents(&mut selection);
    export.begin(snapshot, &selection)?;
    for (schema, tables) in &selection.schemas {
        export.tables(schema, tables)?;
    }
    export.objects(&selection)?;
    export.script.end()?;
    monitor.end();
    Ok(export.outcome)
}

/// The tables to write, and the bytes of their rows.
fn expected(selection: &Selection<'_>) -> Work {
    let mut work = Work::default();
    for (schema, tables) in &selection.schemas {
        for name in tables.names() {
            work.items += 1;
            // An unreadable table is reported where it is missed.
            work.bytes += schema.table(name).map_or(0, |table| table.row_bytes());
        }
    }
    work
}

/// An export in progress.
struct Export<'e> {
    reader: &'e ChunkReader<'e>,
    server: &'e ServerRecord,
    script: Script<'e>,
    outcome: ExportOutcome,
    source: Server,
    goal: Option<Goal>,
    /// Differences from the source, as sentences.
    notes: Vec<String>,
    /// Generated columns whose values the source kept: full names.
    kept: Vec<String>,
    /// Parts of tables that are missing in the script.
    missed: Vec<LeftOut>,
    monitor: &'e dyn Monitor,
}

impl Export<'_> {
    /// Brings all definitions to the server that the script is for, and gathers what its head says of them.
    fn fit(&mut self, selection: &mut Selection<'_>) {
        for (schema, tables) in &mut selection.schemas {
            if let Some(goal) = &self.goal {
                let left_out = goal.fit(&mut schema.record, &mut self.notes);
                self.outcome.left_out.extend(left_out.into_iter().filter(|_| matches!(tables, Tables::All(_))));
            }
            for name in tables.names() {
                // An unreadable table is reported where it is missed.
                let Ok(table) = schema.table(name) else { continue };
                let fitted = fit_for(&table.record, &self.source, self.goal.as_ref());
                let shown = format!("{}.{}", quote_name(&schema.record.name), quote_name(name));
                let kept = table.record.kept().map(|column| format!("{shown}.{}", quote_name(&column.name)));
                self.kept.extend(kept.filter(|_| fitted.refusal.is_none()));
                self.notes.extend(fitted.notes.iter().map(|note| format!("{shown}: {note}")));
                if self.goal.is_none() && fitted.rows.versioning.is_some() {
                    self.notes.push(format!("{shown}: a table that keeps history needs MariaDB 10.11 or later"));
                }
                if let Some(why) = fitted.refusal {
                    self.outcome.left_out.push(of_table(&schema.record.name, name, why));
                } else {
                    self.notes.extend(fitted.missed.iter().map(|missed| format!("{shown}: {missed}")));
                    self.missed.extend(fitted.missed.into_iter().map(|why| of_table(&schema.record.name, name, why)));
                }
            }
        }
    }

    /// Takes out what cannot be made without what the script lacks.
    fn leave_out_dependents(&mut self, selection: &mut Selection<'_>) {
        let is_needed = |left_out: &&LeftOut| ["table", "view"].contains(&&left_out.what[..]);
        let missing = self.outcome.left_out.iter().chain(&self.server.left_out).filter(is_needed);
        let missing = missing.map(|left_out| TableName::new(&left_out.schema, &left_out.name)).collect();
        self.outcome.left_out.extend(leave_out_dependents(selection, missing));
    }

    fn begin(&mut self, snapshot: &Snapshot, selection: &Selection<'_>) -> Result<()> {
        let ServerRecord { version, hostname, moment, .. } = self.server;
        self.script.comment(&format!("Snapshot {} of the server {hostname}, {version}", snapshot.id))?;
        self.script.comment(&format!("as it was {} seconds after 1970 began, by its own clock.", moment.seconds))?;
        self.script.comment(
            "Load it by mariadb --comments, or mysql --comments: otherwise that client drops the comments in routines.",
        )?;
        self.script.comment("If a row is large: --max-allowed-packet=1G, and as much on the server.")?;
        for LeftOut { schema, name, what, why } in &self.outcome.left_out {
            let (schema, name) = (quote_name(schema), quote_name(name));
            self.script.comment(&format!("Not in it is the {what} {schema}.{name}: {why}"))?;
        }
        for late in self.server.late.iter().filter(|late| selection.has(&late.schema, &late.table)) {
            let (schema, table) = (quote_name(&late.schema), quote_name(&late.table));
            self.script.comment(&format!("Later than that is {schema}.{table}: {}", late.why))?;
        }
        for left_out in self.server.left_out.iter().filter(|left_out| selection.has(&left_out.schema, &left_out.name)) {
            let (schema, name) = (quote_name(&left_out.schema), quote_name(&left_out.name));
            self.script.comment(&format!("Not there is the {} {schema}.{name}: {}", left_out.what, left_out.why))?;
            self.outcome.left_out.push(left_out.clone());
        }
        for note in &self.notes {
            self.script.comment(&format!("Otherwise than it was: {note}"))?;
        }
        for column in &self.kept {
            let message = "its values are no part of this script. The server that runs it computes them, perhaps others than it had";
            self.script.comment(&format!("Generated is {column}: {message}"))?;
        }
        self.outcome.left_out.append(&mut self.missed);
        self.script.line("")?;
        self.script.begin()
    }

    /// Makes a schema with its sequences, tables and rows.
    fn tables(&mut self, schema: &Schema<'_>, tables: &Tables) -> Result<()> {
        let SchemaRecord { name, character_set, collation, comment, .. } = &schema.record;
        let (name, collation) = (quote_name(name), quote_name(collation));
        let defaults = format!("CHARACTER SET {character_set} COLLATE {collation}");
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
        let fitted = fit_for(&table.record, &self.source, self.goal.as_ref());
        if fitted.refusal.is_some() {
            return Ok(());
        }
        let enforces_more = self.goal.as_ref().is_some_and(|goal| goal.enforces_more_than(&self.source));
        let (create, checks) =
            if enforces_more { enforced_later(&fitted.create) } else { (fitted.create.clone(), Vec::new()) };
        self.script.line("")?;
        self.script.bytes(&without_counter(&create))?;
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
        self.rows(schema, table, &fitted)?;
        if has_lazy_keys {
            self.script.guarded("!40000", &format!("ALTER TABLE {name} ENABLE KEYS"))?;
        }
        checks.iter().try_for_each(|check| self.script.enforce(&table.record.name, check))
    }

    fn rows(&mut self, schema: &SchemaRecord, table: &SavedTable, fitted: &FittedTable) -> Result<()> {
        let versioning = fitted.rows.versioning.as_ref();
        let end = versioning.and_then(Versioning::end);
        if end.is_some() {
            // Where TIMESTAMP ends before 32 bits do, this is NULL.
            let last = format!("IFNULL(FROM_UNIXTIME(4294967295.999999), '{END_2038}')");
            self.script.line(&format!("SET {END_OF_TIME}={last};"))?;
        }
        let (mut left_history, mut changed) = (0, Changed::default());
        let mut late = late_moments(&table.record, versioning, &self.source, self.goal.as_ref());
        let mut writer = InsertWriter::new(&fitted.record, end);
        for segment in SegmentsAhead::new(self.reader, table.segments(self.reader)?) {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let rows = segment.and_then(|segment| read_segment(&*segment.chunks, &segment.item));
            let written = rows.and_then(|rows| {
                self.monitor.advance(Work { items: 0, bytes: rows.len() as u64 });
                if late.as_ref().is_some_and(|late| !late.convert(&rows).1.is_empty()) {
                    late = None;
                    writer.finish(&mut self.script)?;
                    self.script.require_late_moments()?;
                }
                let (rows, others) = fitted.rows.with_values(rows);
                changed.add(&others);
                let Some(versioning) = versioning.filter(|_| end.is_none()) else {
                    return writer.write(&rows, &mut self.script);
                };
                let converted = versioning.convert(&rows);
                left_history += converted.left_out;
                writer.write(&converted.text, &mut self.script)
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
        writer.finish(&mut self.script)?;
        self.otherwise(&schema.name, &table.record.name, fitted.rows.sentences(&changed))?;
        if left_history > 0 {
            let why = format!("its history is left out, as the server takes none: {}", counted(left_history, "row"));
            self.outcome.left_out.push(of_table(&schema.name, &table.record.name, why));
        }
        Ok(())
    }

    /// Notes that values are otherwise than they were.
    fn otherwise(&mut self, schema: &str, name: &str, sentences: Vec<String>) -> Result<()> {
        for why in sentences {
            self.script.comment(&format!(
                "Otherwise than it was: {}.{}: {why}",
                quote_name(schema),
                quote_name(name)
            ))?;
            self.outcome.left_out.push(of_table(schema, name, why));
        }
        Ok(())
    }

    /// Notes that rows are lost here.
    fn lost(&mut self, schema: &str, name: &str, error: &Error) -> Result<()> {
        let why = format!("rows are lost: {}", chain(error));
        self.script.comment(&format!("Here {why}"))?;
        self.monitor.problem(format!("{schema}.{name}").as_bytes(), &why);
        self.outcome.left_out.push(of_table(schema, name, why));
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
        let flavour = self.goal.as_ref().map_or(self.server.flavour, Goal::flavour);
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

fn of_table(schema: &str, name: &str, why: String) -> LeftOut {
    LeftOut { schema: schema.to_owned(), name: name.to_owned(), what: "table".to_owned(), why }
}

/// The objects of a schema that go with `tables`.
fn chosen<'s>(schema: &'s SchemaRecord, tables: &'s Tables) -> impl Iterator<Item = &'s SchemaObject> {
    schema.objects.iter().filter(move |object| match tables {
        Tables::All(_) => true,
        Tables::Some(names) => object.table.as_ref().is_some_and(|table| names.contains(table)),
    })
}

/// The definition of a table, without AUTO_INCREMENT for an ARCHIVE table: that engine refuses rows with lower numbers,
/// and continues from its last row.
fn without_counter(create: &[u8]) -> Cow<'_, [u8]> {
    const OPTIONS: &[u8] = b"\n) ENGINE=ARCHIVE AUTO_INCREMENT=";
    let Some(at) = create.windows(OPTIONS.len()).rposition(|window| window == OPTIONS) else { return create.into() };
    let (head, rest) = (&create[..at + "\n) ENGINE=ARCHIVE".len()], &create[at + OPTIONS.len()..]);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    [head, &rest[digits..]].concat().into()
}
