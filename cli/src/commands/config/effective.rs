//! The settings in effect, as `enamel config show` lists them.

use std::path::Path;

use engine::database::{TlsParts, Verify};

use crate::context::Context;
use crate::environment::DATABASE_PASSWORD;
use crate::retention::Keep;
use crate::schedule::ScheduleSettings;
use crate::settings::{FileSettings, Mode, Setting, Settings};

/// Names, values and origins of all settings.
pub fn effective(context: &Context<'_>) -> Vec<[String; 3]> {
    let settings = &context.settings;
    let file = &settings.file;
    let unset = || ["not set".to_owned(), "default".to_owned()];
    let path = |setting: &Option<Setting<std::path::PathBuf>>| match setting {
        Some(setting) => [setting.value.display().to_string(), setting.origin.to_string()],
        None => unset(),
    };
    let repository = match &settings.repository {
        Some(setting) => [setting.value.to_string(), setting.origin.to_string()],
        None => unset(),
    };
    let in_file = |set: bool, value: String| if set { [value, "enamel.toml".into()] } else { unset() };
    let command = |command: &Option<String>| in_file(command.is_some(), command.clone().unwrap_or_default());
    let paths =
        |paths: &[std::path::PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let settings_file = settings.file_path.as_ref().map_or_else(|| "none found".into(), |p| p.display().to_string());
    let unused = settings.unused_file.as_ref().map(|path| [format!("{}, not read", path.display()), String::new()]);
    let rows = [
        ("settings file", [settings_file, String::new()]),
        ("repository", repository),
        ("unlocked by", [settings.secret.value.describe(), settings.secret.origin.to_string()]),
        ("cache-dir", path(&settings.cache_dir)),
        ("state-dir", path(&settings.state_dir)),
        ("append-only", append_only(settings)),
        ("sources", in_file(!file.sources.is_empty(), paths(&file.sources))),
        ("excludes", in_file(!file.excludes.is_empty(), file.excludes.join(", "))),
        ("exclude-files", in_file(!file.exclude_files.is_empty(), paths(&file.exclude_files))),
        ("tags", in_file(!file.tags.is_empty(), file.tags.join(", "))),
        ("one-file-system", in_file(file.one_file_system, "true".into())),
        ("exclude-caches", in_file(file.exclude_caches, "true".into())),
        ("database", in_file(file.database.is_some(), file.database.clone().unwrap_or_default())),
        ("schemas", in_file(!file.schemas.is_empty(), file.schemas.join(", "))),
        ("defaults-file", in_file(file.defaults_file.is_some(), paths(file.defaults_file.as_slice()))),
        ("database password", database_password(settings)),
        ("tls", in_file(file.tls() != TlsParts::default(), describe_tls(&file.tls()))),
        ("profile", in_file(file.profile.is_some(), file.profile.clone().unwrap_or_default())),
        ("map-paths", in_file(!file.map_paths.is_empty(), file.map_paths.join(", "))),
        ("after", command(&file.hooks.after)),
        ("on-failure", command(&file.hooks.on_failure)),
        (
            "retention",
            in_file(file.retention.is_some(), file.retention.as_ref().map(Keep::to_string).unwrap_or_default()),
        ),
        ("purge", in_file(!file.purge.is_empty(), file.purge.keys().cloned().collect::<Vec<_>>().join(", "))),
    ];
    let rows = rows.into_iter().chain(sections(file));
    let unused = unused.map(|row| ("beside the repository", row));
    rows.chain(unused).map(|(name, [value, origin])| [name.to_owned(), value, origin]).collect()
}

fn append_only(settings: &Settings) -> [String; 2] {
    let value = if settings.append_only.value { "true" } else { "false" };
    [value.to_owned(), settings.append_only.origin.to_string()]
}

/// Where the password of the database comes from when the command does not say it.
fn database_password(settings: &Settings) -> [String; 2] {
    let file = settings.file.database_password_file.as_ref().map(|path| format!("password file {}", path.display()));
    match (&settings.database_password, file) {
        (Some(_), _) => ["password".into(), DATABASE_PASSWORD.into()],
        (None, Some(file)) => [file, "enamel.toml".into()],
        (None, None) => ["not set".into(), "default".into()],
    }
}

fn describe_tls(tls: &TlsParts) -> String {
    let files = [("ca", &tls.authority), ("cert", &tls.certificate), ("key", &tls.key)];
    let files = files.into_iter().filter_map(|(name, path)| Some(format!("{name} {}", path.as_ref()?.display())));
    let wanted = if tls.wanted == Some(false) { "off" } else { "on" };
    let skipped = match tls.verify {
        Some(Verify::Nothing) => Some("any certificate".to_owned()),
        Some(Verify::Authority) => Some("any name".to_owned()),
        Some(Verify::Name) | None => None,
    };
    std::iter::once(wanted.to_owned()).chain(files).chain(skipped).collect::<Vec<_>>().join(", ")
}

/// The sections of enamel.toml that tell of more than one thing, each in a line.
fn sections(file: &FileSettings) -> Vec<(&'static str, [String; 2])> {
    let origin = |is_set| if is_set { "enamel.toml" } else { "default" }.to_owned();
    let or_unset = |text: String| if text.is_empty() { "not set".to_owned() } else { text };
    let ways = super::notices::ways(&file.notify);
    let copies = &file.supplemental;
    let place = copies.repository.as_deref().map(Path::display).map(|place| format!(", {place}"));
    let is_copied = copies.mode != Mode::Off || copies.repository.is_some();
    vec![
        ("schedule", [schedule(&file.schedule), origin(file.schedule != ScheduleSettings::default())]),
        ("notify", [or_unset(ways.join(", ")), origin(!ways.is_empty())]),
        ("supplemental", [format!("{}{}", copies.mode.name(), place.unwrap_or_default()), origin(is_copied)]),
    ]
}

fn schedule(settings: &ScheduleSettings) -> String {
    let lines = [
        ("office-hours", &settings.office_hours),
        ("backup", &settings.backup),
        ("otherwise", &settings.otherwise),
        ("copy", &settings.copy),
        ("verify", &settings.verify),
        ("drill", &settings.drill),
        ("forget", &settings.forget),
    ];
    lines.map(|(name, value)| format!("{name} {value}")).join(", ")
}
