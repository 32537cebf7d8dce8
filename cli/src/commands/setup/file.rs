//! `enamel.toml`, changed in place: comments and everything that is not asked for stay.

use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};
use toml_edit::{Array, DocumentMut, Item, Value, value};

use crate::whole_file::{self, Readers};

/// The lines that setup writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The repository.
    pub repository: PathBuf,
    /// The key file; none if the file names another way in.
    pub key_file: Option<PathBuf>,
    /// Folders and files to save.
    pub sources: Vec<PathBuf>,
    /// The database server.
    pub database: Option<String>,
    /// The file with its password.
    pub database_password_file: Option<PathBuf>,
    /// The application.
    pub profile: Option<String>,
    /// Where folders of other machines are.
    pub map_paths: Vec<String>,
}

impl Lines {
    /// `text` with these lines in place of its own.
    ///
    /// # Errors
    /// `text` is no TOML; a path is not UTF-8.
    pub fn put_into(&self, text: &str) -> Result<String> {
        let what = "cannot change enamel.toml";
        let mut file: DocumentMut = text.parse().map_err(|error| Error::caused(ErrorKind::Usage, what, error))?;
        put(&mut file, "repository", Some(value(path_text(&self.repository)?)));
        if let Some(key_file) = &self.key_file {
            put(&mut file, "key-file", Some(value(path_text(key_file)?)));
        }
        put(&mut file, "sources", list(self.sources.iter().map(|path| path_text(path)).collect::<Result<_>>()?));
        put(&mut file, "database", self.database.clone().map(value));
        let password_file = self.database_password_file.as_deref().map(path_text).transpose()?;
        put(&mut file, "database-password-file", password_file.map(value));
        put(&mut file, "profile", self.profile.clone().map(value));
        put(&mut file, "map-paths", list(self.map_paths.clone()));
        Ok(file.to_string())
    }
}

/// Sets a line, and keeps the comment behind an old one; or removes it.
fn put(file: &mut DocumentMut, name: &str, item: Option<Item>) {
    let Some(item) = item else {
        file.remove(name);
        return;
    };
    let decor = file.get(name).and_then(Item::as_value).map(|old| old.decor().clone());
    let is_same = file.get(name).is_some_and(|old| plain(old) == plain(&item));
    if is_same {
        return;
    }
    file[name] = item;
    if let (Some(decor), Some(new)) = (decor, file.get_mut(name).and_then(Item::as_value_mut)) {
        *new.decor_mut() = decor;
    }
}

fn plain(item: &Item) -> Option<Vec<String>> {
    match item.as_value()? {
        Value::String(text) => Some(vec![text.value().clone()]),
        Value::Array(list) => list.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn list(texts: Vec<String>) -> Option<Item> {
    (!texts.is_empty()).then(|| value(texts.into_iter().collect::<Array>()))
}

fn path_text(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("`{}` cannot be written into enamel.toml: it is not UTF-8", path.display()),
        )
    })?;
    Ok(text.to_owned())
}

/// Writes a file that only its owner reads, by rename.
///
/// # Errors
/// It cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let written = whole_file::write(path, text.as_bytes(), Readers::Owner);
    written.map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_other_lines_stay_and_the_file_is_read_back() {
        let text = "# Our backups.\nrepository = \"/old\"  # the disk in the cupboard\ntags = [\"hourly\"]\nprofile = \"opendental\"\n\n\
                    [retention]\nkeep-daily = 7  # enough\n";
        let lines = Lines {
            repository: "/mnt/new".into(),
            key_file: Some("/etc/enamel/practice.key".into()),
            sources: vec!["/srv/a b".into()],
            ..Lines::default()
        };
        let new = lines.put_into(text).unwrap();
        for line in [
            "# Our backups.",
            "repository = \"/mnt/new\"  # the disk in the cupboard",
            "tags = [\"hourly\"]",
            "keep-daily = 7  # enough",
        ] {
            assert!(new.contains(line), "{new}");
        }
        assert!(!new.contains("profile") && new.find("sources").unwrap() < new.find("[retention]").unwrap(), "{new}");
        assert_eq!(lines.put_into(&new).unwrap(), new, "nothing changes the second time");
        assert!(Lines::default().put_into("= no").is_err());
    }
}
