//! Why a store failed: the operating system's errors, sorted by their meaning for an object.

use std::fmt;

use super::misplaced::{Misplaced, Wanted};

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a store operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No such object.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// A conditional replace found another content.
    Conflict,
    /// The object ends before the requested range.
    Truncated,
    /// The object is larger than the given limit.
    TooLarge,
    /// The storage cannot read this object, though it can read others: a bad sector of the disk.
    Unreadable,
    /// Something other than a file has the name of an object: a link, a folder, a pipe, a device.
    NotAFile,
    /// Something other than a folder stands where a folder of the store belongs. Nothing is known of the objects that
    /// belong in there.
    NotAFolder,
    /// Locks of this storage do not exclude other machines, and the user has not said that there are none.
    NoLocks,
    /// No space left, or a quota is used up.
    NoSpace,
    /// The operating system forbids it.
    PermissionDenied,
    /// The storage gave no answer, or said that it cannot answer now. Nothing is known of the object. A change that was
    /// asked for may have been made, or may still be made at any later time.
    Unavailable,
    /// The storage does not have this operation at all.
    Unsupported,
    /// Anything else; the source says more. The storage failed, but the object may be intact.
    Io,
}

/// A failed store operation: what was done, to what, why.
#[derive(Debug)]
pub struct StoreError {
    /// The class of failure.
    pub kind: StoreErrorKind,
    /// The action that failed, for example `write`, `read`, `list`.
    pub action: &'static str,
    /// The object or folder.
    pub object: String,
    /// The operating system's reason, if there is one.
    pub source: Option<std::io::Error>,
}

impl StoreError {
    /// An error of `kind` without a source.
    pub fn new(kind: StoreErrorKind, action: &'static str, object: impl fmt::Display) -> Self {
        StoreError { kind, action, object: object.to_string(), source: None }
    }

    /// An error from the operating system; its kind follows from the source.
    pub fn io(action: &'static str, object: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let misplaced = source.get_ref().and_then(|inner| inner.downcast_ref::<Misplaced>());
        let kind = match (misplaced.map(Misplaced::wanted), source.kind()) {
            (Some(Wanted::File), _) => StoreErrorKind::NotAFile,
            (Some(Wanted::Folder), _) => StoreErrorKind::NotAFolder,
            (None, K::NotFound) => StoreErrorKind::NotFound,
            (None, K::AlreadyExists) => StoreErrorKind::AlreadyExists,
            (None, K::PermissionDenied | K::ReadOnlyFilesystem) => StoreErrorKind::PermissionDenied,
            (None, K::StorageFull | K::QuotaExceeded | K::FileTooLarge) => StoreErrorKind::NoSpace,
            (None, K::UnexpectedEof) => StoreErrorKind::Truncated,
            _ => StoreErrorKind::Io,
        };
        StoreError { kind, action, object: object.to_string(), source: Some(source) }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: ", self.action, self.object)?;
        match (&self.source, self.kind) {
            // The source's own text, `failed to fill whole buffer`, says little.
            (Some(source), kind) if kind != StoreErrorKind::Truncated => write!(f, "{source}"),
            (_, kind) => write!(f, "{}", words(kind)),
        }
    }
}

fn words(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::NotFound => "it does not exist",
        StoreErrorKind::AlreadyExists => "it exists already",
        StoreErrorKind::Conflict => "another process has changed it",
        StoreErrorKind::Truncated => "it is shorter than it should be",
        StoreErrorKind::TooLarge => "it is larger than the format allows",
        StoreErrorKind::Unreadable => "the disk cannot read it",
        StoreErrorKind::NotAFile => "it is not a file",
        StoreErrorKind::NotAFolder => "it is not a folder",
        StoreErrorKind::NoLocks => "locks of this storage do not exclude other machines",
        StoreErrorKind::NoSpace => "no space left",
        StoreErrorKind::PermissionDenied => "permission denied",
        StoreErrorKind::Unavailable => "the storage does not answer",
        StoreErrorKind::Unsupported => "this storage cannot do that",
        StoreErrorKind::Io => "input/output error",
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}
