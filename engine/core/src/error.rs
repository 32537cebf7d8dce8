//! Errors of the engine: a stable kind, the failed action and its object, and the causes.

use std::fmt;

use repo_format::FormatError;

use engine_store::{StoreError, StoreErrorKind};

/// The result of an operation of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an error; exit codes and hints follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This place has no repository.
    NoRepository,
    /// This place already has a repository.
    RepositoryExists,
    /// The password or key file fits no member.
    WrongPassword,
    /// The repository has a newer format, or uses a feature that this version does not know.
    TooNew,
    /// Another process fenced this one, or holds something that this one needs.
    Fenced,
    /// Another process has meanwhile changed or taken the same thing.
    Conflict,
    /// The requested thing does not exist: a snapshot, a path, a member.
    NotFound,
    /// An object that this machine has seen is missing or older, and no user has confirmed that.
    Disappeared,
    /// The target is not empty.
    NotEmpty,
    /// The request itself makes no sense.
    Usage,
    /// The request would do harm at present, so the engine refuses it.
    Refused,
    /// An object of the repository is damaged, missing, or not what its name says.
    Damaged,
    /// An object is sealed in a closed epoch, but did not exist when the epoch was closed.
    NotBelieved,
    /// The disk is full.
    NoSpace,
    /// The operating system forbids it.
    PermissionDenied,
    /// The user asked to stop.
    Cancelled,
    /// The storage does not answer. That says nothing about any object, and nothing is damaged.
    Unavailable,
    /// Reading or writing failed.
    Io,
    /// The local cache could not be used.
    Cache,
    /// A database server cannot be reached, refuses, or failed.
    Database,
}

/// An error: the failed action, its object, and the causes behind it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<&'static str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a cause. `message` is lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None, source: None }
    }

    /// An error with the cause `source`.
    pub fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Error { kind, message: message.into(), hint: None, source: Some(source.into()) }
    }

    /// A damaged object, by its name.
    pub fn damaged(object: impl fmt::Display, source: FormatError) -> Self {
        let kind = match source {
            FormatError::Unknown { .. } => ErrorKind::TooNew,
            _ => ErrorKind::Damaged,
        };
        Error::caused(kind, format!("cannot use {object}"), source)
    }

    /// An operating system error while doing `action`.
    pub fn io(action: impl Into<String>, source: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let kind = match source.kind() {
            K::StorageFull | K::QuotaExceeded => ErrorKind::NoSpace,
            K::PermissionDenied | K::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
            K::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::caused(kind, action, source)
    }

    /// The user asked to stop.
    pub fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "interrupted")
    }

    /// An error from reading an object that must exist, because something names it or it was listed. If it does not
    /// exist, that is damage.
    pub(crate) fn of_object(error: StoreError) -> Self {
        let is_gone = error.kind == StoreErrorKind::NotFound;
        let error = Error::from(error);
        if is_gone { error.with_kind(ErrorKind::Damaged) } else { error }
    }

    /// Whether an object is not as it should be: changed, cut short, gone, or of a version or kind that was never
    /// written there. A failing disk or network, a full disk and a missing permission say nothing about any object.
    pub fn is_damage(&self) -> bool {
        matches!(self.kind, ErrorKind::Damaged | ErrorKind::NotBelieved | ErrorKind::TooNew | ErrorKind::WrongPassword)
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same error with another kind.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Makes this error the cause of a wider one, whose message says what was being done.
    pub fn context(self, message: impl Into<String>) -> Self {
        Error { kind: self.kind, message: message.into(), hint: self.hint, source: Some(Box::new(self)) }
    }

    /// The same error with advice, a sentence. Use it if more than the kind decides the advice.
    pub fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Advice to the user, if the failing code knows any.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// The first cause of type `T`.
    pub fn cause<T: std::error::Error + 'static>(&self) -> Option<&T> {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<T>() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl From<StoreError> for Error {
    /// Repeats the store's error. A missing object is damage only to a caller that needs it, see [`Error::of_object`].
    fn from(error: StoreError) -> Self {
        let kind = match error.kind {
            StoreErrorKind::NotFound => ErrorKind::NotFound,
            StoreErrorKind::Truncated
            | StoreErrorKind::TooLarge
            | StoreErrorKind::NotAFile
            | StoreErrorKind::Unreadable => ErrorKind::Damaged,
            StoreErrorKind::AlreadyExists | StoreErrorKind::Conflict => ErrorKind::Conflict,
            StoreErrorKind::NotAFolder | StoreErrorKind::NoLocks | StoreErrorKind::Unsupported => ErrorKind::Refused,
            StoreErrorKind::NoSpace => ErrorKind::NoSpace,
            StoreErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            StoreErrorKind::Unavailable => ErrorKind::Unavailable,
            // A kind that a later store adds counts as a failure of input or output until this match names it.
            _ => ErrorKind::Io,
        };
        let message = error.to_string();
        Error::caused(kind, message, error)
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let why = source.to_string();
        // Messages of the store end with the operating system's reason.
        if !text.ends_with(&why) {
            text.push_str(": ");
            text.push_str(&why);
        }
        cause = source.source();
    }
    text
}
