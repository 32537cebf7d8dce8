//! Patients by name, where the application keeps them in a table: from the newest snapshot, read when somebody first asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::Result;
use engine::database::{cells, rows};
use engine::pack::ChunkReader;
use engine::profile::{self, Owners};
use engine::repository::Repository;
use engine::snapshots::saved::{Database, SavedTable, databases, read_segment};
use engine::snapshots::{KnownSnapshots, Snapshot};
use repo_format::id::LeaseId;

use crate::context::Context;

/// Patients that are kept in memory: a hundred bytes each. The others are found by their folder.
const PATIENTS_MAX: usize = 300_000;
/// Patients that a search shows.
const SHOWN_MAX: usize = 30;

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// The name, the last one first.
    pub name: String,
    /// The number.
    pub number: String,
    /// The name of the folder of their images; empty if there is none.
    pub folder: String,
}

/// The patients of the newest snapshot.
#[derive(Default)]
pub struct Patients(Mutex<Option<Index>>);

struct Index {
    snapshot: LeaseId,
    patients: Arc<Vec<Patient>>,
}

impl Patients {
    /// Patients whose name has all of `words`, in any case of letters; none where nobody knows patients.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn named(&self, context: &Context<'_>, repository: &Repository, words: &str) -> Result<Vec<Patient>> {
        let Some(profile) = context.settings.file.profile.as_deref().and_then(profile::named) else {
            return Ok(Vec::new());
        };
        let Some(newest) = newest(repository)? else { return Ok(Vec::new()) };
        let known =
            self.index().as_ref().filter(|index| index.snapshot == newest.id).map(|index| index.patients.clone());
        let patients = match known {
            Some(patients) => patients,
            None => {
                let patients = Arc::new(read(repository, &newest, &profile.documents.owners)?);
                *self.index() = Some(Index { snapshot: newest.id, patients: patients.clone() });
                patients
            }
        };
        let words: Vec<String> = words.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let fits = |patient: &&Patient| {
            let name = patient.name.to_lowercase();
            words.iter().all(|word| name.contains(word.trim_matches(',')))
        };
        Ok(patients.iter().filter(fits).take(SHOWN_MAX).cloned().collect())
    }

    fn index(&self) -> MutexGuard<'_, Option<Index>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest snapshot with one database.
fn newest(repository: &Repository) -> Result<Option<Snapshot>> {
    let has_one = |snapshot: &Snapshot| databases(&snapshot.manifest).count() == 1;
    let known = KnownSnapshots::of(repository)?.newest_first();
    known.read(repository).find(|read| read.as_ref().map_or(true, has_one)).transpose()
}

/// The patients of all schemas that have such a table.
fn read(repository: &Repository, snapshot: &Snapshot, owners: &Owners) -> Result<Vec<Patient>> {
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &snapshot.manifest, None)?;
    let mut patients = Vec::new();
    for name in database.schema_names()? {
        let schema = database.schema(&name)?;
        if schema.table_names()?.iter().any(|table| table == owners.table) {
            read_table(&reader, &schema.table(owners.table)?, owners, &mut patients)?;
        }
    }
    patients.sort_by(|a: &Patient, b| a.name.cmp(&b.name));
    Ok(patients)
}

fn read_table(
    reader: &ChunkReader<'_>,
    table: &SavedTable,
    owners: &Owners,
    patients: &mut Vec<Patient>,
) -> Result<()> {
    let stored: Vec<_> = table.record.columns.iter().filter(|column| column.generated != Some(true)).collect();
    let place = |name: &str| stored.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let [last, first] = owners.names;
    let columns = [last, first, owners.key, owners.folder].map(place);
    let [Some(last), Some(first), Some(number), Some(folder)] = columns else { return Ok(()) };
    for segment in table.segments(reader)? {
        let text = read_segment(reader, &segment?)?;
        for row in rows(&text) {
            let cells: Vec<_> = cells(row, stored.len()).collect();
            let cell = |place: usize| {
                let cell = cells.get(place)?.as_ref()?.as_ref()?;
                Some(String::from_utf8_lossy(cell).trim().to_owned())
            };
            let names = [cell(last), cell(first)].into_iter().flatten().filter(|name| !name.is_empty());
            let name = names.collect::<Vec<_>>().join(", ");
            if patients.len() < PATIENTS_MAX && !name.is_empty() {
                let (number, folder) = (cell(number).unwrap_or_default(), cell(folder).unwrap_or_default());
                patients.push(Patient { name, number, folder });
            }
        }
    }
    Ok(())
}
