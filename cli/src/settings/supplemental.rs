//! `[supplemental]`: a second, encrypted copy of critical data, and the lines of the file that say so.

use std::path::PathBuf;
use std::sync::Arc;

use engine::store::s3::Pace;
use engine::{Error, ErrorKind};
use serde::Deserialize;
use toml_edit::Value;

use super::edit::{self, Edit};
use super::object_storage::S3Settings;
use crate::schedule::Window;
use crate::size::parse_rate;

/// Hours between two copies that are promised, unless the file says otherwise.
const EVERY_HOURS: u64 = 24;

/// The contents of `[supplemental]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Supplemental {
    /// Whether copies are made.
    pub mode: Mode,
    /// Where they go.
    pub repository: Option<PathBuf>,
    /// The key file with which this computer opens them.
    pub key_file: Option<PathBuf>,
    /// The parts that are copied besides the database.
    pub include: Vec<Part>,
    /// A copy is promised each time when so many hours have passed.
    pub every_hours: u64,
    /// The most bytes a second that are sent to object storage.
    pub limit_upload: Option<String>,
    /// The hours of the day in which copies are made, as `22:00-06:00`.
    pub window: Option<String>,
    /// How object storage is reached, if it is not reached like the repository.
    pub s3: Option<S3Settings>,
}

impl Default for Supplemental {
    fn default() -> Self {
        Supplemental {
            mode: Mode::Off,
            repository: None,
            key_file: None,
            include: Vec::new(),
            every_hours: EVERY_HOURS,
            limit_upload: None,
            window: None,
            s3: None,
        }
    }
}

/// Whether copies are made, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// To a host.
    On,
    /// Not at all.
    #[default]
    Off,
    /// To a folder or share of the practice.
    Local,
}

impl Mode {
    /// It in one word.
    pub fn name(self) -> &'static str {
        match self {
            Mode::On => "on",
            Mode::Off => "off",
            Mode::Local => "local",
        }
    }
}

/// A part of a snapshot that is copied besides the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Folders: images and documents.
    Images,
}

impl Part {
    /// It in one word.
    pub fn name(self) -> &'static str {
        match self {
            Part::Images => "images",
        }
    }
}

impl Supplemental {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        self.limit_upload.as_deref().map_or(Ok(0), parse_rate).map_err(|why| format!("`limit-upload`: {why}"))?;
        self.window().map(drop).map_err(|why| format!("`window`: {why}"))
    }

    /// How fast is sent, at most.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn pace(&self) -> engine::Result<Option<Arc<Pace>>> {
        let rate = self.limit_upload.as_deref().map(parse_rate).transpose();
        Ok(rate
            .map_err(|why| {
                Error::new(ErrorKind::Usage, why)
                    .with_hint("As `limit-upload = \"2M\"` in `[supplemental]` of enamel.toml: bytes for each second.")
            })?
            .map(Pace::new))
    }

    /// The hours in which copies are made; `None` for all.
    ///
    /// # Errors
    /// In words.
    pub fn window(&self) -> Result<Option<Window>, String> {
        self.window.as_deref().map(str::parse).transpose()
    }

    /// Puts the lines about mode, place, key and parts into the settings file.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn put_into(&self, file: &mut Edit) -> engine::Result<()> {
        let path = |path: &Option<PathBuf>| path.as_deref().map(edit::path).transpose();
        let parts = self.include.iter().map(|part| Value::from(part.name())).collect();
        file.set("supplemental.mode", Some(self.mode.name().into()))?;
        file.set("supplemental.repository", path(&self.repository)?)?;
        file.set("supplemental.key-file", path(&self.key_file)?)?;
        file.set("supplemental.include", edit::list(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: Mode) -> Supplemental {
        Supplemental {
            mode,
            repository: Some("/a \"b\"".into()),
            include: vec![Part::Images],
            ..Supplemental::default()
        }
    }

    fn put(settings: &Supplemental, text: &str) -> String {
        let mut file = Edit::of(text).unwrap();
        settings.put_into(&mut file).unwrap();
        file.text()
    }

    #[test]
    fn the_part_of_the_file_is_replaced_and_the_rest_stays() {
        let before = "repository = \"r\" # mine\n\n[supplemental]\nmode = \"on\" # since May\nkey-file = \"k\"\n\
            window = \"22:00-06:00\"\n\n\
            [supplemental.s3]\nregion = \"us\"\n\n[s3]\nregion = \"eu\"\n";
        let after = put(&settings(Mode::Local), before);
        assert_eq!(
            after,
            "repository = \"r\" # mine\n\n[supplemental]\nmode = \"local\" # since May\nwindow = \"22:00-06:00\"\n\
             repository = '/a \"b\"'\ninclude = [\"images\"]\n\n[supplemental.s3]\nregion = \"us\"\n\n[s3]\nregion = \"eu\"\n"
        );
        let read: super::super::FileSettings = toml::from_str(&after).unwrap();
        assert_eq!((read.supplemental.mode, &read.supplemental.include), (Mode::Local, &vec![Part::Images]));
        assert!(read.supplemental.window().unwrap().is_some() && read.supplemental.s3.is_some());
        assert_eq!(put(&read.supplemental, &after), after);
        assert_eq!(read.supplemental.repository.unwrap(), PathBuf::from("/a \"b\""));
        assert!(put(&settings(Mode::Off), "").starts_with("[supplemental]\nmode = \"off\"\n"));
    }
}
