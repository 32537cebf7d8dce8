//! Sealing: AES-256-GCM under a key of its own for every object (FORMAT.md, section 5).
//!
//! Only this module names an implementation. `ring` seals 3.4 GB per second and core, the `aes-gcm` crate 1.6
//! (`benches/`), so this module uses `ring`. A test compares the two.

use repo_format::context;
use repo_format::head::{ObjectKind, Sealing};
use repo_format::id::Bytes32;
use repo_format::sealed::Envelope;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The key of one object, and of the chunks in it.
pub struct ObjectKey {
    key: LessSafeKey,
    envelope: Envelope,
}

/// Plain bytes that were opened. They stand at the beginning of the buffer that they were opened in.
pub struct Opened {
    /// The length of the plain bytes.
    pub len: usize,
}

impl ObjectKey {
    /// Derives the key from `secret` (of the class and epoch in `sealing`) and `salt`.
    pub(super) fn derive(kind: ObjectKind, sealing: Sealing, secret: &[u8; 32], salt: Bytes32) -> Self {
        let mut material = Zeroizing::new([0; 64]);
        material[..32].copy_from_slice(secret);
        material[32..].copy_from_slice(&salt.0);
        let key = Zeroizing::new(blake3::derive_key(context::OBJECT_KEY, &material[..]));
        let commitment = Bytes32(blake3::derive_key(context::OBJECT_COMMITMENT, &material[..]));
        ObjectKey { key: gcm_key(&key), envelope: Envelope { kind, sealing, salt, commitment } }
    }

    /// The envelope, from which a reader finds this key.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Seals `buffer` from `from` on, in place, and appends the tag. `name` binds the result to its place.
    ///
    /// No two calls with one key may use the same `position`.
    pub fn seal(&self, position: u32, name: &[u8], buffer: &mut Vec<u8>, from: usize) -> Result<()> {
        let aad = [&self.envelope.encode()[..], name].concat();
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(position), Aad::from(&aad), &mut buffer[from..])
            .map_err(|_| Error::new(ErrorKind::Usage, "cannot seal more than 64 GiB at once"))?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens `sealed` in place. `None` if it was not sealed at this position under this name.
    pub fn open(&self, position: u32, name: &[u8], sealed: &mut [u8]) -> Option<Opened> {
        let aad = [&self.envelope.encode()[..], name].concat();
        let plain = self.key.open_in_place(nonce(position), Aad::from(&aad), sealed).ok()?;
        Some(Opened { len: plain.len() })
    }
}

fn nonce(position: u32) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&position.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn gcm_key(key: &[u8; 32]) -> LessSafeKey {
    match UnboundKey::new(&AES_256_GCM, key) {
        Ok(key) => LessSafeKey::new(key),
        Err(_) => unreachable!("32 bytes are a key of AES-256"),
    }
}

/// A key for data that stays on disk for a while and that only the writing process reads. The key is never stored.
pub struct ScratchKey(LessSafeKey);

impl ScratchKey {
    /// A new random key.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new() -> Result<Self> {
        let key = Zeroizing::new(super::random::<32>()?);
        Ok(ScratchKey(gcm_key(&key)))
    }

    /// Seals `buffer` in place, and appends the tag. No two calls with one key may use the same `position`.
    ///
    /// # Errors
    /// If the buffer is larger than 64 GiB.
    pub fn seal(&self, position: u32, buffer: &mut Vec<u8>) -> Result<()> {
        self.0
            .seal_in_place_append_tag(nonce(position), Aad::empty(), buffer)
            .map_err(|_| Error::new(ErrorKind::Usage, "cannot seal more than 64 GiB at once"))
    }

    /// Opens in place. `None` if it was not sealed at this position.
    pub fn open(&self, position: u32, sealed: &mut Vec<u8>) -> Option<()> {
        let len = self.0.open_in_place(nonce(position), Aad::empty(), sealed).ok()?.len();
        sealed.truncate(len);
        Some(())
    }
}

/// Seals `plain` with a key that is never used again.
pub(super) fn seal_once(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    match gcm_key(key).seal_in_place_append_tag(nonce(0), Aad::from(aad), &mut buffer) {
        Ok(()) => buffer,
        Err(_) => unreachable!("secrets are shorter than 64 GiB"),
    }
}

/// Opens the result of [`seal_once`].
pub(super) fn open_once(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let len = gcm_key(key).open_in_place(nonce(0), Aad::from(aad), &mut buffer[..]).ok()?.len();
    buffer.truncate(len);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::{Aead, KeyInit, Payload};
    use repo_format::head::KeyClass;

    use super::*;

    #[test]
    fn another_implementation_opens_what_was_sealed() {
        let sealing = Sealing { class: KeyClass::Data, epoch: 7 };
        let key = ObjectKey::derive(ObjectKind::Pack, sealing, &[3; 32], Bytes32([5; 32]));
        let mut sealed = b"left alone, then sealed".to_vec();
        key.seal(0x0102_0304, b"name", &mut sealed, 12).unwrap();

        let mut material = [3; 64];
        material[32..].fill(5);
        let cipher = aes_gcm::Aes256Gcm::new(&blake3::derive_key(context::OBJECT_KEY, &material).into());
        let aad = [&key.envelope().encode()[..], b"name"].concat();
        let plain =
            cipher.decrypt(&[4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0].into(), Payload { msg: &sealed[12..], aad: &aad });
        assert_eq!(plain.unwrap(), b"then sealed");
        assert_eq!(&sealed[..12], b"left alone, ");
    }

    #[test]
    fn another_position_name_or_byte_is_noticed() {
        let sealing = Sealing { class: KeyClass::Data, epoch: 1 };
        let key = ObjectKey::derive(ObjectKind::Pack, sealing, &[3; 32], Bytes32([5; 32]));
        let mut sealed = b"chunk".to_vec();
        key.seal(1, b"", &mut sealed, 0).unwrap();
        assert!(key.open(2, b"", &mut sealed.clone()).is_none());
        assert!(key.open(1, b"x", &mut sealed.clone()).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(1, b"", &mut flipped).is_none());
        }
        assert_eq!(key.open(1, b"", &mut sealed).unwrap().len, 5);
        assert_eq!(&sealed[..5], b"chunk");
    }
}
