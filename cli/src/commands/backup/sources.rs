//! The sources of a backup, as the command line and the settings name them.

use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::dump::DatabaseSource;
use engine::files::backup::Source;
use engine::files::source::path::absolute;
use engine::files::source::protected::Protected;
use engine::{Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::BackupArgs;
use crate::context::Context;
use crate::exec::ProgramOutput;
use crate::interrupt::Interrupt;

/// Everything that `args` names, with the folders of an application and a database.
///
/// # Errors
/// A path is not there, or nothing is named at all.
pub fn sources(
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
    if sources.is_empty() {
        Err(Error::new(
            ErrorKind::Usage,
            "there is nothing to save: name a folder or file, or use --exec or --stdin, or `sources` in enamel.toml",
        ).with_hint("`enamel backup /srv/images` saves a folder, `--database URL` a database; `enamel setup` asks and remembers."))
    } else {
        Ok(sources)
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
            Err(Error::new(ErrorKind::Usage, message)
                .with_hint("Each --as-path belongs to the path at the same place."))
        }
    }
}

/// The absolute path of a source. It must be there: a mistyped name is not a file that could not be read.
///
/// # Errors
/// It is not there, or a pipe without a name.
pub fn source_path(path: &Path) -> Result<PathBuf> {
    if is_nameless_pipe(path) {
        let message =
            format!("cannot save {}: it is the end of a pipe; use --stdin, or --exec NAME -- COMMAND", path.display());
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("`PROGRAM | enamel backup --stdin NAME` saves what a program prints."));
    }
    let there = path.symlink_metadata().and_then(|_| absolute(path));
    there.map_err(|e| {
        let error = Error::io(format!("cannot save {}", path.display()), e);
        // Not a snapshot or key that is not found, but perhaps a disk.
        if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::Io) } else { error }
    })
}

/// Whether `path` is something that only a program can read.
pub fn is_device_or_pipe(path: &Path) -> bool {
    let is_one = |kind: std::fs::FileType| kind.is_block_device() || kind.is_char_device() || kind.is_fifo();
    path.metadata().is_ok_and(|metadata| is_one(metadata.file_type()))
}

/// Whether `path` is what a shell puts in the place of `<(COMMAND)`.
fn is_nameless_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo()) && path.canonicalize().is_err()
}

/// Files that enamel keeps for itself: no backup saves the backups before it.
///
/// # Errors
/// There is no repository or cache folder.
pub fn own_folders(context: &Context<'_>) -> Result<Vec<Protected>> {
    let repository = (context.repository_folder()?.map(Path::to_owned), "the repository");
    let folders =
        [repository, (context.cache_dir(), "the cache of enamel"), (context.state_dir(), "the memory of enamel")];
    let there = folders.into_iter().filter_map(|(path, what)| Some(Protected { path: path?, what: what.to_owned() }));
    Ok(there.collect())
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
