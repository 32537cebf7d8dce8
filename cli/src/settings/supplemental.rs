//! `[supplemental]`: a second, encrypted copy of critical data, and the lines of the file that say so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::store::s3::Pace;
use engine::{Error, ErrorKind};
use serde::Deserialize;

use super::object_storage::S3Settings;
use crate::schedule::Window;
use crate::size::parse_rate;

/// Hours between two copies that are promised, unless the file says otherwise.
const EVERY_HOURS: u64 = 24;
/// How the part of the file begins.
const HEADER: &str = "[supplemental]";

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
        Ok(rate.map_err(|why| Error::new(ErrorKind::Usage, why))?.map(Pace::new))
    }

    /// The hours in which copies are made; `None` for all.
    ///
    /// # Errors
    /// In words.
    pub fn window(&self) -> Result<Option<Window>, String> {
        self.window.as_deref().map(str::parse).transpose()
    }

    /// `text` of a settings file with these settings in place of those that it has. Comments within the old part go.
    pub fn put_into(&self, text: &str) -> String {
        let mut lines = Vec::new();
        let mut is_inside = false;
        for line in text.lines() {
            let line = line.trim_end();
            if line.trim_start().starts_with('[') {
                is_inside = line.trim() == HEADER;
            }
            if !is_inside {
                lines.push(line);
            }
        }
        let kept = lines.join("\n");
        let kept = kept.trim_end();
        let gap = if kept.is_empty() { "" } else { "\n\n" };
        format!("{kept}{gap}{}", self.text())
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADER}\nmode = \"{}\"\n", self.mode.name());
        let path = |path: &Path| toml::Value::from(path.display().to_string()).to_string();
        // Writing to a string cannot fail.
        if let Some(repository) = &self.repository {
            let _ = writeln!(text, "repository = {}", path(repository));
        }
        if let Some(key_file) = &self.key_file {
            let _ = writeln!(text, "key-file = {}", path(key_file));
        }
        if self.include.contains(&Part::Images) {
            text.push_str("include = [\"images\"]\n");
        }
        if self.every_hours != EVERY_HOURS {
            let _ = writeln!(text, "every-hours = {}", self.every_hours);
        }
        if let Some(rate) = &self.limit_upload {
            let _ = writeln!(text, "limit-upload = {}", toml::Value::from(rate.as_str()));
        }
        if let Some(window) = &self.window {
            let _ = writeln!(text, "window = {}", toml::Value::from(window.as_str()));
        }
        text
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

    #[test]
    fn the_part_of_the_file_is_replaced_and_the_rest_stays() {
        let before = "repository = \"r\" # mine\n\n[supplemental]\nmode = \"on\"\nkey-file = \"k\"\n\n\
            [supplemental.s3]\nregion = \"us\"\n\n[s3]\nregion = \"eu\"\n";
        let window = Some("22:00-06:00".to_owned());
        let after = Supplemental { window, ..settings(Mode::Local) }.put_into(before);
        let kept = "repository = \"r\" # mine\n\n[supplemental.s3]\nregion = \"us\"\n\n[s3]\nregion = \"eu\"\n";
        assert!(after.starts_with(&format!("{kept}\n[supplemental]\n")), "{after}");
        assert!(!after.contains("key-file"));
        let read: super::super::FileSettings = toml::from_str(&after).unwrap();
        assert_eq!((read.supplemental.mode, &read.supplemental.include), (Mode::Local, &vec![Part::Images]));
        assert!(read.supplemental.window().unwrap().is_some() && read.supplemental.s3.is_some());
        assert_eq!(read.supplemental.put_into(&after), after);
        assert_eq!(read.supplemental.repository.unwrap(), Path::new("/a \"b\""));
        assert!(settings(Mode::Off).put_into("").starts_with(HEADER));
    }
}
