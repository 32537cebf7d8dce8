//! Entries of a directory (FORMAT.md, section 10).

use minicbor::{Decode, Encode};

use crate::cbor::ByteString;
use crate::error::{FormatError, Result, check_limit};
use crate::limits;

const WHAT: &str = "directory entry";

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// A file.
    #[n(1)]
    File,
    /// A directory.
    #[n(2)]
    Directory,
    /// A symbolic link.
    #[n(3)]
    Symlink,
    /// A FIFO.
    #[n(4)]
    Fifo,
    /// A socket.
    #[n(5)]
    Socket,
    /// A character device.
    #[n(6)]
    CharDevice,
    /// A block device.
    #[n(7)]
    BlockDevice,
}

/// A moment: seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    /// Seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds, below 10^9.
    pub nanoseconds: u32,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// Its name; see [`check_name`].
    #[n(0)]
    pub name: ByteString,
    /// Its kind.
    #[n(1)]
    pub kind: EntryKind,
    /// The low 12 bits of its mode.
    #[n(2)]
    pub mode: u32,
    /// Id of its owner.
    #[n(3)]
    pub uid: u32,
    /// Id of its group.
    #[n(4)]
    pub gid: u32,
    /// Name of its owner, if known.
    #[n(5)]
    pub user: Option<String>,
    /// Name of its group, if known.
    #[n(6)]
    pub group: Option<String>,
    /// Modification time, seconds.
    #[n(7)]
    pub mtime_seconds: i64,
    /// Modification time, nanoseconds.
    #[n(8)]
    pub mtime_nanoseconds: u32,
    /// Change time, seconds.
    #[n(9)]
    pub ctime_seconds: i64,
    /// Change time, nanoseconds.
    #[n(10)]
    pub ctime_nanoseconds: u32,
    /// Inode number.
    #[n(11)]
    pub inode: u64,
    /// Size of a file in bytes, holes included.
    #[n(12)]
    pub size: u64,
    /// Content of a file; absent when it is empty.
    #[n(13)]
    pub content: Option<Content>,
    /// Place of a directory's node; absent when it is empty.
    #[n(14)]
    pub tree: Option<u32>,
    /// Target of a symbolic link.
    #[n(15)]
    pub link_target: Option<ByteString>,
    /// Extended attributes, in ascending order of their names, each once.
    #[n(16)]
    pub xattrs: Option<Vec<Xattr>>,
    /// Identity of a file with several names.
    #[n(17)]
    pub hard_link: Option<HardLink>,
    /// Holes of a sparse file, ascending.
    #[n(18)]
    pub holes: Option<Vec<Hole>>,
    /// Number of a device.
    #[n(19)]
    pub device: Option<Device>,
    /// Bits of [`STATE_RACY`], [`STATE_CHANGED`] and [`STATE_MOUNT`]; absent when 0.
    #[n(20)]
    pub state: Option<u8>,
    /// The gaps of a directory: names that were in it and are missing in the snapshot.
    #[n(21)]
    pub gaps: Option<Gaps>,
}

/// It changed so shortly before it was read that a later change could look the same: read it again next time.
pub const STATE_RACY: u8 = 1;
/// It changed while it was read.
pub const STATE_CHANGED: u8 = 2;
/// A directory that is in another file system than the directory above it.
pub const STATE_MOUNT: u8 = 4;

/// Names that were in a directory and are missing in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Gaps {
    /// Bits of [`GAP_UNREADABLE`], [`GAP_ELSEWHERE`], [`GAP_RULE`], [`GAP_OTHER`]; a later version may know more.
    #[n(0)]
    pub why: u8,
    /// All names that are missing, ascending; absent where that is not known.
    #[n(1)]
    pub names: Option<Vec<ByteString>>,
}

/// Something could not be read.
pub const GAP_UNREADABLE: u8 = 1;
/// Something is in another file system.
pub const GAP_ELSEWHERE: u8 = 2;
/// A pattern, an ignore file or the tag of a cache left something out.
pub const GAP_RULE: u8 = 4;
/// Something is missing for another reason.
pub const GAP_OTHER: u8 = 8;

impl Gaps {
    fn check(&self) -> Result<()> {
        if self.why == 0 {
            return Err(FormatError::invalid(WHAT, "its gaps have no reason"));
        }
        let names = self.names.as_deref().unwrap_or_default();
        check_limit(WHAT, "missing names", names.len() as u64, limits::GAP_NAMES_COUNT)?;
        let bytes = names.iter().map(|name| name.0.len() as u64).sum();
        check_limit(WHAT, "bytes of missing names", bytes, limits::GAP_NAMES)?;
        names.iter().try_for_each(|name| check_name(&name.0))?;
        if names.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "its missing names are not in order"))
        }
    }
}

/// The content of a file. Exactly one field is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Content {
    /// The bytes themselves.
    #[n(0)]
    pub inline: Option<ByteString>,
    /// Chunks, in order.
    #[n(1)]
    pub direct: Option<Vec<DirectChunk>>,
    /// Place of a content list.
    #[n(2)]
    pub list: Option<u32>,
    /// Place of a segment list.
    #[n(3)]
    pub segments: Option<u32>,
}

/// A chunk that stands directly in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct DirectChunk {
    /// Its place in the node's ids.
    #[n(0)]
    pub place: u32,
    /// Plain length in bytes.
    #[n(1)]
    pub len: u32,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Xattr {
    /// Name, with its namespace, such as `user.comment`.
    #[n(0)]
    pub name: ByteString,
    /// Value: any bytes.
    #[n(1)]
    pub value: ByteString,
}

/// Entries with the same identity are names of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct HardLink {
    /// Device number of the file system.
    #[n(0)]
    pub device: u64,
    /// Inode number.
    #[n(1)]
    pub inode: u64,
}

/// A hole of a sparse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hole {
    /// Offset in the file, bytes.
    #[n(0)]
    pub offset: u64,
    /// Length in bytes.
    #[n(1)]
    pub len: u64,
}

/// Number of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Device {
    /// Major number.
    #[n(0)]
    pub major: u32,
    /// Minor number.
    #[n(1)]
    pub minor: u32,
}

/// Whether `name` may stand in a directory: it cannot lead anywhere else.
///
/// # Errors
/// See [`FormatError`].
pub fn check_name(name: &[u8]) -> Result<()> {
    check_name_of(WHAT, name)
}

/// [`check_name`] for a name that stands in a `what`.
pub(crate) fn check_name_of(what: &'static str, name: &[u8]) -> Result<()> {
    check_limit(what, "name", name.len() as u64, limits::NAME)?;
    let why = match name {
        b"" => "its name is empty",
        b"." | b".." => "its name is a relative folder",
        _ if name.contains(&b'/') => "its name holds a slash",
        _ if name.contains(&0) => "its name holds a NUL",
        _ => return Ok(()),
    };
    Err(FormatError::invalid(what, why))
}

/// Checks the plain length of a chunk of a content.
pub(crate) fn check_plain_len(what: &'static str, len: u64) -> Result<()> {
    check_limit(what, "plain length", len, limits::CHUNK_PLAIN)?;
    match len {
        0 => Err(FormatError::invalid(what, "a chunk of no bytes")),
        _ => Ok(()),
    }
}

impl Entry {
    /// An entry of this name and kind, everything else empty.
    pub fn new(name: Vec<u8>, kind: EntryKind) -> Self {
        Entry {
            name: ByteString(name),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            user: None,
            group: None,
            mtime_seconds: 0,
            mtime_nanoseconds: 0,
            ctime_seconds: 0,
            ctime_nanoseconds: 0,
            inode: 0,
            size: 0,
            content: None,
            tree: None,
            link_target: None,
            xattrs: None,
            hard_link: None,
            holes: None,
            device: None,
            state: None,
            gaps: None,
        }
    }

    /// Modification time.
    pub fn mtime(&self) -> Time {
        Time { seconds: self.mtime_seconds, nanoseconds: self.mtime_nanoseconds }
    }

    /// Change time.
    pub fn ctime(&self) -> Time {
        Time { seconds: self.ctime_seconds, nanoseconds: self.ctime_nanoseconds }
    }

    /// Whether all bits of `state` are set.
    pub fn has_state(&self, state: u8) -> bool {
        self.state.unwrap_or(0) & state == state
    }

    /// Bytes of all holes.
    pub fn hole_bytes(&self) -> u64 {
        self.holes.iter().flatten().fold(0, |sum, hole| sum.saturating_add(hole.len))
    }

    /// Checks an entry of a node that names `ids` chunks.
    pub(crate) fn check(&self, ids: usize) -> Result<()> {
        check_name(&self.name.0)?;
        if self.mtime_nanoseconds >= 1_000_000_000 || self.ctime_nanoseconds >= 1_000_000_000 {
            return Err(FormatError::invalid(WHAT, "a time has too many nanoseconds"));
        }
        check_limit(WHAT, "mode", self.mode.into(), 0o7777)?;
        let target = self.link_target.as_ref().map_or(0, |target| target.0.len() as u64);
        check_limit(WHAT, "link target", target, limits::LINK_TARGET)?;
        if self.kind == EntryKind::Symlink && (target == 0 || self.link_target.iter().any(|t| t.0.contains(&0))) {
            return Err(FormatError::invalid(WHAT, "the target of a symbolic link is not valid"));
        }
        self.check_fields_of_kind()?;
        self.gaps.as_ref().map_or(Ok(()), Gaps::check)?;
        self.check_xattrs()?;
        self.check_holes()?;
        self.check_places(ids)
    }

    /// A field of another kind would be followed by one reader and ignored by another.
    fn check_fields_of_kind(&self) -> Result<()> {
        use EntryKind::*;
        let misplaced = [
            (self.content.is_some(), matches!(self.kind, File), "content"),
            (self.holes.is_some(), matches!(self.kind, File), "holes"),
            (self.tree.is_some(), matches!(self.kind, Directory), "a directory's node"),
            (self.gaps.is_some(), matches!(self.kind, Directory), "gaps"),
            (self.link_target.is_some(), matches!(self.kind, Symlink), "a link's target"),
            (self.hard_link.is_some(), !matches!(self.kind, Directory), "several names"),
            (self.device.is_some(), matches!(self.kind, CharDevice | BlockDevice), "a device number"),
        ];
        match misplaced.iter().find(|(present, allowed, _)| *present && !*allowed) {
            Some((.., field)) => Err(FormatError::invalid(WHAT, format!("it has {field}, but is a {:?}", self.kind))),
            None => Ok(()),
        }
    }

    fn check_xattrs(&self) -> Result<()> {
        let xattrs = self.xattrs.as_deref().unwrap_or_default();
        let bytes = xattrs.iter().map(|x| (x.name.0.len() + x.value.0.len()) as u64).sum();
        check_limit(WHAT, "extended attributes", bytes, limits::XATTRS)?;
        let names_ok = xattrs.iter().all(|x| !x.name.0.is_empty() && !x.name.0.contains(&0));
        if names_ok && xattrs.is_sorted_by(|a, b| a.name < b.name) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "its extended attributes are not in order or badly named"))
        }
    }

    fn check_holes(&self) -> Result<()> {
        let holes = self.holes.as_deref().unwrap_or_default();
        check_limit(WHAT, "holes", holes.len() as u64, limits::HOLES_COUNT)?;
        let mut end = 0u64;
        for hole in holes {
            let hole_end = hole.offset.checked_add(hole.len).filter(|hole_end| *hole_end <= self.size);
            match hole_end {
                Some(hole_end) if hole.offset >= end && hole.len > 0 => end = hole_end,
                _ => return Err(FormatError::invalid(WHAT, "its holes overlap or lie beyond its end")),
            }
        }
        Ok(())
    }

    fn check_places(&self, ids: usize) -> Result<()> {
        let inside = |place: u32| {
            if (place as usize) < ids {
                Ok(())
            } else {
                Err(FormatError::invalid(WHAT, "it names a chunk that its node does not"))
            }
        };
        self.tree.map_or(Ok(()), inside)?;
        let Some(content) = &self.content else { return Ok(()) };
        match (&content.inline, &content.direct, content.list, content.segments) {
            (Some(bytes), None, None, None) => {
                check_limit(WHAT, "inline content", bytes.0.len() as u64, limits::INLINE_CONTENT - 1)
            }
            (None, Some(direct), None, None) => {
                check_limit(WHAT, "direct chunks", direct.len() as u64, limits::DIRECT_CHUNKS_COUNT)?;
                direct.iter().try_for_each(|chunk| {
                    check_plain_len(WHAT, chunk.len.into())?;
                    inside(chunk.place)
                })
            }
            (None, None, Some(place), None) => inside(place),
            (None, None, None, Some(place)) if self.holes.is_none() => inside(place),
            _ => Err(FormatError::invalid(WHAT, "its content is not exactly one of inline, direct, list, segments")),
        }
    }
}
