//! A real server whose objects three processes hold. One of them is killed in the middle of work: nothing is lost, and
//! the work goes on at the latest when the process is back.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::error::chain;
use engine::files::restore::{RestoreOptions, restore};
use engine::monitor::NullMonitor;
use engine::store::Store;
use engine::store::s3::{Patience, S3Options, S3Store};
use engine::{ErrorKind, Result};
use repo_format::id::LeaseId;
use scenario_tests::object_storage::{BUCKET, Seaweed};

use super::losing::Losing;
use super::repository::prune_all;
use crate::support::{
    Fixture, Tree, assert_same, backup, backup_options, backup_paths, by_id, look, noise, verify_all,
};

/// An office whose repository is there.
struct Office {
    server: Arc<Mutex<Seaweed>>,
    fixture: Fixture,
    root: PathBuf,
}

impl Office {
    fn new(server: Seaweed) -> Self {
        let fixture = Fixture::in_store(Arc::new(server.store("office")));
        let root = fixture.folder("root");
        for n in 0..20 {
            fs::write(root.join(n.to_string()), noise(n, 3_000_000)).unwrap();
        }
        Office { server: Arc::new(Mutex::new(server)), fixture, root }
    }

    fn server(&self) -> MutexGuard<'_, Seaweed> {
        self.server.lock().unwrap()
    }

    fn calm(&self) -> Fixture {
        let store: Arc<dyn Store> = Arc::new(self.server().store("office"));
        self.fixture.through(store)
    }

    /// The repository, whose server loses one of its processes at the second call about a pack. The program gives up
    /// soon.
    fn losing(&self, volume: usize) -> Fixture {
        let patience =
            Patience { outage: Duration::from_secs(3), answer: Duration::from_secs(10), ..Patience::default() };
        let options = S3Options { patience, ..self.server().options(BUCKET, "office") };
        let server = self.server.clone();
        let lose = move || server.lock().unwrap().kill_volume(volume);
        self.fixture.through(Arc::new(Losing::new(S3Store::new(&options).unwrap(), lose)))
    }

    /// Works, while one process dies. The work may end well. If it does not, it says that the storage is the reason.
    #[track_caller]
    fn work<T>(&self, volume: usize, work: impl Fn(&Fixture) -> Result<T>) -> Option<T> {
        let done = work(&self.losing(volume));
        if let Err(error) = &done {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", chain(error));
            println!("with process {volume} dead: {}", chain(error));
        }
        self.server().start_volume(volume);
        done.ok()
    }

    fn back_up(&self, fixture: &Fixture) -> Result<LeaseId> {
        let made = backup_paths(&fixture.open_anew(), &[&self.root], &backup_options(), &NullMonitor)?;
        Ok(made.snapshot.unwrap())
    }

    fn restore(&self, fixture: &Fixture, snapshot: LeaseId, tree: &Tree) -> Result<()> {
        let repository = fixture.open_anew();
        let chosen = by_id(&repository, snapshot);
        let target = fixture.free_path("restored");
        let options = RestoreOptions { path: b"root".into(), ..RestoreOptions::default() };
        restore(&repository, &chosen, &target, &options, &|_, _| {}, &NullMonitor)?;
        assert_same(tree, &look(&target));
        Ok(())
    }
}

#[test]
fn a_process_that_dies_in_the_middle_of_work_loses_nothing() {
    let Some(server) = Seaweed::start_with_three_volumes() else {
        println!("left out: SeaweedFS was not fetched, see `tests/servers.sh storage`");
        return;
    };
    let office = Office::new(server);
    let whole = look(&office.root);
    let first = office.work(0, |fixture| office.back_up(fixture));
    let first = first.unwrap_or_else(|| backup(&office.calm().open_anew(), &office.root).0);
    office.work(1, |fixture| office.restore(fixture, first, &whole));
    office.restore(&office.calm(), first, &whole).unwrap();
    for n in 0..19 {
        fs::remove_file(office.root.join(n.to_string())).unwrap();
    }
    let (second, _) = backup(&office.calm().open_anew(), &office.root);
    office.calm().forget(&[first]);
    let report = office.work(2, prune_all);
    let report = report.unwrap_or_else(|| prune_all(&office.calm()).unwrap());
    assert!(report.waiting.is_empty(), "{report:?}");
    let calm = office.calm();
    calm.assert_restores(&calm.open_anew(), second, &look(&office.root));
    verify_all(&calm.open_anew());
}
