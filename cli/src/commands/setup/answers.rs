//! Answers that will do, whoever asks: the terminal, or the page of the first start. Nothing is written here but what was
//! answered so far.

use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};

use super::file::Lines;
use crate::environment;
use crate::global::Global;
use crate::settings::edit;
use crate::settings::{FileSettings, Place, parse_place, user_file};

/// The settings file of the computer.
const SYSTEM_FILE: &str = "/etc/enamel/enamel.toml";
/// The name of the key that is made, beside the settings.
const KEY_NAME: &str = "backup.key";
/// The file with the answers of a setup that has not come to its end, beside the settings.
const DRAFT_NAME: &str = "enamel-unfinished.toml";
/// The answer for nothing.
pub const NONE: &str = "none";

/// The file that is written: one that is named, or that of the computer for root, or the user's own.
///
/// # Errors
/// There is no folder for it.
pub fn settings_path(global: &Global) -> Result<PathBuf> {
    let named = global.config.clone().or_else(|| environment::variable("ENAMEL_CONFIG").map(PathBuf::from));
    let is_root = rustix::process::getuid().is_root();
    let usual = || if is_root { Some(SYSTEM_FILE.into()) } else { user_file() };
    let path = named.or_else(usual);
    let path =
        path.ok_or_else(|| Error::new(ErrorKind::Usage, "there is no folder for settings: name a file with --config"))?;
    std::path::absolute(&path).map_err(|error| Error::io(format!("cannot use {}", path.display()), error))
}

/// The settings as they are at `path`; none if there is no file.
///
/// # Errors
/// The file cannot be read.
pub fn settings_at(path: &Path) -> Result<FileSettings> {
    if path.exists() { FileSettings::read(path) } else { Ok(FileSettings::default()) }
}

/// The folders to save that an answer names, with commas between.
///
/// # Errors
/// A folder is not there; there is nothing to save.
pub fn folders(answer: &str, has_database: bool) -> Result<Vec<PathBuf>> {
    let named = answer.split(',').map(str::trim).filter(|path| !path.is_empty() && *path != NONE);
    let folders: Vec<PathBuf> = named.map(existing).collect::<Result<_>>()?;
    if folders.is_empty() && !has_database {
        return Err(Error::new(ErrorKind::Usage, "there is nothing to save: name a folder, or a database before"));
    }
    Ok(folders)
}

/// The place for backups that an answer names.
///
/// # Errors
/// It is none.
pub fn place(answer: &str) -> Result<Place> {
    match parse_place(Path::new(answer))? {
        Place::Folder(_) if answer.is_empty() => Err(Error::new(
            ErrorKind::Usage,
            "there is no answer: name a folder on another disk, or s3://BUCKET/PREFIX",
        )),
        Place::Folder(path) => {
            std::path::absolute(path).map(Place::Folder).map_err(|error| Error::io("cannot use this folder", error))
        }
        other => Ok(other),
    }
}

/// A folder or file that is there, as a whole path.
fn existing(path: &str) -> Result<PathBuf> {
    let failed = |error| Error::io(format!("cannot save {path}"), error);
    std::fs::metadata(path).map_err(failed)?;
    std::path::absolute(path).map_err(failed)
}

/// The key file of new settings; none if they name another way in.
///
/// # Errors
/// Its path cannot be used.
pub fn key_file(global: &Global, before: &FileSettings, settings: &Path) -> Result<Option<PathBuf>> {
    let has_secret = before.key_file.is_some() || before.password_file.is_some() || before.password_command.is_some();
    let beside = settings.parent().unwrap_or(Path::new("/")).join(KEY_NAME);
    let named = global.key_file.clone().or_else(|| (!has_secret).then_some(beside));
    let named = named.map(std::path::absolute).transpose();
    let named = named.map_err(|error| Error::io("cannot use the path of the key file", error))?;
    Ok(named.or_else(|| before.key_file.clone()))
}

/// The answers of a setup that has not come to its end. They outlive a program that is killed.
#[derive(Debug, Clone)]
pub struct Draft {
    path: PathBuf,
}

impl Draft {
    /// That of this settings file.
    pub fn of(settings: &Path) -> Self {
        Draft { path: settings.with_file_name(DRAFT_NAME) }
    }

    /// Whether a setup has not come to its end.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// The answers so far.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn read(&self) -> Result<Option<Lines>> {
        if !self.is_there() {
            return Ok(None);
        }
        FileSettings::read(&self.path).map(|file| Some(Lines::of(&file)))
    }

    /// Keeps answers.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep(&self, lines: &Lines) -> Result<()> {
        edit::change(&self.path, |file| lines.put_into(file))
    }

    /// Everything that is needed is set up.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn end(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", self.path.display()), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_until_the_end_and_make_no_difference_to_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("etc/enamel.toml");
        let draft = Draft::of(&settings);
        assert!(!draft.is_there() && draft.read().unwrap().is_none());
        let mut lines = Lines { sources: vec!["/srv/a b".into()], ..Lines::default() };
        draft.keep(&lines).unwrap();
        assert_eq!(draft.read().unwrap(), Some(lines.clone()));
        lines.repository = Some("/mnt/backup".into());
        draft.keep(&lines).unwrap();
        assert_eq!(Draft::of(&settings).read().unwrap(), Some(lines));
        assert!(!settings.exists());
        draft.end().unwrap();
        draft.end().unwrap();
        assert!(!draft.is_there());
    }

    #[test]
    fn an_answer_that_will_not_do_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        assert_eq!(folders(&format!(" {here} , none,"), false).unwrap(), [folder.path()]);
        assert_eq!(folders("", true).unwrap(), Vec::<PathBuf>::new());
        assert!(folders("none", false).unwrap_err().to_string().contains("nothing to save"));
        assert!(folders(&format!("{here}/no"), true).unwrap_err().to_string().contains("cannot save"));
        assert_eq!(place("/mnt/x").unwrap().folder(), Some(Path::new("/mnt/x")));
        assert!(place("").unwrap_err().to_string().contains("no answer"));
        assert!(place("b2:bucket").is_err());
    }
}
