//! Examines the application whose database was saved, from its saved rows: its settings, the hashes that it keeps, and
//! the files that its rows name. Every fault here was in the source as well.

use repo_format::database::{TableRecord, escape_name};
use repo_format::id::ChunkId;
use repo_format::manifest::{Root, RootKind};

use super::Run;
use super::account::{Account, Step};
use crate::profile::{HashFault, Profile, SavedPractice, check_hashes, missing_files, of_schema, surprises};
use engine_core::error::{ErrorKind, Result};
use engine_core::snapshots::saved::{Database, databases};
use engine_core::tree::{DirectoryIter, Top, TreeEntry};

/// An application among the saved schemas.
struct Practice {
    profile: &'static Profile,
    schema: String,
    /// The node of the schema.
    tree: Option<ChunkId>,
    /// About how many rows have a hash.
    hashed_rows: u64,
}

/// Examines each application that is known.
///
/// # Errors
/// As [`super::drill`].
pub(super) fn examine(run: &Run<'_>, account: &mut Account) -> Result<()> {
    let mut found = Vec::new();
    for root in databases(&run.snapshot.manifest) {
        match practices(run, root) {
            // The restore has found the damage as well.
            Err(error) if error.is_damage() => {}
            practices => found.extend(practices?),
        }
    }
    if found.is_empty() {
        account.left_out("application", "no application that is known is in the snapshot");
    }
    for practice in &found {
        let (profile, tree) = (practice.profile, practice.tree);
        account.step("application", run.monitor, |step| {
            step.text(format!("{}, schema {}", profile.title, practice.schema));
            for surprise in unless_absent(step, surprises(run.reader, profile, tree))?.unwrap_or_default() {
                let value = surprise.value.map_or_else(|| "not there".to_owned(), |value| format!("`{value}`"));
                step.note(format!("{} is {value}: {}", surprise.setting, surprise.meaning));
            }
            Ok(())
        })?;
        hashes(run, practice, account)?;
        documents(run, practice, account)?;
    }
    Ok(())
}

fn practices(run: &Run<'_>, root: &Root) -> Result<Vec<Practice>> {
    let database = Database::open(run.reader, &run.snapshot.manifest, Some(&root.name.0))?;
    let top = Top::of(&run.snapshot.manifest).root(run.reader, RootKind::Database, &root.path.0)?;
    let mut found = Vec::new();
    for schema in database.schema_names()? {
        let saved = database.schema(&schema)?;
        let mut records: Vec<TableRecord> = Vec::new();
        for name in saved.table_names()? {
            match saved.table(&name) {
                Ok(table) => records.push(table.record),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        let Some(profile) = of_schema(&records) else { continue };
        let mut hashed_rows = 0;
        if let Some(hashed) = &profile.hashed
            && let Some(record) = records.iter().find(|record| record.name.eq_ignore_ascii_case(hashed.table))
        {
            for segment in saved.table(&record.name)?.segments(run.reader)? {
                hashed_rows += segment?.rows;
            }
        }
        let tree = top.as_ref().and_then(|top| top.tree);
        let tree = DirectoryIter::seek(run.reader, tree, &escape_name(&schema))?.and_then(|entry| entry.tree);
        found.push(Practice { profile, schema, tree, hashed_rows });
    }
    Ok(found)
}

/// The value, unless a table or column is not there: a version of the application may not have it.
fn unless_absent<T>(step: &mut Step, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            step.note(format!("not examined: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Computes the hashes again.
fn hashes(run: &Run<'_>, practice: &Practice, account: &mut Account) -> Result<()> {
    let Some(hashed) = &practice.profile.hashed else { return Ok(()) };
    account.step("hashes", run.monitor, |step| {
        let mut faults = Vec::new();
        let mut found = |fault| faults.push(fault);
        let check = check_hashes(run.reader, hashed, practice.tree, practice.hashed_rows, &mut found, run.monitor);
        let Some(check) = unless_absent(step, check)? else { return Ok(()) };
        step.figure("rows", check.rows);
        step.figure("rows that fit their hash", check.equal);
        step.figure("rows with another hash", check.wrong);
        step.figure("rows without a hash", check.missing);
        for fault in faults {
            let (key, table) = (hashed.key, hashed.table);
            step.note(match fault {
                HashFault::Wrong(row) => format!("{table}: the row with {key} {row} does not fit its {}", hashed.hash),
                HashFault::Missing(row) => format!("{table}: the row with {key} {row} has no {}", hashed.hash),
            });
        }
        Ok(())
    })
}

/// Looks for the files that rows name.
fn documents(run: &Run<'_>, practice: &Practice, account: &mut Account) -> Result<()> {
    let Some((images, path)) = images(run, practice.profile)? else {
        account.left_out("documents", "the snapshot has no folder of images");
        return Ok(());
    };
    account.step("documents", run.monitor, |step| {
        let saved =
            SavedPractice { schema: practice.tree, images: images.tree, images_path: &path, parent_images: None };
        let mut missing = Vec::new();
        let check = missing_files(run.reader, practice.profile, &saved, &mut |file| {
            missing.push(file);
            Ok(())
        });
        let Some(check) = unless_absent(step, check)? else { return Ok(()) };
        step.figure("rows that name a file", check.rows);
        step.figure("files that are missing", check.missing);
        for file in missing {
            let table = practice.profile.documents.table;
            step.note(format!("{table} {}: {} is missing", file.key, String::from_utf8_lossy(&file.path)));
        }
        Ok(())
    })
}

/// The saved folder of images: the one that has the folder by which it is known.
fn images(run: &Run<'_>, profile: &Profile) -> Result<Option<(TreeEntry, Vec<u8>)>> {
    let manifest = &run.snapshot.manifest;
    for root in manifest.roots.iter().filter(|root| root.kind == RootKind::Folder) {
        let Some(entry) = Top::of(manifest).root(run.reader, RootKind::Folder, &root.path.0)? else { continue };
        let mark = profile.images.mark.as_bytes();
        match DirectoryIter::seek(run.reader, entry.tree, mark) {
            Ok(Some(_)) => return Ok(Some((entry, root.name.0.clone()))),
            Ok(None) => {}
            // The sample of files finds the damage.
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
