//! Chunk sizes for each kind of data: a profile belongs to the data, not to a run.

use std::fmt;
use std::str::FromStr;

use repo_format::config::{Config, Profile};

/// The profiles that every repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileName {
    /// Dumps: small chunks, because changes are scattered.
    Database,
    /// Documents and mixed folders.
    Files,
    /// Data that changes as a whole or only in its header.
    Images,
}

/// Extensions of images and of other files that are written once and hardly compress.
const IMAGES: [&str; 30] = [
    "jpg", "jpeg", "jpe", "jp2", "jfif", "dcm", "dicom", "tif", "tiff", "bmp", "png", "gif", "webp", "heic", "heif",
    "avif", "pdf", "mp4", "mov", "avi", "mkv", "mp3", "wav", "stl", "ply", "zip", "gz", "7z", "zst", "xz",
];

const DATABASE: [&str; 4] = ["sql", "dump", "mysqldump", "tsv"];

impl ProfileName {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Database, Self::Files, Self::Images];

    /// The profile for a file of this name.
    pub(crate) fn for_file(name: &[u8]) -> Self {
        let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return Self::Files };
        let is = |known: &&str| name[dot + 1..].eq_ignore_ascii_case(known.as_bytes());
        match () {
            () if IMAGES.iter().any(&is) => Self::Images,
            () if DATABASE.iter().any(&is) => Self::Database,
            () => Self::Files,
        }
    }

    /// Its name in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Files => "files",
            Self::Images => "images",
        }
    }

    /// Its sizes in this repository.
    pub fn sizes(self, config: &Config) -> &Profile {
        match config.profile(self.as_str()) {
            Some(profile) => profile,
            None => unreachable!("decoding refuses a config without this profile"),
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a chunk profile; there are database, files and images"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_whatever_its_case() {
        assert_eq!(ProfileName::for_file(b"X.JPG"), ProfileName::Images);
        assert_eq!(ProfileName::for_file(b"dump.sql"), ProfileName::Database);
        assert_eq!(ProfileName::for_file(b"jpg"), ProfileName::Files);
        assert_eq!(ProfileName::for_file(b"letter.docx"), ProfileName::Files);
        assert_eq!(ProfileName::for_file(b""), ProfileName::Files);
    }
}
