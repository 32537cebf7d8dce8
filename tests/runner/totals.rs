//! The total that a backup knows while it runs.

use std::fs;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use engine::files::backup::{BackupOptions, Source, backup};
use engine::files::source::exclude::ExcludeOptions;
use engine::monitor::{Monitor, Phase, Work};
use engine::store::MemoryStore;

use crate::support::{Fixture, backup_options};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Holds the run up until its total is known, and keeps it.
#[derive(Default)]
struct UntilKnown {
    total: Mutex<Option<Work>>,
    comes: Condvar,
}

impl UntilKnown {
    fn know(&self, total: Work) {
        *self.total.lock().unwrap() = Some(total);
        self.comes.notify_all();
    }
}

impl Monitor for UntilKnown {
    fn begin(&self, phase: Phase, total: Option<Work>) {
        if let (Phase::Backup, Some(total)) = (phase, total) {
            self.know(total);
        }
    }

    fn expect(&self, total: Work) {
        self.know(total);
    }

    fn advance(&self, _: Work) {
        let (total, waited) =
            self.comes.wait_timeout_while(self.total.lock().unwrap(), PATIENCE, |total| total.is_none()).unwrap();
        assert!(total.is_some() && !waited.timed_out(), "nobody counts");
    }
}

fn total_of(fixture: &Fixture, folders: &[&PathBuf], options: &BackupOptions) -> Option<Work> {
    let monitor = UntilKnown::default();
    let sources = folders.iter().map(|folder| Source::Path((*folder).clone())).collect();
    backup(&fixture.open(), sources, options, &monitor).unwrap();
    monitor.total.into_inner().unwrap()
}

#[test]
fn the_total_is_counted_where_no_earlier_snapshot_knows_it() {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let [office, images] = ["office", "images"].map(|name| fixture.folder(name));
    for (folder, sizes) in [(&office, [1000, 20]), (&images, [300_000, 7])] {
        fs::create_dir_all(folder.join("below/temporary")).unwrap();
        fs::write(folder.join("a.bin"), vec![1; sizes[0]]).unwrap();
        fs::write(folder.join("below/b.bin"), vec![2; sizes[1]]).unwrap();
        fs::write(folder.join("below/temporary/c.bin"), vec![3; 5_000_000]).unwrap();
    }
    let exclude = ExcludeOptions { patterns: vec!["temporary".to_owned()], ..ExcludeOptions::default() };
    let options = BackupOptions { exclude, ..backup_options() };
    let (files, few) = (Work { items: 2, bytes: 1020 }, Work { items: 4, bytes: 301_027 });
    assert_eq!(total_of(&fixture, &[&office], &options), Some(files), "without what is excluded");
    assert_eq!(total_of(&fixture, &[&office], &options), Some(files), "as the snapshot before says");
    assert_eq!(
        total_of(&fixture, &[&office, &images], &options),
        Some(few),
        "the snapshot before has only one of them"
    );
    let file = images.join("a.bin");
    assert_eq!(total_of(&fixture, &[&file], &options), Some(Work { items: 1, bytes: 300_000 }), "a file by itself");
}
