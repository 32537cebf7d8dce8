//! Finds the images of the application on this machine.

use std::path::PathBuf;

use super::definition::Elsewhere;
use super::settings::setting;
use super::{PathColumn, PathMap, Profile};
use crate::database::{Connection, Row, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// Machines with a path of their own that are named; of others only the number is told.
const OVERRIDES_NAMED: usize = 10;

/// The findings about the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImages {
    /// Where they are.
    pub place: ImagePlace,
    /// Paths before the right one, and why they are not.
    pub tried: Vec<Tried>,
    /// Machines that use another path. It is not followed.
    pub overrides: Vec<Override>,
}

/// Where images are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePlace {
    /// In this folder of this machine.
    Folder(PathBuf),
    /// Among the rows of the database.
    Database,
    /// Where no backup of this machine reaches, in words.
    Elsewhere(String),
}

/// A path that does not lead to the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// As the settings have it.
    pub path: String,
    /// Why not.
    pub why: String,
}

/// A path that one machine uses instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The machine.
    pub whose: String,
    /// The path.
    pub path: String,
}

/// Finds the images of the application in `schema`: the first of the paths in its settings that, here, has the folder by which the right
/// one is known.
///
/// # Errors
/// [`ErrorKind::Usage`] if no path does: each is named, with why not. If the server refuses.
pub fn find_images(connection: &mut Connection, profile: &Profile, schema: &str, map: &PathMap) -> Result<FoundImages> {
    let mode = setting(connection, profile, schema, profile.images.mode_setting)?.unwrap_or_default();
    if let Some(elsewhere) = profile.images.elsewhere.iter().find(|elsewhere| elsewhere.value == mode.trim()) {
        return Ok(FoundImages { place: elsewhere.image_place(), tried: Vec::new(), overrides: Vec::new() });
    }
    let paths = image_paths(connection, profile, schema)?;
    let (folder, tried) = first_with_mark(profile, &paths, map);
    let folder = folder.ok_or_else(|| nowhere(profile, &tried))?;
    let overrides = overrides(connection, profile, schema)?;
    Ok(FoundImages { place: ImagePlace::Folder(folder), tried, overrides })
}

/// The folders of images in the order in which the application tries them, as computers of the practice name them.
///
/// # Errors
/// If the server refuses.
pub fn image_paths(connection: &mut Connection, profile: &Profile, schema: &str) -> Result<Vec<String>> {
    let paths = setting(connection, profile, schema, profile.images.setting)?.unwrap_or_default();
    Ok(split(profile, &paths))
}

/// The paths of a setting.
fn split(profile: &Profile, paths: &str) -> Vec<String> {
    let paths = paths.split(profile.images.separator).map(str::trim).filter(|path| !path.is_empty());
    paths.map(str::to_owned).collect()
}

impl Elsewhere {
    fn image_place(&self) -> ImagePlace {
        if self.in_database { ImagePlace::Database } else { ImagePlace::Elsewhere(self.place.to_owned()) }
    }
}

fn first_with_mark(profile: &Profile, paths: &[String], map: &PathMap) -> (Option<PathBuf>, Vec<Tried>) {
    let mut tried = Vec::new();
    for path in paths {
        let found = map.resolve(path).and_then(|folder| match folder.join(profile.images.mark).metadata() {
            Ok(mark) if mark.is_dir() => Ok(folder),
            Ok(_) => Err(format!("{} has no folder `{}`", folder.display(), profile.images.mark)),
            Err(error) => Err(format!("{} has no folder `{}`: {error}", folder.display(), profile.images.mark)),
        });
        match found {
            // Without a slash at its end.
            Ok(folder) => return (Some(folder.components().collect()), tried),
            Err(why) => tried.push(Tried { path: path.clone(), why }),
        }
    }
    (None, tried)
}

fn nowhere(profile: &Profile, tried: &[Tried]) -> Error {
    let (title, name) = (profile.title, profile.images.setting);
    let message = match tried {
        [] => format!("cannot find the images of {title}: its setting {name} is empty"),
        _ => {
            let tried: Vec<_> = tried.iter().map(|tried| format!("`{}`: {}", tried.path, tried.why)).collect();
            format!("cannot find the images of {title} by its setting {name}: {}", tried.join("; "))
        }
    };
    Error::new(ErrorKind::Usage, message).with_hint(
        "`--map-path THERE=HERE`, or `map-paths` in enamel.toml, says where that folder is on this computer.",
    )
}

fn overrides(connection: &mut Connection, profile: &Profile, schema: &str) -> Result<Vec<Override>> {
    let mut found = Vec::new();
    for place in profile.images.overrides {
        if !has_columns(connection, schema, place)? {
            continue;
        }
        let sql = format!(
            "SELECT CONVERT({whose} USING utf8mb4), CONVERT({column} USING utf8mb4) FROM {}.{} WHERE {column} <> ''",
            quote_name(schema),
            quote_name(place.table),
            whose = quote_name(place.whose),
            column = quote_name(place.column)
        );
        found.extend(connection.rows(&sql)?.into_iter().map(override_of));
    }
    Ok(found)
}

fn override_of(row: Row) -> Override {
    let mut texts = row.into_iter().map(|value| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned());
    Override { whose: texts.next().unwrap_or_default(), path: texts.next().unwrap_or_default() }
}

fn has_columns(connection: &mut Connection, schema: &str, place: &PathColumn) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND COLUMN_NAME IN ({}, {})",
        quote_text(schema),
        quote_text(place.table),
        quote_text(place.whose),
        quote_text(place.column)
    );
    Ok(connection.value(&sql)?.as_deref() == Some("2"))
}

impl FoundImages {
    /// Messages for the user, as sentences.
    pub fn notes(&self, profile: &Profile) -> Vec<String> {
        let title = profile.title;
        let mut notes: Vec<_> = match &self.place {
            ImagePlace::Folder(folder) => vec![format!("the images of {title} are in {}", folder.display())],
            ImagePlace::Database => vec![format!("the images of {title} are in the database, and are saved with it")],
            ImagePlace::Elsewhere(place) => {
                vec![format!("the images of {title} are {place}: they are not saved, only the database is")]
            }
        };
        notes.extend(self.tried.iter().map(|tried| format!("`{}` was not used: {}", tried.path, tried.why)));
        let named = self.overrides.iter().take(OVERRIDES_NAMED);
        notes.extend(named.map(|o| format!("{} uses another image folder, `{}`, which is not saved", o.whose, o.path)));
        match self.overrides.len().saturating_sub(OVERRIDES_NAMED) {
            0 => {}
            more => notes.push(format!("and {more} more machines use image folders of their own, which are not saved")),
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::super::named;
    use super::*;

    #[test]
    fn the_first_path_with_a_folder_a_wins() {
        let profile = named("opendental").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("images/A")).unwrap();
        std::fs::create_dir_all(folder.path().join("empty")).unwrap();
        let mapping = super::super::PathMapping::new(r"\\SERVER\Share", folder.path().into()).unwrap();
        let map = PathMap::new(vec![mapping]);
        let paths = r"C:\OpenDentImages\; \\server\share\empty;\\SERVER\Share\images\;/elsewhere";
        let (found, tried) = first_with_mark(profile, &split(profile, paths), &map);
        assert_eq!(found.unwrap(), folder.path().join("images"));
        assert_eq!(tried.len(), 2);
        assert!(tried[0].why.contains("--map-path") && tried[1].why.contains("no folder `A`"), "{tried:?}");
    }

    #[test]
    fn all_that_was_tried_is_named() {
        let profile = named("opendental").unwrap();
        let (found, tried) =
            first_with_mark(profile, &split(profile, r"\\S\Images;/nowhere/images"), &PathMap::default());
        assert!(found.is_none());
        let message = nowhere(profile, &tried).to_string();
        assert!(message.contains(r"\\S\Images") && message.contains("/nowhere/images"), "{message}");
        assert!(nowhere(profile, &[]).to_string().contains("DocPath is empty"));
    }
}
