//! Every object of a repository, damaged, then repaired: what still restores does so exactly, what does not is named, and
//! a backup heals it.

use std::path::Path;

use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::{Folder, ObjectName};
use engine::upkeep::repair::{CondemnedPolicy, Depth, RepairOptions, RepairOutcome, repair};
use engine::upkeep::verify;
use repo_format::config::Access;

use super::lab::{self, Lab};
use super::matrix::{Cache, Cell, Damage, Scene, apply, for_all, len, scene};

fn run(repository: &Repository) -> engine::Result<RepairOutcome> {
    let (depth, condemned) = (Depth::ReadData, CondemnedPolicy::BeginAnew);
    let options = RepairOptions { depth, condemned, ..RepairOptions::default() };
    repair(repository, &options, &NullMonitor)
}

/// Everything that is asked of a repository that was damaged and is repaired.
fn try_cell(scene: &Scene, cell: &Cell) -> Vec<String> {
    let (name, damage, cache) = *cell;
    let lab = scene.lab.copy();
    apply(&lab.store, scene, &name, damage);
    let folder = lab::temp();
    let cache_dir = folder.path().join("cache");
    if cache == Cache::Warm {
        lab::copy_folder(&scene.warm, &cache_dir);
    }
    // A repository that cannot be opened, or not written to, gives an error that says so; the matrix tests those.
    let Ok(repository) = lab.open(&cache_dir, Access::Write) else { return Vec::new() };
    let outcome = match run(&repository) {
        Ok(outcome) => outcome,
        // Without a memory it opens, and then what is read says that it is older: nothing is written.
        Err(_) if (name, damage) == (ObjectName::Config, Damage::Older) => return Vec::new(),
        Err(error) => return vec![format!("{cell:?}: `repair` fails: {}", chain(&error))],
    };
    let mut complaints = compare(scene, &lab, &repository, &outcome, folder.path());
    match run(&repository) {
        Ok(again) if again.copied_chunks + again.replaced_segments + again.named_packs > 0 => {
            complaints.push(format!("is repaired twice: {again:?}"));
        }
        Ok(again) if again.suffering != outcome.suffering => complaints.push(format!("suffers otherwise: {again:?}")),
        Ok(_) => {}
        Err(error) => complaints.push(format!("a second `repair` fails: {}", chain(&error))),
    }
    drop(repository);
    complaints.extend(heal(scene, &lab, &cache_dir, folder.path()));
    complaints.into_iter().map(|complaint| format!("{cell:?}: {complaint}")).collect()
}

/// Snapshots that do not suffer restore exactly, also on a machine that has never seen them.
fn compare(scene: &Scene, lab: &Lab, own: &Repository, outcome: &RepairOutcome, folder: &Path) -> Vec<String> {
    let anew = lab.open(&folder.join("anew"), Access::Read);
    let mut complaints = Vec::new();
    for repository in [Some(own), anew.as_ref().ok()].into_iter().flatten() {
        for (id, tree) in &scene.snapshots {
            let target = folder.join("target");
            let Ok(Some(snapshot)) = lab::snapshot(repository, *id) else { continue };
            let suffers = outcome.suffering.iter().any(|suffering| suffering.id == *id);
            match lab::bring_back(repository, &snapshot, &target) {
                Err(_) if suffers => {}
                Err(error) => complaints.push(format!("snapshot {id} does not restore: {}", chain(&error))),
                Ok(restored) => {
                    let found = lab::tree(&target);
                    let unnamed = lab::unnamed_differences(tree, &found, &restored);
                    if !unnamed.is_empty() {
                        complaints.push(format!("snapshot {id}: wrong and not named: {unnamed:?}"));
                    }
                    if !suffers && (found != *tree || restored.problem_count > 0) {
                        complaints.push(format!("snapshot {id} suffers, unnamed: {:?}", restored.problems));
                    }
                }
            }
            std::fs::remove_dir_all(&target).unwrap_or_default();
        }
    }
    complaints
}

/// A backup from the source, which is whole, is whole: nothing is counted on that is known to be lost.
fn heal(scene: &Scene, lab: &Lab, cache: &Path, folder: &Path) -> Vec<String> {
    let saved = lab.open(cache, Access::Write).and_then(|repository| {
        let outcome = lab::save(&repository, &scene.sources)?;
        let snapshot = outcome.snapshot.map(|id| lab::snapshot(&repository, id)).transpose()?.flatten();
        Ok((repository, snapshot))
    });
    let (repository, snapshot) = match saved {
        Ok((repository, Some(snapshot))) => (repository, snapshot),
        Ok((_, None)) => return vec!["the new snapshot is not there".to_owned()],
        Err(error) => return vec![format!("the next backup fails: {}", chain(&error))],
    };
    let mut complaints = Vec::new();
    let target = folder.join("healed");
    match lab::bring_back(&repository, &snapshot, &target) {
        Ok(restored) if restored.problem_count == 0 && lab::tree(&target) == scene.snapshots[2].1 => {}
        Ok(restored) => complaints.push(format!("the new snapshot differs: {:?}", restored.problems)),
        Err(error) => complaints.push(format!("the new snapshot does not restore: {}", chain(&error))),
    }
    let options = verify::VerifyOptions { depth: verify::Depth::ReadData };
    match verify::verify_snapshot(&repository, snapshot.id, &options, &NullMonitor) {
        Ok(report) if report.findings.is_empty() => {}
        Ok(report) => complaints.push(format!("the new snapshot is damaged: {:?}", report.findings)),
        Err(error) => complaints.push(format!("`verify` of the new snapshot fails: {}", chain(&error))),
    }
    complaints
}

#[test]
fn what_is_damaged_in_any_way_is_repaired_named_and_healed() {
    let scene = scene();
    let names = scene.lab.store.names();
    let mut cells: Vec<(ObjectName, Damage)> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let len = len(scene, name);
        cells.push((*name, Damage::Delete));
        cells.extend([0, 80, len / 2, len - 8].map(|cut| (*name, Damage::Truncate(cut))));
        cells.push((*name, Damage::Append(32)));
        cells.extend([20, 50, 90, len / 3, len / 2, len - 40, len - 6].map(|at| (*name, Damage::Flip(at))));
        let next = names[at + 1..].iter().find(|other| other.folder() == name.folder());
        cells.extend(next.map(|other| (*name, Damage::Swap(*other))));
    }
    cells.extend(scene.older.iter().map(|(name, _)| (*name, Damage::Older)));
    // Each with one of the caches; what is rich in ways to fail with both.
    let caches = [Cache::Fresh, Cache::Warm];
    let cells: Vec<Cell> = (0..)
        .zip(cells)
        .flat_map(|(number, (name, damage))| {
            let both = matches!(name.folder(), Folder::Packs | Folder::Index);
            let chosen = if both { &caches[..] } else { &caches[number % 2..][..1] };
            chosen.iter().map(move |cache| (name, damage, *cache)).collect::<Vec<_>>()
        })
        .collect();
    for_all(&cells, |cell| try_cell(scene, cell));
}
