//! Settings: flags before environment before `enamel.toml`, and where each came from.

pub mod edit;
pub mod file;
mod hooks;
mod location;
mod object_storage;
mod other;
mod place;
mod reach;
mod secret;
mod supplemental;
mod url;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use engine::store::s3::Limits;
use engine::{Error, ErrorKind, Result};
use etcetera::BaseStrategy;
use zeroize::Zeroizing;

use crate::environment::{self, DATABASE_PASSWORD, PASSWORD};
use crate::global::Global;
use object_storage::S3Settings;

pub use file::FileSettings;
pub use hooks::Hooks;
pub use location::{Place, repository as parse_place};
pub use object_storage::Storage;
pub use other::{Other, OtherNames, OtherSecret};
pub use place::user_file;
pub use reach::{ACCESS_KEY, Reach};
pub use secret::SecretSource;
pub use supplemental::{Mode, Part, Supplemental};
pub use url::parse_url;

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An option on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Environment(&'static str),
    /// The settings file.
    File,
    /// The default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Environment(name) => f.write_str(name),
            Origin::File => f.write_str(place::FILE_NAME),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn new(value: T, origin: Origin) -> Self {
        Setting { value, origin }
    }
}

impl Setting<SecretSource> {
    /// The source with the user's home folder in place of `~`.
    fn with_home(self) -> Result<Self> {
        Ok(Setting::new(other::with_home(self.value)?, self.origin))
    }
}

/// All settings of a run.
pub struct Settings {
    /// The settings file that was read.
    pub file_path: Option<PathBuf>,
    /// A settings file beside the repository, which is not read.
    pub unused_file: Option<PathBuf>,
    /// The contents of the file.
    pub file: FileSettings,
    /// The repository; a folder is absolute.
    pub repository: Option<Setting<Place>>,
    /// Where its password or key comes from.
    pub secret: Setting<SecretSource>,
    /// The cache folder, absolute.
    pub cache_dir: Option<Setting<PathBuf>>,
    /// The folder for what this machine has seen, absolute.
    pub state_dir: Option<Setting<PathBuf>>,
    /// Whether nothing in the repository is deleted or replaced.
    pub append_only: Setting<bool>,
    /// How fast each place in object storage is written and read, at most.
    limits: PlaceLimits,
    /// The password of the database, from the environment.
    pub database_password: Option<Zeroizing<String>>,
}

/// Limits of the rates of each place. All stores of one place share them.
struct PlaceLimits {
    repository: Limits,
    copy: Limits,
    supplemental: Limits,
}

impl PlaceLimits {
    fn of(options: &Global, file: &FileSettings) -> Result<Self> {
        let repository = file.s3.limits(options)?;
        let of_place = |s3: &Option<S3Settings>| s3.as_ref().map_or(Ok(repository.clone()), |s3| s3.limits(options));
        let (copy, mut supplemental) = (of_place(&file.copy.s3)?, of_place(&file.supplemental.s3)?);
        if options.limit_upload.is_none()
            && let Some(pace) = file.supplemental.pace()?
        {
            supplemental.upload = Some(pace);
        }
        Ok(PlaceLimits { repository, copy, supplemental })
    }
}

impl Settings {
    /// How object storage is reached in this place, and how fast.
    pub fn storage(&self, storage: Storage) -> (&S3Settings, &Limits) {
        let (s3, limits) = match storage {
            Storage::Repository => (None, &self.limits.repository),
            Storage::Copy => (self.file.copy.s3.as_ref(), &self.limits.copy),
            Storage::Supplemental => (self.file.supplemental.s3.as_ref(), &self.limits.supplemental),
        };
        (s3.unwrap_or(&self.file.s3), limits)
    }

    /// How a place in object storage is reached, for another computer; `None` for a folder.
    ///
    /// # Errors
    /// Settings or variables that cannot be used.
    pub fn reach(&self, place: &Place, storage: Storage) -> Result<Option<Reach>> {
        match place {
            Place::Folder(_) => Ok(None),
            Place::ObjectStorage(_) => self.storage(storage).0.reach().map(Some),
        }
    }

    /// Merges `options` with this process's environment and the settings file.
    ///
    /// # Errors
    /// The file cannot be used, or the settings contradict each other.
    pub fn load(options: &Global) -> Result<Self> {
        let env = environment::variable;
        let repository = path_setting(options.repo.clone(), "--repo", env("ENAMEL_REPO"), "ENAMEL_REPO", None);
        let named = options.config.clone().or_else(|| env("ENAMEL_CONFIG").map(PathBuf::from));
        let file_path = named.or_else(place::find);
        let file = file_path.as_deref().map_or_else(|| Ok(FileSettings::default()), FileSettings::read)?;
        let repository = repository.or_else(|| file.repository.clone().map(|path| Setting::new(path, Origin::File)));
        let cache_dir = path_setting(
            options.cache_dir.clone(),
            "--cache-dir",
            env("ENAMEL_CACHE_DIR"),
            "ENAMEL_CACHE_DIR",
            file.cache_dir.clone(),
        );
        let state_dir = path_setting(
            options.state_dir.clone(),
            "--state-dir",
            env("ENAMEL_STATE_DIR"),
            "ENAMEL_STATE_DIR",
            file.state_dir.clone(),
        );
        let repository = repository.map(place_of_repository).transpose()?;
        let folder = repository.as_ref().and_then(|setting| setting.value.folder());
        let beside = folder.and_then(|folder| place::beside(folder, file_path.as_deref()));
        Ok(Settings {
            secret: secret(options, &env, &file)?.with_home()?,
            append_only: append_only(options, &file),
            limits: PlaceLimits::of(options, &file)?,
            file_path,
            unused_file: beside,
            file,
            repository,
            cache_dir: cache_dir.or_else(default_cache_dir).map(expanded).transpose()?.map(absolute).transpose()?,
            state_dir: state_dir.or_else(default_state_dir).map(expanded).transpose()?.map(absolute).transpose()?,
            database_password: password_variable(&env, DATABASE_PASSWORD)?,
        })
    }
}

/// Either place can say so, and neither can take it back.
fn append_only(options: &Global, file: &FileSettings) -> Setting<bool> {
    match (options.append_only, file.append_only) {
        (true, _) => Setting::new(true, Origin::Flag("--append-only")),
        (false, true) => Setting::new(true, Origin::File),
        (false, false) => Setting::new(false, Origin::Default),
    }
}

fn path_setting(
    flag: Option<PathBuf>,
    flag_name: &'static str,
    variable: Option<OsString>,
    variable_name: &'static str,
    file: Option<PathBuf>,
) -> Option<Setting<PathBuf>> {
    flag.map(|path| Setting::new(path, Origin::Flag(flag_name)))
        .or_else(|| variable.map(|path| Setting::new(path.into(), Origin::Environment(variable_name))))
        .or_else(|| file.map(|path| Setting::new(path, Origin::File)))
}

fn default_cache_dir() -> Option<Setting<PathBuf>> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(Setting::new(base.cache_dir().join("enamel"), Origin::Default))
}

fn default_state_dir() -> Option<Setting<PathBuf>> {
    let base = etcetera::choose_base_strategy().ok()?;
    let folder = base.state_dir().unwrap_or_else(|| base.data_dir());
    Some(Setting::new(folder.join("enamel"), Origin::Default))
}

fn expanded(setting: Setting<PathBuf>) -> Result<Setting<PathBuf>> {
    Ok(Setting::new(location::expand(&setting.value)?, setting.origin))
}

fn place_of_repository(setting: Setting<PathBuf>) -> Result<Setting<Place>> {
    let place = location::repository(&setting.value)
        .map_err(|error| error.context(format!("cannot use the repository that {} names", setting.origin)))?;
    let place = match place {
        Place::Folder(path) => Place::Folder(absolute(Setting::new(path, setting.origin))?.value),
        other => other,
    };
    Ok(Setting::new(place, setting.origin))
}

fn absolute(setting: Setting<PathBuf>) -> Result<Setting<PathBuf>> {
    let what = || format!("cannot use the path `{}` ({})", setting.value.display(), setting.origin);
    match std::path::absolute(&setting.value) {
        Ok(path) => Ok(Setting::new(path, setting.origin)),
        Err(error) => Err(Error::caused(ErrorKind::Usage, what(), error).with_hint("Write the path from /.")),
    }
}

fn secret(
    options: &Global,
    env: &dyn Fn(&str) -> Option<OsString>,
    file: &FileSettings,
) -> Result<Setting<SecretSource>> {
    use SecretSource as S;
    let flags = [
        options.key_file.clone().map(|path| (S::KeyFile(path), "--key-file")),
        options.password_file.clone().map(|path| (S::PasswordFile(path), "--password-file")),
        options.password_command.clone().map(|command| (S::PasswordCommand(command), "--password-command")),
    ];
    if let Some((source, name)) = only_one(flags)? {
        return Ok(Setting::new(source, Origin::Flag(name)));
    }
    let variables = [
        env("ENAMEL_KEY_FILE").map(|path| (S::KeyFile(path.into()), "ENAMEL_KEY_FILE")),
        password_variable(env, PASSWORD)?.map(|password| (S::Password(password), PASSWORD)),
    ];
    if let Some((source, name)) = only_one(variables)? {
        return Ok(Setting::new(source, Origin::Environment(name)));
    }
    let from_file = (file.key_file.clone().map(S::KeyFile))
        .or_else(|| file.password_file.clone().map(S::PasswordFile))
        .or_else(|| file.password_command.clone().map(S::PasswordCommand));
    Ok(match from_file {
        Some(source) => Setting::new(source, Origin::File),
        None => Setting::new(S::Prompt, Origin::Default),
    })
}

/// The one of `choices` that was made, with its name.
fn only_one<T, const N: usize>(choices: [Option<(T, &'static str)>; N]) -> Result<Option<(T, &'static str)>> {
    let mut made = choices.into_iter().flatten();
    let first = made.next();
    match (&first, made.next()) {
        (Some((_, a)), Some((_, b))) => Err(Error::new(
            ErrorKind::Usage,
            format!("{a} and {b} are both set, but only one can unlock the repository"),
        )
        .with_hint("Leave one of them out; `enamel config show` says where each comes from.")),
        _ => Ok(first),
    }
}

fn password_variable(env: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<Zeroizing<String>>> {
    let text = env(name).map(OsString::into_string).transpose();
    let text = text.map_err(|_| {
        Error::new(ErrorKind::Usage, format!("{name} is not UTF-8 text"))
            .with_hint("Set the variable again, or put the value into a file and name that.")
    })?;
    Ok(text.map(Zeroizing::new))
}
