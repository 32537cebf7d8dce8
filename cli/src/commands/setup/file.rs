//! `enamel.toml`, changed in place: comments and everything that is not asked for stay.

use std::path::{Path, PathBuf};

use engine::{Error, Result};
use toml_edit::Value;

use crate::settings::FileSettings;
use crate::settings::edit::{self, Edit};
use crate::whole_file::{self, Readers};

/// The lines that setup writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The repository; none if nobody has named it yet.
    pub repository: Option<PathBuf>,
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
    /// The lines of a file.
    pub fn of(file: &FileSettings) -> Self {
        Lines {
            repository: file.repository.clone(),
            key_file: file.key_file.clone(),
            sources: file.sources.clone(),
            database: file.database.clone(),
            database_password_file: file.database_password_file.clone(),
            profile: file.profile.clone(),
            map_paths: file.map_paths.clone(),
        }
    }

    /// Puts these lines in place of those that the file has.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn put_into(&self, file: &mut Edit) -> Result<()> {
        let optional = |path: &Option<PathBuf>| path.as_deref().map(edit::path).transpose();
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let sources = self.sources.iter().map(|path| edit::path(path)).collect::<Result<Vec<_>>>()?;
        file.set("repository", optional(&self.repository)?)?;
        if self.key_file.is_some() {
            file.set("key-file", optional(&self.key_file)?)?;
        }
        file.set("sources", edit::list(sources))?;
        file.set("database", text(&self.database))?;
        file.set("database-password-file", optional(&self.database_password_file)?)?;
        file.set("profile", text(&self.profile))?;
        file.set("map-paths", edit::list(self.map_paths.iter().map(Value::from).collect()))
    }
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
            repository: Some("/mnt/new".into()),
            key_file: Some("/etc/enamel/practice.key".into()),
            sources: vec!["/srv/a b".into()],
            ..Lines::default()
        };
        let put = |text: &str| {
            let mut file = Edit::of(text).unwrap();
            lines.put_into(&mut file).unwrap();
            file.text()
        };
        let new = put(text);
        for line in [
            "# Our backups.",
            "repository = \"/mnt/new\"  # the disk in the cupboard",
            "tags = [\"hourly\"]",
            "keep-daily = 7  # enough",
        ] {
            assert!(new.contains(line), "{new}");
        }
        assert!(!new.contains("profile") && new.find("sources").unwrap() < new.find("[retention]").unwrap(), "{new}");
        assert_eq!(put(&new), new, "nothing changes the second time");
    }
}
