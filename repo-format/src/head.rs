//! The 16 bytes that every object begins with (FORMAT.md, section 3).

use crate::error::{FormatError, Result};
use crate::reader::Reader;

/// Length of a [`Head`].
pub const HEAD_LEN: usize = 16;
const MAGIC: &[u8; 4] = b"ENML";
const VERSION: u8 = 1;
const NONE: u8 = 255;

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ObjectKind {
    /// The repository's configuration.
    Config = 1,
    /// A member.
    Member = 2,
    /// A version of the secrets.
    Keyring = 3,
    /// A pack.
    Pack = 4,
    /// The table of a pack.
    PackTable = 5,
    /// An index segment.
    Segment = 6,
    /// A manifest.
    Manifest = 7,
    /// A void record.
    Void = 8,
    /// A lease.
    Lease = 9,
    /// The condemned packs.
    Condemned = 10,
    /// A list of the objects that existed when older epochs were closed.
    EpochNote = 11,
    /// Facts that the host of a supplemental repository may know.
    Card = 12,
}

impl ObjectKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = {
        use ObjectKind::*;
        [Config, Member, Keyring, Pack, PackTable, Segment, Manifest, Void, Lease, Condemned, EpochNote, Card]
    };

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Config => "config",
            ObjectKind::Member => "member",
            ObjectKind::Keyring => "keyring",
            ObjectKind::Pack => "pack",
            ObjectKind::PackTable => "pack table",
            ObjectKind::Segment => "index segment",
            ObjectKind::Manifest => "manifest",
            ObjectKind::Void => "void record",
            ObjectKind::Lease => "lease",
            ObjectKind::Condemned => "list of condemned packs",
            ObjectKind::EpochNote => "epoch note",
            ObjectKind::Card => "card",
        }
    }

    /// The classes whose secrets may seal it; none for clear objects. Otherwise somebody with the secret of one class
    /// could write objects of another.
    pub fn classes(self) -> &'static [KeyClass] {
        match self {
            ObjectKind::Config | ObjectKind::Member | ObjectKind::Keyring | ObjectKind::Card => &[],
            ObjectKind::Pack => &[KeyClass::Data, KeyClass::Meta],
            ObjectKind::Manifest | ObjectKind::Void | ObjectKind::EpochNote => &[KeyClass::Meta],
            ObjectKind::PackTable | ObjectKind::Segment | ObjectKind::Lease | ObjectKind::Condemned => {
                &[KeyClass::Index]
            }
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Which of an epoch's secrets seals an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyClass {
    /// Contents of files, streams and tables.
    Data = 0,
    /// Nodes and manifests: names and structure.
    Meta = 1,
    /// Tables, leases, condemned packs: enough to prune with.
    Index = 2,
}

impl KeyClass {
    /// The class with this byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [KeyClass::Data, KeyClass::Meta, KeyClass::Index].into_iter().find(|class| *class as u8 == byte)
    }
}

/// How an object is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealing {
    /// The class of the secret.
    pub class: KeyClass,
    /// The epoch of the secret.
    pub epoch: u32,
}

/// The contents of the first 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The kind of object.
    pub kind: ObjectKind,
    /// How it is sealed; `None` for clear objects.
    pub sealing: Option<Sealing>,
}

impl Head {
    /// The bytes of this head.
    pub fn encode(&self) -> [u8; HEAD_LEN] {
        let (suite, class, mode, epoch) = match self.sealing {
            Some(sealing) => (1, sealing.class as u8, 0, sealing.epoch),
            None => (0, NONE, NONE, 0),
        };
        let mut out = [0; HEAD_LEN];
        out[..4].copy_from_slice(MAGIC);
        out[4..9].copy_from_slice(&[VERSION, self.kind as u8, suite, class, mode]);
        out[12..].copy_from_slice(&epoch.to_le_bytes());
        out
    }

    /// Reads a head and checks that it is of `expected` kind and sealed as that kind must be.
    ///
    /// # Errors
    /// Values that this version does not know are named, never guessed at.
    pub fn decode(bytes: &[u8], expected: ObjectKind) -> Result<Self> {
        let what = expected.name();
        let mut r = Reader::new(what, bytes);
        if r.take(4)? != MAGIC {
            return Err(FormatError::Magic { what });
        }
        let known = |field, value: u8, ok: bool| {
            if ok { Ok(()) } else { Err(FormatError::Unknown { what, field, value: value.into() }) }
        };
        let [version, kind, suite, class, mode] = r.array()?;
        known("envelope version", version, version == VERSION)?;
        let kind =
            ObjectKind::from_byte(kind).ok_or(FormatError::Unknown { what, field: "kind", value: kind.into() })?;
        if kind != expected {
            return Err(FormatError::WrongKind { expected: what, found: kind as u8 });
        }
        known("suite", suite, suite <= 1)?;
        if r.array()? != [0; 3] {
            return Err(FormatError::invalid(what, "reserved bytes are set"));
        }
        let epoch = r.u32()?;
        if suite == 0 {
            known("key class", class, class == NONE)?;
            known("key mode", mode, mode == NONE)?;
            if epoch != 0 {
                return Err(FormatError::invalid(what, "it is not sealed, but names an epoch"));
            }
            if !kind.classes().is_empty() {
                return Err(FormatError::invalid(what, "it is not sealed"));
            }
            return Ok(Head { kind, sealing: None });
        }
        known("key mode", mode, mode == 0)?;
        let class =
            KeyClass::from_byte(class).ok_or(FormatError::Unknown { what, field: "key class", value: class.into() })?;
        match kind.classes() {
            [] => return Err(FormatError::invalid(what, "it is sealed")),
            classes if classes.contains(&class) => {}
            _ => return Err(FormatError::invalid(what, format!("it is sealed with the secret of class {class:?}"))),
        }
        Ok(Head { kind, sealing: Some(Sealing { class, epoch }) })
    }
}
