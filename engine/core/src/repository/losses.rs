//! Known losses: this machine found them at its last check, or a repair recorded them. Enamel never guesses: an index
//! is only a hint, and a listing does not say what snapshots need.

use std::collections::{HashMap, HashSet};

use repo_format::id::{ChunkId, LeaseId, PackId};
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::{Author, ManifestObject, Manifests, Record, Repository};
use crate::error::Result;
use crate::machine;
use crate::memory::{PackDamage, Verdict};

/// The snapshots that are known to be incomplete, and those that are known to be whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownLosses {
    /// Snapshots that needed lost data at the last check, and the time of that check in seconds since 1970.
    pub suffering: HashMap<LeaseId, i64>,
    /// Snapshots that were complete at the last check.
    pub whole: HashSet<LeaseId>,
}

impl KnownLosses {
    /// Whether a snapshot is known to need lost data.
    pub fn suffers(&self, id: LeaseId) -> bool {
        self.suffering.contains_key(&id)
    }
}

/// The result of checking everything that manifests need.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Manifests that need lost data.
    pub suffering: Vec<SeenManifest>,
    /// Manifests whose data is complete.
    pub whole: Vec<LeaseId>,
}

impl Judgement {
    /// Judges `objects` by what is known of each.
    pub fn of<'m>(
        objects: impl IntoIterator<Item = &'m ManifestObject>,
        suffers: impl Fn(&ManifestObject) -> bool,
    ) -> Self {
        let mut judgement = Judgement::default();
        for object in objects {
            let id = object.manifest.id;
            if suffers(object) {
                judgement.suffering.push(SeenManifest { id, digest: object.digest });
            } else if !object.manifest.ids.is_empty() {
                judgement.whole.push(id);
            }
        }
        judgement
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let seconds = machine::now().seconds;
        let suffering = self.suffering.iter().map(|seen| Verdict { manifest: seen.id, suffers: true, seconds });
        let whole = self.whole.iter().map(|id| Verdict { manifest: *id, suffers: false, seconds });
        suffering.chain(whole).collect()
    }
}

impl Repository {
    /// The known losses.
    ///
    /// # Errors
    /// If the store cannot be read; [`crate::ErrorKind::Cache`].
    pub fn known_losses(&self) -> Result<KnownLosses> {
        self.known_losses_in(&self.manifests()?)
    }

    /// As [`Repository::known_losses`], for manifests that were listed before.
    ///
    /// # Errors
    /// As [`Repository::known_losses`].
    pub(crate) fn known_losses_in(&self, manifests: &Manifests) -> Result<KnownLosses> {
        let mut known = KnownLosses::default();
        for verdict in self.memory.verdicts()?.into_values() {
            if verdict.suffers {
                known.suffering.insert(verdict.manifest, verdict.seconds);
            } else {
                known.whole.insert(verdict.manifest);
            }
        }
        for record in self.records_of_losses(manifests, Heard::PassOver)? {
            for seen in record.manifest.suffering() {
                known.suffering.entry(seen.id).or_insert(record.manifest.seconds);
                known.whole.remove(&seen.id);
            }
        }
        let there: HashSet<LeaseId> = manifests.present.iter().map(|manifest| manifest.id).collect();
        known.suffering.retain(|id, _| there.contains(id));
        Ok(known)
    }

    /// Records that report losses. Each machine reads other records only once.
    fn records_of_losses(&self, manifests: &Manifests, heard: Heard) -> Result<Vec<ManifestObject>> {
        let known = if heard == Heard::PassOver { self.memory.heard()? } else { HashSet::new() };
        let unheard: Vec<_> = manifests.present.iter().filter(|m| !known.contains(&m.id)).copied().collect();
        let (records, _) = self.read_records(&unheard)?;
        let (speaking, silent): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| !record.manifest.suffering().is_empty());
        self.memory.remember_heard(&silent.iter().map(|record| record.manifest.id).collect::<Vec<_>>())?;
        Ok(speaking)
    }

    /// Remembers the result of checking everything that any manifest needs. It replaces all earlier results.
    ///
    /// # Errors
    /// As [`Repository::known_losses`].
    pub(crate) fn remember_judgement(&self, judgement: &Judgement) -> Result<()> {
        let speaking = self.records_of_losses(&self.manifests()?, Heard::Include)?;
        let heard: Vec<_> = speaking.iter().map(|record| record.manifest.id).collect();
        self.memory.replace_verdicts(&judgement.verdicts(), &heard)
    }

    /// Remembers the result of checking some manifests.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_part(&self, judgement: &Judgement) -> Result<()> {
        self.memory.remember_verdicts(&judgement.verdicts())
    }

    /// Records the findings of a repair for other machines. Puts records of incomplete snapshots, **then** forgets
    /// earlier records, unless they say the same.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub(crate) fn record_judgement(&self, judgement: &Judgement, author: &Author) -> Result<()> {
        let old = self.records_of_losses(&self.manifests()?, Heard::Include)?;
        let said: HashSet<SeenManifest> = old.iter().flat_map(|record| record.manifest.suffering()).copied().collect();
        if said == judgement.suffering.iter().copied().collect() {
            return Ok(());
        }
        let most = usize::try_from(limits::SUFFERING_COUNT).unwrap_or(usize::MAX);
        for some in judgement.suffering.chunks(most) {
            let suffering = Some(some.to_vec());
            self.put_record(author, Record { time: machine::now(), suffering, ..Record::default() })?;
        }
        self.retire(&old.iter().map(ManifestObject::reference).collect::<Vec<_>>(), author)
    }

    /// Packs that did not open completely when this machine last read them. No backup may count on them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn known_damage(&self) -> Result<HashMap<PackId, PackDamage>> {
        self.memory.damaged_packs()
    }

    /// Notes that some chunks of a pack did not open; nothing is known of its others.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_damaged_chunks(&self, pack: PackId, chunks: HashSet<ChunkId>) -> Result<()> {
        let damage = match self.known_damage()?.remove(&pack) {
            Some(PackDamage::Whole) => return Ok(()),
            Some(PackDamage::Chunks(known)) => PackDamage::of(known.into_iter().chain(chunks)),
            None => PackDamage::of(chunks),
        };
        self.remember_pack(pack, Some(&damage))
    }

    /// Notes that a pack was read whole, and which chunks did not open; `None` if all did.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_pack(&self, pack: PackId, damage: Option<&PackDamage>) -> Result<()> {
        let catalog = self.catalog();
        if let Some(damage) = damage {
            self.memory.remember_damaged_pack(pack, damage)?;
            return catalog.forget_verified(&[pack]);
        }
        self.memory.forget_damaged_packs(&[pack])?;
        catalog.remember_verified(pack, machine::now().seconds)
    }
}

/// Whether to read records again that were read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Skip them.
    PassOver,
    /// Read them again.
    Include,
}
