//! Things in a store where something else belongs.

use std::fmt;
use std::io;

/// The kind of thing that belongs in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An object, which is a regular file.
    File,
    /// A folder of the store.
    Folder,
}

/// The kind of thing that stands in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    File,
    Folder,
    Link,
    /// A link that leads nowhere, in a place where links may be followed.
    Dangling,
    Pipe,
    Device,
    Socket,
    Other,
}

/// Something stands where something else belongs. The storage may be hostile: so the store opens only plain files, and
/// follows no link, because its maker chose where it leads.
#[derive(Debug)]
pub(super) struct Misplaced {
    path: String,
    found: Found,
    wanted: Wanted,
}

impl Misplaced {
    /// As an error of the operating system, to pass through functions that return these.
    pub(super) fn error(path: impl Into<String>, found: Found, wanted: Wanted) -> io::Error {
        io::Error::other(Misplaced { path: path.into(), found, wanted })
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted
    }
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        if self.found == Found::Link {
            return write!(f, "{path} is a link; Enamel follows no links below the repository's folder");
        }
        let wanted = match self.wanted {
            Wanted::File => "a file",
            Wanted::Folder => "a folder",
        };
        write!(f, "{path} is {}, not {wanted}", self.found)
    }
}

impl std::error::Error for Misplaced {}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Found::File => "a file",
            Found::Folder => "a folder",
            Found::Link => "a link",
            Found::Dangling => "a link that leads nowhere",
            Found::Pipe => "a pipe",
            Found::Device => "a device",
            Found::Socket => "a socket",
            Found::Other => "something of another kind",
        })
    }
}
