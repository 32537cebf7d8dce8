//! The repository's configuration (FORMAT.md, section 7).

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::{FormatError, Result};
use crate::id::RepositoryId;
use crate::limits;

/// The format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
const WHAT: &str = "config";

/// The flag of a repository whose store has no conditions: programs keep out of each other's way by leases alone
/// (FORMAT.md, section 13.3).
pub const EXCLUSIVE_PRUNE: &str = "exclusive-prune";

/// Body of the object `config`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Config {
    /// Version of the format: [`FORMAT_VERSION`].
    #[n(0)]
    pub format_version: u32,
    /// Id of the repository.
    #[n(1)]
    pub repository: RepositoryId,
    /// 1, and one more with every replacement.
    #[n(2)]
    pub version: u64,
    /// Features without which the repository cannot be read.
    #[n(3)]
    pub flags_read: Vec<String>,
    /// Features without which nothing may be written.
    #[n(4)]
    pub flags_write: Vec<String>,
    /// Features without which nothing may be deleted.
    #[n(5)]
    pub flags_prune: Vec<String>,
    /// Chunker profiles.
    #[n(6)]
    pub profiles: Vec<Profile>,
    /// Size to aim at when filling a pack, bytes.
    #[n(7)]
    pub pack_bytes: u64,
    /// zstd level for new chunks.
    #[n(8)]
    pub zstd_level: i32,
    /// When it was made, seconds since 1970.
    #[n(9)]
    pub created: i64,
    /// The last check of the conditions of the store.
    #[n(10)]
    pub conditions: Option<ConditionsCheck>,
}

/// A check of the conditions of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ConditionsCheck {
    /// When, seconds since 1970.
    #[n(0)]
    pub time: i64,
    /// Its outcome as a number: see [`ConditionsCheck::outcome`].
    #[n(1)]
    outcome: u64,
}

/// Whether a store gives a name once only, and replaces an object only if it is as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// It does.
    Kept,
    /// It says that it cannot.
    Missing,
    /// It does not, and does not say so.
    Broken,
}

impl ConditionsCheck {
    /// A check at this time with this outcome.
    pub fn new(time: i64, outcome: Conditions) -> Self {
        let outcome = match outcome {
            Conditions::Kept => 1,
            Conditions::Missing => 2,
            Conditions::Broken => 3,
        };
        ConditionsCheck { time, outcome }
    }

    /// Its outcome; `None` if only a newer program knows it.
    pub fn outcome(&self) -> Option<Conditions> {
        match self.outcome {
            1 => Some(Conditions::Kept),
            2 => Some(Conditions::Missing),
            3 => Some(Conditions::Broken),
            _ => None,
        }
    }
}

/// Sizes of chunks for one kind of data, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// `database`, `files` or `images`.
    #[n(0)]
    pub name: String,
    /// Only the last chunk of a stream may be smaller.
    #[n(1)]
    pub min: u32,
    /// Most chunks are near this size.
    #[n(2)]
    pub average: u32,
    /// No chunk is larger.
    #[n(3)]
    pub max: u32,
}

/// The profiles of every new repository: name, then min, average and max in KiB.
pub const PROFILES: [(&str, [u32; 3]); 3] =
    [("database", [4, 16, 64]), ("files", [64, 256, 1024]), ("images", [256, 1024, 4096])];

/// Kinds of access to a repository, which flags may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only reads.
    Read,
    /// Adds objects, or changes keys or config.
    Write,
    /// Deletes objects that others may rely on.
    Prune,
}

impl Config {
    /// The config of a new repository.
    pub fn new(repository: RepositoryId, created: i64) -> Self {
        let profiles = PROFILES.map(|(name, kib)| {
            let [min, average, max] = kib.map(|k| k * 1024);
            Profile { name: name.to_owned(), min, average, max }
        });
        Config {
            format_version: FORMAT_VERSION,
            repository,
            version: 1,
            flags_read: Vec::new(),
            flags_write: Vec::new(),
            flags_prune: Vec::new(),
            profiles: profiles.into(),
            pack_bytes: 32 * limits::MIB,
            zstd_level: 1,
            created,
            conditions: None,
        }
    }

    /// Decodes and checks a body. Flags are not checked: see [`Config::unknown_flags`].
    ///
    /// # Errors
    /// See [`FormatError`]. A newer format is [`FormatError::Unknown`] with field `format version`.
    pub fn decode(body: &[u8]) -> Result<Self> {
        let mut decoder = minicbor::Decoder::new(body);
        // Looked at first: nothing else of a newer format need be as it is in this one.
        let first = decoder.map().and_then(|_| decoder.u8()).and_then(|key| Ok((key, decoder.u64()?)));
        if let Ok((0, version)) = first
            && version > FORMAT_VERSION.into()
        {
            return Err(FormatError::Unknown { what: WHAT, field: "format version", value: version });
        }
        let config: Config = cbor::decode_within(WHAT, limits::SMALL_OBJECT, body)?;
        config.check()?;
        Ok(config)
    }

    /// Checks and encodes the body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::SMALL_OBJECT, self)
    }

    fn check(&self) -> Result<()> {
        if self.format_version != FORMAT_VERSION {
            return Err(FormatError::invalid(WHAT, format!("format version {}", self.format_version)));
        }
        if !(limits::PACK_TARGET.0..=limits::PACK_TARGET.1).contains(&self.pack_bytes) {
            return Err(FormatError::invalid(WHAT, format!("pack size {} bytes", self.pack_bytes)));
        }
        if !(limits::ZSTD_LEVEL.0..=limits::ZSTD_LEVEL.1).contains(&self.zstd_level) {
            return Err(FormatError::invalid(WHAT, format!("zstd level {}", self.zstd_level)));
        }
        for (name, _) in PROFILES {
            if !self.profiles.iter().any(|p| p.name == name) {
                return Err(FormatError::invalid(WHAT, format!("chunker profile `{name}` is missing")));
            }
        }
        let mut names: Vec<_> = self.profiles.iter().map(|p| &p.name).collect();
        names.sort_unstable();
        if !names.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::invalid(WHAT, "a chunker profile is there twice"));
        }
        self.profiles.iter().try_for_each(Profile::check)
    }

    /// The profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|p| p.name == name)
    }

    /// Whether programs must keep out of each other's way by leases alone.
    pub fn is_exclusive(&self) -> bool {
        self.flags_write.iter().chain(&self.flags_prune).any(|flag| flag == EXCLUSIVE_PRUNE)
    }

    /// Makes programs keep out of each other's way by leases alone.
    pub fn make_exclusive(&mut self) {
        for flags in [&mut self.flags_write, &mut self.flags_prune] {
            if !flags.iter().any(|flag| flag == EXCLUSIVE_PRUNE) {
                flags.push(EXCLUSIVE_PRUNE.to_owned());
            }
        }
    }

    /// Flags that forbid `access` to a program that knows the flags `known`.
    pub fn unknown_flags(&self, access: Access, known: &[&str]) -> Vec<&str> {
        let needed: &[&Vec<String>] = match access {
            Access::Read => &[&self.flags_read],
            Access::Write => &[&self.flags_read, &self.flags_write],
            Access::Prune => &[&self.flags_read, &self.flags_write, &self.flags_prune],
        };
        let all = needed.iter().flat_map(|flags| flags.iter());
        all.map(String::as_str).filter(|flag| !known.contains(flag)).collect()
    }
}

impl Profile {
    fn check(&self) -> Result<()> {
        let sizes_ok = self.min >= 64
            && self.average >= 256
            && self.average.is_power_of_two()
            && self.min <= self.average
            && self.average <= self.max
            && u64::from(self.max) <= limits::CHUNK_PLAIN;
        if sizes_ok {
            Ok(())
        } else {
            Err(FormatError::invalid(
                WHAT,
                format!("chunker profile `{}` has sizes {}, {}, {}", self.name, self.min, self.average, self.max),
            ))
        }
    }
}
