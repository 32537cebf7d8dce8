//! Counts what a run is going to save, ahead of its walk: a run without a parent knows nothing of its total.

use std::time::Duration;

use repo_format::entry::EntryKind;

use super::Run;
use super::roots::{OpenRoot, RootSource};
use crate::files::source::exclude::Excludes;
use crate::filesystem::{Dir, path_from_bytes};
use crate::monitor::Work;
use crate::tree::join;

/// A run that takes less shows no progress, and needs no total.
const AFTER: Duration = Duration::from_millis(500);
/// It goes no deeper than this, because each level is an open folder.
const LEVELS: usize = 32;

/// The sources to count.
pub(super) struct Scan {
    /// Files that are sources themselves.
    files: Work,
    folders: Vec<(Dir, Excludes)>,
}

/// A folder that is being counted.
struct Level {
    dir: Dir,
    names: std::vec::IntoIter<Vec<u8>>,
    /// Its path from the source.
    relative: Vec<u8>,
    excludes: Excludes,
}

impl Scan {
    /// A scan of `roots`; none if there is nothing to count, or a stream, whose size nobody knows.
    pub fn of(roots: &[OpenRoot]) -> Option<Self> {
        let mut scan = Scan { files: Work::default(), folders: Vec::new() };
        for root in roots {
            match &root.what {
                RootSource::Stream(_) => return None,
                RootSource::Folder(_, excludes) => {
                    let dir = Dir::open(path_from_bytes(&root.real_path)).ok();
                    scan.folders.extend(dir.map(|dir| (dir, excludes.clone())));
                }
                RootSource::Single(dir, name) => add(&mut scan.files, dir.stat(name).map_or(0, |stat| stat.entry.size)),
                RootSource::Database(_) | RootSource::Saved(_) => {}
            }
        }
        (scan.files.items > 0 || !scan.folders.is_empty()).then_some(scan)
    }

    /// Tells the monitor how much there is, if the run takes long enough to need it.
    pub fn run(self, run: &Run<'_>) {
        run.counters.wait(AFTER);
        let mut total = self.files;
        for (dir, excludes) in self.folders {
            if !count_folder(run, Level::open(dir, Vec::new(), &excludes), &mut total) {
                return;
            }
        }
        run.monitor.expect(total);
    }
}

/// Counts a folder and everything below it; `false` if nobody needs it any more.
fn count_folder(run: &Run<'_>, root: Level, total: &mut Work) -> bool {
    let device = root.dir.stat_self().ok().map(|stat| stat.device).filter(|_| run.options.one_file_system);
    let mut levels = vec![root];
    while let (depth, Some(level)) = (levels.len(), levels.last_mut()) {
        if run.counters.is_finished() || run.monitor.is_cancelled() {
            return false;
        }
        let Some(name) = level.names.next() else {
            levels.pop();
            continue;
        };
        // The walk itself reports what cannot be read; here it only makes the guess worse.
        let Ok(stat) = level.dir.stat(&name) else { continue };
        let relative = join(&level.relative, &name);
        if level.excludes.protected(&relative, &stat).is_some() || level.excludes.is_excluded(&relative, stat.is_dir())
        {
            continue;
        }
        if stat.is_dir() {
            let is_walked = depth < LEVELS && device.is_none_or(|device| device == stat.device);
            let dir = is_walked.then(|| level.dir.open_dir(&name).ok()).flatten();
            let below = dir.map(|dir| Level::open(dir, relative, &level.excludes));
            levels.extend(below);
        } else if stat.entry.kind == EntryKind::File {
            add(total, stat.entry.size);
        }
    }
    true
}

fn add(total: &mut Work, size: u64) {
    total.items += 1;
    total.bytes += size;
}

impl Level {
    fn open(dir: Dir, relative: Vec<u8>, above: &Excludes) -> Self {
        let names = dir.names().unwrap_or_default();
        let excludes = above.enter(&dir, &relative, &names).unwrap_or_else(|_| above.clone());
        Level { dir, names: names.into_iter(), relative, excludes }
    }
}
