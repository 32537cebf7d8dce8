//! Changes of `enamel.toml` in place: comments and everything that is not asked for stay. The only writer of the file.

use std::path::Path;

use engine::{Error, ErrorKind, Result};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::FileSettings;
use crate::fnv;
use crate::whole_file::{self, Readers};

/// Said of a file that this program cannot change.
const BY_HAND: &str = "Correct the line in enamel.toml by hand; `enamel config --help` explains the settings.";

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
        parsed
            .map(Edit)
            .map_err(|error| Error::caused(ErrorKind::Usage, "cannot change enamel.toml", error).with_hint(BY_HAND))
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
                    .with_hint(BY_HAND)
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

    /// A line as people write it: a text, a number, or a list of texts with commas between; `None` if it is not there. Other values
    /// cannot be written in one field.
    pub fn line(&self, name: &str) -> Option<Line> {
        let mut item = self.0.as_item();
        for part in name.split('.') {
            item = item.as_table_like()?.get(part)?;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned).or(value.as_integer().map(|n| n.to_string()));
        let list = |list: &Array| list.iter().map(text).collect::<Option<Vec<_>>>().map(|all| all.join(", "));
        let value = item.as_value().and_then(|value| text(value).or_else(|| value.as_array().and_then(list)));
        Some(value.map_or(Line::Other, Line::Text))
    }

    /// Whether a section is there, and nothing is in it.
    pub fn is_empty(&self, section: &str) -> bool {
        self.0.get(section).and_then(Item::as_table_like).is_some_and(toml_edit::TableLike::is_empty)
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It as people write it.
    Text(String),
    /// It is more than one field can hold.
    Other,
}

/// The file as somebody has seen it. A change of it by another hand changes its mark.
#[derive(Debug, Clone)]
pub struct SeenFile {
    /// Its contents.
    pub edit: Edit,
    /// Tells these contents from others.
    pub mark: String,
}

/// Reads the settings file at `path`, which may not be there.
///
/// # Errors
/// It cannot be read, or is no TOML.
pub fn look(path: &Path) -> Result<SeenFile> {
    let text = read(path)?;
    let edit = Edit::of(text.as_deref().unwrap_or_default())?;
    Ok(SeenFile { edit, mark: mark(text.as_deref()) })
}

/// As [`change`], if the file is still as it was seen.
///
/// # Errors
/// As of [`change`]; [`ErrorKind::Refused`] if it is another one now.
pub fn change_seen(path: &Path, seen: &str, change: impl FnOnce(&mut Edit) -> Result<()>) -> Result<()> {
    let before = read(path)?;
    if mark(before.as_deref()) != seen {
        let message = format!("{} was changed by somebody else meanwhile: nothing was written", path.display());
        return Err(
            Error::new(ErrorKind::Refused, message).with_hint("Open the page again, and look what it says now.")
        );
    }
    write(path, before, change)
}

fn mark(text: Option<&str>) -> String {
    format!("{:016x}-{}", fnv::hash(text.unwrap_or_default().bytes()), text.map_or(0, str::len))
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, error)),
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot change {}", path.display()), error)
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
    write(path, read(path)?, change)
}

fn write(path: &Path, before: Option<String>, change: impl FnOnce(&mut Edit) -> Result<()>) -> Result<()> {
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
    written.map_err(|error| failed(path, error))
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
    fn a_file_that_somebody_else_has_changed_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("enamel.toml");
        std::fs::write(&file, BEFORE).unwrap();
        let seen = look(&file).unwrap();
        assert_eq!(seen.edit.line("schedule.backup"), Some(Line::Text("2h".to_owned())));
        assert_eq!(seen.edit.line("retention.keep-daily"), Some(Line::Text("7".to_owned())));
        assert_eq!(seen.edit.line("tags"), Some(Line::Text("hourly".to_owned())));
        assert_eq!((seen.edit.line("schedule"), seen.edit.line("schedule.drill")), (Some(Line::Other), None));
        let set = |mark: &str| change_seen(&file, mark, |edit| edit.set("schedule.backup", Some("1h".into())));
        std::fs::write(&file, format!("{BEFORE}# By hand.\n")).unwrap();
        assert_eq!(set(&seen.mark).unwrap_err().kind(), ErrorKind::Refused);
        assert!(std::fs::read_to_string(&file).unwrap().ends_with("# By hand.\n"));
        set(&look(&file).unwrap().mark).unwrap();
        let after = std::fs::read_to_string(&file).unwrap();
        assert!(after.contains("backup = \"1h\"  # enough") && after.ends_with("# By hand.\n"), "{after}");
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
