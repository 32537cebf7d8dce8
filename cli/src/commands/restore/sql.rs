//! The databases of a snapshot as files of SQL, beside its folders.

use std::fs;
use std::path::{Path, PathBuf};

use engine::export::{ExportOptions, ExportOutcome};
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::snapshots::part::{Part, part_at};
use engine::snapshots::saved::databases;
use engine::{Error, ErrorKind, Result};
use repo_format::manifest::Manifest;
use serde::Serialize;

use crate::commands::export_sql::{name_missing, to_file};
use crate::commands::ls::stored;
use crate::effect::Effect;
use crate::ui::{Ui, format};

/// A database, schema or table to write, and the name of its file.
pub struct Script {
    options: ExportOptions,
    pub name: String,
}

/// A file that was written.
#[derive(Serialize)]
pub struct Written {
    file: String,
    schemas: u64,
    tables: u64,
    rows: u64,
    objects: u64,
    pub bytes: u64,
    pub missing: u64,
}

/// The scripts for the part of a snapshot at `path`: of all its databases, of what the path names, or none.
///
/// # Errors
/// There is no such path, or it is inside a table.
pub fn scripts(repo: &Repository, snapshot: &Snapshot, path: &[u8]) -> Result<Vec<Script>> {
    let manifest = &snapshot.manifest;
    let (path, part) = part_at(repo, snapshot, path)?;
    match part {
        Part::Plain if path.is_empty() => databases(manifest).map(|root| script(manifest, &root.name.0)).collect(),
        Part::Plain => Ok(Vec::new()),
        Part::Server | Part::Schema | Part::Table => Ok(vec![script(manifest, &path)?]),
        Part::Stored => Err(stored(&path)),
    }
}

fn script(manifest: &Manifest, path: &[u8]) -> Result<Script> {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let name = format!("{}.sql", format::path(last));
    // A stream may have this name: programs that dump databases give it.
    let is_taken = manifest.roots.iter().any(|root| root.name.0 == name.as_bytes());
    let name = if is_taken { format!("{}.database.sql", format::path(last)) } else { name };
    Ok(Script { options: ExportOptions::of_path(path)?, name })
}

/// Writes the script into the folder of `place`; nothing in a dry run.
///
/// # Errors
/// The file cannot be written, or is in use.
pub fn write(
    script: &Script,
    (repo, snapshot): (&Repository, &Snapshot),
    place: &Place<'_>,
    ui: &Ui,
) -> Result<Written> {
    let path = place.folder.join(&script.name);
    if place.protected.contains(&path) {
        let message = format!("{} is in use: restore to another folder", path.display());
        return Err(Error::new(ErrorKind::Usage, message).with_hint("Name an empty folder with --target."));
    }
    let outcome = if place.effect.is_dry() {
        ExportOutcome::default()
    } else {
        fs::create_dir_all(place.folder)
            .map_err(|e| Error::io(format!("cannot make {}", place.folder.display()), e))?;
        to_file(&path, repo, snapshot, &script.options, ui)?
    };
    name_missing(&outcome, ui);
    let missing = outcome.left_out.len() as u64;
    let bytes = if place.effect.is_dry() { 0 } else { fs::metadata(&path).map_or(0, |file| file.len()) };
    let ExportOutcome { schemas, tables, rows, objects, .. } = outcome;
    Ok(Written { file: script.name.clone(), schemas, tables, rows, objects, bytes, missing })
}

/// Where scripts go.
pub struct Place<'t> {
    pub folder: &'t Path,
    /// Files of this program.
    pub protected: Vec<PathBuf>,
    pub effect: Effect,
}

impl Written {
    /// Its contents, in words.
    pub fn in_words(&self, effect: Effect) -> String {
        if effect.is_dry() {
            return format!("{}, as SQL", self.file);
        }
        let tables = format::counted(self.tables, "table");
        format!("{}, as SQL: {tables}, {}", self.file, format::counted(self.rows, "row"))
    }
}
