//! Faults that decoders refuse, one by one. Encoders refuse them, too.

use std::collections::BTreeMap;

use minicbor::Decoder;
use repo_format::FormatError;
use repo_format::card::*;
use repo_format::cbor::{self, ByteString};
use repo_format::clear;
use repo_format::condemned::*;
use repo_format::config::*;
use repo_format::database::{AccountsRecord, ReceiptRecord, SchemaRecord, ServerRecord, TableRecord};
use repo_format::entry::*;
use repo_format::evidence::*;
use repo_format::head::*;
use repo_format::id::*;
use repo_format::keyring::*;
use repo_format::lease::*;
use repo_format::limits;
use repo_format::log::LogRecord;
use repo_format::manifest::*;
use repo_format::member::*;
use repo_format::node::*;
use repo_format::note::*;
use repo_format::pack::*;
use repo_format::sealed::{self, Envelope};
use repo_format::segment;
use repo_format::segments::SegmentNode;

use crate::{database, log, samples};

#[track_caller]
pub(crate) fn refused<T>(result: Result<T, FormatError>, why: &str) {
    match result {
        Ok(_) => panic!("accepted, though: {why}"),
        Err(error) => assert!(error.to_string().contains(why), "`{error}` does not say `{why}`"),
    }
}

/// The keys of the map in `body`, and the CBOR of their values.
fn fields(body: &[u8]) -> BTreeMap<u8, Vec<u8>> {
    let mut decoder = Decoder::new(body);
    let count = decoder.map().unwrap().unwrap();
    let mut field = || {
        let key = decoder.u8().unwrap();
        let start = decoder.position();
        decoder.skip().unwrap();
        (key, body[start..decoder.position()].to_vec())
    };
    (0..count).map(|_| field()).collect()
}

/// The map in `body` with one more field, or another value of a field.
fn with_field(body: &[u8], key: u8, value: &[u8]) -> Vec<u8> {
    let mut fields = fields(body);
    fields.insert(key, value.to_vec());
    map_of(fields.into_iter())
}

fn without_field(body: &[u8], key: u8) -> Vec<u8> {
    let mut fields = fields(body);
    fields.remove(&key);
    map_of(fields.into_iter())
}

fn map_of(fields: impl ExactSizeIterator<Item = (u8, Vec<u8>)>) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.map(fields.len() as u64).unwrap();
    for (key, value) in fields {
        encoder.u8(key).unwrap();
        encoder.writer_mut().extend(value);
    }
    encoder.into_writer()
}

/// A decoder of a body, without its value.
type Decode = fn(&[u8]) -> Result<(), FormatError>;

/// The plain bodies that are CBOR maps, how each is decoded, and which of its keys are optional.
fn maps() -> Vec<(Vec<u8>, Decode, &'static [u8])> {
    let member = samples::member(Some(Argon2Cost::DEFAULT));
    vec![
        (samples::config().encode().unwrap(), |b| Config::decode(b).map(drop), &[]),
        (samples::exclusive_config().encode().unwrap(), |b| Config::decode(b).map(drop), &[10]),
        (member.encode().unwrap(), |b| Member::decode(b).map(drop), &[]),
        (samples::member_secret().encode().unwrap(), |b| MemberSecret::decode(b).map(drop), &[]),
        (samples::keyring().encode().unwrap(), |b| Keyring::decode(b).map(drop), &[]),
        (samples::keyring_that_retires().encode().unwrap(), |b| Keyring::decode(b).map(drop), &[4]),
        (samples::secrets().encode().unwrap(), |b| Secrets::decode(b).map(drop), &[]),
        (samples::note().encode().unwrap(), |b| EpochNote::decode(b).map(drop), &[3, 4, 5]),
        (samples::secrets_closed().encode().unwrap(), |b| Secrets::decode(b).map(drop), &[4]),
        (samples::manifest().encode().unwrap(), |b| Manifest::decode(b).map(drop), &[9, 15]),
        (samples::forget_record().encode().unwrap(), |b| Manifest::decode(b).map(drop), &[9, 15, 18]),
        (samples::copied_manifest().encode().unwrap(), |b| Manifest::decode(b).map(drop), &[9, 15, 19]),
        (samples::second_copy_record().encode().unwrap(), |b| Manifest::decode(b).map(drop), &[9, 15, 22]),
        (samples::evidence_manifest().encode().unwrap(), |b| Manifest::decode(b).map(drop), &[9, 15, 23]),
        (samples::whole_lease().encode().unwrap(), |b| Lease::decode(b).map(drop), &[7, 8, 9]),
        (samples::lone_lease().encode().unwrap(), |b| Lease::decode(b).map(drop), &[7, 8, 9, 10]),
        (samples::card().encode().unwrap(), |b| Card::decode(b).map(drop), &[2, 4, 6, 9]),
        (samples::void().encode().unwrap(), |b| Void::decode(b).map(drop), &[]),
        (samples::condemned().encode().unwrap(), |b| Condemned::decode(b).map(drop), &[]),
        (cbor::encode(&samples::full_file()), decode_entry, &[5, 6, 13, 16, 17, 18, 20]),
        (database::server().encode().unwrap(), |b| ServerRecord::decode(b).map(drop), &[8, 13, 14, 15]),
        (database::accounts().encode().unwrap(), |b| AccountsRecord::decode(b).map(drop), &[]),
        (database::receipt().encode().unwrap(), |b| ReceiptRecord::decode(b).map(drop), &[12]),
        (log::first().encode().unwrap(), |b| LogRecord::decode(b).map(drop), &[13]),
        (log::following().encode().unwrap(), |b| LogRecord::decode(b).map(drop), &[13]),
        (database::schema().encode().unwrap(), |b| SchemaRecord::decode(b).map(drop), &[4]),
        (database::table().encode().unwrap(), |b| TableRecord::decode(b).map(drop), &[7, 8, 9, 10]),
    ]
}

/// A directory of one entry, given as CBOR.
fn decode_entry(entry: &[u8]) -> Result<(), FormatError> {
    let mut body = vec![0x81];
    body.extend(entry);
    DirectoryNode::decode(&node(2, 0, 4, &body)).map(drop)
}

/// A node that names `ids` chunks.
fn node(kind: u8, level: u8, ids: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![1, kind, level, 0, ids, 0, 0, 0];
    (0..ids).for_each(|n| out.extend(samples::bytes32(n)));
    out.extend(body);
    out
}

/// Both coders refuse this entry, and say the same.
#[track_caller]
fn entry_refused(entry: Entry, why: &str) {
    refused(decode_entry(&cbor::encode(&entry)), why);
    let ids = (0..4).map(|n| ChunkId(samples::bytes32(n))).collect();
    refused(DirectoryNode::Leaf(DirectoryLeaf { ids, entries: vec![entry] }).encode(), why);
}

mod whole_objects {
    use super::*;

    #[test]
    fn whatever_is_cut_short_anywhere_is_refused() {
        for sample in samples::all() {
            for len in 0..sample.encoded.len() {
                assert!((sample.decode)(&sample.encoded[..len]).is_err(), "{} of {len} bytes", sample.name);
            }
        }
    }

    #[test]
    fn a_byte_too_many_at_the_end_is_refused() {
        // These are named by their BLAKE3 or stand in what is; one more byte is one more byte of ciphertext.
        let open = ["pack-table", "index-segment"];
        for sample in samples::all().into_iter().filter(|sample| !open.contains(&sample.name)) {
            for byte in [0, 0xff] {
                let longer = [&sample.encoded[..], &[byte]].concat();
                assert!((sample.decode)(&longer).is_err(), "{}", sample.name);
            }
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_in_an_object_with_a_checksum_is_refused() {
        let samples = samples::all().into_iter().filter(samples::Sample::has_checksum);
        assert_eq!(samples.clone().count(), 12);
        for sample in samples {
            for at in 0..sample.encoded.len() {
                let mut bytes = sample.encoded.clone();
                bytes[at] ^= 0x10;
                assert!((sample.decode)(&bytes).is_err(), "{} at {at}", sample.name);
            }
        }
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_called_damage() {
        let mut bytes = samples::named("config").encoded;
        bytes[30] ^= 1;
        let damaged = clear::decode(ObjectKind::Config, &bytes, limits::SMALL_OBJECT);
        assert_eq!(damaged, Err(FormatError::Checksum { what: "config" }));
        let mut bytes = samples::named("lease").encoded;
        bytes[90] ^= 1;
        let damaged = sealed::decode_checked(ObjectKind::Lease, &bytes, limits::SMALL_OBJECT);
        assert_eq!(damaged, Err(FormatError::Checksum { what: "lease" }));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_and_one_of_just_the_limit_is_not() {
        let bytes = clear::encode(ObjectKind::Keyring, &[0; 100], |_| [0; 32]).unwrap();
        assert!(clear::decode(ObjectKind::Keyring, &bytes, 100).is_ok());
        refused(clear::decode(ObjectKind::Keyring, &bytes, 99), "beyond the format's limits: size");
        let bytes = samples::named("lease").encoded;
        assert!(sealed::decode_checked(ObjectKind::Lease, &bytes, 0).is_ok());
        let bytes = [&samples::named("pack-table").encoded[..], &[0]].concat();
        refused(sealed::decode(ObjectKind::PackTable, &bytes, 0), "beyond the format's limits: size");
    }

    #[test]
    fn a_members_tag_that_is_not_zero_is_refused() {
        let body = samples::member(None).encode().unwrap();
        let bytes = clear::encode(ObjectKind::Member, &body, |_| [1; 32]).unwrap();
        refused(clear::decode(ObjectKind::Member, &bytes, limits::SMALL_OBJECT), "its tag is not zero");
    }
}

mod heads {
    use super::*;

    fn clear_head() -> [u8; 16] {
        Head { kind: ObjectKind::Config, sealing: None }.encode()
    }

    fn sealed_head() -> [u8; 16] {
        samples::envelope(ObjectKind::Manifest, KeyClass::Meta).encode()[..16].try_into().unwrap()
    }

    #[track_caller]
    fn clear_refused(at: usize, byte: u8, why: &str) {
        let mut head = clear_head();
        head[at] = byte;
        refused(Head::decode(&head, ObjectKind::Config), why);
    }

    #[track_caller]
    fn sealed_refused(at: usize, byte: u8, why: &str) {
        let mut head = sealed_head();
        head[at] = byte;
        refused(Head::decode(&head, ObjectKind::Manifest), why);
    }

    #[test]
    fn other_first_bytes_are_not_those_of_an_object() {
        for at in 0..4 {
            clear_refused(at, b'x', "does not begin like an Enamel object");
        }
    }

    #[test]
    fn an_unknown_envelope_version_is_named() {
        clear_refused(4, 2, "envelope version 2, which this version of Enamel does not know");
        clear_refused(4, 0, "envelope version 0");
    }

    #[test]
    fn an_unknown_kind_is_named() {
        clear_refused(5, 13, "kind 13, which");
        clear_refused(5, 0, "kind 0, which");
    }

    #[test]
    fn another_kind_than_the_name_says_is_refused() {
        for found in ObjectKind::ALL {
            for expected in ObjectKind::ALL.into_iter().filter(|kind| *kind != found) {
                let sealing = found.classes().first().map(|class| Sealing { class: *class, epoch: 1 });
                let head = Head { kind: found, sealing };
                assert!(Head::decode(&head.encode(), found).is_ok());
                let error = FormatError::WrongKind { expected: expected.name(), found: found as u8 };
                assert_eq!(Head::decode(&head.encode(), expected), Err(error));
            }
        }
    }

    #[test]
    fn an_unknown_suite_is_named() {
        clear_refused(6, 2, "suite 2, which");
        sealed_refused(6, 255, "suite 255, which");
    }

    #[test]
    fn an_unknown_key_class_is_named() {
        sealed_refused(7, 3, "key class 3, which");
        sealed_refused(7, 255, "key class 255, which");
        clear_refused(7, 0, "key class 0, which");
    }

    #[test]
    fn the_reserved_key_mode_is_named() {
        sealed_refused(8, 1, "key mode 1, which");
        clear_refused(8, 0, "key mode 0, which");
    }

    #[test]
    fn reserved_bytes_are_refused() {
        for at in 9..12 {
            sealed_refused(at, 1, "reserved bytes are set");
            clear_refused(at, 1, "reserved bytes are set");
        }
    }

    #[test]
    fn an_epoch_of_a_clear_object_is_refused() {
        for at in 12..16 {
            clear_refused(at, 1, "names an epoch");
        }
    }

    #[test]
    fn the_secret_of_another_class_cannot_seal_an_object() {
        for kind in ObjectKind::ALL {
            for class in [KeyClass::Data, KeyClass::Meta, KeyClass::Index] {
                let envelope = samples::envelope(kind, class).encode();
                assert_eq!(Envelope::decode(&envelope, kind).is_ok(), kind.classes().contains(&class));
            }
        }
        let envelope = samples::envelope(ObjectKind::Manifest, KeyClass::Index).encode();
        refused(Envelope::decode(&envelope, ObjectKind::Manifest), "sealed with the secret of class Index");
    }

    #[test]
    fn a_clear_object_cannot_stand_for_a_sealed_one_nor_the_other_way_round() {
        let lease = clear::encode(ObjectKind::Lease, &samples::lease().encode().unwrap(), |_| [0; 32]).unwrap();
        refused(clear::decode(ObjectKind::Lease, &lease, 1000), "it is not sealed");
        refused(sealed::decode(ObjectKind::Lease, &lease, 1000), "it is not sealed");
        let config = samples::envelope(ObjectKind::Config, KeyClass::Meta).encode();
        refused(Envelope::decode(&config, ObjectKind::Config), "it is sealed");
        refused(Envelope::decode(&clear_head(), ObjectKind::Config), "it is not sealed");
    }
}

mod forms_of_cbor {
    use super::*;

    #[track_caller]
    fn form_refused(bytes: &[u8], why: &str) {
        refused(cbor::decode::<ByteString>("test", bytes), why);
    }

    #[test]
    fn unknown_keys_are_ignored_whatever_they_hold() {
        // An integer, a float, a tagged map of arrays, a text.
        let values: [&[u8]; 4] = [&[0x18, 99], &[0xf9, 0x3c, 0], &[0xc1, 0xa1, 0x00, 0x82, 0x80, 0x40], &[0x61, b'x']];
        for (body, decode, _) in maps() {
            for value in values {
                assert_eq!(decode(&with_field(&body, 200, value)), Ok(()), "{body:02x?}");
            }
        }
    }

    #[test]
    fn every_mandatory_key_that_is_missing_is_an_error_and_no_optional_one_is() {
        for (body, decode, optional) in maps() {
            for key in fields(&body).into_keys() {
                let result = decode(&without_field(&body, key));
                assert_eq!(result.is_ok(), optional.contains(&key), "key {key}: {result:?}");
            }
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for (body, decode, _) in maps() {
            let mut twice = body.clone();
            let mut decoder = Decoder::new(&body);
            decoder.map().unwrap();
            let start = decoder.position();
            decoder.skip().unwrap();
            decoder.skip().unwrap();
            twice.splice(start..start, body[start..decoder.position()].to_vec());
            twice[if start == 1 { 0 } else { 1 }] += 1;
            refused(decode(&twice), "there twice or out of order");
        }
    }

    #[test]
    fn keys_that_do_not_ascend_are_refused() {
        form_refused(&[0xa2, 1, 0, 0, 0], "there twice or out of order");
    }

    #[test]
    fn indefinite_lengths_are_refused() {
        for first in [0x5f, 0x7f, 0x9f, 0xbf] {
            form_refused(&[first, 0xff], "indefinite length");
        }
        let body = samples::lease().encode().unwrap();
        let nested = with_field(&body, 200, &[0x9f; 1000]);
        refused(Lease::decode(&nested), "indefinite length");
    }

    #[test]
    fn numbers_that_are_longer_than_they_must_be_are_refused() {
        for bytes in [&[0x18, 23][..], &[0x19, 0, 255], &[0x1a, 0, 0, 255, 255], &[0x58, 0], &[0x38, 1]] {
            form_refused(bytes, "longer than it must be");
        }
        form_refused(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255], "longer than it must be");
    }

    #[test]
    fn null_and_undefined_and_unknown_simple_values_are_refused() {
        for bytes in [&[0xf6][..], &[0xf7], &[0xf8, 32], &[0xe0]] {
            form_refused(bytes, "null, undefined");
        }
        let body = samples::manifest().encode().unwrap();
        refused(Manifest::decode(&with_field(&body, 9, &[0xf6])), "null");
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
        for first in [0x81, 0xc1, 0xa1] {
            form_refused(&vec![first; 1 << 20], "nested too deeply");
        }
        let deepest = |depth: usize| [vec![0x81; depth], vec![0x80]].concat();
        let body = samples::lease().encode().unwrap();
        assert!(Lease::decode(&with_field(&body, 200, &deepest(14))).is_ok());
        refused(Lease::decode(&with_field(&body, 200, &deepest(15))), "nested too deeply");
    }

    #[test]
    fn lengths_beyond_the_bytes_are_refused() {
        for first in [0x5b, 0x7b, 0x9b, 0xbb] {
            form_refused(&[vec![first], vec![0xff; 8]].concat(), "cut short");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_also_in_unknown_keys() {
        let body = samples::lease().encode().unwrap();
        assert!(Lease::decode(&with_field(&body, 1, &[0x61, 0xff])).is_err());
        assert!(Lease::decode(&with_field(&body, 200, &[0x61, 0xff])).is_err());
    }

    #[test]
    fn values_of_other_types_and_ids_of_other_lengths_are_refused() {
        let body = samples::lease().encode().unwrap();
        refused(Lease::decode(&with_field(&body, 0, &[0x41, 0])), "wrong length of an id");
        refused(Lease::decode(&with_field(&body, 1, &[0])), "lease is not valid");
        refused(Lease::decode(&with_field(&body, 3, &[0x20])), "lease is not valid");
    }
}

mod configs {
    use super::*;

    #[track_caller]
    fn config_refused(change: impl FnOnce(&mut Config), why: &str) {
        let mut config = samples::config();
        change(&mut config);
        refused(Config::decode(&cbor::encode(&config)), why);
        refused(config.encode(), why);
    }

    #[test]
    fn format_version_2_is_refused_by_that_name_even_when_all_else_has_changed() {
        let body = samples::config().encode().unwrap();
        let newer = with_field(&body, 0, &[2]);
        let mut other_types = newer.clone();
        (1..10).for_each(|key| other_types = with_field(&other_types, key, &[0xf6]));
        for body in [&newer[..], &other_types, &[0xbf, 0, 2, 0xff], &[0xa1, 0, 0x1b, 1, 0, 0, 0, 0, 0, 0, 0]] {
            refused(Config::decode(body), "the config has format version");
            refused(Config::decode(body), "which this version of Enamel does not know");
        }
    }

    #[test]
    fn a_program_that_does_not_know_exclusive_prune_reads_and_does_not_write() {
        let config = samples::exclusive_config();
        assert!(config.is_exclusive());
        assert_eq!(config.unknown_flags(Access::Read, &[]), [""; 0]);
        for access in [Access::Write, Access::Prune] {
            assert!(config.unknown_flags(access, &[]).contains(&EXCLUSIVE_PRUNE), "{access:?}");
            assert_eq!(config.unknown_flags(access, &[EXCLUSIVE_PRUNE]), [""; 0]);
        }
    }

    #[test]
    fn format_version_0_is_refused() {
        config_refused(|config| config.format_version = 0, "format version 0");
    }

    #[test]
    fn pack_sizes_and_levels_beyond_their_limits_are_refused() {
        config_refused(|config| config.pack_bytes = limits::PACK_TARGET.0 - 1, "pack size");
        config_refused(|config| config.pack_bytes = limits::PACK_TARGET.1 + 1, "pack size");
        config_refused(|config| config.zstd_level = -8, "zstd level -8");
        config_refused(|config| config.zstd_level = 23, "zstd level 23");
    }

    #[test]
    fn chunker_profiles_that_are_missing_double_or_senseless_are_refused() {
        config_refused(|config| drop(config.profiles.remove(1)), "chunker profile `files` is missing");
        config_refused(|config| config.profiles.push(config.profiles[0].clone()), "there twice");
        config_refused(|config| config.profiles[0].min = 63, "has sizes 63,");
        config_refused(|config| config.profiles[0].average += 1, "has sizes");
        config_refused(|config| config.profiles[0].min = config.profiles[0].average + 1, "has sizes");
        config_refused(|config| config.profiles[0].max = config.profiles[0].average - 1, "has sizes");
        config_refused(|config| config.profiles[0].max = (8 << 20) + 1, "has sizes");
    }

    #[test]
    fn a_config_beyond_its_limit_is_refused() {
        config_refused(|config| config.flags_read = vec![String::new(); 65_536], "beyond the format's limits: size");
    }

    #[test]
    fn unknown_flags_forbid_what_they_are_for_and_what_needs_more() {
        let config = samples::config();
        assert_eq!(config.unknown_flags(Access::Read, &[]), ["future-read"]);
        assert_eq!(config.unknown_flags(Access::Write, &["future-read"]), ["future-write"]);
        assert_eq!(config.unknown_flags(Access::Prune, &["future-read"]), ["future-write", "future-prune"]);
    }
}

mod members_and_keyrings {
    use super::*;

    #[track_caller]
    fn cost_refused(memory_kib: u32, passes: u32, lanes: u32) {
        let member = samples::member(Some(Argon2Cost { memory_kib, passes, lanes }));
        refused(Member::decode(&cbor::encode(&member)), "Argon2id with");
        refused(member.encode(), "Argon2id with");
    }

    #[test]
    fn costs_of_a_password_beyond_their_limits_are_refused() {
        cost_refused(7, 1, 1);
        cost_refused((1 << 20) + 1, 1, 1);
        cost_refused(64, 0, 1);
        cost_refused(64, 65, 1);
        cost_refused(64, 1, 0);
        cost_refused(1024, 1, 17);
        cost_refused(u32::MAX, u32::MAX, u32::MAX);
        cost_refused(15, 1, 2);
    }

    #[test]
    fn a_password_without_its_cost_is_refused() {
        let member = Member { passes: None, ..samples::member(Some(Argon2Cost::DEFAULT)) };
        refused(Member::decode(&cbor::encode(&member)), "parameters are missing");
    }

    #[test]
    fn an_unknown_wrap_is_named() {
        let member = Member { wrap: 3.into(), ..samples::member(None) };
        refused(Member::decode(&cbor::encode(&member)), "the member has wrap 3, which");
    }

    #[test]
    fn a_member_that_joined_before_the_first_keyring_is_refused() {
        let secret = MemberSecret { joined: 0, ..samples::member_secret() };
        refused(MemberSecret::decode(&cbor::encode(&secret)), "joined with version 0");
        refused(secret.encode(), "joined with version 0");
    }

    #[track_caller]
    fn keyring_refused(change: impl FnOnce(&mut Keyring), why: &str) {
        let mut keyring = samples::keyring();
        change(&mut keyring);
        refused(Keyring::decode(&cbor::encode(&keyring)), why);
        refused(keyring.encode(), why);
    }

    #[test]
    fn keyrings_without_version_or_members_or_with_one_twice_are_refused() {
        keyring_refused(|keyring| keyring.version = 0, "version 0");
        keyring_refused(|keyring| keyring.recipients.clear(), "no members, or one twice");
        keyring_refused(|keyring| keyring.recipients.push(keyring.recipients[0].clone()), "no members, or one twice");
        keyring_refused(|keyring| keyring.recipients[1].sealed.0.truncate(47), "another length");
    }

    #[test]
    fn retired_members_are_in_order_few_and_not_members_any_more() {
        let retiring = |ids: Vec<MemberId>| move |keyring: &mut Keyring| keyring.retired = Some(ids);
        let [first, second] = [1, 2].map(|n| MemberId([n; 16]));
        keyring_refused(retiring(vec![second, first]), "retired members are not in order");
        keyring_refused(retiring(vec![first, first]), "retired members are not in order");
        keyring_refused(retiring(vec![first; 1025]), "retired members is 1025, at most 1024");
        keyring_refused(retiring(vec![samples::keyring().recipients[0].member]), "is among its members");
    }

    #[test]
    fn a_card_says_little_and_no_depth_of_what_was_never_verified() {
        let long = Card { practice: "x".repeat(65), ..samples::card() };
        refused(Card::decode(&cbor::encode(&long)), "practice is 65, at most 64");
        refused(long.encode(), "practice is 65, at most 64");
        let never = Card { verified: None, ..samples::card() };
        refused(Card::decode(&cbor::encode(&never)), "has a level and was never verified");
        refused(never.encode(), "has a level and was never verified");
        refused(Card { program: "x".repeat(5000), ..samples::card() }.encode(), "limits: size");
    }

    #[test]
    fn keyrings_of_too_many_members_or_bytes_are_refused() {
        let one = samples::keyring().recipients[0].clone();
        keyring_refused(|keyring| keyring.recipients = vec![one; 1025], "members is 1025, at most 1024");
        keyring_refused(|keyring| keyring.sealed.0 = vec![0; 1 << 20], "limits: size");
    }

    #[test]
    fn secrets_whose_epochs_are_missing_too_many_or_not_ascending_are_refused() {
        let secrets = |epochs: Vec<Epoch>| Secrets { epochs, ..samples::secrets() };
        let both = |secrets: Secrets, why| {
            refused(Secrets::decode(&cbor::encode(&secrets)), why);
            refused(secrets.encode(), why);
        };
        let [a, b] = samples::secrets().epochs.try_into().ok().unwrap();
        both(secrets(vec![]), "not in order");
        both(secrets(vec![b, a.clone()]), "not in order");
        both(secrets(vec![a.clone(), a.clone()]), "not in order");
        both(secrets(vec![a; 4097]), "epochs is 4097, at most 4096");
    }

    #[test]
    fn secrets_whose_newest_epoch_is_closed_are_refused() {
        let mut secrets = samples::secrets_closed();
        secrets.closed = secrets.closed.map(|closed| ClosedEpochs { epoch: 300, ..closed });
        refused(Secrets::decode(&cbor::encode(&secrets)), "newest epoch is closed");
        refused(secrets.encode(), "newest epoch is closed");
    }

    #[test]
    fn notes_out_of_order_are_refused() {
        type Spoil = fn(&mut EpochNote);
        let spoils: [Spoil; 3] = [
            |note| note.manifests.reverse(),
            |note| note.segments.iter_mut().for_each(|segments| segments.reverse()),
            |note| note.leases = note.leases.clone().map(|leases| [leases.clone(), leases].concat()),
        ];
        for spoil in spoils {
            let mut note = samples::note();
            spoil(&mut note);
            refused(EpochNote::decode(&cbor::encode(&note)), "not in order");
            refused(note.encode(), "not in order");
        }
    }
}

mod packs {
    use super::*;

    #[track_caller]
    fn table_refused(at: usize, bytes: &[u8], why: &str) {
        let mut table = samples::table().encode().unwrap();
        table[at..at + bytes.len()].copy_from_slice(bytes);
        refused(PackTable::decode(&table), why);
    }

    /// Where the first entry of the sample begins: after version, count, two salts, count.
    const ENTRY: usize = 1 + 2 + 2 * 36 + 4;

    #[test]
    fn an_unknown_version_and_kind_are_named() {
        table_refused(0, &[2], "the pack table has version 2, which");
        table_refused(ENTRY + 32, &[3], "chunk kind 3, which");
    }

    #[test]
    fn a_count_that_does_not_fit_the_bytes_is_refused() {
        table_refused(1, &[3], "pack table");
        table_refused(ENTRY - 4, &[2], "47 bytes too many");
        table_refused(ENTRY - 4, &[0xff; 4], "cut short");
    }

    #[track_caller]
    fn entry_refused(change: impl FnOnce(&mut TableEntry), at: usize, bytes: &[u8], why: &str) {
        table_refused(at, bytes, why);
        let mut table = samples::table();
        change(&mut table.entries[0]);
        refused(table.encode(), why);
    }

    #[test]
    fn chunks_with_salts_that_are_not_there_are_refused() {
        entry_refused(|e| e.salt = 3, ENTRY + 33, &[3, 0], "a salt that is not there");
    }

    #[test]
    fn chunks_beyond_their_limits_are_refused() {
        let sealed = (8u32 << 20) + 18;
        entry_refused(|e| e.sealed_len = sealed, ENTRY + 39, &sealed.to_le_bytes(), "sealed length");
        entry_refused(|e| e.sealed_len = 16, ENTRY + 39, &[16, 0, 0, 0], "shorter than its seal");
        let plain = (8u32 << 20) + 1;
        entry_refused(|e| e.plain_len = plain, ENTRY + 43, &plain.to_le_bytes(), "plain length");
    }

    #[test]
    fn padding_with_an_id_is_refused() {
        entry_refused(|e| e.kind = ChunkKind::Padding, ENTRY + 32, &[2], "padding has an id");
    }

    #[test]
    fn too_many_salts_are_refused() {
        let salt = samples::table().salts[0];
        let table = PackTable { salts: vec![salt; 65_536], entries: vec![] };
        refused(table.encode(), "salts is 65536, at most 65535");
    }

    #[test]
    fn a_table_beyond_its_limit_is_refused() {
        let entry = samples::table().entries[0];
        let table = PackTable { salts: vec![], entries: vec![entry; (16 << 20) / TABLE_ENTRY_LEN] };
        refused(table.encode(), "limits: size");
        refused(PackTable::decode(&vec![1; (16 << 20) - 95]), "limits: size");
    }

    #[test]
    fn a_trailer_that_points_outside_its_pack_or_has_other_letters_is_refused() {
        let size = 80 + 96 + 8;
        assert_eq!(decode_trailer(&encode_trailer(96), size), Ok(80..176));
        for (len, size) in [(96, size - 1), (95, size), (97, size), (u32::MAX, size), (96, 0), (0, size), (96, 7)] {
            assert!(decode_trailer(&encode_trailer(len), size).is_err(), "{len} {size}");
        }
        refused(decode_trailer(&encode_trailer((16 << 20) + 1), 1 << 27), "pack table is beyond");
        refused(decode_trailer(&encode_trailer(96), (256 << 20) + 1), "pack is beyond");
        refused(decode_trailer(b"\x60\0\0\0ENPX", size), "does not begin like");
        refused(decode_trailer(b"\x60\0\0\0ENPTx", size), "1 bytes too many");
    }

    #[test]
    fn a_pack_of_another_size_than_its_table_says_is_refused() {
        let table = samples::table();
        let size = 80 + table.chunks_len() + 200 + 8;
        assert_eq!(table.check_size(size, 200), Ok(()));
        refused(table.check_size(size + 1, 200), "its table says");
        refused(table.check_size(size, u64::MAX), "its table says");
    }

    #[track_caller]
    fn segment_refused(at: usize, bytes: &[u8], why: &str) {
        let mut segment = samples::named("plain-index-segment").encoded;
        segment[at..at + bytes.len()].copy_from_slice(bytes);
        refused(segment::decode(&segment), why);
    }

    #[test]
    fn segments_that_contradict_themselves_are_refused() {
        segment_refused(0, &[2], "the index segment has version 2, which");
        segment_refused(1, &[1, 0], "bytes too many");
        segment_refused(1, &[3, 0], "cut short");
        segment_refused(1, &[0xff; 4], "packs is 4294967295");
        let pack = 5;
        segment_refused(pack + 32, &[0], "its table says");
        segment_refused(pack + 32, &[0xff; 8], "pack size");
        segment_refused(pack + 40, &[2], "pack class 2, which");
        segment_refused(pack + 40, &[1], "Data in a pack of class Meta");
        segment_refused(pack + 77, &[0, 0], "cut short");
    }

    #[test]
    fn segments_of_nodes_in_a_data_pack_or_of_a_wrong_size_are_not_encoded() {
        let [data, mut meta] = samples::segment_packs().try_into().unwrap();
        meta.sealing.class = KeyClass::Data;
        refused(samples::encode_segment(&[data.clone(), meta.clone()]), "Node in a pack of class Data");
        meta.sealing.class = KeyClass::Meta;
        meta.size += 1;
        refused(samples::encode_segment(&[data, meta]), "its table says");
        refused(segment::encode(0, &vec![0; 16 << 20]), "limits: size");
        refused(segment::decode(&vec![1; (16 << 20) + 1]), "limits: size");
    }
}

mod nodes {
    use super::*;

    #[test]
    fn unknown_versions_and_kinds_are_named_and_reserved_bytes_refused() {
        let mut bytes = node(2, 0, 1, &[0x80]);
        bytes[0] = 2;
        refused(RawNode::decode(&bytes), "the node has version 2, which");
        let unknown = node(9, 0, 1, b"whatever");
        assert_eq!(RawNode::decode(&unknown).unwrap().ids, [ChunkId(samples::bytes32(0))]);
        refused(DirectoryNode::decode(&unknown), "the node has kind 9, which");
        refused(ContentNode::decode(&node(2, 0, 1, &[0x80])), "Directory where Content was expected");
        let mut bytes = node(2, 0, 1, &[0x80]);
        bytes[3] = 1;
        refused(RawNode::decode(&bytes), "a reserved byte is set");
    }

    #[test]
    fn nodes_beyond_their_limits_are_refused() {
        refused(RawNode::decode(&node(2, 16, 1, &[0x80])), "level is 16, at most 15");
        let mut bytes = node(2, 0, 0, &vec![0; 65_537 * 32]);
        bytes[4..8].copy_from_slice(&65_537u32.to_le_bytes());
        refused(RawNode::decode(&bytes), "ids is 65537, at most 65536");
        refused(RawNode::decode(&node(2, 0, 0, &vec![0; 8 << 20])), "limits: size");
        let item = samples::content_leaf().items[0];
        refused(ContentNode { level: 0, items: vec![item; 65_537] }.encode(), "ids is 65537");
        refused(ContentNode { level: 16, items: vec![item] }.encode(), "level is 16");
        let problem = Problem { path: ByteString(vec![0; 8 << 20]), ..samples::problems()[0].clone() };
        refused(encode_problems(&[problem]), "limits: size");
    }

    #[track_caller]
    fn content_refused(level: u8, lens: &[u64], why: &str) {
        let id = ChunkId([1; 32]);
        refused(
            ContentNode { level, items: lens.iter().map(|len| ContentItem { id, len: *len }).collect() }.encode(),
            why,
        );
        let width = if level == 0 { 4 } else { 8 };
        let body: Vec<_> = lens.iter().flat_map(|len| len.to_le_bytes()[..width].to_vec()).collect();
        refused(ContentNode::decode(&node(1, level, u8::try_from(lens.len()).unwrap(), &body)), why);
    }

    #[test]
    fn content_lists_that_are_empty_or_have_wrong_lengths_are_refused() {
        content_refused(0, &[], "it is empty");
        content_refused(0, &[1, 0], "a chunk of no bytes");
        content_refused(1, &[1, 0], "a list of no bytes");
        content_refused(0, &[(8 << 20) + 1], "plain length");
        content_refused(3, &[u64::MAX, 1], "its lengths overflow");
        refused(ContentNode::decode(&node(1, 0, 1, &[1, 0, 0])), "cut short");
        refused(ContentNode::decode(&node(1, 0, 1, &[1, 0, 0, 0, 0])), "1 bytes too many");
        let beyond = ContentItem { id: ChunkId([1; 32]), len: (1 << 32) + 1 };
        refused(ContentNode { level: 0, items: vec![beyond] }.encode(), "plain length");
    }

    #[test]
    fn directories_that_are_empty_unsorted_or_have_a_name_twice_are_refused() {
        let directory = |names: &[&str]| {
            let entries = names.iter().map(|name| Entry::new((*name).into(), EntryKind::Fifo)).collect();
            DirectoryNode::Leaf(DirectoryLeaf { ids: vec![], entries })
        };
        for names in [&[][..], &["b", "a"], &["a", "a"]] {
            let DirectoryNode::Leaf(leaf) = directory(names) else { unreachable!() };
            refused(DirectoryNode::decode(&node(2, 0, 0, &cbor::encode(&leaf.entries))), "not in order");
            refused(directory(names).encode(), "not in order");
        }
    }

    #[track_caller]
    fn parts_refused(parts: &[(&[u8], u64)], why: &str) {
        let part = |(n, (name, entries)): (u8, &(&[u8], u64))| DirectoryPart {
            id: ChunkId(samples::bytes32(n)),
            first_name: name.to_vec(),
            entries: *entries,
        };
        refused(DirectoryNode::Parts(1, std::iter::zip(0.., parts).map(part).collect()).encode(), why);
        let mut body = minicbor::Encoder::new(Vec::new());
        body.array(parts.len() as u64).unwrap();
        for (name, entries) in parts {
            body.map(2).unwrap().u8(0).unwrap().bytes(name).unwrap().u8(1).unwrap().u64(*entries).unwrap();
        }
        let bytes = node(2, 1, u8::try_from(parts.len()).unwrap(), &body.into_writer());
        refused(DirectoryNode::decode(&bytes), why);
    }

    #[test]
    fn a_chunk_that_is_named_twice_is_refused() {
        let entries = vec![Entry::new(b"a".to_vec(), EntryKind::Fifo)];
        let ids = || [1, 2, 1].map(|n| ChunkId(samples::bytes32(n))).to_vec();
        // The ids of 17 chunks that `node` makes up have one twice.
        refused(DirectoryNode::decode(&node(2, 0, 17, &cbor::encode(&entries))), "names a chunk twice");
        refused(DirectoryNode::Leaf(DirectoryLeaf { ids: ids(), entries }).encode(), "names a chunk twice");
        let part = |name: &str| DirectoryPart { id: ids()[0], first_name: name.into(), entries: 1 };
        refused(DirectoryNode::Parts(1, vec![part("a"), part("b")]).encode(), "names a chunk twice");
        let SegmentNode::Leaf(_, segments) = database::segment_leaf() else { unreachable!() };
        refused(SegmentNode::Leaf(ids(), segments).encode(), "names a chunk twice");
    }

    #[test]
    fn parts_that_are_missing_unsorted_empty_or_badly_named_are_refused() {
        parts_refused(&[], "not in order");
        parts_refused(&[(b"b", 1), (b"a", 1)], "not in order");
        parts_refused(&[(b"a", 1), (b"a", 1)], "not in order");
        parts_refused(&[(b"a", 0)], "a part has no entries");
        parts_refused(&[(b"a", u64::MAX), (b"b", 1)], "or all have too many");
        parts_refused(&[(b"a/b", 1)], "holds a slash");
        refused(DirectoryNode::decode(&node(2, 1, 1, &[0x80])), "differ in number");
        refused(DirectoryNode::Parts(0, vec![]).encode(), "parts at level 0");
    }

    #[test]
    fn a_problem_list_that_names_chunks_or_has_a_level_is_refused() {
        refused(decode_problems(&node(3, 0, 1, &[0x80])), "it names chunks or has a level");
        refused(decode_problems(&node(3, 1, 0, &[0x80])), "it names chunks or has a level");
        refused(decode_problems(&node(3, 0, 0, &[0x80, 0])), "1 bytes too many");
    }
}

mod entries {
    use super::*;

    fn file() -> Entry {
        Entry { size: 100, ..Entry::new(b"file".to_vec(), EntryKind::File) }
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        let names: [(&[u8], &str); 7] = [
            (b"", "empty"),
            (b".", "relative folder"),
            (b"..", "relative folder"),
            (b"/", "slash"),
            (b"a/../b", "slash"),
            (b"a\0", "NUL"),
            (&[b'x'; 4097], "name is 4097, at most 4096"),
        ];
        for (name, why) in names {
            entry_refused(Entry { name: ByteString(name.to_vec()), ..file() }, why);
            refused(check_name(name), why);
            let root = Root { name: ByteString(name.to_vec()), ..samples::manifest().roots[0].clone() };
            let manifest = Manifest { roots: vec![root], ..samples::manifest() };
            refused(manifest.encode(), why);
            refused(Manifest::decode(&cbor::encode(&manifest)), "the manifest is");
        }
        assert_eq!(check_name(&[b'x'; 4096]), Ok(()));
        assert_eq!(check_name(b"..."), Ok(()));
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let body = cbor::encode(&file());
        for kind in [&[0][..], &[8], &[0x20], &[0x19, 1, 1]] {
            refused(decode_entry(&with_field(&body, 1, kind)), "unknown enum variant");
        }
    }

    #[test]
    fn modes_and_times_beyond_their_limits_are_refused() {
        entry_refused(Entry { mode: 0o10_000, ..file() }, "mode is 4096, at most 4095");
        entry_refused(Entry { mtime_nanoseconds: 1_000_000_000, ..file() }, "too many nanoseconds");
        entry_refused(Entry { ctime_nanoseconds: u32::MAX, ..file() }, "too many nanoseconds");
    }

    #[test]
    fn holes_that_overlap_descend_are_empty_or_lie_outside_are_refused() {
        let holes = |holes: &[(u64, u64)]| {
            let holes = holes.iter().map(|(offset, len)| Hole { offset: *offset, len: *len }).collect();
            Entry { holes: Some(holes), ..file() }
        };
        assert_eq!(decode_entry(&cbor::encode(&holes(&[(0, 10), (10, 90)]))), Ok(()));
        let faulty: [&[(u64, u64)]; 6] =
            [&[(0, 10), (9, 2)], &[(50, 10), (0, 10)], &[(5, 0)], &[(0, 101)], &[(101, 1)], &[(u64::MAX, 2)]];
        for faulty in faulty {
            entry_refused(holes(faulty), "holes overlap or lie beyond its end");
        }
        let many: Vec<_> = (0..4097).map(|n| (2 * n, 1)).collect();
        entry_refused(Entry { size: 1 << 20, ..holes(&many) }, "holes is 4097, at most 4096");
    }

    #[test]
    fn places_outside_the_nodes_ids_are_refused() {
        let why = "it names a chunk that its node does not";
        let content =
            |direct, list| Entry { content: Some(Content { inline: None, direct, list, segments: None }), ..file() };
        for place in [4, u32::MAX] {
            entry_refused(content(Some(vec![DirectChunk { place, len: 1 }]), None), why);
            entry_refused(content(None, Some(place)), why);
            entry_refused(Entry { kind: EntryKind::Directory, tree: Some(place), ..file() }, why);
        }
    }

    #[test]
    fn content_beyond_its_limits_or_in_two_forms_is_refused() {
        let inline = |len| Content { inline: Some(ByteString(vec![0; len])), ..Content::default() };
        let direct = |lens: &[u32]| {
            let direct = lens.iter().map(|len| DirectChunk { place: 0, len: *len }).collect();
            Content { direct: Some(direct), ..Content::default() }
        };
        let with = |content| Entry { content: Some(content), ..file() };
        entry_refused(with(inline(200)), "inline content is 200, at most 199");
        entry_refused(with(direct(&[1; 5])), "direct chunks is 5, at most 4");
        entry_refused(with(direct(&[(8 << 20) + 1])), "plain length");
        entry_refused(with(direct(&[0])), "a chunk of no bytes");
        entry_refused(with(Content::default()), "not exactly one of");
        entry_refused(with(Content { list: Some(0), ..inline(1) }), "not exactly one of");
        entry_refused(with(Content { list: Some(0), ..direct(&[1]) }), "not exactly one of");
    }

    #[test]
    fn extended_attributes_that_are_unsorted_double_badly_named_or_too_long_are_refused() {
        let xattrs = |names: &[&[u8]], len| {
            let xattr = |name: &&[u8]| Xattr { name: ByteString(name.to_vec()), value: ByteString(vec![0; len]) };
            Entry { xattrs: Some(names.iter().map(xattr).collect()), ..file() }
        };
        let faulty: [&[&[u8]]; 4] = [&[b"b", b"a"], &[b"a", b"a"], &[b""], &[b"a\0"]];
        for names in faulty {
            entry_refused(xattrs(names, 1), "not in order or badly named");
        }
        entry_refused(xattrs(&[b"a", b"b"], 1 << 19), "extended attributes is 1048578, at most 1048576");
    }

    #[test]
    fn targets_of_links_that_are_missing_empty_or_beyond_their_limit_are_refused() {
        let link = |target: Option<Vec<u8>>| Entry {
            kind: EntryKind::Symlink,
            link_target: target.map(ByteString),
            ..Entry::new(b"link".to_vec(), EntryKind::Symlink)
        };
        entry_refused(link(None), "target of a symbolic link");
        entry_refused(link(Some(vec![])), "target of a symbolic link");
        entry_refused(link(Some(b"a\0".to_vec())), "target of a symbolic link");
        entry_refused(link(Some(vec![b'x'; 65_537])), "link target is 65537, at most 65536");
    }

    #[test]
    fn fields_of_another_kind_are_refused() {
        use EntryKind::*;
        let full = samples::full_file();
        let plain = |kind| Entry { kind, ..Entry::new(b"x".to_vec(), kind) };
        entry_refused(Entry { content: full.content.clone(), ..plain(Fifo) }, "it has content, but is a Fifo");
        entry_refused(Entry { holes: full.holes.clone(), size: 1 << 30, ..plain(Directory) }, "it has holes");
        entry_refused(Entry { tree: Some(0), ..plain(File) }, "it has a directory's node");
        entry_refused(Entry { link_target: Some(ByteString(vec![1])), ..plain(File) }, "it has a link's target");
        entry_refused(Entry { hard_link: full.hard_link, ..plain(Directory) }, "it has several names");
        entry_refused(Entry { device: Some(Device { major: 1, minor: 1 }), ..plain(Socket) }, "it has a device number");
        let gaps = Some(Gaps { why: GAP_RULE, names: None });
        entry_refused(Entry { gaps, ..plain(File) }, "it has gaps, but is a File");
    }

    #[test]
    fn gaps_without_a_reason_out_of_order_or_too_many_are_refused() {
        let gaps = |why, names: Vec<Vec<u8>>| {
            let gaps = Some(Gaps { why, names: Some(names.into_iter().map(ByteString).collect()) });
            Entry { gaps, ..Entry::new(b"x".to_vec(), EntryKind::Directory) }
        };
        let name = |name: &str| name.as_bytes().to_vec();
        assert_eq!(decode_entry(&cbor::encode(&gaps(255, vec![name("a"), name("b")]))), Ok(()));
        entry_refused(gaps(0, vec![name("a")]), "its gaps have no reason");
        for names in [["b", "a"], ["a", "a"]] {
            entry_refused(gaps(1, names.map(name).to_vec()), "its missing names are not in order");
        }
        entry_refused(gaps(1, vec![name("a/b")]), "its name holds a slash");
        let many = (0..1025u32).map(|n| format!("{n:04}").into_bytes()).collect();
        entry_refused(gaps(1, many), "missing names is 1025, at most 1024");
        let long = (0..17u8).map(|n| vec![b'a' + n; 4096]).collect();
        entry_refused(gaps(1, long), "bytes of missing names is 69632, at most 65536");
    }
}

mod manifests_and_condemned {
    use super::*;

    #[track_caller]
    fn manifest_refused(change: impl FnOnce(&mut Manifest), why: &str) {
        let mut manifest = samples::manifest();
        change(&mut manifest);
        refused(Manifest::decode(&cbor::encode(&manifest)), why);
        refused(manifest.encode(), why);
    }

    #[test]
    fn manifests_with_more_patterns_than_fit_are_refused() {
        let patterns = Some(vec!["x".repeat(16_385)]);
        let left_out = Some(LeftOut { patterns, ..LeftOut::default() });
        manifest_refused(|m| m.left_out = left_out, "bytes of patterns is 16385, at most 16384");
    }

    #[test]
    fn manifests_with_places_outside_their_ids_are_refused() {
        manifest_refused(|m| m.tree = Some(3), "a node that it does not name");
        manifest_refused(|m| m.problems.lists.push(u32::MAX), "a node that it does not name");
    }

    #[test]
    fn manifests_beyond_their_limits_are_refused() {
        manifest_refused(|m| m.nanoseconds = 1_000_000_000, "too many nanoseconds");
        manifest_refused(|m| m.seen = vec![m.seen[0]; 17], "seen manifests is 17, at most 16");
        let held = |length| HeldFolder { rule: 1, folder: ByteString(vec![b'f'; length]) };
        manifest_refused(|m| m.held_folders = Some(vec![held(1); 9]), "folders of a hold is 9, at most 8");
        manifest_refused(|m| m.held_folders = Some(vec![held(1025)]), "path of a held folder is 1025, at most 1024");
        manifest_refused(|m| m.forgotten = Some(vec![m.seen[0]; 1025]), "forgotten manifests is 1025, at most 1024");
        manifest_refused(|m| m.suffering = Some(vec![m.seen[0]; 1025]), "suffering manifests is 1025, at most 1024");
        manifest_refused(|m| m.ids = vec![m.ids[0]; 2048], "limits: size");
    }

    #[test]
    fn copies_that_leave_a_root_out_twice_or_under_a_wrong_name_are_refused() {
        let left_out = |names: &[&str]| {
            let names = names.iter().map(|name| ByteString(name.as_bytes().to_vec())).collect();
            let origin = samples::copied_manifest().origin.map(|origin| Origin { left_out: Some(names), ..origin });
            move |m: &mut Manifest| m.origin = origin
        };
        manifest_refused(left_out(&["images", "x", "images"]), "a root is left out twice");
        manifest_refused(left_out(&["a/b"]), "holds a slash");
        let copy = samples::copied_manifest();
        let mut many = copy.clone();
        let names = (0..4000u32).map(|n| ByteString(format!("root with a long name {n}").into_bytes())).collect();
        many.origin = copy.origin.map(|origin| Origin { left_out: Some(names), ..origin });
        refused(many.encode(), "limits: size");
    }

    #[test]
    fn second_copies_that_were_checked_in_no_known_way_are_refused() {
        let copy = |change: fn(&mut SecondCopy)| {
            let mut copy = samples::second_copy_record().second_copy;
            copy.iter_mut().for_each(change);
            move |m: &mut Manifest| m.second_copy = copy
        };
        manifest_refused(copy(|c| c.level = 0), "a second copy checked in way 0");
        manifest_refused(copy(|c| c.level = 4), "a second copy checked in way 4");
        manifest_refused(copy(|c| c.read_percent = Some(0)), "a share of packs beyond 1 to 100 percent");
        manifest_refused(copy(|c| c.read_percent = Some(101)), "a share of packs beyond 1 to 100 percent");
    }

    #[test]
    fn evidence_beyond_its_limits_or_about_nothing_is_refused() {
        let evidence = |change: fn(&mut Evidence)| {
            let mut evidence = samples::evidence();
            change(&mut evidence);
            move |m: &mut Manifest| m.evidence = Some(evidence)
        };
        let packs = |count: u64| ShortPacks::of((0..count).map(|n| PackId(*blake3::hash(&n.to_le_bytes()).as_bytes())));
        manifest_refused(evidence(|e| e.steps = vec![e.steps[0].clone(); 65]), "steps is 65, at most 64");
        manifest_refused(evidence(|e| e.notes = vec![e.notes[0].clone(); 257]), "notes is 257, at most 256");
        let figures = |e: &mut Evidence| e.steps[0].figures = vec![e.steps[0].figures[0].clone(); 33];
        manifest_refused(evidence(figures), "figures of a step is 33, at most 32");
        let reviewed = |e: &mut Evidence| e.reviewed = Some(vec![e.reviewed()[0]; 257]);
        manifest_refused(evidence(reviewed), "reviewed evidence is 257, at most 256");
        let many = Evidence { damaged: Some(packs(6142)), ..samples::evidence() };
        manifest_refused(|m| m.evidence = Some(many), "packs is 6145, at most 6144");
        manifest_refused(evidence(|e| e.notes[0].step = 1), "a step that it does not have");
        manifest_refused(evidence(|e| e.runs = Some(Runs { count: 0, first: 1, last: 1 })), "stands for no run");
        manifest_refused(evidence(|e| e.runs = Some(Runs { count: 1, first: 2, last: 1 })), "the last began before");
        let sample = |e: &mut Evidence| e.sample.iter_mut().for_each(|sample| sample.of = 199);
        manifest_refused(evidence(sample), "a sample of more than there is");
    }

    #[test]
    fn actions_beyond_their_limits_are_refused() {
        let actions = |change: fn(&mut Vec<Action>)| {
            let mut evidence = samples::actions_manifest().evidence.unwrap();
            change(evidence.actions.as_mut().unwrap());
            move |m: &mut Manifest| m.evidence = Some(evidence)
        };
        manifest_refused(actions(|a| *a = vec![a[0].clone(); 257]), "actions is 257, at most 256");
        manifest_refused(actions(|a| a[1].person = "x".repeat(513)), "text of an action is 513, at most 512");
        manifest_refused(actions(|a| a[0].about = Some("x".repeat(513))), "text of an action is 513, at most 512");
    }

    #[test]
    fn evidence_of_as_many_packs_as_it_may_name_fits() {
        let packs = ShortPacks::of((0..6144u64).map(|n| PackId(*blake3::hash(&n.to_le_bytes()).as_bytes())));
        let readings = Some(vec![Reading { seconds: 1_800_000_000, packs }]);
        let evidence = Some(Evidence { readings, damaged: None, ..samples::evidence() });
        let seen = vec![samples::manifest().seen[0]; 16];
        let manifest = Manifest { evidence, seen, host: "h".repeat(4096), ..samples::evidence_manifest() };
        assert_eq!(Manifest::decode(&manifest.encode().unwrap()), Ok(manifest));
    }

    #[test]
    fn evidence_of_an_unknown_kind_or_result_is_decoded() {
        let mut evidence = samples::actions_manifest().evidence.unwrap();
        (evidence.kind, evidence.result) = (200.into(), 201.into());
        evidence.actions.as_mut().unwrap()[0].end = 202.into();
        let evidence = Some(evidence);
        let manifest = Manifest { evidence, ..samples::evidence_manifest() };
        assert_eq!(Manifest::decode(&manifest.encode().unwrap()), Ok(manifest));
    }

    #[test]
    fn a_record_of_as_many_as_may_be_forgotten_fits() {
        let forgotten = Some(vec![samples::manifest().seen[0]; 1024]);
        let seen = vec![samples::manifest().seen[0]; 16];
        let record = Manifest { forgotten, seen, host: "h".repeat(4096), ..samples::forget_record() };
        assert_eq!(Manifest::decode(&record.encode().unwrap()), Ok(record));
    }

    #[test]
    fn a_manifest_of_an_unknown_kind_is_decoded_for_it_is_a_root() {
        let manifest = Manifest { kind: 255.into(), ..samples::manifest() };
        assert_eq!(Manifest::decode(&manifest.encode().unwrap()), Ok(manifest));
    }

    #[test]
    fn leases_and_void_records_beyond_their_limit_are_refused() {
        let long = "x".repeat(65_536);
        let lease = Lease { host: long.clone(), ..samples::lease() };
        refused(lease.encode(), "limits: size");
        refused(Lease::decode(&cbor::encode(&lease)), "limits: size");
        let void = Void { reason: long, ..samples::void() };
        refused(void.encode(), "limits: size");
        refused(Void::decode(&cbor::encode(&void)), "limits: size");
    }

    #[test]
    fn lists_of_condemned_packs_whose_numbers_are_not_in_order_are_refused() {
        let list = |number| CondemnedList { number, ..samples::condemned().lists[0].clone() };
        for (next, numbers) in [(0, &[][..]), (1, &[0]), (5, &[5]), (9, &[5, 5]), (9, &[5, 4])] {
            let condemned = Condemned { next, lists: numbers.iter().map(|n| list(*n)).collect() };
            refused(condemned.encode(), "not in order");
            refused(Condemned::decode(&cbor::encode(&condemned)), "not in order");
        }
        assert_eq!(Condemned::decode(&Condemned::none().encode().unwrap()), Ok(Condemned::none()));
    }

    #[test]
    fn an_unknown_phase_is_refused() {
        let body = samples::condemned().encode().unwrap();
        let phase = 2;
        let list = [0x81, 0xa3, 0, 5, 1, phase, 2, 0x80];
        refused(Condemned::decode(&with_field(&body, 1, &list)), "unknown enum variant");
    }

    #[test]
    fn a_condemned_object_beyond_its_limit_is_refused() {
        refused(Condemned::decode(&vec![0; (64 << 20) + 1]), "limits: size");
    }
}

#[test]
fn ids_are_lower_case_hex_digits_of_their_length_only() {
    let good = "0123456789abcdef".repeat(2);
    assert!(good.parse::<LeaseId>().is_ok());
    for bad in [&good[1..], &good.to_uppercase(), &format!("{good}0"), "", &"é".repeat(16), &"g".repeat(32)] {
        refused(bad.parse::<LeaseId>(), "is not 32 hex digits");
    }
}
