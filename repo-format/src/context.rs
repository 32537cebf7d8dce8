//! Context strings of every key derivation (FORMAT.md, sections 5, 6 and 12). Never reused, never changed.

/// Key of one sealed object.
pub const OBJECT_KEY: &str = "enamel 2026-11 object key";
/// Commitment to that key.
pub const OBJECT_COMMITMENT: &str = "enamel 2026-11 object commitment";
/// Key that wraps a member's secret.
pub const MEMBER_WRAP_KEY: &str = "enamel 2026-11 member wrap key";
/// Commitment to that key.
pub const MEMBER_WRAP_COMMITMENT: &str = "enamel 2026-11 member wrap commitment";
/// First part of the HPKE info of a keyring.
pub const KEYRING_INFO: &str = "enamel 2026-11 keyring";
/// Key of a keyring's tag.
pub const KEYRING_TAG: &str = "enamel 2026-11 keyring tag";
/// Key of the ids of data chunks.
pub const CHUNK_ID: &str = "enamel 2026-11 chunk id";
/// Key of the ids of nodes.
pub const NODE_ID: &str = "enamel 2026-11 node id";
/// Key of the digests of manifests.
pub const MANIFEST_DIGEST: &str = "enamel 2026-11 manifest digest";
/// Key of the config's tag.
pub const CONFIG_TAG: &str = "enamel 2026-11 config tag";
/// Key of the card's tag.
pub const CARD_TAG: &str = "enamel 2026-11 card tag";
/// Gear table of the chunker.
pub const GEAR_TABLE: &str = "enamel 2026-11 gear table";
/// Key of a purge plan's tag.
pub const PURGE_PLAN_TAG: &str = "enamel 2026-11 purge plan tag";
/// A purge plan's digest, which has no key.
pub const PURGE_PLAN_DIGEST: &str = "Enamel 2026 purge plan";
/// The value that stands for a machine in a lease.
pub const MACHINE: &str = "enamel 2026-11 machine";
