//! Fits a table to the target: its definition in that server's words, its columns, and the differences.

use repo_format::database::TableRecord;

use super::definition::{Definition, Keys, take_apart, with_row_format, without_counter};
use super::plan::PlannedSchema;
use super::pointing::{fit, without_folders};
use super::renaming::Renaming;
use super::run::Run;
use crate::database::{Server, quote_name};
use crate::dialect::{Check, Quoting, RowsFitted, enforced_later, enforces_more, fit_table};

/// A table as the target has it.
pub struct Fitting {
    /// The translated columns and keys.
    pub definition: Option<Definition>,
    /// The columns that the target takes.
    pub record: TableRecord,
    /// How its rows become those of the target.
    pub rows: RowsFitted,
    /// Omissions in its definition that the user will miss.
    pub left_out: Vec<String>,
    /// Why it is not made at all.
    pub refusal: Option<String>,
    /// Differences in its definition.
    pub notes: Vec<String>,
    /// Checks that are enforced once the rows are there: a row that breaks one is kept.
    pub checks: Vec<Check>,
}

impl Fitting {
    /// That of the table `record` of `plan`, whose keys are made at once or later.
    pub fn of(run: &Run<'_>, plan: &PlannedSchema<'_>, record: &TableRecord, keys: Keys) -> Self {
        let from = Server::from_version(&run.source.server().version);
        let table = fit_table(record, &from, &run.target.of_tables());
        let fitted = fit(&table.create, &plan.source.record.name, &record.engine, run.renaming);
        let mut made = Made { create: fitted.create, notes: table.notes };
        STEPS.iter().for_each(|step| step(&mut made, &Place { run, plan, record }));
        let (create, checks) = if enforces_more(&run.target.server, &from) {
            enforced_later(&made.create)
        } else {
            (made.create, Vec::new())
        };
        Fitting {
            definition: take_apart_renamed(run, plan, &record.name, &create, keys),
            checks,
            record: table.record,
            rows: table.rows,
            left_out: [table.missed, fitted.left_out].concat(),
            refusal: table.refusal.or(fitted.refusal),
            notes: made.notes,
        }
    }
}

/// A definition on its way to the target's, and the differences that the user should know.
struct Made {
    create: Vec<u8>,
    notes: Vec<String>,
}

/// The table that a definition is of, and where it goes.
struct Place<'p, 'r> {
    run: &'p Run<'r>,
    plan: &'p PlannedSchema<'r>,
    record: &'p TableRecord,
}

impl Place<'_, '_> {
    fn is_of(&self, engine: &str) -> bool {
        self.record.engine.eq_ignore_ascii_case(engine)
    }
}

/// Changes of a definition, one after the other.
const STEPS: [fn(&mut Made, &Place<'_, '_>); 3] = [leave_out_folders, name_row_format, leave_out_counter];

/// Beside the schema that the definition was of, its files would be in the way of the other's.
fn leave_out_folders(made: &mut Made, place: &Place<'_, '_>) {
    if let Some(without) = without_folders(&made.create).filter(|_| place.plan.is_loaded_elsewhere()) {
        made.notes.push("its files stand in the server's own folder, not where the definition says".to_owned());
        made.create = without;
    }
}

/// The shorter formats of a server refuse keys that the table has.
fn name_row_format(made: &mut Made, place: &Place<'_, '_>) {
    let Some(format) = place.run.target.row_format.as_ref().filter(|_| place.is_of("InnoDB")) else { return };
    let with = with_row_format(&made.create);
    if with != made.create {
        made.notes.push(format!(
            "it is made with ROW_FORMAT=DYNAMIC, as the server's own is {format}, which does not hold all keys"
        ));
        made.create = with;
    }
}

fn leave_out_counter(made: &mut Made, place: &Place<'_, '_>) {
    if place.is_of("ARCHIVE") {
        made.create = without_counter(&made.create);
    }
}

/// The definition with schemas by the names that they get. Foreign keys follow tables when these are renamed, so they lead to where the
/// tables are loaded.
fn take_apart_renamed(
    run: &Run<'_>,
    plan: &PlannedSchema<'_>,
    name: &str,
    create: &[u8],
    keys: Keys,
) -> Option<Definition> {
    let table = format!("{}.{}", quote_name(&plan.staging), quote_name(name));
    let own = &plan.source.record.name;
    let apart = |renaming: &Renaming| take_apart(&renaming.apply(own, create, Quoting::default()).sql, &table, keys);
    let (definition, loading) = (apart(run.renaming)?, apart(run.loading)?);
    Some(Definition { foreign_keys: loading.foreign_keys, ..definition })
}
