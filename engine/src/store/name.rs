//! Names of objects. Sharding of packs over folders lives here only.

use std::fmt;
use std::str::FromStr;

use repo_format::id::{LeaseId, MemberId, PackId, SegmentId};

/// The folders of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folder {
    /// Objects without a folder: `config` and `condemned`.
    Top,
    /// Members.
    Keys,
    /// Versions of the secrets.
    Keyring,
    /// Packs.
    Packs,
    /// Index segments.
    Index,
    /// Manifests and void records.
    Snapshots,
    /// Leases.
    Leases,
}

/// The name of one object of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectName {
    /// `config`
    Config,
    /// `condemned`
    Condemned,
    /// `keys/<id>`
    Member(MemberId),
    /// `keyring/<n>`
    Keyring(u64),
    /// `packs/<2 hex>/<id>`
    Pack(PackId),
    /// `index/<id>`
    Segment(SegmentId),
    /// `snapshots/<lease id>`
    Snapshot(LeaseId),
    /// `leases/<id>`
    Lease(LeaseId),
}

impl Folder {
    /// All folders.
    pub const ALL: [Folder; 7] =
        [Folder::Top, Folder::Keys, Folder::Keyring, Folder::Packs, Folder::Index, Folder::Snapshots, Folder::Leases];

    /// Its name; empty for the top.
    pub fn as_str(self) -> &'static str {
        match self {
            Folder::Top => "",
            Folder::Keys => "keys",
            Folder::Keyring => "keyring",
            Folder::Packs => "packs",
            Folder::Index => "index",
            Folder::Snapshots => "snapshots",
            Folder::Leases => "leases",
        }
    }
}

impl ObjectName {
    /// The folder it belongs to.
    pub fn folder(&self) -> Folder {
        match self {
            ObjectName::Config | ObjectName::Condemned => Folder::Top,
            ObjectName::Member(_) => Folder::Keys,
            ObjectName::Keyring(_) => Folder::Keyring,
            ObjectName::Pack(_) => Folder::Packs,
            ObjectName::Segment(_) => Folder::Index,
            ObjectName::Snapshot(_) => Folder::Snapshots,
            ObjectName::Lease(_) => Folder::Leases,
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectName::Config => write!(f, "config"),
            ObjectName::Condemned => write!(f, "condemned"),
            ObjectName::Member(id) => write!(f, "keys/{id}"),
            ObjectName::Keyring(n) => write!(f, "keyring/{n}"),
            ObjectName::Pack(id) => write!(f, "packs/{:02x}/{id}", id.0[0]),
            ObjectName::Segment(id) => write!(f, "index/{id}"),
            ObjectName::Snapshot(id) => write!(f, "snapshots/{id}"),
            ObjectName::Lease(id) => write!(f, "leases/{id}"),
        }
    }
}

/// A path in a store that is not the name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAName;

impl FromStr for ObjectName {
    type Err = NotAName;

    fn from_str(path: &str) -> Result<Self, NotAName> {
        let (folder, rest) = path.split_once('/').unwrap_or(("", path));
        let name = match (folder, rest) {
            ("", "config") => ObjectName::Config,
            ("", "condemned") => ObjectName::Condemned,
            ("keys", id) => ObjectName::Member(id.parse().map_err(|_| NotAName)?),
            ("keyring", n) => ObjectName::Keyring(n.parse().map_err(|_| NotAName)?),
            ("packs", rest) => {
                let (_, id) = rest.split_once('/').ok_or(NotAName)?;
                ObjectName::Pack(id.parse().map_err(|_| NotAName)?)
            }
            ("index", id) => ObjectName::Segment(id.parse().map_err(|_| NotAName)?),
            ("snapshots", id) => ObjectName::Snapshot(id.parse().map_err(|_| NotAName)?),
            ("leases", id) => ObjectName::Lease(id.parse().map_err(|_| NotAName)?),
            _ => return Err(NotAName),
        };
        // One spelling per object: `keyring/07` and `packs/00/ff…` are not names.
        if name.to_string() == path { Ok(name) } else { Err(NotAName) }
    }
}
