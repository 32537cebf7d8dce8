//! Changes of `enamel.toml` in place: comments and everything that is not asked for stay. The only writer of the file.

use std::path::Path;

use engine::{Error, ErrorKind, Result};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::FileSettings;
use crate::whole_file::{self, Readers};

/// A settings file that is being changed.
#[derive(Debug, Clone)]
pub struct Edit(DocumentMut);

impl Edit {
    /// The file with this text.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is no TOML.
    pub fn of(text: &str) -> Result<Self> {
        let parsed = text.parse();
        parsed.map(Edit).map_err(|error| Error::caused(ErrorKind::Usage, "cannot change enamel.toml", error))
    }

    /// Sets a line, and keeps the comment behind an old one; `None` removes it. A section is named before its line:
    /// `schedule.backup`. A section that is not there is made.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the file has a line where a section is needed.
    pub fn set(&mut self, name: &str, new: Option<Value>) -> Result<()> {
        let (sections, line) = name.rsplit_once('.').unwrap_or(("", name));
        let mut table: &mut dyn toml_edit::TableLike = self.0.as_table_mut();
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            if !table.contains_key(section) {
                if new.is_none() {
                    return Ok(());
                }
                table.insert(section, Item::Table(Table::new()));
            }
            let inside = table.get_mut(section).and_then(Item::as_table_like_mut);
            table = inside.ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("`{section}` in enamel.toml is a line, and should be a section"))
            })?;
        }
        let Some(mut new) = new else {
            table.remove(line);
            return Ok(());
        };
        if let Some(old) = table.get(line).and_then(Item::as_value) {
            if plain(old) == plain(&new) {
                return Ok(());
            }
            *new.decor_mut() = old.decor().clone();
        }
        match table.get_mut(line) {
            // The comment above stands with the name, and a new one would have none.
            Some(old) => *old = Item::Value(new),
            None => drop(table.insert(line, Item::Value(new))),
        }
        Ok(())
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A value as it is, however it is written.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.value()),
        Value::Array(list) => format!("{:?}", list.iter().map(plain).collect::<Vec<_>>()),
        Value::InlineTable(table) => {
            format!("{:?}", table.iter().map(|(name, value)| (name, plain(value))).collect::<Vec<_>>())
        }
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        Value::Boolean(is) => is.value().to_string(),
        Value::Datetime(time) => time.value().to_string(),
    }
}

/// A list; none if there is nothing in it.
pub fn list(values: Vec<Value>) -> Option<Value> {
    (!values.is_empty()).then(|| Value::Array(values.into_iter().collect::<Array>()))
}

/// A path.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is not UTF-8.
pub fn path(path: &Path) -> Result<Value> {
    let wrong = || {
        let message = format!("`{}` cannot be written into enamel.toml: it is not UTF-8", path.display());
        Error::new(ErrorKind::Usage, message)
    };
    path.to_str().map(Value::from).ok_or_else(wrong)
}

/// Changes the settings file at `path`, or makes it. The new file is there whole or not at all, keeps owner and rights,
/// and is one that this program can use.
///
/// # Errors
/// The change fails; [`ErrorKind::Usage`] if the file could not be used then; it cannot be read or written.
pub fn change(path: &Path, change: impl FnOnce(&mut Edit) -> Result<()>) -> Result<()> {
    let failed = |error| Error::io(format!("cannot change {}", path.display()), error);
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let mut edit = Edit::of(before.as_deref().unwrap_or_default())?;
    change(&mut edit)?;
    let after = edit.text();
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    FileSettings::parse(&after, path)?;
    let written = match before {
        Some(_) => whole_file::replace(path, after.as_bytes()),
        None => whole_file::write(path, after.as_bytes(), Readers::Owner),
    };
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    const BEFORE: &str = "# Our backups.\nrepository = \"/old\"  # the disk in the cupboard\ntags = [\"hourly\"]\n\n\
                          # When.\n[schedule]\n# Not at night.\nbackup = \"2h\"  # enough\n\n[retention]\nkeep-daily = 7\n";

    #[test]
    fn lines_change_and_comments_stay() {
        let mut edit = Edit::of(BEFORE).unwrap();
        edit.set("repository", Some("/new".into())).unwrap();
        edit.set("sources", list(vec!["/srv/a b".into()])).unwrap();
        edit.set("tags", None).unwrap();
        edit.set("schedule.backup", Some("1h".into())).unwrap();
        edit.set("schedule.otherwise", Some("off".into())).unwrap();
        edit.set("notify.label", Some("Dr. Doe".into())).unwrap();
        edit.set("copy.s3.region", None).unwrap();
        assert_eq!(
            edit.text(),
            "# Our backups.\nrepository = \"/new\"  # the disk in the cupboard\nsources = [\"/srv/a b\"]\n\n\
             # When.\n[schedule]\n# Not at night.\nbackup = \"1h\"  # enough\notherwise = \"off\"\n\n\
             [retention]\nkeep-daily = 7\n\n[notify]\nlabel = \"Dr. Doe\"\n"
        );
        let again = edit.text();
        edit.set("schedule.backup", Some("1h".into())).unwrap();
        assert_eq!(edit.text(), again);
        assert!(edit.set("repository.place", Some(1.into())).unwrap_err().to_string().contains("is a line"));
        assert!(Edit::of("= no").is_err());
    }

    #[test]
    fn a_file_that_could_not_be_used_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("enamel.toml"), folder.path().join("link.toml"));
        std::fs::write(&file, BEFORE).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let set = |name: &'static str, new: &'static str| change(&link, |edit| edit.set(name, Some(new.into())));
        let error = set("schedule.backup", "often").unwrap_err();
        assert!(error.to_string().contains("`backup`"), "{error}");
        assert!(set("shedule.backup", "1h").is_err(), "a line that nobody reads");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), BEFORE);
        set("schedule.backup", "1h").unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().contains("backup = \"1h\"  # enough"));
        assert!(link.is_symlink() && file.metadata().unwrap().mode() & 0o777 == 0o640);
        let new = folder.path().join("new/enamel.toml");
        change(&new, |edit| edit.set("repository", Some("/mnt/backup".into()))).unwrap();
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "repository = \"/mnt/backup\"\n");
        assert_eq!(new.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
