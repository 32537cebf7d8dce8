//! `enamel backup`: a new snapshot of folders, files and streams.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::backup::{BackupOptions, BackupOutcome, DatabaseSource, Missing, ParentChoice, Source, Trust};
use engine::database::{Connection, list_schemas};
use engine::monitor::Monitor;
use engine::profile::{ImagePlace, inspect, missing_in};
use engine::repository::Repository;
use engine::source::exclude::ExcludeOptions;
use engine::source::path::absolute;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::entry::check_name;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use crate::commands::check;
use crate::commands::init::host_name;
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::duration::parse_duration;
use crate::environment::user_name;
use crate::exec::ProgramOutput;
use crate::exit::{Exit, after_printing};
use crate::hooks::{self, Report};
use crate::interrupt::Interrupt;
use crate::profile::ProfileArgs;
use crate::snap::{Snap, parse_tag};
use crate::ui::{Ui, format, json};

const IGNORE_FILE_NAME: &str = ".enamelignore";

/// Save folders, files or the output of a program as a new snapshot.
///
/// Everything given becomes one snapshot. Files that look unchanged since the last snapshot are not read again; what the
/// repository holds already is not stored again. Without PATH, --exec and --stdin the `sources` of enamel.toml are saved. Tags
/// given here replace those of enamel.toml; exclude patterns are added to them. A file `.enamelignore` in a folder lists
/// patterns, in the manner of .gitignore, of what to leave out of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel backup /srv/opendental/images --tag hourly
  enamel backup                                        what enamel.toml says
  enamel backup --exec practice.sql -- pg_dump practice

With --exec a program that fails makes no snapshot. If a program that feeds --stdin fails, what it wrote until then is saved.

Exit status: 0 done; 3 saved, but something could not be read: it is named, and the snapshot lists it; 1 failed, 2 usage, \
            10 no repository, 11 another run took over, 12 wrong password, 130 interrupted")]
pub struct BackupArgs {
    /// Folders and files to save
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run the COMMAND after `--`, without a shell, and save its output as a file of this name; if it fails, there is no snapshot
    #[arg(long, value_name = "NAME", value_parser = parse_stream_name, requires = "command", visible_alias = "stdin-from-command")]
    exec: Option<String>,
    /// The program of --exec, and its arguments; it does not get the passwords in the environment of enamel
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// Save standard input as a file of this name
    #[arg(long, value_name = "NAME", value_parser = parse_stream_name)]
    stdin: Option<String>,
    /// Save PATH as if it were here, as a copy of a disk or a moved folder; give it once for each PATH
    #[arg(long, value_name = "OLD")]
    as_path: Vec<PathBuf>,
    /// Give the snapshot a tag; can be given several times
    #[arg(long = "tag", value_name = "TAG", value_parser = parse_tag)]
    tags: Vec<String>,
    /// Leave out what matches this pattern, as in .gitignore; can be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Leave out what matches a pattern in this file; can be given several times
    #[arg(long, value_name = "FILE")]
    exclude_file: Vec<PathBuf>,
    /// Leave out folders that a CACHEDIR.TAG marks as caches
    #[arg(long)]
    exclude_caches: bool,
    /// Do not follow folders into other file systems
    #[arg(long)]
    one_file_system: bool,
    /// Pay no heed to .enamelignore files
    #[arg(long)]
    no_ignore_files: bool,
    /// Compare with this snapshot, or `none` to read every file [default: of each source the newest of this host]
    #[arg(long, value_name = "SNAP|none", value_parser = OsStringValueParser::new().try_map(parse_parent))]
    parent: Option<Parent>,
    /// By what a file counts as unchanged: its inode, size and times, or its size and mtime (for network shares)
    #[arg(long, value_name = "HOW", default_value = "inode")]
    trust: TrustArg,
    /// Cut everything as this kind of data [default: by the names of files]
    #[arg(long, value_name = "KIND")]
    data_kind: Option<DataKind>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Save the users of the database server and their grants, too
    #[arg(long, help_heading = "Database options")]
    with_grants: bool,
    /// When somebody has waited for so long for a lock of this backup, read what is left without locks, and name it
    #[arg(long, value_name = "DURATION", default_value = "2s", help_heading = "Database options", value_parser = parse_duration)]
    max_lock: Duration,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Read and compare, but save nothing
    #[arg(long)]
    dry_run: bool,
    /// The machine that the snapshot is said to come from [default: this one's name]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

impl BackupArgs {
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataKind {
    /// Documents and mixed folders
    Files,
    /// Images: large files that rarely change
    Images,
    /// Dumps of databases: many small changes
    Database,
}

#[derive(Serialize)]
struct Summary {
    snapshot: Option<String>,
    parent: Option<String>,
    dry_run: bool,
    problems: u64,
    #[serde(flatten)]
    figures: json::Figures,
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

fn save(args: &BackupArgs, context: &Context<'_>, report: &mut Report) -> Result<Exit> {
    let mut database = database(args, context)?;
    let application = database.as_mut().map_or(Ok(Application::default()), |d| application(args, context, d))?;
    let images: Vec<_> = application.images.into_iter().collect();
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
    options.exclude.patterns.splice(0..0, application.excludes);
    // The last patterns win.
    options.exclude.patterns.extend(own_folders(&sources, context)?);
    let outcome = engine::backup::backup(&repo, sources, &options, context.ui)?;
    report.saved(&outcome);
    let exit = if outcome.problem_count > 0 && checked == Exit::Done { Exit::Incomplete } else { checked };
    after_printing(exit, print(context.ui, &outcome))
}

/// The database to save, if one is named; nothing of it in a dry run, which says what would be found.
fn database(args: &BackupArgs, context: &Context<'_>) -> Result<Option<DatabaseSource>> {
    let Some(address) = args.database.address(context)? else {
        return match args.profile.request(&context.settings.file)?.filter(|_| args.profile.is_asked_for()) {
            Some((profile, _)) => {
                let message = format!("--profile {} is about a database, and none is saved", profile.name);
                Err(Error::new(ErrorKind::Usage, message))
            }
            None => Ok(None),
        };
    };
    let source = DatabaseSource {
        schemas: args.database.schemas(context),
        with_accounts: args.with_grants,
        wait_max: args.max_lock,
        ..DatabaseSource::new(address)
    };
    Ok(Some(source))
}

/// What an application adds to a backup: the folder of its images, and patterns of what is left out of it.
#[derive(Default)]
struct Application {
    images: Option<PathBuf>,
    excludes: Vec<String>,
}

/// Looks for the application that is asked for in `source`, and has its files checked.
fn application(args: &BackupArgs, context: &Context<'_>, source: &mut DatabaseSource) -> Result<Application> {
    let Some((profile, map)) = args.profile.request(&context.settings.file)? else {
        return Ok(Application::default());
    };
    let mut connection = Connection::open(&source.address)?;
    let schemas = list_schemas(&mut connection, &source.schemas)?;
    let inspection = inspect(&mut connection, profile, &schemas, &map)?;
    inspection.images.notes(profile).iter().for_each(|note| context.ui.note(note));
    let images = match &inspection.images.place {
        ImagePlace::Folder(folder) => Some(source_path(folder)?),
        ImagePlace::Database | ImagePlace::Elsewhere(_) => None,
    };
    source.profile = Some(inspection.record.clone());
    let (excludes, server) = (inspection.excludes.clone(), source.address.public());
    source.companion = Some(Box::new(move |reader, top, parent, found| {
        let tops = (top, parent);
        missing_in(reader, (profile, &inspection), &server, tops, &mut |file| {
            let message = format!("the file of {} {} is missing", profile.documents.table, file.key);
            found(Missing { path: file.path, message, parent: file.parent })
        })
        .map(drop)
    }));
    Ok(Application { images, excludes })
}

fn sources(
    args: &BackupArgs,
    context: &Context<'_>,
    images: Vec<PathBuf>,
    database: Option<DatabaseSource>,
) -> Result<Vec<Source>> {
    let from_file = !args.names_files() && args.database.database.is_none();
    let paths = if from_file { context.settings.file.sources.clone() } else { args.paths() };
    let mut sources = path_sources(&paths, &args.as_path)?;
    if let (Some(name), [program, arguments @ ..]) = (&args.exec, &args.command[..]) {
        let interrupt = Arc::clone(context.ui.interrupt());
        let reader = Box::new(ProgramOutput::new(program.clone(), arguments.to_vec(), interrupt));
        sources.push(Source::Stream { name: name.clone().into_bytes(), reader });
    }
    if let Some(name) = &args.stdin {
        let reader = Box::new(StandardInput { interrupt: Arc::clone(context.ui.interrupt()) });
        sources.push(Source::Stream { name: name.clone().into_bytes(), reader });
    }
    // The same folder twice is saved once.
    sources.extend(images.into_iter().map(Source::Path));
    sources.extend(database.map(|source| Source::Database(Box::new(source))));
    match sources.is_empty() {
        true => Err(Error::new(
            ErrorKind::Usage,
            "there is nothing to save: name a folder or file, or use --exec or --stdin, or `sources` in enamel.toml",
        )),
        false => Ok(sources),
    }
}

/// `paths`, each as if it were at the path of `as_paths` in its place, if there are any.
fn path_sources(paths: &[PathBuf], as_paths: &[PathBuf]) -> Result<Vec<Source>> {
    let found = paths.iter().map(|path| source_path(path)).collect::<Result<Vec<_>>>()?;
    match as_paths.len() {
        0 => Ok(found.into_iter().map(Source::Path).collect()),
        number if number == found.len() => {
            let pairs = found.into_iter().zip(as_paths);
            Ok(pairs.map(|(path, from)| Source::Moved { path, from: from.clone() }).collect())
        }
        number => {
            let message = format!("--as-path is given {number} times for {} paths: give it once for each", found.len());
            Err(Error::new(ErrorKind::Usage, message))
        }
    }
}

/// The absolute path of a source. It must be there: a mistyped name is not a file that could not be read.
fn source_path(path: &Path) -> Result<PathBuf> {
    let there = path.symlink_metadata().and_then(|_| absolute(path));
    there.map_err(|e| {
        let error = Error::io(format!("cannot save {}", path.display()), e);
        // Not a snapshot or key that is not found, but perhaps a disk.
        if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::Io) } else { error }
    })
}

/// Patterns that leave the repository and the cache out of `sources`, so that no backup saves the ones before it. Tells the user.
fn own_folders(sources: &[Source], context: &Context<'_>) -> Result<Vec<String>> {
    let (repository, cache) = (context.repository_path()?, context.cache_dir()?);
    let mut patterns = Vec::new();
    for (folder, what, is_repository) in [(repository, "the repository", true), (&cache, "the cache of enamel", false)]
    {
        // What is not there yet is not saved.
        let Ok(real_folder) = folder.canonicalize() else { continue };
        for source in sources {
            let (Source::Path(source) | Source::Moved { path: source, .. }) = source else { continue };
            let Ok(real_source) = source.canonicalize() else { continue };
            if is_repository && real_source.starts_with(&real_folder) {
                let message = format!("cannot save {}: it is in the repository itself", source.display());
                return Err(Error::new(ErrorKind::Usage, message));
            }
            let Ok(inside) = real_folder.strip_prefix(&real_source) else { continue };
            if inside.as_os_str().is_empty() {
                continue;
            }
            let pattern = pattern_for(source, inside).ok_or_else(|| {
                let message = format!("cannot leave {what} out of {}: its path is not UTF-8 text", source.display());
                Error::new(ErrorKind::Usage, message)
            })?;
            context.ui.note(&format!("{} is left out: it is {what}", real_folder.display()));
            patterns.push(pattern);
        }
    }
    Ok(patterns)
}

/// The pattern of just the folder `inside` of the source `root`; none if its path is not UTF-8.
fn pattern_for(root: &Path, inside: &Path) -> Option<String> {
    // Without a slash at its end, but for the root of all.
    let root = root.components().as_path().to_str()?;
    let mut pattern = format!("{}/", root.trim_end_matches('/'));
    for c in inside.to_str()?.chars() {
        if r"\*?[]{}!#".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('/');
    Some(pattern)
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
    };
    let data_kind = args.data_kind.and_then(|kind| kind.to_possible_value());
    Ok(BackupOptions {
        tags: if args.tags.is_empty() { file.tags.clone() } else { args.tags.clone() },
        host: args.host.clone().unwrap_or_else(host_name),
        user: user_name(),
        program: program(),
        exclude,
        one_file_system: args.one_file_system || file.one_file_system,
        parent,
        trust,
        profile: data_kind.and_then(|value| value.get_name().parse().ok()),
        dry_run: args.dry_run,
    })
}

/// Program and version, as snapshots keep it.
pub fn program() -> String {
    concat!("enamel ", env!("CARGO_PKG_VERSION")).to_owned()
}

fn print(ui: &Ui, outcome: &BackupOutcome) -> Result<()> {
    ui.problems(&outcome.problems, outcome.problem_count)?;
    if ui.is_json() {
        let summary = Summary {
            snapshot: outcome.snapshot.map(|id| id.to_string()),
            parent: outcome.parent.map(|id| id.to_string()),
            dry_run: outcome.snapshot.is_none(),
            problems: outcome.problem_count,
            figures: outcome.statistics.into(),
        };
        return ui.message("summary", summary);
    }
    match ui.is_quiet() {
        true => Ok(()),
        false => print_summary(ui, outcome),
    }
}

/// Prints what a backup did, in words.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_summary(ui: &Ui, outcome: &BackupOutcome) -> Result<()> {
    let s = &outcome.statistics;
    let duration = format::duration(s.milliseconds);
    let grew = match outcome.snapshot {
        Some(id) => {
            ui.line(format_args!("snapshot {} saved in {duration}", format::short(id)))?;
            "grew by"
        }
        None => {
            ui.line(format_args!("dry run, {duration}: nothing was saved"))?;
            "would grow by"
        }
    };
    let changes = [(s.new_files, "new"), (s.changed_files, "changed"), (s.unchanged_files, "unchanged")];
    let changes = changes.map(|(number, what)| format!("{} {what}", format::count(number))).join(", ");
    let mut fields = database_fields(outcome);
    fields.extend([
        ("files", changes),
        ("in all", format!("{}, {}", format::counted(s.files, "file"), format::bytes(s.total_bytes))),
        ("read", format::bytes(s.read_bytes)),
        ("repository", format!("{grew} {}", format::bytes(s.stored_bytes))),
    ]);
    if outcome.problem_count > 0 {
        fields.push(("problems", format!("{}, named above", format::count(outcome.problem_count))));
    }
    ui.fields(&fields)
}

/// What came of databases, in words.
fn database_fields(outcome: &BackupOutcome) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    for figures in &outcome.databases {
        let unchanged = match figures.unchanged_tables {
            0 => String::new(),
            number => format!(", {} of them unchanged", format::count(number)),
        };
        fields.push(("database", format!("{}{unchanged}", format::counted(figures.tables, "table"))));
        fields.push(("rows", format!("{} read", format::count(figures.rows))));
        if figures.locked_milliseconds > 0 {
            let (locked, wait) = (figures.locked_milliseconds, figures.longest_wait_milliseconds);
            let words = format!("{}, longest wait seen {}", format::duration(locked), format::duration(wait));
            fields.push(("locked", words));
        }
    }
    fields
}

fn parse_parent(text: OsString) -> std::result::Result<Parent, String> {
    match text == "none" {
        true => Ok(Parent::None),
        false => Snap::parse_whole(text).map(Parent::Snap),
    }
}

fn parse_stream_name(name: &str) -> std::result::Result<String, String> {
    match check_name(name.as_bytes()) {
        Ok(()) => Ok(name.to_owned()),
        Err(_) => Err("it must be the name of a file, without a folder".into()),
    }
}

/// Standard input that gives up when the user wishes to stop, even while nothing comes.
struct StandardInput {
    interrupt: Arc<Interrupt>,
}

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wait = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        let input = io::stdin();
        loop {
            if self.interrupt.is_requested() {
                return Err(io::Error::other("interrupted"));
            }
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&input, buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
