//! Forgets snapshots: plans by a policy or by name, then deletes.
//!
//! ```text
//! plan, plan_named:   manifests -> retention -> tables that only one snapshot has -> what goes
//! forget:             record of what goes -> deletions -> this machine's memory -> records merged, when there are many
//! ```
//! The record comes first, so that it explains the missing manifests whenever the run ends (FORMAT.md, section 13).
//! Only manifests are deleted here; a prune frees the space.

mod merge;
mod record;
mod tables;

use std::collections::{HashMap, HashSet};

use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind, SeenManifest};

use crate::error::{Error, ErrorKind, Result, chain};
use crate::hold;
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::{Author, Forgotten, Repository};
use crate::upkeep::retention::{Conditions, Group, Known, Policy, Reason, TableName, judge};
use engine_store::{ObjectName, StoreError, StoreErrorKind};

/// The result of a policy: the snapshots to keep and to forget.
#[derive(Debug, Default)]
pub struct Plan {
    /// All snapshots that were considered, by group, and what keeps each.
    pub groups: Vec<Group>,
    /// Unreadable snapshots, and why; they stay.
    pub unreadable: Vec<(LeaseId, Error)>,
    /// Snapshots that need lost data; none of them counts as whole.
    pub suffering: HashSet<LeaseId>,
    digests: HashMap<LeaseId, Bytes32>,
}

/// The snapshots to forget that the user named.
#[derive(Debug, Default)]
pub struct NamedPlan {
    /// The snapshots to forget, oldest first.
    pub going: Vec<Manifest>,
    /// The number of snapshots that stay.
    pub kept_count: usize,
    /// Snapshots to forget that are the newest with certain tables: later snapshots lack these tables because they were
    /// damaged or gone.
    pub only_copies: Vec<(LeaseId, Vec<TableName>)>,
    digests: HashMap<LeaseId, Bytes32>,
}

/// The result of forgetting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ForgetOutcome {
    /// The number of forgotten snapshots.
    pub forgotten: u64,
    /// The number of records about them; 0 if earlier records already name them.
    pub records: u64,
    /// The number of records that were merged into fewer.
    pub merged: u64,
}

/// A newest snapshot that holds less than half of the one before it.
#[derive(Debug, Clone, Copy)]
pub struct Shrunk<'p> {
    /// The newest.
    pub newest: &'p Manifest,
    /// The one before.
    pub before: &'p Manifest,
}

impl Plan {
    /// Sources whose newest snapshot holds nothing, or less than half of the bytes of the one before, and that are about to lose a
    /// snapshot. Perhaps the older ones are the good ones.
    pub fn shrunk(&self) -> impl Iterator<Item = Shrunk<'_>> {
        let loses = |group: &&Group| group.roots.is_some() && group.members.iter().any(|judged| !judged.is_kept());
        self.groups.iter().filter(loses).filter_map(|group| {
            let [.., before, newest] = &group.members[..] else { return None };
            let (before, newest) = (&before.manifest, &newest.manifest);
            let bytes = |manifest: &Manifest| manifest.statistics.total_bytes;
            (bytes(newest) < bytes(before).div_ceil(2)).then_some(Shrunk { newest, before })
        })
    }

    /// The snapshots to forget.
    pub fn going(&self) -> Vec<SeenManifest> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        references(members.filter(|judged| !judged.is_kept()).map(|judged| judged.manifest.id), &self.digests)
    }

    /// The number of snapshots to keep.
    pub fn kept_count(&self) -> usize {
        self.groups.iter().flat_map(|group| &group.members).filter(|judged| judged.is_kept()).count()
    }
}

impl NamedPlan {
    /// The snapshots to forget.
    pub fn going(&self) -> Vec<SeenManifest> {
        references(self.going.iter().map(|manifest| manifest.id), &self.digests)
    }
}

fn references(ids: impl Iterator<Item = LeaseId>, digests: &HashMap<LeaseId, Bytes32>) -> Vec<SeenManifest> {
    ids.filter_map(|id| digests.get(&id).map(|digest| SeenManifest { id, digest: *digest })).collect()
}

/// Plans by a policy; changes nothing. Always keeps the newest snapshot with a table that later ones lack, because it
/// was damaged or gone.
///
/// # Errors
/// As [`judge`]; if the store cannot be listed.
pub fn plan(repository: &Repository, policy: &Policy, conditions: &Conditions, monitor: &dyn Monitor) -> Result<Plan> {
    let snapshots = Snapshots::read(repository)?;
    let known = known(repository)?;
    let mut groups = judge(snapshots.manifests.clone(), policy, conditions, &known)?;
    let going: HashSet<LeaseId> = groups
        .iter()
        .flat_map(|group| &group.members)
        .filter(|judged| !judged.is_kept())
        .map(|judged| judged.manifest.id)
        .collect();
    let mut copies: HashMap<_, _> = snapshots.only_copies(repository, &going, monitor)?.into_iter().collect();
    for judged in groups.iter_mut().flat_map(|group| &mut group.members) {
        judged.reasons.extend(copies.remove(&judged.manifest.id).map(Reason::OnlyCopy));
    }
    Ok(Plan { groups, unreadable: snapshots.unreadable, digests: snapshots.digests, suffering: known.suffering })
}

/// Facts about snapshots that are not in their manifests.
fn known(repository: &Repository) -> Result<Known> {
    let manifests = repository.manifests()?;
    let losses = repository.known_losses_in(&manifests)?;
    let put_back = manifests.put_back.iter().map(|manifest| manifest.id).collect();
    Ok(Known { suffering: losses.suffering.into_keys().collect(), whole: losses.whole, put_back })
}

/// Plans by name; changes nothing.
///
/// # Errors
/// [`ErrorKind::NotFound`]; if the store cannot be listed.
pub fn plan_named(repository: &Repository, ids: &[LeaseId], monitor: &dyn Monitor) -> Result<NamedPlan> {
    let snapshots = Snapshots::read(repository)?;
    let named: HashSet<LeaseId> = ids.iter().copied().collect();
    if let Some(id) = named.iter().find(|id| !snapshots.digests.contains_key(id)) {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id} that can be read")));
    }
    let mut only_copies = snapshots.only_copies(repository, &named, monitor)?;
    only_copies.retain(|(id, _)| named.contains(id));
    let mut going = snapshots.manifests;
    let all = going.len();
    going.retain(|manifest| named.contains(&manifest.id));
    Ok(NamedPlan { kept_count: all - going.len(), going, only_copies, digests: snapshots.digests })
}

/// An object in `snapshots/` that nobody can use as a snapshot.
#[derive(Debug)]
pub struct Unusable {
    /// The form for a record; its digest may be unknown.
    pub manifest: SeenManifest,
    /// The reason: it is damaged, or not believed.
    pub error: Error,
}

/// Collects the facts about objects that are unreadable or not believed, so that they can be forgotten by id.
///
/// # Errors
/// [`ErrorKind::Usage`] if one is usable; if the store cannot be read.
pub fn plan_unusable(repository: &Repository, ids: &[LeaseId]) -> Result<Vec<Unusable>> {
    let (manifests, unreadable) = repository.read_manifests()?;
    let mut going = Vec::new();
    for id in ids {
        let Some(found) = unreadable.iter().find(|object| object.id == *id) else {
            return Err(Error::new(ErrorKind::Usage, format!("snapshots/{id} can be read")));
        };
        let digest = match repository.read_unbelieved(*id) {
            Ok(object) => object.digest,
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(_) => repository.known_digest(&manifests, *id)?,
        };
        let error = Error::new(found.error.kind(), chain(&found.error));
        going.push(Unusable { manifest: SeenManifest { id: *id, digest }, error });
    }
    Ok(going)
}

/// All snapshots of a repository.
struct Snapshots {
    /// Sorted oldest first.
    manifests: Vec<Manifest>,
    digests: HashMap<LeaseId, Bytes32>,
    unreadable: Vec<(LeaseId, Error)>,
}

impl Snapshots {
    /// Reads them.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] while one is held; if the store cannot be listed.
    fn read(repository: &Repository) -> Result<Self> {
        let (mut objects, unreadable) = repository.read_manifests()?;
        hold::refuse(objects.iter().map(|object| &object.manifest))?;
        objects.retain(|object| object.manifest.kind == ManifestKind::Snapshot);
        Ok(Snapshots {
            digests: objects.iter().map(|object| (object.manifest.id, object.digest)).collect(),
            manifests: objects.into_iter().map(|object| object.manifest).collect(),
            unreadable: unreadable.into_iter().map(|unreadable| (unreadable.id, unreadable.error)).collect(),
        })
    }

    fn only_copies(
        &self,
        repository: &Repository,
        going: &HashSet<LeaseId>,
        monitor: &dyn Monitor,
    ) -> Result<Vec<(LeaseId, Vec<TableName>)>> {
        if !tables::are_missed(&self.manifests) {
            return Ok(Vec::new());
        }
        repository.sync_catalog(monitor)?;
        Ok(tables::only_copies(&ChunkReader::new(repository), &self.manifests, going, monitor))
    }
}

/// Forgets `going`. Puts records that name them, **then** deletes them. Skips manifests that are gone already. Every
/// step is durable, and the run can be repeated after any of them.
///
/// # Errors
/// [`ErrorKind::Disappeared`] if something of the repository has disappeared and no user has confirmed that.
/// [`ErrorKind::PermissionDenied`] if the store does not let this user delete; the message says how many were forgotten
/// until then. [`ErrorKind::Cancelled`] between two deletions.
pub fn forget(
    repository: &Repository,
    going: &[SeenManifest],
    author: &Author,
    monitor: &dyn Monitor,
) -> Result<ForgetOutcome> {
    repository.refuse_as_of()?;
    let mut outcome = ForgetOutcome::default();
    if going.is_empty() {
        return Ok(outcome);
    }
    let manifests = repository.manifests()?;
    repository.refuse_unanswered_in(&manifests)?;
    let (mut records, unreadable) = repository.read_records(&manifests.present)?;
    for record in unreadable {
        monitor.note(&format!("the record snapshots/{} cannot be read: {}", record.id, chain(&record.error)));
    }
    let forgotten = Forgotten::by(records.iter().map(|record| &record.manifest));
    let unnamed: Vec<_> = going.iter().filter(|m| !forgotten.names(m.id, m.digest)).copied().collect();
    let seen = record::seen(&manifests, going);
    let put = record::put_all(repository, &unnamed, &seen, author)
        .map_err(|error| error.context("no snapshot was forgotten: a record of it cannot be put"))?;
    outcome.records = put.len() as u64;
    records.extend(put);
    delete(repository, going, monitor, &mut outcome)?;
    // From here on they are forgotten, so no failure may deny it.
    match merge::merge_records(repository, records, &seen, author) {
        Ok(merged) => outcome.merged = merged,
        Err(error) => monitor.note(&format!("tidying up the records is left to the next run: {}", chain(&error))),
    }
    Ok(outcome)
}

fn delete(
    repository: &Repository,
    going: &[SeenManifest],
    monitor: &dyn Monitor,
    outcome: &mut ForgetOutcome,
) -> Result<()> {
    let result = going.iter().try_for_each(|manifest| {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let deleted = repository.store().delete(&ObjectName::Snapshot(manifest.id));
        deleted.map_err(|error| failed(error, outcome.forgotten, going.len()))?;
        outcome.forgotten += 1;
        Ok(())
    });
    let gone: Vec<_> = going.iter().zip(0..outcome.forgotten).map(|(manifest, _)| manifest.id).collect();
    let remembered = repository.memory().forget_manifests(&gone);
    result.and(remembered).and_then(|()| repository.catalog().forget_counted(&gone))
}

fn failed(error: StoreError, done: u64, all: usize) -> Error {
    let count = if done == 0 { "no snapshot was".to_owned() } else { format!("{done} of {all} snapshots were") };
    let why = match error.kind {
        StoreErrorKind::PermissionDenied => "its place does not let this user delete",
        _ => "one cannot be deleted",
    };
    Error::from(error).context(format!("{count} forgotten: {why}"))
}
