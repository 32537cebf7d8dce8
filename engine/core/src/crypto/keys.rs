//! Everything that is derived from the keyring's secrets (FORMAT.md, sections 5 and 6.3).

use repo_format::context;
use repo_format::head::{KeyClass, ObjectKind, Sealing};
use repo_format::id::{Bytes32, ChunkId};
use repo_format::pack::ChunkKind;
use repo_format::sealed::{self, CHECKSUM_LEN, ENVELOPE_LEN, GCM_TAG_LEN, SealedObject};
use zeroize::Zeroizing;

use std::sync::{Arc, PoisonError, RwLock};

use super::keyring::KeyringSecrets;
use super::random;
use super::seal::ObjectKey;
use crate::error::{Error, ErrorKind, Result};

/// The number of bytes that sealing adds to an object that ends with a checksum.
pub(crate) const SEALED_OVERHEAD: u64 = (ENVELOPE_LEN + GCM_TAG_LEN + CHECKSUM_LEN) as u64;

/// The repository's keys, ready to use. Shared by all threads.
pub struct Keys {
    /// The secrets of the newest keyring version that this process knows; a newer one may appear during a run.
    secrets: RwLock<Arc<KeyringSecrets>>,
    chunk_id: Zeroizing<[u8; 32]>,
    node_id: Zeroizing<[u8; 32]>,
    manifest_digest: Zeroizing<[u8; 32]>,
    config_tag: Zeroizing<[u8; 32]>,
    card_tag: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Derives all keys.
    pub fn new(secrets: KeyringSecrets) -> Self {
        let derive = |context| Zeroizing::new(blake3::derive_key(context, &secrets.0.id.0));
        Keys {
            chunk_id: derive(context::CHUNK_ID),
            node_id: derive(context::NODE_ID),
            manifest_digest: derive(context::MANIFEST_DIGEST),
            config_tag: derive(context::CONFIG_TAG),
            card_tag: derive(context::CARD_TAG),
            secrets: RwLock::new(Arc::new(secrets)),
        }
    }

    /// The secrets that these keys come from.
    pub fn secrets(&self) -> Arc<KeyringSecrets> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adopts the secrets of a newer keyring version of the same repository. From now on its newest epoch seals.
    pub fn learn(&self, newer: KeyringSecrets) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(newer);
    }

    /// The id of a chunk with these plain bytes.
    pub fn id(&self, kind: ChunkKind, plain: &[u8]) -> ChunkId {
        let key = match kind {
            ChunkKind::Data => &self.chunk_id,
            ChunkKind::Node => &self.node_id,
            ChunkKind::Padding => return ChunkId([0; 32]),
        };
        ChunkId(*blake3::keyed_hash(key, plain).as_bytes())
    }

    /// The digest of a plain manifest.
    pub fn manifest_digest(&self, plain: &[u8]) -> Bytes32 {
        Bytes32(*blake3::keyed_hash(&self.manifest_digest, plain).as_bytes())
    }

    /// The tag of a config.
    pub fn config_tag(&self, tagged: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.config_tag, tagged).as_bytes()
    }

    /// The tag of a card.
    pub fn card_tag(&self, tagged: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.card_tag, tagged).as_bytes()
    }

    /// A key for what concerns two repositories, which only somebody with both id secrets can derive.
    pub(crate) fn key_with(&self, other: &Keys, context: &str) -> Zeroizing<[u8; 32]> {
        let mut secrets = Zeroizing::new([0; 64]);
        secrets[..32].copy_from_slice(&self.secrets().0.id.0);
        secrets[32..].copy_from_slice(&other.secrets().0.id.0);
        Zeroizing::new(blake3::derive_key(context, &secrets[..]))
    }

    /// The epoch that seals new objects.
    pub fn newest_epoch(&self) -> u32 {
        self.secrets().newest_epoch().number
    }

    /// The tag of a purge plan with this digest, in the newest epoch. A member who was removed before that epoch cannot
    /// make one.
    pub fn plan_tag(&self, digest: &[u8; 32]) -> [u8; 32] {
        let secrets = self.secrets();
        let epoch = secrets.newest_epoch();
        let key = Zeroizing::new(blake3::derive_key(context::PURGE_PLAN_TAG, &epoch.meta.0));
        let mut tagged = [0; 36];
        tagged[..4].copy_from_slice(&epoch.number.to_le_bytes());
        tagged[4..].copy_from_slice(digest);
        *blake3::keyed_hash(&key, &tagged).as_bytes()
    }

    /// The 256 words of the chunker's rolling hash.
    pub fn gear_table(&self) -> Box<[u64; 256]> {
        let mut bytes = Zeroizing::new([0u8; 2048]);
        let mut hasher = blake3::Hasher::new_derive_key(context::GEAR_TABLE);
        hasher.update(&self.secrets().0.gear.0);
        hasher.finalize_xof().fill(&mut bytes[..]);
        let mut table = Box::new([0; 256]);
        for (word, bytes) in table.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        table
    }

    /// A key for a new object, with a new salt, in the newest epoch.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn new_object(&self, kind: ObjectKind, class: KeyClass) -> Result<ObjectKey> {
        let sealing = Sealing { class, epoch: self.secrets().newest_epoch().number };
        self.object_key(kind, sealing, Bytes32(random()?))
    }

    /// The key of an object with this salt.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the keyring has no such epoch.
    pub(crate) fn object_key(&self, kind: ObjectKind, sealing: Sealing, salt: Bytes32) -> Result<ObjectKey> {
        let secrets = self.secrets();
        let epoch = secrets.0.epochs.iter().find(|e| e.number == sealing.epoch).ok_or_else(|| {
            let (kind, epoch, newest) = (kind.name(), sealing.epoch, secrets.newest_epoch().number);
            let why = if epoch > newest {
                format!("the keyring ends with epoch {newest}: an older copy of it stands in its place, or its newest version is missing")
            } else {
                "the keyring does not have that".to_owned()
            };
            Error::caused(ErrorKind::Damaged, format!("a {kind} is sealed in epoch {epoch}"), why)
        })?;
        let secret = match sealing.class {
            KeyClass::Data => &epoch.data,
            KeyClass::Meta => &epoch.meta,
            KeyClass::Index => &epoch.index,
        };
        Ok(ObjectKey::derive(kind, sealing, &secret.0, salt))
    }

    /// Seals a whole object, without a checksum at its end.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn seal_named_by_hash(&self, kind: ObjectKind, class: KeyClass, name: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let key = self.new_object(kind, class)?;
        let mut object = Vec::with_capacity(ENVELOPE_LEN + plain.len() + GCM_TAG_LEN + CHECKSUM_LEN);
        object.extend(key.envelope().encode());
        object.extend(plain);
        key.seal(0, name, &mut object, ENVELOPE_LEN)?;
        Ok(object)
    }

    /// Seals a whole object that ends with a checksum.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn seal(&self, kind: ObjectKind, class: KeyClass, name: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut object = self.seal_named_by_hash(kind, class, name.as_bytes(), plain)?;
        let checksum = blake3::hash(&object);
        object.extend(checksum.as_bytes());
        Ok(object)
    }

    /// Opens an object that ends with a checksum. Its plain bytes must not exceed `limit`.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`], or [`ErrorKind::TooNew`] for a kind or version that this program does not know.
    pub fn open(&self, kind: ObjectKind, class: KeyClass, name: &str, object: &[u8], limit: u64) -> Result<Vec<u8>> {
        let parts = sealed::decode_checked(kind, object, limit).map_err(|e| Error::damaged(name, e))?;
        self.open_parts(class, name.as_bytes(), &parts).map_err(|e| e.context(format!("cannot use {name}")))
    }

    /// Opens an object that has been taken apart.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn open_parts(&self, class: KeyClass, name: &[u8], parts: &SealedObject<'_>) -> Result<Vec<u8>> {
        let envelope = &parts.envelope;
        let damaged = |why| Error::new(ErrorKind::Damaged, why);
        if envelope.sealing.class != class {
            return Err(damaged("it is sealed with a key of another class"));
        }
        let key = self.object_key(envelope.kind, envelope.sealing, envelope.salt)?;
        if key.envelope().commitment != envelope.commitment {
            return Err(damaged("it does not belong to this repository, or its beginning is damaged"));
        }
        let mut plain = parts.sealed.to_vec();
        let opened = key.open(0, name, &mut plain).ok_or_else(|| damaged("it has been changed or moved"))?;
        plain.truncate(opened.len);
        Ok(plain)
    }
}
