//! Records of forgotten snapshots (FORMAT.md, sections 11 and 13): puts them, reads them, and applies what they
//! explain.

use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::limits;
use repo_format::manifest::{Manifest, ManifestKind, NOT_KNOWN, SecondCopy, SeenManifest};

use super::unanswered::is_acceptance;
use super::{ManifestObject, Manifests, Repository, SnapshotObject, UnreadableManifest};
use crate::crypto::{SEALED_OVERHEAD, random};
use crate::error::{Error, Result};
use crate::machine;
use crate::memory::RememberedManifest;
use engine_store::ObjectName;

/// Manifests that records say were forgotten.
#[derive(Debug, Default)]
pub struct Forgotten(HashSet<SeenManifest>);

impl Forgotten {
    /// The manifests that the records among `manifests` name.
    pub fn by<'m>(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        let records = manifests.into_iter().filter(|manifest| manifest.kind == ManifestKind::Record);
        Forgotten(records.flat_map(Manifest::forgotten).copied().collect())
    }

    /// Whether a record names this manifest, with this digest.
    pub fn names(&self, id: LeaseId, digest: Bytes32) -> bool {
        self.0.contains(&SeenManifest { id, digest }) || self.0.contains(&SeenManifest { id, digest: NOT_KNOWN })
    }
}

/// The author of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Author {
    /// The machine.
    pub host: String,
    /// The user.
    pub user: String,
    /// Program and version.
    pub program: String,
}

/// The contents of a record.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The time by the author's clock.
    pub time: Time,
    /// Words that say what kind of record it is.
    pub tags: Vec<String>,
    /// The newest manifests that stay.
    pub seen: Vec<SeenManifest>,
    /// The forgotten manifests, if any.
    pub forgotten: Option<Vec<SeenManifest>>,
    /// Manifests that need lost data, if any.
    pub suffering: Option<Vec<SeenManifest>>,
    /// Another repository that has copies of this one, if the record is about one.
    pub second_copy: Option<SecondCopy>,
}

impl Repository {
    /// Puts a record, durably, and remembers it. This needs no lease, because a record names no nodes.
    ///
    /// # Errors
    /// If it cannot be stored, or is too large.
    pub fn put_record(&self, author: &Author, record: Record) -> Result<ManifestObject> {
        let Record { time, tags, seen, forgotten, suffering, second_copy } = record;
        let manifest = self.manifest_without_nodes(ManifestKind::Record, author, time)?;
        self.put_without_lease(Manifest { tags, seen, forgotten, suffering, second_copy, ..manifest })
    }

    /// Puts a manifest that names no nodes, durably, and remembers it.
    ///
    /// # Errors
    /// If it cannot be stored, or is too large.
    pub(crate) fn put_without_lease(&self, manifest: Manifest) -> Result<ManifestObject> {
        self.ready_to_seal()?;
        let name = ObjectName::Snapshot(manifest.id);
        let plain = manifest.encode().map_err(|e| Error::damaged(format!("a new {}", manifest.kind.name()), e))?;
        let sealed = self.seal_manifest(manifest.id, &plain)?;
        let object = &sealed.object;
        if let Err(error) = self.store.put_new(&name, &[object]) {
            // A lost answer looks like a failure; the stored object decides.
            let there = self.store.get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD);
            if !there.is_ok_and(|there| *there == **object) {
                return Err(error.into());
            }
        }
        self.vouch_for(&sealed)?;
        let record = ManifestObject { digest: sealed.digest(), manifest };
        self.memory.remember_manifests(&[self.remembered_form(&record)])?;
        Ok(record)
    }

    /// Forgets records or evidence that a newer one replaces: puts a record that names them, **then** deletes them.
    ///
    /// # Errors
    /// If the store cannot be written, or does not let this user delete: then both are there.
    pub(crate) fn retire(&self, old: &[SeenManifest], author: &Author) -> Result<()> {
        let most = usize::try_from(limits::FORGOTTEN_COUNT).unwrap_or(usize::MAX);
        for some in old.chunks(most) {
            let forgotten = Some(some.to_vec());
            self.put_record(author, Record { time: machine::now(), forgotten, ..Record::default() })?;
            some.iter().try_for_each(|record| self.store.delete(&ObjectName::Snapshot(record.id)))?;
            self.memory.forget_manifests(&some.iter().map(|record| record.id).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// A new manifest without contents, which needs no lease.
    ///
    /// # Errors
    /// If the list of condemned packs cannot be read.
    pub(crate) fn manifest_without_nodes(&self, kind: ManifestKind, author: &Author, time: Time) -> Result<Manifest> {
        let (condemned, _) = self.condemned()?;
        let Author { host, user, program } = author.clone();
        Ok(Manifest {
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
            host,
            user,
            program,
            config_version: self.config.version,
            keyring_version: self.keyring_version(),
            condemned_seen: condemned.next - 1,
            ..Manifest::new(kind, LeaseId(random()?))
        })
    }

    /// Reads the records among `present`. Omits a record that was deleted meanwhile.
    ///
    /// # Errors
    /// If the store cannot be reached. Unreadable records are in the result, not an error.
    pub fn read_records(
        &self,
        present: &[RememberedManifest],
    ) -> Result<(Vec<ManifestObject>, Vec<UnreadableManifest>)> {
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        let present = present.iter().filter(|manifest| manifest.kind == ManifestKind::Record);
        let present: Vec<RememberedManifest> = present.copied().collect();
        for (id, read) in self.each_remembered(&present) {
            match read {
                Ok(SnapshotObject::Manifest(object)) => records.push(*object),
                Ok(SnapshotObject::Void(_)) => {}
                Err(error) => unreadable.extend(self.unreadable(id, error)?),
            }
        }
        Ok((records, unreadable))
    }

    /// The digest of an unreadable manifest, from this machine's memory or from one of `manifests` that names it;
    /// otherwise [`NOT_KNOWN`].
    ///
    /// # Errors
    /// If the cache cannot be used.
    pub(crate) fn known_digest(&self, manifests: &[ManifestObject], id: LeaseId) -> Result<Bytes32> {
        let remembered = self.memory.all_manifests()?;
        let remembered = remembered.iter().map(|manifest| (manifest.id, manifest.digest));
        let named = manifests.iter().flat_map(|object| &object.manifest.seen).map(|seen| (seen.id, seen.digest));
        let known = remembered.chain(named).find(|(known, _)| *known == id);
        Ok(known.map_or(NOT_KNOWN, |(_, digest)| digest))
    }

    /// Whether `snapshots/` has an object of this id: an unreadable one may have been forgotten since it was listed.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub fn has_snapshot_object(&self, id: LeaseId) -> Result<bool> {
        Ok(self.store.stat(&ObjectName::Snapshot(id))?.is_some())
    }

    /// Stops missing the manifests that records say were forgotten. Returns how many of them a user accepted as
    /// missing.
    pub(super) fn forget_what_records_name(&self, manifests: &mut Manifests) -> Result<usize> {
        if manifests.missing.is_empty() {
            return Ok(0);
        }
        // A record that cannot be read explains nothing, and `verify` reports it.
        let (records, _) = self.read_records(&manifests.present)?;
        let records: Vec<&Manifest> = records.iter().map(|record| &record.manifest).collect();
        let forgotten = Forgotten::by(records.iter().copied());
        let accepted = Forgotten::by(records.into_iter().filter(|record| is_acceptance(record)));
        let (gone, missing) = manifests.missing.drain(..).partition(|m| forgotten.names(m.id, m.digest));
        manifests.missing = missing;
        let gone: Vec<RememberedManifest> = gone;
        let ids: Vec<_> = gone.iter().map(|manifest| manifest.id).collect();
        self.memory.forget_manifests(&ids)?;
        self.catalog.forget_counted(&ids)?;
        Ok(gone.iter().filter(|m| accepted.names(m.id, m.digest)).count())
    }
}
