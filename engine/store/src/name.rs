//! Names of objects. Sharding of packs over folders lives here only.

use std::fmt;
use std::str::FromStr;

use repo_format::id::{LeaseId, MemberId, NoteId, PackId, SegmentId};

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
    /// Epoch notes.
    Notes,
    /// Second copies.
    Copies,
    /// Things from `snapshots/` that were not readable.
    Aside,
}

/// The name of one object of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectName {
    /// `config`
    Config,
    /// `condemned`
    Condemned,
    /// `card`
    Card,
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
    /// `notes/<id>`
    Note(NoteId),
    /// `copies/…`
    Copy(Original),
    /// `aside/<lease id>`
    Aside(LeaseId),
}

/// An object that has a second copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Original {
    /// `copies/config`
    Config,
    /// `copies/keyring-<n>`
    Keyring(u64),
    /// `copies/key-<id>`
    Member(MemberId),
    /// `copies/note-<id>`
    Note(NoteId),
}

impl Original {
    /// The name of the original itself.
    pub fn name(self) -> ObjectName {
        match self {
            Original::Config => ObjectName::Config,
            Original::Keyring(n) => ObjectName::Keyring(n),
            Original::Member(id) => ObjectName::Member(id),
            Original::Note(id) => ObjectName::Note(id),
        }
    }

    /// The original that `name` is, if such objects have copies.
    pub fn of(name: &ObjectName) -> Option<Self> {
        match name {
            ObjectName::Config => Some(Original::Config),
            ObjectName::Keyring(n) => Some(Original::Keyring(*n)),
            ObjectName::Member(id) => Some(Original::Member(*id)),
            ObjectName::Note(id) => Some(Original::Note(*id)),
            _ => None,
        }
    }
}

impl fmt::Display for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Original::Config => write!(f, "config"),
            Original::Keyring(n) => write!(f, "keyring-{n}"),
            Original::Member(id) => write!(f, "key-{id}"),
            Original::Note(id) => write!(f, "note-{id}"),
        }
    }
}

impl FromStr for Original {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Ok(match text.split_once('-') {
            None if text == "config" => Original::Config,
            Some(("keyring", n)) => Original::Keyring(n.parse().map_err(|_| NotAName)?),
            Some(("key", id)) => Original::Member(id.parse().map_err(|_| NotAName)?),
            Some(("note", id)) => Original::Note(id.parse().map_err(|_| NotAName)?),
            _ => return Err(NotAName),
        })
    }
}

impl Folder {
    /// All folders.
    pub const ALL: [Folder; 10] = {
        use Folder::*;
        [Top, Keys, Keyring, Packs, Index, Snapshots, Leases, Notes, Copies, Aside]
    };

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
            Folder::Notes => "notes",
            Folder::Copies => "copies",
            Folder::Aside => "aside",
        }
    }
}

impl ObjectName {
    /// The folder of this object.
    pub fn folder(&self) -> Folder {
        match self {
            ObjectName::Config | ObjectName::Condemned | ObjectName::Card => Folder::Top,
            ObjectName::Member(_) => Folder::Keys,
            ObjectName::Keyring(_) => Folder::Keyring,
            ObjectName::Pack(_) => Folder::Packs,
            ObjectName::Segment(_) => Folder::Index,
            ObjectName::Snapshot(_) => Folder::Snapshots,
            ObjectName::Lease(_) => Folder::Leases,
            ObjectName::Note(_) => Folder::Notes,
            ObjectName::Copy(_) => Folder::Copies,
            ObjectName::Aside(_) => Folder::Aside,
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectName::Config => write!(f, "config"),
            ObjectName::Condemned => write!(f, "condemned"),
            ObjectName::Card => write!(f, "card"),
            ObjectName::Member(id) => write!(f, "keys/{id}"),
            ObjectName::Keyring(n) => write!(f, "keyring/{n}"),
            ObjectName::Pack(id) => write!(f, "packs/{:02x}/{id}", id.0[0]),
            ObjectName::Segment(id) => write!(f, "index/{id}"),
            ObjectName::Snapshot(id) => write!(f, "snapshots/{id}"),
            ObjectName::Lease(id) => write!(f, "leases/{id}"),
            ObjectName::Note(id) => write!(f, "notes/{id}"),
            ObjectName::Copy(original) => write!(f, "copies/{original}"),
            ObjectName::Aside(id) => write!(f, "aside/{id}"),
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
            ("", "card") => ObjectName::Card,
            ("keys", id) => ObjectName::Member(id.parse().map_err(|_| NotAName)?),
            ("keyring", n) => ObjectName::Keyring(n.parse().map_err(|_| NotAName)?),
            ("packs", rest) => {
                let (_, id) = rest.split_once('/').ok_or(NotAName)?;
                ObjectName::Pack(id.parse().map_err(|_| NotAName)?)
            }
            ("index", id) => ObjectName::Segment(id.parse().map_err(|_| NotAName)?),
            ("snapshots", id) => ObjectName::Snapshot(id.parse().map_err(|_| NotAName)?),
            ("leases", id) => ObjectName::Lease(id.parse().map_err(|_| NotAName)?),
            ("notes", id) => ObjectName::Note(id.parse().map_err(|_| NotAName)?),
            ("copies", original) => ObjectName::Copy(original.parse()?),
            ("aside", id) => ObjectName::Aside(id.parse().map_err(|_| NotAName)?),
            _ => return Err(NotAName),
        };
        // Each object has one spelling: `keyring/07` and `packs/00/ff…` are not names.
        if name.to_string() == path { Ok(name) } else { Err(NotAName) }
    }
}
