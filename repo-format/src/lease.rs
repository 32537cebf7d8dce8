//! Leases, and the void records that fence their holders (FORMAT.md, section 12).

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::Result;
use crate::id::{Bytes32, LeaseId};
use crate::limits;

/// A running writer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lease {
    /// Its id: the name of the manifest that its holder may commit.
    #[n(0)]
    pub id: LeaseId,
    /// Name of the machine.
    #[n(1)]
    pub host: String,
    /// Identity of the machine's current run.
    #[n(2)]
    pub boot_id: String,
    /// Process id there.
    #[n(3)]
    pub process: u64,
    /// When it started, seconds since 1970.
    #[n(4)]
    pub started: i64,
    /// The highest condemned number then.
    #[n(5)]
    pub seen: u64,
    /// Program and version.
    #[n(6)]
    pub program: String,
    /// A hash that identifies the machine; absent where the system does not say.
    #[n(7)]
    pub machine: Option<Bytes32>,
    /// When the process started, in the system's own count. Another number means another process.
    #[n(8)]
    pub process_start: Option<u64>,
    /// The process space: process ids and starts are comparable only within it.
    #[n(9)]
    pub process_space: Option<String>,
    /// Why its holder must be the only one that writes, as a number: see [`Lease::purpose`].
    #[n(10)]
    pub purpose: Option<u64>,
}

/// Why the holder of a lone lease must be the only one that writes (FORMAT.md, section 13.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It prunes.
    Prune,
    /// It repairs.
    Repair,
    /// It changes keys.
    Keys,
    /// It changes the config.
    Config,
    /// Only a newer program knows it.
    Other(u64),
}

impl Purpose {
    /// Its number in a lease.
    pub fn number(self) -> u64 {
        match self {
            Purpose::Prune => 1,
            Purpose::Repair => 2,
            Purpose::Keys => 3,
            Purpose::Config => 4,
            Purpose::Other(number) => number,
        }
    }
}

/// Takes the name of a manifest, so that no manifest can be committed there.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Void {
    /// The lease that it fences.
    #[n(0)]
    pub id: LeaseId,
    /// Time of the record, seconds since 1970.
    #[n(1)]
    pub time: i64,
    /// The machine that fenced it.
    #[n(2)]
    pub host: String,
    /// The reason, in words.
    #[n(3)]
    pub reason: String,
}

impl Lease {
    /// Why its holder must be the only one that writes; `None` for all other writers.
    pub fn purpose(&self) -> Option<Purpose> {
        self.purpose.map(|number| match number {
            1 => Purpose::Prune,
            2 => Purpose::Repair,
            3 => Purpose::Keys,
            4 => Purpose::Config,
            other => Purpose::Other(other),
        })
    }

    /// Decodes a lease.
    ///
    /// # Errors
    /// See [`crate::FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        cbor::decode_within("lease", limits::SMALL_OBJECT, plain)
    }

    /// Encodes it.
    ///
    /// # Errors
    /// [`crate::FormatError::Limit`] beyond 64 KiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        cbor::encode_within("lease", limits::SMALL_OBJECT, self)
    }
}

impl Void {
    /// Decodes a void record.
    ///
    /// # Errors
    /// See [`crate::FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        cbor::decode_within("void record", limits::SMALL_OBJECT, plain)
    }

    /// Encodes it.
    ///
    /// # Errors
    /// [`crate::FormatError::Limit`] beyond 64 KiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        cbor::encode_within("void record", limits::SMALL_OBJECT, self)
    }
}
