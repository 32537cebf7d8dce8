//! The test vectors in FORMAT.md, computed here by its formulas alone. `ENAMEL_BLESS=1` writes them into it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use repo_format::context;
use repo_format::head::{KeyClass, ObjectKind, Sealing};
use repo_format::id::Bytes32;
use repo_format::keyring::{Epoch, Secrets};
use repo_format::sealed::Envelope;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::samples::{self, bytes32, named};

/// The heading of the vectors in FORMAT.md.
const HEADING: &str = "## 18. Test vectors\n";
/// Bytes in a line.
const LINE: usize = 48;
/// The salt of every vector.
const SALT: u8 = 2;

/// An object that is sealed whole.
struct Vector {
    kind: ObjectKind,
    class: KeyClass,
    /// The golden file with its plain bytes, without `.bin`.
    plain: &'static str,
    /// The name that follows the envelope in the AAD.
    name: String,
    has_checksum: bool,
}

fn vectors() -> Vec<Vector> {
    let vector = |kind, class, plain, name: &str, has_checksum| Vector {
        kind,
        class,
        plain,
        name: name.to_owned(),
        has_checksum,
    };
    let (manifest, void) =
        (format!("snapshots/{}", samples::manifest().id), format!("snapshots/{}", samples::void().id));
    let (lease, note) = (format!("leases/{}", samples::lease().id), format!("notes/{}", samples::note().id));
    vec![
        vector(ObjectKind::Segment, KeyClass::Index, "plain-index-segment", "index", false),
        vector(ObjectKind::Manifest, KeyClass::Meta, "plain-manifest", &manifest, true),
        vector(ObjectKind::Void, KeyClass::Meta, "plain-void-record", &void, true),
        vector(ObjectKind::Lease, KeyClass::Index, "plain-lease", &lease, true),
        vector(ObjectKind::Condemned, KeyClass::Index, "plain-condemned", "condemned", true),
        vector(ObjectKind::EpochNote, KeyClass::Meta, "plain-epoch-note", &note, true),
    ]
}

/// The epoch that everything is sealed with: the newest of the golden secrets.
fn epoch() -> Epoch {
    let Secrets { mut epochs, .. } = Secrets::decode(&named("plain-secrets").encoded).unwrap();
    epochs.pop().unwrap()
}

/// The key, and the envelope, of an object of this kind and class.
fn object_key(kind: ObjectKind, class: KeyClass) -> ([u8; 32], Envelope) {
    let epoch = epoch();
    let secret = match class {
        KeyClass::Data => epoch.data,
        KeyClass::Meta => epoch.meta,
        KeyClass::Index => epoch.index,
    };
    let material = [secret.0, bytes32(SALT)].concat();
    let commitment = Bytes32(blake3::derive_key(context::OBJECT_COMMITMENT, &material));
    let sealing = Sealing { class, epoch: epoch.number };
    let envelope = Envelope { kind, sealing, salt: Bytes32(bytes32(SALT)), commitment };
    (blake3::derive_key(context::OBJECT_KEY, &material), envelope)
}

/// AES-256-GCM with the nonce of a position: the ciphertext and the tag.
fn seal(key: &[u8; 32], position: u32, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&position.to_le_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed).unwrap();
    sealed
}

impl Vector {
    fn sealed(&self) -> Vec<u8> {
        let (key, envelope) = object_key(self.kind, self.class);
        let mut object = envelope.encode().to_vec();
        let aad = [&object, self.name.as_bytes()].concat();
        object.extend(seal(&key, 0, &aad, &named(self.plain).encoded));
        if self.has_checksum {
            let checksum = blake3::hash(&object);
            object.extend(checksum.as_bytes());
        }
        object
    }
}

/// A pack with one data chunk, `abc`, and no padding.
fn pack() -> Vec<u8> {
    let (key, envelope) = object_key(ObjectKind::Pack, KeyClass::Data);
    let envelope = envelope.encode();
    let chunk = seal(&key, 0, &[&envelope[..], &[0; 4]].concat(), b"\0abc");
    let mut table = vec![1, 0, 0, 1, 0, 0, 0];
    table.extend(blake3::keyed_hash(&derive(context::CHUNK_ID, |s| s.id), b"abc").as_bytes());
    table.extend([0, 0, 0, 0, 0, 0, 0]);
    table.extend([u8::try_from(chunk.len()).unwrap(), 0, 0, 0, 3, 0, 0, 0]);
    let (key, table_envelope) = object_key(ObjectKind::PackTable, KeyClass::Index);
    let table_envelope = table_envelope.encode();
    let sealed = seal(&key, 0, &[&table_envelope[..], &envelope[..]].concat(), &table);
    let len = u32::try_from(table_envelope.len() + sealed.len()).unwrap();
    [&envelope[..], &chunk, &table_envelope, &sealed, &len.to_le_bytes(), b"ENPT"].concat()
}

fn derive(context: &str, secret: impl Fn(&Secrets) -> Bytes32) -> [u8; 32] {
    blake3::derive_key(context, &secret(&Secrets::decode(&named("plain-secrets").encoded).unwrap()).0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Bytes in lines that are not too long, after a title.
fn block(title: &str, bytes: &[u8]) -> String {
    let lines: Vec<_> = bytes.chunks(LINE).map(|line| format!("  {}\n", hex(line))).collect();
    format!("{title}\n{}", lines.concat())
}

/// Keys and ids that come from the golden secrets.
fn derived() -> String {
    let secrets = Secrets::decode(&named("plain-secrets").encoded).unwrap();
    let mut gear = [0; 16];
    blake3::Hasher::new_derive_key(context::GEAR_TABLE).update(&secrets.gear.0).finalize_xof().fill(&mut gear);
    let keyed = |context, bytes: &[u8]| *blake3::keyed_hash(&derive(context, |s| s.id), bytes).as_bytes();
    [
        block("chunk id key", &derive(context::CHUNK_ID, |s| s.id)),
        block("node id key", &derive(context::NODE_ID, |s| s.id)),
        block("manifest digest key", &derive(context::MANIFEST_DIGEST, |s| s.id)),
        block("config tag key", &derive(context::CONFIG_TAG, |s| s.id)),
        block("plan tag key", &blake3::derive_key(context::PURGE_PLAN_TAG, &epoch().meta.0)),
        block("first 16 bytes of the gear table", &gear),
        block("id of the data chunk `abc`", &keyed(context::CHUNK_ID, b"abc")),
        block(
            "id of the node plain-node-content-0.bin",
            &keyed(context::NODE_ID, &named("plain-node-content-0").encoded),
        ),
        block("digest of plain-manifest.bin", &keyed(context::MANIFEST_DIGEST, &named("plain-manifest").encoded)),
    ]
    .concat()
}

/// A member's secret, wrapped by a key file.
fn wrapped() -> String {
    let member = samples::member(None);
    let material = [bytes32(1), member.salt.0].concat();
    let key = blake3::derive_key(context::MEMBER_WRAP_KEY, &material);
    let aad = [&member.id.0[..], &member.public_key.0].concat();
    [
        block("wrap key", &key),
        block("wrap commitment", &blake3::derive_key(context::MEMBER_WRAP_COMMITMENT, &material)),
        block("wrapped secret", &seal(&key, 0, &aad, &named("plain-member-secret").encoded)),
    ]
    .concat()
}

/// The tags of clear objects.
fn tags() -> String {
    let tag = |key: &[u8; 32], name: &str| {
        let object = named(name).encoded;
        *blake3::keyed_hash(key, &object[..object.len() - 64]).as_bytes()
    };
    let config = tag(&derive(context::CONFIG_TAG, |s| s.id), "config");
    let card = tag(&derive(context::CARD_TAG, |s| s.id), "card");
    let keyring = tag(&derive(context::KEYRING_TAG, |s| s.link), "keyring");
    [
        block("tag of config.bin", &config),
        block("tag of card.bin", &card),
        block("tag of keyring.bin, with this link secret", &keyring),
    ]
    .concat()
}

fn sealed() -> String {
    let mut text = String::new();
    for class in [KeyClass::Data, KeyClass::Meta, KeyClass::Index] {
        let (key, envelope) = object_key(ObjectKind::Pack, class);
        text += &block(&format!("object key, class {}", format!("{class:?}").to_lowercase()), &key);
        text += &block("commitment", &envelope.commitment.0);
    }
    for vector in vectors() {
        text += &block(&format!("{}: {}.bin as {}", vector.kind.name(), vector.plain, vector.name), &vector.sealed());
    }
    text + &block("pack: one data chunk, `abc`, with codec 0 at position 0, and no padding", &pack())
}

fn format_md() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md")
}

#[test]
fn the_vectors_in_the_document_are_those_of_its_formulas() {
    let text = std::fs::read_to_string(format_md()).unwrap();
    let (before, section) = text.split_once(HEADING).unwrap();
    let mut parts: Vec<_> = section.split("```\n").map(str::to_owned).collect();
    let computed = [derived(), tags(), wrapped(), sealed()];
    assert_eq!(parts.len(), 2 * computed.len() + 1, "a block for each group of vectors");
    for (group, computed) in computed.into_iter().enumerate() {
        parts[2 * group + 1] = computed;
    }
    let expected = format!("{before}{HEADING}{}", parts.join("```\n"));
    if std::env::var_os("ENAMEL_BLESS").is_some() {
        std::fs::write(format_md(), &expected).unwrap();
    }
    assert!(text == expected || std::env::var_os("ENAMEL_BLESS").is_some(), "FORMAT.md has other vectors");
}

#[test]
fn the_sealed_vectors_are_framed_as_the_decoders_want_them() {
    use repo_format::sealed::{decode, decode_checked};
    for vector in vectors() {
        let (object, limit) = (vector.sealed(), 1 << 20);
        let parts = if vector.has_checksum {
            decode_checked(vector.kind, &object, limit).unwrap()
        } else {
            decode(vector.kind, &object, limit).unwrap()
        };
        assert_eq!(parts.envelope, object_key(vector.kind, vector.class).1);
    }
}
