//! `enamel backup`: a new snapshot of folders, files and streams.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::chunk::ProfileName;
use engine::database::{Connection, list_schemas};
use engine::dump::{DatabaseSource, Extent};
use engine::error::chain;
use engine::files::backup::{BackupOptions, BackupOutcome, Missing, ParentChoice, Trust};
use engine::files::source::exclude::ExcludeOptions;
use engine::monitor::Monitor;
use engine::profile::{FoundApplication, missing_in};
use engine::repository::Repository;
use engine::session::WriterOptions;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::entry::check_name;
use repo_format::node::ProblemKind;

use crate::commands::init::host_name;
use crate::commands::{accept, check, protect, supplemental};
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::duration::parse_duration;
use crate::environment::{program, user_name};
use crate::exit::{Exit, after_printing};
use crate::hooks::{self, Report};
use crate::mark::{parse_host, parse_new_tag};
use crate::profile::{ProfileArgs, look};
use crate::snap::Snap;
use crate::ui::{Ui, format};

mod log;
mod sources;
mod summary;
mod turn;

pub use sources::source_path;
pub use summary::print_summary;

use sources::{is_device_or_pipe, own_folders, sources};
use turn::Turn;

const IGNORE_FILE_NAME: &str = ".enamelignore";

/// Save folders, files or the output of a program as a new snapshot.
///
/// Everything given becomes one snapshot. Enamel does not read files again that look unchanged since the last snapshot,
/// and does not store again what the repository holds already. Without PATH, --exec and --stdin it saves the `sources`
/// of enamel.toml. Tags given here replace those of enamel.toml; exclude patterns are added to them. A file
/// `.enamelignore` in a folder lists patterns, as in .gitignore, of files to leave out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel backup /srv/opendental/images --tag hourly
  enamel backup                                        what enamel.toml says
  enamel backup --exec practice.sql -- pg_dump practice

With --exec a program that fails makes no snapshot. If a program that feeds --stdin fails, Enamel saves what it wrote until then.

Exit status: 0 done; 3 saved, but something could not be read: it is named, and the snapshot lists it; 4 saved, and rows \
            of an earlier snapshot proved to be lost in the repository; 1 failed, 2 usage, 10 no repository, \
            11 another run took over, 12 wrong password, 130 interrupted")]
pub struct BackupArgs {
    /// Folders and files to save
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run the COMMAND after `--`, without a shell, and save its output as a file of this name; if it fails, there is
    /// no snapshot
    #[arg(long, value_name = "NAME", value_parser = parse_stream_name, requires = "command", visible_alias = "stdin-from-command")]
    exec: Option<String>,
    /// The program of --exec, and its arguments; it does not get the passwords in the environment of enamel
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// Save standard input as a file of this name
    #[arg(long, value_name = "NAME", value_parser = parse_stream_name)]
    stdin: Option<String>,
    /// Save PATH as if it were here, for a copy of a disk or a moved folder; give it once for each PATH
    #[arg(long, value_name = "OLD")]
    as_path: Vec<PathBuf>,
    /// Give the snapshot a tag; can be given several times
    #[arg(long = "tag", value_name = "TAG", value_parser = parse_new_tag)]
    tags: Vec<String>,
    /// Leave out files and folders that match this pattern, as in .gitignore; can be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Leave out files and folders that match a pattern in this file; can be given several times
    #[arg(long, value_name = "FILE")]
    exclude_file: Vec<PathBuf>,
    /// Leave out folders that a CACHEDIR.TAG marks as caches
    #[arg(long)]
    exclude_caches: bool,
    /// Do not follow folders into other file systems
    #[arg(long)]
    one_file_system: bool,
    /// Ignore .enamelignore files
    #[arg(long)]
    no_ignore_files: bool,
    /// Compare with this snapshot, or with `none` to read every file [default: for each source the newest of this host]
    #[arg(long, value_name = "SNAP|none", value_parser = OsStringValueParser::new().try_map(parse_parent))]
    parent: Option<Parent>,
    /// Accept that a source holds much less than before, or that nothing is mounted in it any more
    #[arg(long)]
    allow_less: bool,
    /// Which attributes must be the same for a file to count as unchanged: inode, size and times, or size and mtime
    /// (for network shares)
    #[arg(long, value_name = "HOW", default_value = "inode")]
    trust: TrustArg,
    /// Cut everything as this kind of data [default: by the names of files]
    #[arg(long, value_name = "KIND")]
    data_kind: Option<DataKind>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Save the users of the database server and their grants, too
    #[arg(long, help_heading = "Database options")]
    with_grants: bool,
    /// When somebody has waited this long for a lock of this backup, read the rest without locks, and name it
    #[arg(long, value_name = "DURATION", default_value = "2s", help_heading = "Database options", value_parser = parse_duration)]
    max_lock: Duration,
    /// Do not keep the server's binary log: what happened between snapshots cannot be restored then
    #[arg(long, help_heading = "Database options")]
    no_log: bool,
    /// Read all rows, and compare them with what the server's binary log says has changed since the last snapshot
    #[arg(long, help_heading = "Database options")]
    prove: bool,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Read and compare, but save nothing
    #[arg(long)]
    dry_run: bool,
    /// The machine that the snapshot is said to come from [default: this one's name]
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    host: Option<String>,
}

/// A command line of a backup, for another command that makes one.
#[derive(clap::Parser)]
struct OwnArgs {
    #[command(flatten)]
    args: BackupArgs,
}

impl BackupArgs {
    /// A backup of what enamel.toml says and of `database`, whose log somebody else keeps.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the command line of a backup does not take what is given here.
    pub fn beside_log(database: DatabaseArgs) -> Result<Self> {
        let own = <OwnArgs as clap::Parser>::try_parse_from(["backup", "--no-log"])
            .map_err(|e| Error::caused(ErrorKind::Usage, "cannot make a snapshot beside the log", e))?;
        Ok(BackupArgs { database, ..own.args })
    }

    /// The paths to save. Without --exec what follows `--` is a path, however it begins.
    fn paths(&self) -> Vec<PathBuf> {
        let behind = self.command.iter().filter(|_| self.exec.is_none()).map(PathBuf::from);
        self.paths.iter().cloned().chain(behind).collect()
    }

    /// Whether there is anything to save besides databases.
    fn names_files(&self) -> bool {
        !self.paths.is_empty() || !self.command.is_empty() || self.stdin.is_some()
    }
}

#[derive(Debug, Clone)]
enum Parent {
    None,
    Snap(Snap),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TrustArg {
    /// Inode, size, mtime and ctime are the same
    Inode,
    /// Size and mtime are the same
    #[value(name = "mtime,size", alias = "size,mtime")]
    MtimeSize,
}

impl From<DataKind> for ProfileName {
    fn from(kind: DataKind) -> Self {
        match kind {
            DataKind::Files => ProfileName::Files,
            DataKind::Images => ProfileName::Images,
            DataKind::Database => ProfileName::Database,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataKind {
    /// Documents and mixed folders
    Files,
    /// Images: large files that rarely change
    Images,
    /// Dumps of databases: many small changes
    Database,
}

/// Makes the snapshot.
///
/// # Errors
/// Nothing to save is named, or the snapshot could not be made.
pub fn run(args: &BackupArgs, context: &Context<'_>) -> Result<Exit> {
    let mut report = Report::default();
    context.expect_settings();
    let result = save(args, context, &mut report).map(|exit| context.ended(exit));
    if args.dry_run { result } else { hooks::run(context, &report, result) }
}

/// Waits for the turn of this backup, if this computer keeps a memory. A dry run changes nothing, and waits for nobody. Where
/// no lock can be made, a backup is still better than none: two at once harm nothing, and read everything twice.
fn turn(args: &BackupArgs, context: &Context<'_>) -> Result<Option<Turn>> {
    let Some(state_dir) = context.state_dir().filter(|_| !args.dry_run) else { return Ok(None) };
    let file = &context.settings.file;
    let is_from_file = !args.names_files() && args.database.database.is_none();
    let mut what = if is_from_file { file.sources.clone() } else { args.paths() };
    let database = if args.names_files() { &None } else { &file.database };
    what.extend(args.database.database.iter().chain(database).map(PathBuf::from));
    what.extend(args.exec.iter().chain(&args.stdin).map(PathBuf::from));
    let place = context.repository_place()?.to_string();
    match Turn::wait(&state_dir, &place, &what, context.ui) {
        Err(error) if error.kind() != ErrorKind::Cancelled => {
            context.ui.warn(format_args!("{}: this backup waits for no other of the same sources", chain(&error)));
            Ok(None)
        }
        turn => turn.map(Some),
    }
}

fn save(args: &BackupArgs, context: &Context<'_>, report: &mut Report) -> Result<Exit> {
    let _turn = turn(args, context)?;
    let mut database = database(args, context)?;
    let application = database.as_mut().map_or(Ok(Application::default()), |d| application(args, context, d))?;
    let administrator = application.administrator;
    let images: Vec<_> = application.images.into_iter().collect();
    let logged = database.as_ref().map(|source| source.address.clone()).filter(|_| !args.no_log && !args.dry_run);
    let mut checked = Exit::Done;
    if args.dry_run && database.take().is_some() {
        checked = check::exit(check::check_database(&args.database, context)?);
        if images.is_empty() && !args.names_files() {
            return Ok(checked);
        }
    }
    let sources = sources(args, context, images, database)?;
    let repo = context.open(Access::Write)?;
    let mut options = options(args, context, &repo)?;
    options.exclude.always = application.excludes;
    options.exclude.protected = own_folders(context)?;
    let outcome = engine::files::backup::backup(&repo, sources, &options, context.ui)?;
    report.saved(&outcome);
    accept::tell_of(&repo, &outcome.unanswered, context.ui);
    for rule in &outcome.held {
        let signals = outcome.statistics.signals.unwrap_or_default();
        context.ui.warn(format_args!(
            "the snapshot is held, as if its source had been attacked: {}; `enamel hold list` says what to do",
            rule.words(&signals)
        ));
    }
    summary::tell_shrunken(context.ui, &outcome);
    let has_found_damage = summary::tell_mended(context.ui, &outcome);
    let is_unanswered = outcome.unanswered.is_urgent();
    let is_incomplete = outcome.problem_count > 0 || is_unanswered || !outcome.held.is_empty();
    let exit = match checked {
        Exit::Done if has_found_damage => Exit::Damage,
        Exit::Done if is_incomplete => Exit::Incomplete,
        checked => checked,
    };
    notes(args, context.ui, &outcome);
    let exit = after_printing(exit, summary::print(context.ui, &outcome))?;
    let mut exit = exit;
    if let Some(address) = logged {
        let BackupOptions { host, user, program, .. } = options;
        let writer = WriterOptions { host, user, program, dry_run: false };
        exit = exit.then(log::keep(&repo, &address, &writer, context)?);
    }
    if args.dry_run {
        return Ok(exit);
    }
    if !outcome.databases.is_empty() {
        exit = exit.then(supplemental::after_backup(&repo, administrator.as_deref(), context)?);
    }
    Ok(exit.then(protect::after_backup(&repo, context)?))
}

/// The database to save, if one is named; nothing of it in a dry run, which says what would be found.
fn database(args: &BackupArgs, context: &Context<'_>) -> Result<Option<DatabaseSource>> {
    let Some(address) = args.database.address(context)? else {
        return match args.profile.request(&context.settings.file)?.filter(|_| args.profile.is_asked_for()) {
            Some((profile, _)) => {
                let message = format!("--profile {} needs a database, and this backup saves none", profile.name);
                Err(Error::new(ErrorKind::Usage, message)
                    .with_hint("Name the database with --database URL, or leave --profile out."))
            }
            None => Ok(None),
        };
    };
    let source = DatabaseSource {
        schemas: args.database.schemas(context),
        with_accounts: args.with_grants,
        wait_max: args.max_lock,
        extent: if args.prove { Extent::Prove } else { Extent::Changes },
        ..DatabaseSource::new(address)
    };
    Ok(Some(source))
}

/// The part of a backup that an application adds: the folder of its images, and patterns to leave out of it.
#[derive(Default)]
struct Application {
    images: Option<PathBuf>,
    excludes: Vec<String>,
    /// The user who may administer it and logged in last, if a supplemental backup wants to know.
    administrator: Option<String>,
}

/// Looks for the application in `source` if the user asked for one, and has its files checked.
fn application(args: &BackupArgs, context: &Context<'_>, source: &mut DatabaseSource) -> Result<Application> {
    let Some((profile, map)) = args.profile.request(&context.settings.file)? else {
        return Ok(Application::default());
    };
    let mut connection = Connection::open(&source.address)?;
    let schemas = list_schemas(&mut connection, &source.schemas)?;
    let (inspection, images) = look(&mut connection, (profile, &map), &schemas)?;
    inspection.images.notes(profile).iter().for_each(|note| context.ui.note(note));
    let administrator = supplemental::newest_administrator(&mut connection, profile, &schemas, context);
    source.profile = Some(inspection.record.clone());
    let (excludes, server) = (inspection.excludes.clone(), source.address.public());
    source.companion = Some(Box::new(move |reader, top, parent, found| {
        let application = FoundApplication { profile, inspection: &inspection, server: &server };
        missing_in(reader, &application, top, parent, &mut |file| {
            let message = format!("the file of {} {} is missing", profile.documents.table, file.key);
            found(Missing { path: file.path, message, parent: file.parent })
        })
        .map(|check| check.map(|check| check.rows))
    }));
    Ok(Application { images, excludes, administrator })
}

/// Another thing that the user may have meant.
fn notes(args: &BackupArgs, ui: &Ui, outcome: &BackupOutcome) {
    for pattern in args.exclude.iter().filter(|pattern| outcome.unused_patterns.contains(pattern)) {
        ui.note(&format!("the pattern of --exclude {pattern} left nothing out"));
    }
    if outcome.problems.iter().any(|problem| problem.kind == ProblemKind::Less) {
        ui.note("if you meant a source to hold less than before, save it once with --allow-less");
    }
    for path in args.paths().iter().filter(|path| is_device_or_pipe(path)) {
        ui.note(&format!("--exec NAME -- COMMAND saves what a program reads from {}", path.display()));
    }
    if outcome.specials > 0 && ui.is_verbose() {
        let specials = format::counted(outcome.specials, "special file");
        ui.note(&format!("{specials} (devices, FIFOs, sockets): saved as such, without the data that they deliver"));
    }
}

fn options(args: &BackupArgs, context: &Context<'_>, repo: &Repository) -> Result<BackupOptions> {
    let file = &context.settings.file;
    let parent = match &args.parent {
        None => ParentChoice::Newest,
        Some(Parent::None) => ParentChoice::None,
        Some(Parent::Snap(snap)) => ParentChoice::Snapshot(context.select(repo, snap)?.id),
    };
    let trust = match args.trust {
        TrustArg::Inode => Trust::Inode,
        TrustArg::MtimeSize => Trust::SizeAndTime,
    };
    let exclude = ExcludeOptions {
        patterns: file.excludes.iter().chain(&args.exclude).cloned().collect(),
        pattern_files: file.exclude_files.iter().chain(&args.exclude_file).cloned().collect(),
        ignore_file_name: (!args.no_ignore_files).then(|| IGNORE_FILE_NAME.to_owned()),
        caches: args.exclude_caches || file.exclude_caches,
        ..ExcludeOptions::default()
    };
    Ok(BackupOptions {
        tags: if args.tags.is_empty() { file.tags.clone() } else { args.tags.clone() },
        host: args.host.clone().unwrap_or_else(host_name),
        user: user_name(),
        program: program(),
        exclude,
        one_file_system: args.one_file_system || file.one_file_system,
        parent,
        trust,
        profile: args.data_kind.map(ProfileName::from),
        dry_run: args.dry_run,
        allow_less: args.allow_less,
    })
}

fn parse_parent(text: OsString) -> std::result::Result<Parent, String> {
    if text == "none" { Ok(Parent::None) } else { Snap::parse_whole(text).map(Parent::Snap) }
}

fn parse_stream_name(name: &str) -> std::result::Result<String, String> {
    match check_name(name.as_bytes()) {
        Ok(()) => Ok(name.to_owned()),
        Err(_) => Err("it must be the name of a file, without a folder".into()),
    }
}
