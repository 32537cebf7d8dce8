//! `enamel config`: the settings in effect, and whether they work.

pub mod conditions;
mod effective;
mod notices;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Subcommand;
use engine::database::{Address, Connection, Server};
use engine::repository::{Repository, conditions_failed};
use engine::store::s3::Lock;
use engine::store::{Attempt, Locks, StoreErrorKind};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use serde::Serialize;

use conditions::{ConditionsMessage, Tried};
use effective::effective;

use crate::context::{Context, without_locks};
use crate::database::DatabaseArgs;
use crate::exit::{Exit, after_printing};
use crate::profile::{ProfileArgs, images_in_words};
use crate::settings::{Place, Storage};
use crate::stores::open_local;
use crate::ui::{Align, Table, Tone, format};

/// Columns before the message of a check.
const CHECK_LABEL: usize = 30;

/// Show or check the settings.
///
/// Options on the command line win over the environment, and the environment wins over enamel.toml. Enamel reads the
/// file that --config or ENAMEL_CONFIG names; otherwise ~/.config/enamel/enamel.toml, or if that does not exist
/// /etc/enamel/enamel.toml. It does not read a file beside the repository: the host of the storage can write there, and
/// would decide what is saved and kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An enamel.toml, in which all is optional; paths are relative to its folder
  repository = \"/mnt/backup/practice\"
  key-file = \"practice.key\"       # or password-file, or password-command
  sources = [\"/srv/opendental/images\", \"/srv/dumps\"]
  excludes = [\"*.tmp\", \"Thumbs.db\"]
  exclude-files = [\"excludes.txt\"]
  tags = [\"hourly\"]
  one-file-system = true
  exclude-caches = true
  cache-dir = \"/var/cache/enamel\"
  state-dir = \"/var/lib/enamel\"   # what this computer has seen of repositories
  append-only = true              # delete and replace nothing in the repository
  database = \"mysql://enamel@db.example\"
  schemas = [\"opendental\"]        # without it all but the server's own
  defaults-file = \"my.cnf\"        # or database-password-file
  tls = true                      # also tls-ca, tls-cert, tls-key,
                                  # tls-any-name, tls-skip-verify
  profile = \"opendental\"          # the application: its images are saved, too
  map-paths = [\"\\\\\\\\SERVER\\\\OpenDentImages=/mnt/images\"]
  [s3]                            # of a repository `s3://BUCKET/PREFIX`; keys
                                  # never stand here
  endpoint = \"https://s3.example\" # or AWS_ENDPOINT_URL; without one it is AWS
  region = \"eu-central-1\"         # or AWS_REGION
  bucket-in = \"path\"              # or \"host\"; where the bucket stands in a URL
  ca = \"storage-ca.pem\"           # or AWS_CA_BUNDLE; trusted besides the
                                  # system's
  proxy = \"http://proxy:3128\"     # or HTTPS_PROXY
  give-up-after = \"10min\"         # how long the storage may fail before a
                                  # command ends with an error
  wait-for-others = \"30min\"       # how long a backup waits for a prune, in
                                  # storage without conditional writes
  protect = \"35d\"                 # lock what snapshots need, after a backup;
                                  # see `enamel protect`
  limit-upload = \"2M\"             # or --limit-upload; bytes a second; also
                                  # limit-download
  profile = \"office\"              # or AWS_PROFILE; also credentials-file, else
                                  # ~/.aws/credentials
  [retention]                     # what `enamel forget` keeps
  keep-hourly = 48                # also keep-last, -daily, -weekly, -monthly,
                                  # -quarterly, -yearly
  keep-within = \"30d\"             # also keep-within-hourly to -yearly
  keep-tag = [\"audit\"]
  keep-log = \"7d\"                 # any moment of the last 7 days of a database;
                                  # older binary logs go
  group-by = \"host,roots\"
  [purge.old-faxes]               # a category of `enamel purge plan`
  table = \"fax\"
  date = \"ReceivedAt\"             # a column; rows of other tables go along:
  children = [{ table = \"faxpage\", column = \"FaxNum\" }]
  condition = \"Status = 3\"        # must also hold: columns, values, = <> < >,
                                  # AND OR NOT, IN, BETWEEN, LIKE, IS NULL
  keep-years = 2                  # the plan warns of younger rows
  [hooks]                         # lines of shell, after `enamel backup`: when
                                  # a snapshot was made, and when none was
  after = \"curl -fsS https://monitor.example/practice\"
  on-failure = \"echo \\\"$ENAMEL_MESSAGE\\\" | mail -s backup it@example.com\"
  time-limit = \"5min\"             # then a command is ended
  [schedule] and [notify]         # see `enamel agent --help` and
                                  # `enamel notify --help`

A command of [hooks] finds in its environment ENAMEL_SNAPSHOT (an id, or nothing), ENAMEL_STATUS (the exit status), \
ENAMEL_PROBLEMS (how many things could not be saved) and ENAMEL_MESSAGE (what happened, in words). What it prints goes to \
standard error. If `after` fails, a backup that was done exits with 3.

Examples
  enamel config show
  enamel config check --config /etc/enamel/enamel.toml

Exit status: 0 done; otherwise that of the first thing that failed: 1, 2 a setting makes no sense, 10 no repository, \
12 wrong password")]
pub struct ConfigArgs {
    #[command(subcommand)]
    action: ConfigAction,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Show the settings in effect, where each came from, and the repository's own
    #[command(after_help = "\
Example
  enamel config show --repo /mnt/backup/practice

Exit status: 0 done, 1 failed, 2 a setting makes no sense, 10 no repository, 12 wrong password")]
    Show,
    /// Check the settings file, repository, key, cache, storage, sources, notices and database
    #[command(after_help = "\
Example
  enamel config check --config /etc/enamel/enamel.toml

Exit status: 0 all is well; otherwise that of the first thing that failed: 1, 2 a setting makes no sense, 10 no \
repository, 12 wrong password")]
    Check,
    /// Run the part of `config check` that needs a second process
    #[command(hide = true)]
    Attempt {
        /// `lock`, or the name of an object
        what: String,
    },
}

#[derive(Serialize)]
struct SettingMessage<'a> {
    name: &'a str,
    value: &'a str,
    origin: &'a str,
}

#[derive(Serialize)]
struct RepositoryMessage<'a> {
    id: String,
    location: String,
    format_version: u32,
    config_version: u64,
    keyring_version: u64,
    created: String,
    flags_read: &'a [String],
    flags_write: &'a [String],
    flags_prune: &'a [String],
    conditions: Option<ConditionsMessage>,
    pack_bytes: u64,
    zstd_level: i32,
    profiles: Vec<ProfileMessage<'a>>,
}

#[derive(Serialize)]
struct ProfileMessage<'a> {
    name: &'a str,
    min: u32,
    average: u32,
    max: u32,
}

#[derive(Serialize)]
struct CheckMessage<'a> {
    name: &'a str,
    ok: bool,
    message: String,
}

/// Runs the sub-command.
///
/// # Errors
/// `show`: the repository cannot be opened.
pub fn run(args: &ConfigArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        ConfigAction::Show => show(context),
        ConfigAction::Check => check(context),
        ConfigAction::Attempt { what } => attempt(context, what),
    }
}

fn show(context: &Context<'_>) -> Result<Exit> {
    let ui = context.ui;
    let mut table = Table::new(&[("SETTING", Align::Whole), ("VALUE", Align::Left), ("FROM", Align::Whole)]);
    for [name, value, origin] in effective(context) {
        if ui.is_json() {
            ui.message("setting", SettingMessage { name: &name, value: &value, origin: &origin })?
        } else {
            table.row([name, value, origin])
        }
    }
    if !ui.is_json() {
        ui.table(&table)?;
    }
    if context.settings.repository.is_none() {
        return Ok(Exit::Done);
    }
    let repo = context.open(Access::Read)?;
    show_repository(context, &repo)?;
    Ok(Exit::Done)
}

fn show_repository(context: &Context<'_>, repo: &Repository) -> Result<()> {
    let ui = context.ui;
    let config = repo.config();
    let created = format::seconds(config.created);
    if ui.is_json() {
        let profiles = config.profiles.iter();
        let message = RepositoryMessage {
            id: repo.id().to_string(),
            location: repo.location(),
            format_version: config.format_version,
            config_version: config.version,
            keyring_version: repo.keyring_version(),
            created: format::rfc3339(created),
            flags_read: &config.flags_read,
            flags_write: &config.flags_write,
            flags_prune: &config.flags_prune,
            conditions: config.conditions.map(conditions::message),
            pack_bytes: config.pack_bytes,
            zstd_level: config.zstd_level,
            profiles: profiles
                .map(|p| ProfileMessage { name: &p.name, min: p.min, average: p.average, max: p.max })
                .collect(),
        };
        return ui.message("repository", message);
    }
    let flags = |flags: &[String]| if flags.is_empty() { "none".to_owned() } else { flags.join(", ") };
    ui.line(format_args!("\nrepository {}", repo.id()))?;
    let mut fields = vec![
        ("location", repo.location()),
        ("created", format::time(created)),
        ("format", format!("{}, config version {}", config.format_version, config.version)),
        ("keyring", format!("version {}", repo.keyring_version())),
        ("flags to read", flags(&config.flags_read)),
        ("flags to write", flags(&config.flags_write)),
        ("flags to prune", flags(&config.flags_prune)),
        ("conditions", config.conditions.map_or_else(|| "never noted".to_owned(), conditions::describe)),
        ("pack size", format::bytes(config.pack_bytes)),
        ("zstd level", config.zstd_level.to_string()),
    ];
    for profile in &config.profiles {
        let sizes = [profile.min, profile.average, profile.max].map(|size| format::bytes(size.into()));
        fields.push(("chunks", format!("{}: {}", profile.name, sizes.join(" / "))));
    }
    ui.fields(&fields)
}

fn check(context: &Context<'_>) -> Result<Exit> {
    let settings = &context.settings;
    let mut exit = Exit::Done;
    let mut report = |name: &str, result: Result<String>| {
        if let (Exit::Done, Err(error)) = (exit, &result) {
            exit = Exit::of(error.kind());
        }
        print_check(context, name, result)
    };
    let mut checks = || {
        // The file was checked when it was read: a wrong one does not get this far.
        let file = settings.file_path.as_ref().map_or_else(|| "none found".into(), |path| path.display().to_string());
        report("settings file", Ok(file))?;
        let tried = Tried::try_storage(context);
        let found = tried.as_ref().ok().map(|tried| tried.found);
        report("storage", tried.map(|tried| tried.to_string()))?;
        report("locks", check_locks(context))?;
        report("deletion", check_guards(context))?;
        report("cache", check_cache(context))?;
        let opened = context.open(Access::Write);
        if let (Ok(repo), Some(found)) = (&opened, found) {
            conditions::note(context, repo, found);
        }
        report("repository and key", opened.map(|repo| format!("{} opened", format::short(repo.id()))))?;
        settings.file.sources.iter().try_for_each(|source| report("source", check_source(source)))?;
        notices::check(&settings.file.notify).map_or(Ok(()), |notices| report("notices", notices))?;
        match DatabaseArgs::default().address(context).transpose() {
            Some(address) => {
                let found = address.and_then(|address| check_database(&address).map(|said| (address, said)));
                let address = found.as_ref().ok().map(|(address, _)| address.clone());
                report("database", found.map(|(_, said)| said))?;
                let images = address.and_then(|address| check_images(&address, context).transpose());
                images.map_or(Ok(()), |images| report("images", images))
            }
            None => Ok(()),
        }
    };
    let printed = checks();
    after_printing(exit, printed)
}

fn print_check(context: &Context<'_>, name: &str, result: Result<String>) -> Result<()> {
    let ok = result.is_ok();
    let message = match result {
        Ok(message) => message,
        Err(error) => engine::error::chain(&error),
    };
    if context.ui.is_json() {
        context.ui.message("check", CheckMessage { name, ok, message })
    } else {
        let state = if ok { (Tone::Good, "ok    ") } else { (Tone::Bad, "FAILED") };
        let label = format!("{}  {name:<18}  ", context.ui.state(state.0, state.1));
        context.ui.labelled(&label, CHECK_LABEL, &message)
    }
}

/// Locks that hold on this machine only are enough for everything that promises no more. Locks that hold nowhere are reported.
fn check_locks(context: &Context<'_>) -> Result<String> {
    let Some(path) = context.repository_folder()? else {
        return Ok("none are needed: object storage has conditional writes, or leases take their place".to_owned());
    };
    let config = context.settings.file_path.as_ref();
    let other = |attempt: &Attempt| {
        let mut other = Command::new(std::env::current_exe()?);
        other.arg("--repo").arg(path).args(config.map(|_| "--config")).args(config);
        let answer = other.args(["config", "attempt", &attempt.to_string()]).stdin(Stdio::null()).output()?;
        match (answer.status.success(), answer.stdout.trim_ascii()) {
            (true, b"done") => Ok(true),
            (true, b"refused") => Ok(false),
            _ => Err(std::io::Error::other(String::from_utf8_lossy(&answer.stderr).trim().to_owned())),
        }
    };
    let locks = open_local(path)?.try_with(&other).map_err(|failure| conditions_failed(path.display(), failure))?;
    match (without_locks(&locks), locks) {
        (None, _) => Ok("they keep others out".to_owned()),
        (Some(message), Locks::OfThisMachine(_)) => Ok(message),
        (Some(message), _) => Err(Error::new(ErrorKind::Refused, message)),
    }
}

/// Tries something as the second process of `config check`, and says what came of it.
fn attempt(context: &Context<'_>, what: &str) -> Result<Exit> {
    let attempt: Attempt = what.parse().map_err(|why| Error::new(ErrorKind::Usage, format!("`{what}`: {why}")))?;
    let Some(path) = context.repository_folder()? else {
        return Err(Error::new(ErrorKind::Usage, "only a repository in a folder has locks to try"));
    };
    let done = open_local(path)?.attempt(&attempt)?;
    context.ui.line(if done { "done" } else { "refused" })?;
    Ok(Exit::Done)
}

/// The guards against deletion; fails if a rule of the bucket deletes.
fn check_guards(context: &Context<'_>) -> Result<String> {
    let Place::ObjectStorage(address) = context.repository_place()? else {
        return Ok("whoever may write to this folder may delete in it; see `enamel backup --append-only`".to_owned());
    };
    let guards = match context.object_storage(address, Storage::Repository)?.guards() {
        Err(error) if error.kind == StoreErrorKind::PermissionDenied => {
            return Ok("this account may not ask for the rules of the bucket: ask its administrator whether one deletes objects".to_owned());
        }
        guards => guards?,
    };
    if !guards.harmful.is_empty() {
        let message = format!("the bucket would destroy the repository: {}", guards.harmful.join("; "));
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("let rules expire noncurrent versions only, or other prefixes"));
    }
    Ok(match (guards.lock, guards.keeps_versions) {
        (Lock::Days(days), _) => {
            format!(
                "every new object is locked for {}; `enamel protect` extends that",
                format::counted(days.into(), "day")
            )
        }
        (Lock::OnRequest, _) => {
            "objects can be locked, and new ones are not: set a default retention for the bucket".to_owned()
        }
        (Lock::None, true) => {
            "what is deleted stays as an older version, see `enamel recover`; nothing is locked".to_owned()
        }
        (Lock::None, false) => {
            "nothing protects objects: whoever has the keys of this account can delete them".to_owned()
        }
    })
}

fn check_cache(context: &Context<'_>) -> Result<String> {
    let Some(folder) = context.cache_dir() else {
        return Ok("none: this user has no home folder, so every run reads the index again".to_owned());
    };
    let tried =
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    match tried {
        Ok(_) => Ok(folder.display().to_string()),
        Err(e) => Err(Error::caused(ErrorKind::Cache, format!("cannot write to {}", folder.display()), e)),
    }
}

fn check_database(address: &Address) -> Result<String> {
    let server = Server::detect(&mut Connection::open(address)?)?;
    Ok(format!("{}, {}", address.public(), server.version_text))
}

/// Where the images of the application are, if the settings name one.
fn check_images(address: &Address, context: &Context<'_>) -> Result<Option<String>> {
    let file = &context.settings.file;
    let Some((profile, map)) = ProfileArgs::default().request(file)? else { return Ok(None) };
    images_in_words(address, &file.schemas, (profile, &map)).map(|notes| Some(notes.join("; ")))
}

/// Whether a source can be reached, and its name.
///
/// # Errors
/// It cannot.
pub fn check_source(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}", path.display());
    let metadata = path.symlink_metadata().map_err(|e| Error::io(what(), e))?;
    if metadata.is_dir() {
        std::fs::read_dir(path).map_err(|e| Error::io(what(), e))?;
    } else if metadata.is_file() {
        std::fs::File::open(path).map_err(|e| Error::io(what(), e))?;
    }
    Ok(path.display().to_string())
}
