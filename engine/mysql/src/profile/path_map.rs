//! Maps paths of other machines, such as `\\SERVER\OpenDentImages`, to paths here.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use engine_core::error::{Error, ErrorKind, Result};

/// The form of a mapping.
const FORM: &str =
    "As `--map-path '\\\\SERVER\\Share=/mnt/share'`: the folder as the application names it, and where it is here.";

/// A folder of another machine and the same folder here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMapping {
    there: ForeignPath,
    here: PathBuf,
}

/// Folders of other machines, and where they are here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathMap(Vec<PathMapping>);

/// A path by its parts. Parts of Windows paths are separated by `\` or `/`, and ignore case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ForeignPath {
    kind: PathKind,
    parts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathKind {
    /// `\\server\share\…`.
    Share,
    /// `C:\…`.
    Drive,
    /// `/…`.
    Unix,
    /// Anything else.
    Relative,
}

impl PathMapping {
    /// The folder `there` of another machine is `here`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if `there` is not the path of a folder from its top.
    pub fn new(there: &str, here: PathBuf) -> Result<Self> {
        let path = ForeignPath::parse(there);
        match path.kind {
            PathKind::Relative => Err(Error::new(
                ErrorKind::Usage,
                format!(r"`{there}` is not a whole path: it begins with `\\SERVER\`, `C:\` or `/`"),
            )
            .with_hint(FORM)),
            _ => Ok(PathMapping { there: path, here }),
        }
    }
}

impl FromStr for PathMapping {
    type Err = Error;

    /// Reads `\\SERVER\Share=/mnt/share`.
    fn from_str(text: &str) -> Result<Self> {
        let (there, here) = text.split_once('=').ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!(r"`{text}` does not say where: write '\\SERVER\Share=/mnt/share'"))
                .with_hint(FORM)
        })?;
        if Path::new(here).is_absolute() {
            PathMapping::new(there, here.into())
        } else {
            Err(Error::new(ErrorKind::Usage, format!("`{here}` is not the whole path of a folder here"))
                .with_hint("Write the path behind `=` from /."))
        }
    }
}

impl PathMap {
    /// A map of these; of several that fit a path the longest wins, then the first.
    pub fn new(mappings: Vec<PathMapping>) -> Self {
        PathMap(mappings)
    }

    /// Where `path` is here.
    ///
    /// # Errors
    /// Why it cannot be: a sentence without its beginning, for "PATH: …".
    pub fn resolve(&self, path: &str) -> std::result::Result<PathBuf, String> {
        let foreign = ForeignPath::parse(path);
        let fitting = self.0.iter().filter_map(|mapping| Some((mapping, foreign.beneath(&mapping.there)?)));
        // Among equally long ones, the first wins.
        if let Some((mapping, rest)) = fitting.rev().max_by_key(|(mapping, _)| mapping.there.parts.len()) {
            return Ok(rest.iter().fold(mapping.here.clone(), |path, part| path.join(part)));
        }
        match foreign.kind {
            PathKind::Unix => Ok(PathBuf::from(path)),
            PathKind::Relative => Err("it is not a whole path".to_owned()),
            PathKind::Share | PathKind::Drive => Err(format!(
                "it is a path of Windows; --map-path '{}=FOLDER' says where it is here",
                path.trim_end_matches(['\\', '/'])
            )),
        }
    }
}

impl ForeignPath {
    fn parse(path: &str) -> Self {
        let path = path.trim();
        let is_separator = |c: char| c == '\\' || c == '/';
        let mut start = path.chars();
        let kind = match (start.next(), start.next()) {
            (Some(a), Some(b)) if is_separator(a) && is_separator(b) => PathKind::Share,
            (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => PathKind::Drive,
            (Some('/'), _) => PathKind::Unix,
            _ => PathKind::Relative,
        };
        let parts = match kind {
            PathKind::Unix => path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            _ => path.split(is_separator).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        };
        ForeignPath { kind, parts }
    }

    /// The parts below the folder `top`; none if it is not in there.
    fn beneath(&self, top: &ForeignPath) -> Option<&[String]> {
        let rest = self.parts.get(top.parts.len()..)?;
        let same = |(a, b): (&String, &String)| match self.kind {
            PathKind::Unix => a == b,
            _ => a.to_lowercase() == b.to_lowercase(),
        };
        (self.kind == top.kind && self.parts.iter().zip(&top.parts).all(same)).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[&str]) -> PathMap {
        PathMap::new(entries.iter().map(|entry| entry.parse().unwrap()).collect())
    }

    #[test]
    fn windows_paths_fit_in_any_case_and_with_any_slash() {
        let map = map(&[r"\\SERVER\OpenDentImages=/mnt/images", r"C:\=/mnt/c", r"C:\Open Dental\Images=/mnt/od"]);
        for (path, here) in [
            (r"\\server\opendentimages\", "/mnt/images"),
            ("//Server/OpenDentImages/B", "/mnt/images/B"),
            (r"c:\Other", "/mnt/c/Other"),
            (r"C:/open dental/IMAGES\A", "/mnt/od/A"),
        ] {
            assert_eq!(map.resolve(path).unwrap(), Path::new(here), "{path}");
        }
    }

    #[test]
    fn a_path_fits_by_whole_names() {
        let map = map(&[r"\\SERVER\Open=/mnt/x", "/srv/images=/mnt/images"]);
        let error = map.resolve(r"\\SERVER\OpenDentImages\").unwrap_err();
        assert!(error.contains(r"--map-path '\\SERVER\OpenDentImages=FOLDER'"), "{error}");
        assert_eq!(map.resolve("/srv/images/A").unwrap(), Path::new("/mnt/images/A"));
        assert_eq!(
            map.resolve("/srv/Images").unwrap(),
            Path::new("/srv/Images"),
            "a path of Unix is one of this machine"
        );
        assert!(map.resolve("images").is_err());
    }

    #[test]
    fn a_map_that_cannot_be_meant_is_refused() {
        for text in [r"\\SERVER\Images", r"images=/mnt/images", r"\\SERVER\Images=images"] {
            assert_eq!(text.parse::<PathMapping>().unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
