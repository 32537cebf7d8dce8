//! Keys and configs that nobody honest has written. A reader must refuse each of them before it takes memory or time.

use engine::ErrorKind;
use engine::crypto::Credential;
use engine::store::{MemoryStore, ObjectName, Original};
use repo_format::cbor::{self, ByteString};
use repo_format::clear;
use repo_format::config::{Access, Config};
use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, MemberId};
use repo_format::keyring::{Keyring, Recipient};
use repo_format::member::{Member, WrapKind};

use crate::damage::lab::{self, Lab};

/// Puts an object that has no second copy.
fn put_clear(store: &MemoryStore, name: ObjectName, kind: ObjectKind, body: &[u8]) {
    remove_copy(store, &name);
    store.put_raw(&name, clear::encode(kind, body, |_| [0; 32]).unwrap());
}

fn remove_copy(store: &MemoryStore, name: &ObjectName) {
    if let Some(original) = Original::of(name) {
        store.remove_raw(&ObjectName::Copy(original));
    }
}

/// The result of opening.
fn kind(lab: &Lab) -> Result<(), ErrorKind> {
    let folder = lab::temp();
    lab.open(folder.path(), Access::Write).map(|_| ()).map_err(|error| {
        println!("{}", engine::error::chain(&error));
        error.kind()
    })
}

fn own_member(lab: &Lab) -> (ObjectName, Member) {
    let names = lab.store.names();
    let name = *names.iter().find(|name| matches!(name, ObjectName::Member(_))).unwrap();
    let bytes = lab.store.bytes(&name).unwrap();
    let object = clear::decode(ObjectKind::Member, &bytes, 1 << 20).unwrap();
    (name, Member::decode(object.body).unwrap())
}

#[test]
fn absurd_costs_of_a_password_are_refused_before_they_are_paid() {
    let (least, most) = (0, u32::MAX);
    let costs = [
        (most, 1, 1),
        (1024 * 1024 + 1, 1, 1),
        (1024, most, 1),
        (1024, 65, 1),
        (1024, 1, most),
        (1024, 1, 17),
        (least, 1, 1),
        (1024, least, 1),
        (1024, 1, least),
        (64, 1, 16),
    ];
    for (memory, passes, lanes) in costs {
        let lab = Lab::new();
        let (_, mut member) = own_member(&lab);
        member.id = MemberId([1; 16]);
        member.wrap = WrapKind::Argon2id;
        (member.memory_kib, member.passes, member.lanes) = (Some(memory), Some(passes), Some(lanes));
        put_clear(&lab.store, ObjectName::Member(member.id), ObjectKind::Member, &cbor::encode(&member));
        // The key file is another member's, which is still whole.
        assert_eq!(kind(&lab), Ok(()));
        let options = engine::repository::OpenOptions::new(lab::temp().path().to_owned(), Access::Read);
        let password = Credential::Password("password".to_owned().into());
        let store = std::sync::Arc::new(lab.store.clone());
        let error = engine::repository::Repository::open(store, &password, &options, &engine::monitor::NullMonitor)
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{memory} {passes} {lanes}");
    }
}

#[test]
fn a_member_with_anothers_keys_opens_nothing() {
    let lab = Lab::new();
    let (name, own) = own_member(&lab);
    type Spoil = fn(&mut Member);
    let spoils: [Spoil; 5] = [
        |m| m.public_key = Bytes32([9; 32]),
        |m| m.salt = Bytes32([9; 32]),
        |m| m.commitment = Bytes32([9; 32]),
        |m| m.wrapped = ByteString(Vec::new()),
        |m| m.wrap = WrapKind::Other(77),
    ];
    for spoil in spoils {
        let mut member = own.clone();
        spoil(&mut member);
        put_clear(&lab.store, name, ObjectKind::Member, &cbor::encode(&member));
        let refused = kind(&lab);
        assert!(
            matches!(refused, Err(ErrorKind::Damaged | ErrorKind::WrongPassword | ErrorKind::TooNew)),
            "{refused:?}"
        );
    }
}

#[test]
fn a_member_whose_public_key_was_replaced_is_found() {
    let lab = Lab::new();
    let folder = lab::temp();
    let repository = lab.opened(folder.path());
    let other = lab::Key::generate();
    let id = engine::repository::members::add_member(&repository, &other.credential(), "other").unwrap();
    drop(repository);
    let name = ObjectName::Member(id);
    let bytes = lab.store.bytes(&name).unwrap();
    let mut member = Member::decode(clear::decode(ObjectKind::Member, &bytes, 1 << 20).unwrap().body).unwrap();
    member.public_key = Bytes32([9; 32]);
    put_clear(&lab.store, name, ObjectKind::Member, &cbor::encode(&member));
    let report = lab::check(&lab.opened(folder.path()), engine::upkeep::verify::Depth::ReadData).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
}

#[test]
fn keyrings_that_nobody_could_have_made_are_refused() {
    let recipient = |n: u8| Recipient {
        member: MemberId([n; 16]),
        encapsulated: Bytes32([1; 32]),
        sealed: ByteString(vec![0; 48]),
        public_key: Bytes32([2; 32]),
    };
    let keyring =
        |recipients| Keyring { version: 2, created: 0, recipients, sealed: ByteString(vec![0; 100]), retired: None };
    let bodies = [
        cbor::encode(&keyring(vec![recipient(1)])),
        cbor::encode(&keyring(vec![])),
        cbor::encode(&keyring((0..200).map(recipient).chain((0..200).map(recipient)).collect())),
        vec![0xa1, 0x02, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0; 1024 * 1024 + 1],
        Vec::new(),
    ];
    for body in bodies {
        let lab = Lab::new();
        put_clear(&lab.store, ObjectName::Keyring(2), ObjectKind::Keyring, &body);
        assert_eq!(kind(&lab), Err(ErrorKind::Damaged));
    }
    for version in [3, 1 << 40, u64::MAX] {
        let lab = Lab::new();
        let first = lab.store.bytes(&ObjectName::Keyring(1)).unwrap();
        lab.store.put_raw(&ObjectName::Keyring(version), first);
        // Versions are never deleted: above a gap there cannot be one.
        let repository = lab.opened(lab::temp().path());
        assert_eq!(repository.keyring_version(), 1);
        assert_ne!(lab::check(&repository, engine::upkeep::verify::Depth::Structure).unwrap().findings.len(), 0);
    }
}

#[test]
fn a_keyring_without_epochs_is_refused() {
    // `Secrets::encode` refuses them, too: what a keyring holds is decoded by the same check.
    let secrets = [
        &[0xa4, 0x00, 0x58, 32][..],
        &[1; 32],
        &[0x01, 0x58, 32],
        &[2; 32],
        &[0x02, 0x58, 32],
        &[3; 32],
        &[0x03, 0x80],
    ];
    let decoded = repo_format::keyring::Secrets::decode(&secrets.concat());
    assert!(decoded.is_err_and(|error| error.to_string().contains("epochs")));
}

/// Puts a config with a right tag.
fn put_config(lab: &Lab, change: impl FnOnce(&mut Config)) {
    let folder = lab::temp();
    let repository = lab.opened(folder.path());
    let mut config = repository.config().clone();
    change(&mut config);
    let body = cbor::encode(&config);
    let keys = repository.keys();
    remove_copy(&lab.store, &ObjectName::Config);
    lab.store.put_raw(&ObjectName::Config, clear::encode(ObjectKind::Config, &body, |t| keys.config_tag(t)).unwrap());
}

#[test]
fn newer_formats_and_unknown_flags_are_refused_by_that_name() {
    type Change = fn(&mut Config);
    let changes: [(Change, Result<(), ErrorKind>); 5] = [
        (|c| c.format_version = 2, Err(ErrorKind::TooNew)),
        (|c| c.format_version = u32::MAX, Err(ErrorKind::TooNew)),
        (|c| c.flags_read = vec!["telepathy".to_owned()], Err(ErrorKind::TooNew)),
        (|c| c.flags_write = vec!["telepathy".to_owned()], Err(ErrorKind::TooNew)),
        (|c| c.flags_prune = vec!["telepathy".to_owned()], Ok(())),
    ];
    for (change, expected) in changes {
        let lab = Lab::new();
        put_config(&lab, change);
        assert_eq!(kind(&lab), expected);
    }
    let lab = Lab::new();
    put_config(&lab, |c| c.flags_write = vec!["telepathy".to_owned()]);
    assert!(lab.open(lab::temp().path(), Access::Read).is_ok(), "it can be read");
}

#[test]
fn a_newer_envelope_is_refused_by_that_name() {
    for name in [ObjectName::Config, ObjectName::Keyring(1)] {
        let lab = Lab::new();
        let mut bytes = lab.store.bytes(&name).unwrap();
        bytes[4] = 2;
        let end = bytes.len() - 32;
        let checksum = *blake3::hash(&bytes[..end]).as_bytes();
        bytes[end..].copy_from_slice(&checksum);
        remove_copy(&lab.store, &name);
        lab.store.put_raw(&name, bytes);
        assert_eq!(kind(&lab), Err(ErrorKind::TooNew), "{name}");
    }
}

#[test]
fn absurd_configs_are_refused() {
    type Change = fn(&mut Config);
    let changes: [Change; 6] = [
        |c| c.pack_bytes = u64::MAX,
        |c| c.pack_bytes = 0,
        |c| c.zstd_level = i32::MAX,
        |c| c.profiles[0].max = u32::MAX,
        |c| c.profiles[0].min = 0,
        |c| c.profiles[0].average = 3,
    ];
    for change in changes {
        let lab = Lab::new();
        put_config(&lab, change);
        assert_eq!(kind(&lab), Err(ErrorKind::Damaged));
    }
}

#[test]
fn a_config_without_its_profiles_does_not_crash_a_backup() {
    let lab = Lab::new();
    put_config(&lab, |c| c.profiles.clear());
    let folder = lab::temp();
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a"), lab::noise(1, 100_000)).unwrap();
    if let Ok(repository) = lab.open(&folder.path().join("cache"), Access::Write) {
        lab::save(&repository, &[source]).unwrap();
    }
}
