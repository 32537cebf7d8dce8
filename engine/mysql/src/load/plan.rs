//! Plans what to load under which name, and finds obstacles.

use repo_format::database::ObjectType;

use super::marker::{Contents, MARKER, of_another, snapshot_of};
use super::options::{Existing, LoadOptions, SchemaChoice};
use super::renaming::Renaming;
use super::source::{Source, SourceSchema};
use super::target::Target;
use crate::database::{Connection, is_of_the_server_by};
use engine_core::error::{Error, ErrorKind, Result};

/// Bytes that the name of a schema may have, in UTF-8 characters.
const NAME_MAX: usize = 64;

/// A schema to load.
pub struct PlannedSchema<'s> {
    /// The schema in the snapshot.
    pub source: &'s SourceSchema,
    /// Its name in the end.
    pub name: String,
    /// The schema that is loaded into: the same, or one beside it.
    pub staging: String,
    /// Whether all of it is loaded, or some tables only.
    pub is_whole: bool,
    /// Whether the existing schema is replaced at the end.
    pub swaps: bool,
    /// Whether `staging` is there already.
    pub exists: bool,
}

impl PlannedSchema<'_> {
    /// Whether it comes back under another name.
    pub fn is_renamed(&self) -> bool {
        self.name != self.source.record.name
    }

    /// Whether a table of the schema is one of those that are loaded, or replaced.
    pub fn has(&self, table: &str) -> bool {
        self.is_whole || self.source.tables.iter().any(|source| source.record.name == table)
    }

    /// Whether it is loaded into one that has another name than it had.
    pub fn is_loaded_elsewhere(&self) -> bool {
        self.staging != self.source.record.name
    }
}

/// Plans the parts of `schemas` that `options` name; `schemas` are the wanted ones of the snapshot.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is nothing; [`ErrorKind::Usage`] if names clash.
pub fn plan<'s>(schemas: &'s [SourceSchema], options: &LoadOptions, target: &Target) -> Result<Vec<PlannedSchema<'s>>> {
    let mut planned = Vec::new();
    for source in schemas {
        let name = &source.record.name;
        let to = options.schemas.iter().find(|choice| choice.from == *name).map_or(name, |choice| &choice.to);
        check_name(to)?;
        refuse_own(to, target)?;
        planned.push(PlannedSchema {
            source,
            name: to.clone(),
            staging: to.clone(),
            is_whole: options.tables.is_empty(),
            swaps: false,
            exists: false,
        });
    }
    if planned.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "the database of the snapshot has no schema"));
    }
    check_clashes(&planned, target)?;
    Ok(planned)
}

/// The names that schemas get in the end, and while their tables are loaded.
///
/// # Errors
/// If the snapshot's schemas cannot be listed.
pub fn renamings(
    source: &Source<'_>,
    planned: &[PlannedSchema<'_>],
    options: &LoadOptions,
    target: &Target,
) -> Result<(Renaming, Renaming)> {
    let names = |to: &dyn Fn(&PlannedSchema<'_>) -> String| {
        let choice =
            |schema: &PlannedSchema<'_>| SchemaChoice { from: schema.source.record.name.clone(), to: to(schema) };
        planned.iter().map(choice).collect()
    };
    let objects = planned.iter().flat_map(|schema| &schema.source.record.objects);
    let packages = objects.filter(|object| object.kind == ObjectType::Package).map(|object| object.name.clone());
    let variables = &source.server().variables;
    let folded = variables.iter().any(|one| one.name == "lower_case_table_names" && one.value != "0");
    let renaming = Renaming {
        names: names(&|schema| schema.name.clone()),
        known: source.schema_names()?,
        packages: packages.collect(),
        folds: folded || target.folds_names,
        references: options.references,
    };
    let loading = Renaming { names: names(&|schema| schema.staging.clone()), ..renaming.clone() };
    Ok((renaming, loading))
}

fn check_name(name: &str) -> Result<()> {
    let is_name = !name.is_empty() && name.chars().count() <= NAME_MAX && !name.ends_with(' ') && !name.contains('\0');
    if !is_name {
        let message = format!("`{name}` is not a name for a schema: it must have 1 to {NAME_MAX} characters");
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("As `--schema OLD=NEW`, with a name that the server takes."));
    }
    Ok(())
}

fn refuse_own(name: &str, target: &Target) -> Result<()> {
    if is_of_the_server_by(target.folds_names, name) {
        let message = format!("schema `{name}` is the server's own: restore it under another name");
        return Err(Error::new(ErrorKind::Usage, message).with_hint("`--schema OLD=NEW` restores under another name."));
    }
    Ok(())
}

/// Names that are the same to the target, though not to the source.
fn check_clashes(planned: &[PlannedSchema<'_>], target: &Target) -> Result<()> {
    let schemas: Vec<&str> = planned.iter().map(|schema| schema.name.as_str()).collect();
    clash(&schemas, target).map_or(Ok(()), |(a, b)| {
        Err(Error::new(ErrorKind::Usage, format!("two schemas would have the same name: `{a}` and `{b}`"))
            .with_hint("`--schema OLD=NEW` gives each another name."))
    })?;
    for schema in planned {
        let objects = schema.source.record.objects.iter().filter(|object| {
            use repo_format::database::ObjectType as T;
            schema.is_whole && matches!(object.kind, T::Sequence | T::View)
        });
        let names: Vec<&str> = schema
            .source
            .tables
            .iter()
            .map(|t| t.record.name.as_str())
            .chain(objects.map(|o| o.name.as_str()))
            .collect();
        if let Some((a, b)) = clash(&names, target) {
            let message = format!(
                "in schema `{}` the names `{a}` and `{b}` are the same on this server, which has lower_case_table_names \
                 other than 0; restore to a server where it is 0, or choose tables",
                schema.source.record.name
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        if names.iter().any(|name| target.is_same_name(name, MARKER)) {
            let message =
                format!("schema `{}` has a table `{MARKER}`, whose name is needed", schema.source.record.name);
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

fn clash<'n>(names: &[&'n str], target: &Target) -> Option<(&'n str, &'n str)> {
    let mut folded: Vec<(String, &str)> =
        names.iter().map(|n| (if target.folds_names { n.to_lowercase() } else { (*n).to_owned() }, *n)).collect();
    folded.sort();
    folded.windows(2).find(|two| two[0].0 == two[1].0).map(|two| (two[0].1, two[1].1))
}

/// Looks at the present contents of the server, and decides for each schema where to load it.
///
/// # Errors
/// [`ErrorKind::NotEmpty`] if a schema has contents and should not be replaced; [`ErrorKind::Usage`] if an unfinished
/// load of another snapshot is in the way.
pub fn look(
    connection: &mut Connection,
    planned: &mut [PlannedSchema<'_>],
    existing: Existing,
    snapshot: &str,
) -> Result<()> {
    for schema in planned.iter_mut() {
        let there = Contents::read(connection, &schema.name)?;
        let is_ours = there.as_ref().is_some_and(|contents| contents.has_marker());
        if is_ours {
            refuse_another(connection, &schema.name, snapshot)?;
        }
        let is_free = is_ours || there.as_ref().is_none_or(Contents::is_empty);
        schema.exists = there.is_some();
        match existing {
            _ if is_free => {}
            Existing::Refuse => {
                let named = there.map(|contents| contents.named()).unwrap_or_default();
                let message = format!("schema `{}` is not empty: it has {named}", schema.name);
                return Err(Error::new(ErrorKind::NotEmpty, message));
            }
            Existing::Swap => look_beside(connection, schema, snapshot)?,
        }
    }
    Ok(())
}

/// The schema that is loaded first where `name` is replaced.
pub fn staging_of(name: &str) -> String {
    format!("{name}__restoring")
}

/// Chooses the schema beside one that is replaced.
fn look_beside(connection: &mut Connection, schema: &mut PlannedSchema<'_>, snapshot: &str) -> Result<()> {
    schema.swaps = true;
    schema.staging = staging_of(&schema.name);
    check_name(&schema.staging)?;
    check_name(&format!("{}__before_2026_01_01_99", schema.name))?;
    let Some(contents) = Contents::read(connection, &schema.staging)? else {
        schema.exists = false;
        return Ok(());
    };
    schema.exists = true;
    if contents.has_marker() {
        return refuse_another(connection, &schema.staging, snapshot);
    }
    if contents.is_empty() {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::NotEmpty,
            format!(
                "schema `{}`, which is to be loaded first, is not empty: it has {}",
                schema.staging,
                contents.named()
            ),
        ))
    }
}

fn refuse_another(connection: &mut Connection, schema: &str, snapshot: &str) -> Result<()> {
    let found = snapshot_of(connection, schema)?;
    if found == snapshot || found.is_empty() { Ok(()) } else { Err(of_another(schema, &found)) }
}
