//! `enamel.toml`: what it may hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::database::{TlsParts, Verify};
use engine::profile::PathMapping;
use engine::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::object_storage::{Copy, S3Settings};
use super::supplemental::{Mode, Supplemental};
use super::{Hooks, Place, location, parse_url, place};
use crate::console::settings::ConsoleSettings;
use crate::notify::NotifySettings;
use crate::retention::Keep;
use crate::schedule::{Rules, ScheduleSettings};

/// The contents of an `enamel.toml`. Paths are relative to the folder of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileSettings {
    /// The repository.
    pub repository: Option<PathBuf>,
    /// Unlocks it; at most one of the three.
    pub key_file: Option<PathBuf>,
    /// Unlocks it.
    pub password_file: Option<PathBuf>,
    /// Unlocks it.
    pub password_command: Option<String>,
    /// The cache folder.
    pub cache_dir: Option<PathBuf>,
    /// The folder for what this machine has seen.
    pub state_dir: Option<PathBuf>,
    /// Delete and replace nothing in the repository.
    pub append_only: bool,
    /// Sources that `enamel backup` saves without a path.
    pub sources: Vec<PathBuf>,
    /// Patterns of what is left out.
    pub excludes: Vec<String>,
    /// Files of such patterns.
    pub exclude_files: Vec<PathBuf>,
    /// Tags of snapshots that are given none.
    pub tags: Vec<String>,
    /// Stay on the file systems of the sources.
    pub one_file_system: bool,
    /// Leave out folders marked by a `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    /// The application that a saved database belongs to.
    pub profile: Option<String>,
    /// Where folders of other machines are: `THERE=HERE`, with whole paths.
    pub map_paths: Vec<String>,
    /// Commands that run after a backup.
    pub hooks: Hooks,
    /// The database server that is saved when the command names none.
    pub database: Option<String>,
    /// Which of its schemas; none stands for all.
    pub schemas: Vec<String>,
    /// An option file of MySQL or MariaDB, for what the URL of the database does not say.
    pub defaults_file: Option<PathBuf>,
    /// Holds the password of the database in its first line.
    pub database_password_file: Option<PathBuf>,
    /// Encrypt the connection to the database.
    pub tls: Option<bool>,
    /// The certificate authority to trust for it.
    pub tls_ca: Option<PathBuf>,
    /// This machine's certificate for it.
    pub tls_cert: Option<PathBuf>,
    /// The key of this certificate.
    pub tls_key: Option<PathBuf>,
    /// Check who signed its certificate, and not the name in it.
    pub tls_any_name: Option<bool>,
    /// Accept any certificate.
    pub tls_skip_verify: Option<bool>,
    /// A second, encrypted copy of critical data in another place.
    pub supplemental: Supplemental,
    /// The other repository of `enamel copy`.
    pub copy: Copy,
    /// How object storage is reached, if the repository is there.
    pub s3: S3Settings,
    /// When an agent does what.
    pub schedule: ScheduleSettings,
    /// The people and programs that are told when something is wrong.
    pub notify: NotifySettings,
    /// The page in the browser.
    pub console: ConsoleSettings,
    /// Rules that `enamel forget` uses without options.
    pub retention: Option<Keep>,
    /// Categories of rows that can be removed from the live database, besides those of the application.
    pub purge: BTreeMap<String, OwnCategory>,
}

/// A category of `[purge.NAME]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnCategory {
    /// The table.
    pub table: String,
    /// The column that says how old a row is.
    pub date: String,
    /// Tables whose rows go with those of the table.
    #[serde(default)]
    pub children: Vec<OwnChild>,
    /// An expression in SQL that must also hold.
    pub condition: Option<String>,
    /// Years for which rows should be kept: the plan warns of younger ones.
    pub keep_years: Option<u16>,
}

/// A table of `children`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnChild {
    /// The table.
    pub table: String,
    /// The column that holds the key of the row it belongs to.
    pub column: String,
}

impl FileSettings {
    /// The schedule, without the jobs that the settings give nothing to do.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn schedule_rules(&self) -> std::result::Result<Rules, String> {
        let rules = self.schedule.rules()?;
        Ok(Rules {
            copy: rules.copy.filter(|_| self.supplemental.mode != Mode::Off),
            // The file was checked when it was read.
            copy_window: self.supplemental.window().unwrap_or_default(),
            forget: rules.forget.filter(|_| self.retention.is_some()),
            ..rules
        })
    }

    /// Reads and checks the file `path`.
    ///
    /// # Errors
    /// It cannot be read, or holds something that does not belong there; the message names file, line and key.
    pub fn read(path: &Path) -> Result<Self> {
        let read = place::read(path);
        let text = read.map_err(|e| {
            Error::caused(ErrorKind::Usage, cannot_use(path), e)
                .with_hint("Name the settings file with --config, or leave the option out: `enamel setup` writes one.")
        })?;
        FileSettings::parse(&text, path)
    }

    /// Checks a `text` that is in the file `path`, or will be.
    ///
    /// # Errors
    /// It holds something that does not belong there; the message names file, line and key.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let what = cannot_use(path);
        let usage = |message: String| {
            Error::new(ErrorKind::Usage, format!("{what}: {message}"))
                .with_hint("`enamel config --help` explains the settings of enamel.toml.")
        };
        let mut settings: FileSettings = toml::from_str(text).map_err(|error| usage(mistake(&error, text)))?;
        let secrets =
            [settings.key_file.is_some(), settings.password_file.is_some(), settings.password_command.is_some()];
        if secrets.iter().filter(|set| **set).count() > 1 {
            return Err(usage("only one of `key-file`, `password-file`, `password-command` can be set".into()));
        }
        settings.s3.check().map_err(|why| usage(format!("[s3]: {why}")))?;
        settings.supplemental.check().map_err(|why| usage(format!("[supplemental]: {why}")))?;
        let of_places = [("copy", &mut settings.copy.s3), ("supplemental", &mut settings.supplemental.s3)];
        for (name, s3) in of_places.into_iter().filter_map(|(name, s3)| Some((name, s3.as_mut()?))) {
            s3.check().map_err(|why| usage(format!("[{name}.s3]: {why}")))?;
            s3.is_of_one_place = true;
        }
        settings.hooks.time_limit().map_err(|why| usage(format!("`time-limit` of `[hooks]`: {why}")))?;
        let rules = settings.schedule.rules().map_err(|why| usage(format!("[schedule]: {why}")))?;
        settings.notify.rules(&rules).map_err(|why| usage(format!("[notify]: {why}")))?;
        settings.console.check().map_err(|why| usage(format!("[console]: {why}")))?;
        if let Some(url) = &settings.database {
            parse_url(url).map_err(|error| usage(error.to_string()))?;
        }
        for tag in &settings.tags {
            crate::mark::parse_new_tag(tag).map_err(|why| usage(format!("`tags` holds `{tag}`: {why}")))?;
        }
        if let Some(name) = settings.profile.as_ref().filter(|name| engine::profile::named(name).is_none()) {
            return Err(usage(format!("`profile` is `{name}`, which is not known; there are: {}", profile_names())));
        }
        for mapping in &settings.map_paths {
            mapping.parse::<PathMapping>().map_err(|e| usage(format!("`map-paths`: {e}")))?;
        }
        let folder = std::path::absolute(path).map_err(|e| Error::io(what.as_str(), e))?;
        settings.resolve(folder.parent().unwrap_or(Path::new("/"))).map_err(|e| e.context(what))?;
        Ok(settings)
    }

    /// Settings for the encryption of a connection to a database.
    pub fn tls(&self) -> TlsParts {
        let verify = match (self.tls_skip_verify, self.tls_any_name) {
            (Some(true), _) => Some(Verify::Nothing),
            (_, Some(true)) => Some(Verify::Authority),
            (Some(false), _) | (_, Some(false)) => Some(Verify::Name),
            (None, None) => None,
        };
        TlsParts {
            wanted: self.tls.or(verify.filter(|verify| *verify != Verify::Name).map(|_| true)),
            authority: self.tls_ca.clone(),
            certificate: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            verify,
        }
    }

    /// Makes paths absolute: `~` is the user's home folder, what is relative is so to `folder`.
    fn resolve(&mut self, folder: &Path) -> Result<()> {
        if let Some(repository) = &mut self.repository
            && let Place::Folder(path) = location::repository(repository)?
        {
            *repository = folder.join(path);
        }
        if let Some(repository) = &mut self.supplemental.repository
            && let Place::Folder(path) = location::repository(repository)?
        {
            *repository = folder.join(path);
        }
        let of_places = [self.copy.s3.as_mut(), self.supplemental.s3.as_mut(), Some(&mut self.s3)];
        for s3 in of_places.into_iter().flatten() {
            for path in [&mut s3.ca, &mut s3.credentials_file].into_iter().flatten() {
                *path = folder.join(location::expand(path)?);
            }
        }
        let single = [
            &mut self.supplemental.key_file,
            &mut self.key_file,
            &mut self.password_file,
            &mut self.cache_dir,
            &mut self.state_dir,
            &mut self.defaults_file,
            &mut self.database_password_file,
            &mut self.tls_ca,
            &mut self.tls_cert,
            &mut self.tls_key,
        ];
        let all = single.into_iter().flatten().chain(&mut self.sources).chain(&mut self.exclude_files);
        let all = all.chain(self.notify.paths()).chain(self.console.paths());
        for path in all {
            *path = folder.join(location::expand(path)?);
        }
        Ok(())
    }
}

fn cannot_use(path: &Path) -> String {
    format!("cannot use the settings file {}", path.display())
}

fn profile_names() -> String {
    engine::profile::PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ")
}

/// The place of a fault in `text`: the line, and its key. No value is shown: what was named by mistake may be a secret.
fn mistake(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let place = before.matches('\n').count() + 1;
    let line = text.lines().nth(place - 1).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let is_name = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let key = if is_name { format!("`{key}`: ") } else { String::new() };
    let message = error.message();
    match message.split_once(", expected ") {
        Some((wrong, expected)) if wrong.starts_with("invalid ") => {
            format!("line {place}: {key}not what it should be, expected {expected}")
        }
        _ => format!("line {place}: {key}{message}"),
    }
}
