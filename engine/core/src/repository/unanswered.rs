//! Losses and rollbacks that this machine has noticed and no user has confirmed.

use repo_format::id::{Bytes32, LeaseId};
use repo_format::limits;
use repo_format::manifest::{Manifest, SeenManifest};

use super::hint::GO_ON;
use super::members::go_on_without;
use super::{Author, ManifestObject, Manifests, Record, Repository, vital};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::memory::{RememberedManifest, Version};
use crate::monitor::Monitor;
use engine_store::{Folder, Original, Tag};

/// The first tag of a record that accepts missing objects.
pub(crate) const ACCEPTED: &str = "accepted";

/// At most this many versions of the keyring can be given up at once.
const VERSIONS_MAX: u64 = 64;

/// Losses and rollbacks that no user has confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// Missing manifests that no record explains; newest first.
    pub missing: Vec<RememberedManifest>,
    /// Config, keyring or list of condemned packs that are older than before, as sentences.
    pub older: Vec<String>,
    /// Troubles of this machine's memory, as sentences.
    pub memory: Vec<String>,
    /// Manifests that were forgotten and exist again; newest first. Nothing counts them, and they do not prevent
    /// deleting others.
    pub put_back: Vec<RememberedManifest>,
    /// Whether this machine has not yet seen the repository in this place.
    pub is_new_place: bool,
    /// Whether everything missing was seen in other places only: this may be a copy that is behind.
    pub is_behind: bool,
    /// Whether everything missing is newer than everything that is there, as after a rollback.
    pub is_older_state: bool,
}

impl Unanswered {
    /// Whether there is nothing to confirm.
    pub fn is_empty(&self) -> bool {
        !self.is_about_the_repository() && self.memory.is_empty() && self.put_back.is_empty()
    }

    /// Whether something of the repository is missing or older, so that the rest should stay as it is.
    pub(crate) fn is_about_the_repository(&self) -> bool {
        !self.missing.is_empty() || !self.older.is_empty()
    }

    /// Whether there is more than a new place: then the missing objects may still exist in the repository's earlier
    /// place.
    pub fn is_urgent(&self) -> bool {
        !self.older.is_empty()
            || !self.memory.is_empty()
            || (!self.missing.is_empty() && !self.is_new_place && !self.is_behind)
    }

    /// All of it, as sentences.
    pub fn sentences(&self) -> Vec<String> {
        let place = if self.is_new_place {
            " This computer has not seen the repository in this place before."
        } else if self.is_behind {
            " This computer has seen them in another place only, so this may be a copy that is behind: copy it again, or use `enamel copy`."
        } else if self.is_older_state {
            " They are newer than everything that is there: somebody has put an older state of the repository in its place, or deleted them, or it is another disk that takes turns here."
        } else {
            ""
        };
        let count = self.missing.len();
        let what = if count == 1 { "1 snapshot or record".to_owned() } else { format!("{count} snapshots or records") };
        let missing = (count > 0).then(|| {
            let newest = self.missing.first().map(|manifest| manifest.id.to_string()).unwrap_or_default();
            let name = newest.get(..8).unwrap_or_default();
            format!(
                "{what} that this computer has seen disappeared, the newest is {name}, and nothing says that anybody forgot them.{place}"
            )
        });
        let back = self.put_back.iter().map(|manifest| {
            let name = manifest.id.to_string();
            let name = name.get(..8).unwrap_or_default();
            format!("snapshot {name} was forgotten and is there again, as from an old copy of the repository: nothing counts it")
        });
        let rest = self.older.iter().chain(&self.memory).cloned();
        missing.into_iter().chain(rest).chain(back).collect()
    }
}

/// The losses and rollbacks that a user accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// Everything as it is, including manifests that were forgotten and exist again.
    All,
    /// As [`Acceptance::All`]: this is another disk than the one that was in this place before, and both go on in turn.
    AnotherDisk,
    /// Everything that is missing or older.
    Losses,
    /// These manifests, which are missing or exist again.
    These(Vec<LeaseId>),
}

impl Repository {
    /// Losses and rollbacks that no user has confirmed.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn unanswered(&self) -> Result<Unanswered> {
        self.unanswered_in(&self.manifests()?)
    }

    /// As [`Repository::unanswered`], for manifests that were listed before.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`].
    pub(crate) fn unanswered_in(&self, manifests: &Manifests) -> Result<Unanswered> {
        let older = self.older_condemned()?;
        let mut unanswered = self.unanswered_beside(manifests);
        unanswered.older.extend(older);
        Ok(unanswered)
    }

    /// As [`Repository::unanswered_in`], for a run that has found the list of condemned packs not to be older.
    pub(crate) fn unanswered_beside(&self, manifests: &Manifests) -> Unanswered {
        Unanswered {
            missing: manifests.missing.clone(),
            older: self.warnings().to_vec(),
            memory: self.troubles().to_vec(),
            put_back: manifests.put_back.clone(),
            is_new_place: self.memory().is_new_place(),
            is_behind: manifests.is_behind,
            is_older_state: manifests.is_older_state(),
        }
    }

    /// Fails if something of the repository has disappeared or is older: then nothing more may be deleted.
    ///
    /// # Errors
    /// [`ErrorKind::Disappeared`].
    pub fn refuse_unanswered(&self) -> Result<()> {
        self.refuse_unanswered_in(&self.manifests()?)
    }

    /// As [`Repository::refuse_unanswered`], for manifests that were listed before.
    ///
    /// # Errors
    /// [`ErrorKind::Disappeared`].
    pub(crate) fn refuse_unanswered_in(&self, manifests: &Manifests) -> Result<()> {
        let unanswered = self.unanswered_in(manifests)?;
        if unanswered.is_about_the_repository() {
            let message =
                format!("nothing is deleted until somebody has answered: {}", unanswered.sentences().join(" "));
            return Err(Error::new(ErrorKind::Disappeared, message));
        }
        Ok(())
    }

    /// A sentence, if the list of condemned packs is older than before. An unreadable list is another matter.
    pub(super) fn older_condemned(&self) -> Result<Option<String>> {
        let known = self.memory().version("condemned")?.map_or(0, |known| known.number);
        let read = match self.condemned() {
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            read => read.ok(),
        };
        let older = read.filter(|(condemned, _)| condemned.next < known);
        Ok(older.map(|_| "the list of condemned packs has been replaced by an older copy".to_owned()))
    }

    /// Puts records that the user accepts the losses, **then** remembers that here. With [`Acceptance::All`] this
    /// machine takes the repository in this place as it is now. Returns the accepted losses.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if a named manifest is not missing; if a record cannot be put.
    pub fn accept(
        &self,
        acceptance: &Acceptance,
        reason: &str,
        author: &Author,
        monitor: &dyn Monitor,
    ) -> Result<Unanswered> {
        let manifests = self.manifests()?;
        let mut accepted = self.unanswered_in(&manifests)?;
        if let Some(doubt) = self.doubt() {
            if !matches!(acceptance, Acceptance::All | Acceptance::AnotherDisk) {
                return Err(Error::new(ErrorKind::Damaged, doubt).with_hint(GO_ON));
            }
            self.go_on_with_older_keys()?;
        }
        let mut missing: Vec<SeenManifest> =
            accepted.missing.iter().map(|m| SeenManifest { id: m.id, digest: m.digest }).collect();
        missing.extend(self.missed_by_others(&missing, monitor)?);
        let mut welcome: Vec<LeaseId> = manifests.put_back.iter().map(|m| m.id).collect();
        match acceptance {
            Acceptance::All | Acceptance::AnotherDisk => {}
            Acceptance::Losses => welcome.clear(),
            Acceptance::These(ids) => {
                if let Some(id) = ids.iter().find(|id| !missing.iter().any(|m| m.id == **id) && !welcome.contains(id)) {
                    return Err(Error::new(ErrorKind::NotFound, format!("snapshot {id} is not missing")));
                }
                welcome.retain(|id| ids.contains(id));
                missing.retain(|m| ids.contains(&m.id));
                accepted.missing.retain(|m| ids.contains(&m.id));
                (accepted.older, accepted.memory) = (Vec::new(), Vec::new());
            }
        }
        if *acceptance == Acceptance::AnotherDisk && accepted.is_about_the_repository() {
            // The first disk still has what is missing here, so nothing of it is given up. Manifests that were made since the
            // disks went separate ways, and are here, were made on this one.
            let parted = accepted.missing.iter().map(|manifest| manifest.time).min();
            let made_here = manifests.present.iter().filter(|m| parted.is_some_and(|parted| m.time > parted));
            self.memory().be_another_disk(&made_here.map(|manifest| manifest.id).collect::<Vec<_>>())?;
        }
        self.memory().welcome(&welcome)?;
        accepted.put_back.retain(|m| welcome.contains(&m.id));
        if missing.is_empty() && accepted.is_empty() {
            return Ok(accepted);
        }
        // Only this machine knows that they had gone.
        if missing.is_empty() && !accepted.is_about_the_repository() && accepted.memory.is_empty() {
            return Ok(accepted);
        }
        let seen = manifests.present.iter().take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0));
        let seen: Vec<_> = seen.map(|m| SeenManifest { id: m.id, digest: m.digest }).collect();
        self.put_acceptance(&missing, &seen, reason, author)?;
        if let Acceptance::These(_) = acceptance {
            self.memory().forget_manifests(&missing.iter().map(|m| m.id).collect::<Vec<_>>())?;
        } else {
            self.begin_own_line()?;
        }
        Ok(accepted)
    }

    /// Continues with the newest keys that can be read.
    fn go_on_with_older_keys(&self) -> Result<()> {
        let newest = self.keyring_version();
        let mut lost = vital::originals(self.store(), Folder::Keyring)?;
        lost.retain(|of| matches!(of, Original::Keyring(n) if *n > newest));
        // A thing that is not a file is not listed.
        lost.push(Original::Keyring(newest.saturating_add(1)));
        lost.sort();
        lost.dedup();
        let (objects, _) = self.read_manifests()?;
        let made_with = objects.iter().map(|object| object.manifest.keyring_version);
        let seen = self.memory().version("keyring")?.map_or(newest, |known| known.number);
        let there = lost.iter().filter_map(|of| if let Original::Keyring(n) = of { Some(*n) } else { None });
        // Anyone may have put a number that is far too high.
        let known = made_with.chain(there.take(1)).fold(seen.max(newest), u64::max);
        if known.saturating_sub(newest) > VERSIONS_MAX {
            let message = format!("{} versions of the keyring would be lost", known - newest);
            return Err(Error::new(ErrorKind::Refused, message));
        }
        go_on_without(self, &lost, known)?;
        self.clear_evidence();
        Ok(())
    }

    /// Manifests that existing ones name and that do not exist, though this machine has never seen them.
    fn missed_by_others(&self, known: &[SeenManifest], monitor: &dyn Monitor) -> Result<Vec<SeenManifest>> {
        let names = self.snapshot_names()?;
        let (objects, unreadable) = self.read_manifests()?;
        for manifest in unreadable {
            monitor.note(&format!(
                "snapshots/{} cannot be read: {}",
                manifest.id,
                crate::error::chain(&manifest.error)
            ));
        }
        let forgotten = super::Forgotten::by(objects.iter().map(|object| &object.manifest));
        let mut missed: Vec<SeenManifest> = Vec::new();
        for seen in objects.iter().flat_map(|object: &ManifestObject| &object.manifest.seen) {
            let is_there = names.binary_search(&seen.id).is_ok() || forgotten.names(seen.id, seen.digest);
            if !is_there && !known.contains(seen) && !missed.contains(seen) {
                missed.push(*seen);
            }
        }
        Ok(missed)
    }

    fn put_acceptance(
        &self,
        missing: &[SeenManifest],
        seen: &[SeenManifest],
        reason: &str,
        author: &Author,
    ) -> Result<()> {
        let tags = vec![ACCEPTED.to_owned(), reason.to_owned()];
        let put = |forgotten: Option<Vec<SeenManifest>>| {
            let record = Record {
                time: machine::now(),
                tags: tags.clone(),
                seen: seen.to_vec(),
                forgotten,
                ..Record::default()
            };
            self.put_record(author, record).map(drop)
        };
        if missing.is_empty() {
            return put(None);
        }
        let most = usize::try_from(limits::FORGOTTEN_COUNT).unwrap_or(usize::MAX);
        missing.chunks(most).try_for_each(|some| put(Some(some.to_vec())))
    }

    fn begin_own_line(&self) -> Result<()> {
        let mut versions = vec![
            Version { name: "config", number: self.config().version, digest: self.config_digest },
            Version { name: "keyring", number: self.keyring_version(), digest: self.digest_of_keyring()? },
        ];
        if let Ok((condemned, Tag(digest))) = self.condemned() {
            versions.push(Version { name: "condemned", number: condemned.next, digest: Bytes32(digest) });
        }
        self.memory().begin_own_line(&self.manifests()?.present, &versions)?;
        self.memory().end_troubles()
    }
}

impl Repository {
    /// The digest of the newest keyring; this run may have put it.
    fn digest_of_keyring(&self) -> Result<Bytes32> {
        let remembered = self.memory().version("keyring")?;
        let same = remembered.filter(|known| known.number == self.keyring_version());
        Ok(same.map_or(self.keyring_digest, |known| known.digest))
    }
}

/// Whether a record accepts missing objects.
pub(super) fn is_acceptance(record: &Manifest) -> bool {
    record.tags.first().is_some_and(|tag| tag == ACCEPTED)
}
