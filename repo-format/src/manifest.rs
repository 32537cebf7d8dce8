//! Manifests: what makes a snapshot exist (FORMAT.md, section 11).

use minicbor::{Decode, Encode};

use crate::cbor::{self, ByteString};
use crate::entry::{Time, check_name_of};
use crate::error::{FormatError, Result, check_limit};
use crate::evidence::Evidence;
use crate::id::{Bytes32, ChunkId, LeaseId, RepositoryId};
use crate::kinds::kinds;
use crate::limits;

pub use crate::seen::SeenManifest;

const WHAT: &str = "manifest";

/// The digest of a manifest that nobody could read: a record with this digest is about any manifest of that id.
pub const NOT_KNOWN: Bytes32 = Bytes32([0; 32]);
kinds! {
    /// The kind of a manifest.
    ManifestKind {
        /// A snapshot of folders, files, streams and databases.
        Snapshot = 1 "snapshot",
        /// Proof that purged rows are kept.
        Receipt = 2 "receipt",
        /// A note of something that was done.
        Record = 3 "record",
        /// A log.
        Log = 4 "log",
        /// Evidence of a trial of the saved data.
        Evidence = 5 "evidence",
    }
}

/// Body of an object `snapshots/<lease id>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// A snapshot, a receipt, …
    #[n(0)]
    pub kind: ManifestKind,
    /// The lease under which it was written.
    #[n(1)]
    pub id: LeaseId,
    /// All nodes that it names.
    #[n(2)]
    pub ids: Vec<ChunkId>,
    /// When the run started, seconds since 1970.
    #[n(3)]
    pub seconds: i64,
    /// Nanoseconds of that time.
    #[n(4)]
    pub nanoseconds: u32,
    /// Name of the machine.
    #[n(5)]
    pub host: String,
    /// Name of the user who ran the program.
    #[n(6)]
    pub user: String,
    /// Tags that the user gave.
    #[n(7)]
    pub tags: Vec<String>,
    /// Program and version.
    #[n(8)]
    pub program: String,
    /// The snapshot that it was compared with.
    #[n(9)]
    pub parent: Option<LeaseId>,
    /// The newest manifests that its writer saw.
    #[n(10)]
    pub seen: Vec<SeenManifest>,
    /// The config version that its writer used.
    #[n(11)]
    pub config_version: u64,
    /// The keyring version that its writer used.
    #[n(12)]
    pub keyring_version: u64,
    /// The highest condemned number that its writer had seen.
    #[n(13)]
    pub condemned_seen: u64,
    /// The sources that were saved.
    #[n(14)]
    pub roots: Vec<Root>,
    /// Place in `ids` of the top directory, whose entries are the roots.
    #[n(15)]
    pub tree: Option<u32>,
    /// Problems: items that could not be saved as they should be.
    #[n(16)]
    pub problems: Problems,
    /// Figures.
    #[n(17)]
    pub statistics: Statistics,
    /// In a record: manifests that were forgotten.
    #[n(18)]
    pub forgotten: Option<Vec<SeenManifest>>,
    /// The manifest of another repository that this one is a copy of.
    #[n(19)]
    pub origin: Option<Origin>,
    /// Rules for what not to save. If they are there, the directories note their gaps.
    #[n(20)]
    pub left_out: Option<LeftOut>,
    /// In a record: manifests that need data of which the writer found no whole copy.
    #[n(21)]
    pub suffering: Option<Vec<SeenManifest>>,
    /// In a record: another repository that has copies of this one.
    #[n(22)]
    pub second_copy: Option<SecondCopy>,
    /// In evidence: the trial, and how it went.
    #[n(23)]
    pub evidence: Option<Evidence>,
    /// Bits of the rules by which a snapshot looks like one made after an attack on its source.
    #[n(24)]
    pub held: Option<u8>,
    /// The folders of the files that count against rules of `held`, where they are known.
    #[n(25)]
    pub held_folders: Option<Vec<HeldFolder>>,
}

/// The folder that has all files that count against a rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeldFolder {
    /// The bit of the rule.
    #[n(0)]
    pub rule: u8,
    /// The path of the folder in the snapshot, names with `/` between them; empty is the top.
    #[n(1)]
    pub folder: ByteString,
}

/// Many files do not begin as their names say.
pub const HELD_BEGINNINGS: u8 = 1;
/// Many files grew by the same number of bytes.
pub const HELD_GROWTH: u8 = 2;
/// Many files of the parent are gone.
pub const HELD_GONE: u8 = 4;
/// The same small file is new in many folders.
pub const HELD_NOTES: u8 = 8;
/// Tables are gone or have lost many rows.
pub const HELD_TABLES: u8 = 16;

/// The manifest that a copy was made of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Origin {
    /// The repository that it was in.
    #[n(0)]
    pub repository: RepositoryId,
    /// Its id there.
    #[n(1)]
    pub id: LeaseId,
    /// Its digest there.
    #[n(2)]
    pub digest: Bytes32,
    /// Names of roots that the copy lacks, each once; absent if it lacks none.
    #[n(3)]
    pub left_out: Option<Vec<ByteString>>,
}

/// Another repository that has copies of this one, as somebody found it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SecondCopy {
    /// Its id.
    #[n(0)]
    pub repository: RepositoryId,
    /// Its place, in words.
    #[n(1)]
    pub place: String,
    /// The newest snapshot of this repository of which it has a copy.
    #[n(2)]
    pub newest: SeenManifest,
    /// When that was checked, seconds since 1970.
    #[n(3)]
    pub checked: i64,
    /// How thoroughly: 1 to 3.
    #[n(4)]
    pub level: u8,
    /// The parts that were chosen, in words; absent for everything.
    #[n(5)]
    pub only: Option<Vec<String>>,
    /// The share of packs that were read, in percent.
    #[n(6)]
    pub read_percent: Option<u8>,
}

/// The most thorough check of a second copy.
pub const CHECK_LEVEL_MAX: u8 = 3;

/// Rules of a backup: what it does not save.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct LeftOut {
    /// Patterns, one each, as in `.gitignore` but without comments; the last one that matches decides; absent if they
    /// are too long.
    #[n(0)]
    pub patterns: Option<Vec<String>>,
    /// The name of files with patterns for their folder; absent if the backup ignored such files.
    #[n(1)]
    pub ignore_file_name: Option<String>,
    /// Bits of [`LEFT_OUT_CACHES`] and [`LEFT_OUT_FILE_SYSTEMS`].
    #[n(2)]
    pub options: Option<u8>,
}

/// The contents of folders that are marked as caches.
pub const LEFT_OUT_CACHES: u8 = 1;
/// Other file systems than the root's.
pub const LEFT_OUT_FILE_SYSTEMS: u8 = 2;

impl LeftOut {
    /// Whether this bit is set.
    pub fn has(&self, option: u8) -> bool {
        self.options.unwrap_or(0) & option == option
    }
}

/// One thing that was asked to be saved.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Root {
    /// Its name in the top directory.
    #[n(0)]
    pub name: ByteString,
    /// Folder, file, stream or database.
    #[n(1)]
    pub kind: RootKind,
    /// The path where it was; of a stream, its name.
    #[n(2)]
    pub path: ByteString,
}

impl Root {
    /// Its path without slashes at its end. Earlier writers kept the slashes that the user had typed.
    pub fn plain_path(&self) -> &[u8] {
        let end = self.path.0.iter().rposition(|byte| *byte != b'/');
        let len = end.map_or(self.path.0.len().min(1), |end| end + 1);
        if matches!(self.kind, RootKind::Folder | RootKind::File) { &self.path.0[..len] } else { &self.path.0 }
    }

    /// Whether both are the same source, saved twice.
    pub fn is_same_source(&self, other: &Root) -> bool {
        self.kind == other.kind && self.plain_path() == other.plain_path()
    }
}

kinds! {
    /// The kind of a root.
    RootKind {
        /// A folder.
        Folder = 1 "folder",
        /// A single file (or link, or device).
        File = 2 "file",
        /// Standard input.
        Stream = 3 "stream",
        /// A database server: a directory as in [`crate::database`]; its path is `mysql://host:port`, or `mysql://host/?socket=path`.
        Database = 4 "database",
    }
}

/// Problems: items that could not be saved as they should be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Problems {
    /// Their number.
    #[n(0)]
    pub count: u64,
    /// Places in `ids` of problem lists.
    #[n(1)]
    pub lists: Vec<u32>,
}

/// Figures of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Statistics {
    /// Files in the snapshot.
    #[n(0)]
    pub files: u64,
    /// Directories in the snapshot.
    #[n(1)]
    pub directories: u64,
    /// Links, FIFOs, devices.
    #[n(2)]
    pub others: u64,
    /// Bytes of all files.
    #[n(3)]
    pub total_bytes: u64,
    /// Files that the parent did not have.
    #[n(4)]
    pub new_files: u64,
    /// Files that looked changed, without those of `read_again_files`.
    #[n(5)]
    pub changed_files: u64,
    /// Files that were not read because they looked unchanged.
    #[n(6)]
    pub unchanged_files: u64,
    /// Bytes read from the source.
    #[n(7)]
    pub read_bytes: u64,
    /// Chunks, nodes included, that the repository did not have.
    #[n(8)]
    pub new_chunks: u64,
    /// Plain bytes of the new chunks.
    #[n(9)]
    pub new_bytes: u64,
    /// Bytes of all objects written, the manifest apart.
    #[n(10)]
    pub stored_bytes: u64,
    /// Duration in milliseconds.
    #[n(11)]
    pub milliseconds: u64,
    /// Files that were read because they might have changed, and had not; absent if there are none.
    #[n(12)]
    pub read_again_files: Option<u64>,
    /// Signals of an unusual change; absent if nothing was compared.
    #[n(13)]
    pub signals: Option<Signals>,
    /// Files that the rows of a saved application name, if they were looked up.
    #[n(14)]
    pub named_files: Option<u64>,
    /// The number of these that the snapshot does not hold; absent if it holds all.
    #[n(15)]
    pub named_files_missing: Option<u64>,
}

/// Figures by which an ordinary change can be told from an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Signals {
    /// Files that were read and whose name says how they begin.
    #[n(0)]
    pub judged_files: u64,
    /// Files among these that begin otherwise.
    #[n(1)]
    pub disagreeing_files: u64,
    /// Files whose contents differ from the parent's.
    #[n(2)]
    pub different_files: u64,
    /// Files among these that had not changed for 30 days before.
    #[n(3)]
    pub old_different_files: u64,
    /// Files among the different ones with the most frequent change of size.
    #[n(4)]
    pub same_growth_files: u64,
    /// That change, in bytes.
    #[n(5)]
    pub same_growth_bytes: i64,
    /// Files of the parent that are gone.
    #[n(6)]
    pub gone_files: u64,
    /// Folders with a new small file of the same name, for the most frequent name.
    #[n(7)]
    pub note_folders: u64,
    /// Tables that are gone or have lost a fifth of their rows, though no purge has removed them, if there are any.
    #[n(8)]
    pub shrunken_tables: Option<u64>,
}

impl Manifest {
    /// The start of its run.
    pub fn time(&self) -> Time {
        Time { seconds: self.seconds, nanoseconds: self.nanoseconds }
    }

    /// A manifest with only kind, id and empty fields.
    pub fn new(kind: ManifestKind, id: LeaseId) -> Self {
        Manifest {
            kind,
            id,
            ids: Vec::new(),
            seconds: 0,
            nanoseconds: 0,
            host: String::new(),
            user: String::new(),
            tags: Vec::new(),
            program: String::new(),
            parent: None,
            seen: Vec::new(),
            config_version: 0,
            keyring_version: 0,
            condemned_seen: 0,
            roots: Vec::new(),
            tree: None,
            problems: Problems::default(),
            statistics: Statistics::default(),
            forgotten: None,
            origin: None,
            left_out: None,
            suffering: None,
            second_copy: None,
            evidence: None,
            held: None,
            held_folders: None,
        }
    }

    /// Checks and encodes the manifest.
    ///
    /// # Errors
    /// [`FormatError::Limit`] beyond 64 KiB; otherwise see [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::SMALL_OBJECT, self)
    }

    /// Decodes and checks a manifest.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        let manifest: Manifest = cbor::decode_within(WHAT, limits::SMALL_OBJECT, plain)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        let places = self.tree.iter().chain(&self.problems.lists);
        if places.copied().any(|place| place as usize >= self.ids.len()) {
            return Err(FormatError::invalid(WHAT, "it uses a node that it does not name"));
        }
        if self.nanoseconds >= 1_000_000_000 {
            return Err(FormatError::invalid(WHAT, "its time has too many nanoseconds"));
        }
        check_limit(WHAT, "seen manifests", self.seen.len() as u64, limits::SEEN_COUNT)?;
        check_limit(WHAT, "forgotten manifests", self.forgotten().len() as u64, limits::FORGOTTEN_COUNT)?;
        check_limit(WHAT, "suffering manifests", self.suffering().len() as u64, limits::SUFFERING_COUNT)?;
        let held = self.held_folders();
        check_limit(WHAT, "folders of a hold", held.len() as u64, limits::HELD_FOLDERS_COUNT)?;
        let longest = held.iter().map(|held| held.folder.0.len() as u64).max().unwrap_or(0);
        check_limit(WHAT, "bytes of the path of a held folder", longest, limits::HELD_FOLDER_PATH)?;
        let patterns = self.left_out.iter().flat_map(|left_out| left_out.patterns.iter().flatten());
        let bytes = patterns.map(|pattern| pattern.len() as u64).sum();
        check_limit(WHAT, "bytes of patterns", bytes, limits::PATTERNS)?;
        self.origin.as_ref().map_or(Ok(()), Origin::check)?;
        self.second_copy.as_ref().map_or(Ok(()), SecondCopy::check)?;
        self.evidence.as_ref().map_or(Ok(()), Evidence::check)?;
        self.roots.iter().try_for_each(|root| check_name_of(WHAT, &root.name.0))
    }

    /// The manifests that this record calls forgotten; empty for other kinds.
    pub fn forgotten(&self) -> &[SeenManifest] {
        self.forgotten.as_deref().unwrap_or_default()
    }

    /// The manifests that this record says need lost data; empty for other kinds.
    pub fn suffering(&self) -> &[SeenManifest] {
        self.suffering.as_deref().unwrap_or_default()
    }

    /// The folders of the files that count against rules of `held`; empty if none is known.
    pub fn held_folders(&self) -> &[HeldFolder] {
        self.held_folders.as_deref().unwrap_or_default()
    }

    /// The names of roots that this copy lacks; empty if it is not a copy, or lacks none.
    pub fn roots_left_out(&self) -> &[ByteString] {
        self.origin.as_ref().and_then(|origin| origin.left_out.as_deref()).unwrap_or_default()
    }

    /// The node of the top directory.
    pub fn tree_id(&self) -> Option<ChunkId> {
        self.tree.and_then(|place| self.ids.get(place as usize)).copied()
    }
}

impl Origin {
    fn check(&self) -> Result<()> {
        let names = self.left_out.as_deref().unwrap_or_default();
        names.iter().try_for_each(|name| check_name_of(WHAT, &name.0))?;
        let mut sorted: Vec<_> = names.iter().map(|name| &name.0).collect();
        sorted.sort_unstable();
        if sorted.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "a root is left out twice"))
        }
    }
}

impl SecondCopy {
    fn check(&self) -> Result<()> {
        if !(1..=CHECK_LEVEL_MAX).contains(&self.level) {
            return Err(FormatError::invalid(WHAT, format!("a second copy checked in way {}", self.level)));
        }
        if self.read_percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err(FormatError::invalid(WHAT, "a share of packs beyond 1 to 100 percent"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_no_other_source() {
        let root = |kind, path: &str| Root { name: ByteString(Vec::new()), kind, path: ByteString(path.into()) };
        assert!(root(RootKind::Folder, "/srv//").is_same_source(&root(RootKind::Folder, "/srv")));
        assert!(!root(RootKind::Folder, "/srv").is_same_source(&root(RootKind::File, "/srv")));
        assert!(!root(RootKind::Stream, "x/").is_same_source(&root(RootKind::Stream, "x")));
        for (path, plain) in [("/", "/"), ("//", "/"), ("", ""), ("a/b/", "a/b")] {
            assert_eq!(root(RootKind::Folder, path).plain_path(), plain.as_bytes());
        }
    }
}
