//! Clear objects. The first byte chooses the kind; the rest is tried as a whole object and, since no fuzzer finds a checksum,
//! as a body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::card::Card;
use repo_format::clear;
use repo_format::config::Config;
use repo_format::head::ObjectKind;
use repo_format::keyring::Keyring;
use repo_format::limits;
use repo_format::member::Member;

fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    let (kind, limit) = match selector % 4 {
        0 => (ObjectKind::Config, limits::SMALL_OBJECT),
        1 => (ObjectKind::Member, limits::SMALL_OBJECT),
        2 => (ObjectKind::Keyring, limits::KEYRING),
        _ => (ObjectKind::Card, limits::CARD),
    };
    if let Ok(object) = clear::decode(kind, rest, limit) {
        assert_eq!(clear::encode(kind, object.body, |_| object.tag).unwrap(), rest);
        body(kind, object.body);
    }
    body(kind, rest);
});

fn body(kind: ObjectKind, bytes: &[u8]) {
    match kind {
        ObjectKind::Config => {
            if let Ok(config) = Config::decode(bytes) {
                assert_eq!(Config::decode(&config.encode().unwrap()), Ok(config));
            }
        }
        ObjectKind::Member => {
            if let Ok(member) = Member::decode(bytes) {
                assert_eq!(Member::decode(&member.encode().unwrap()), Ok(member));
            }
        }
        ObjectKind::Card => {
            if let Ok(card) = Card::decode(bytes) {
                assert_eq!(Card::decode(&card.encode().unwrap()), Ok(card));
            }
        }
        _ => {
            if let Ok(keyring) = Keyring::decode(bytes) {
                assert_eq!(Keyring::decode(&keyring.encode().unwrap()), Ok(keyring));
            }
        }
    }
}
