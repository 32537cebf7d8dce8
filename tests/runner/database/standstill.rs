//! A repository that takes nothing holds up the backup, and nobody else.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use engine::files::backup::{Source, backup};
use engine::store::{MemoryStore, ObjectName, Result, Store, forward};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::source;
use crate::support::{Fixture, Hook, backup_options, by_id};

on_each_server!(a_table_is_let_go_of_when_the_repository_hangs_and_somebody_waits);

/// A store that takes no pack while its gate is shut.
#[derive(Clone)]
struct Gated {
    inner: MemoryStore,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    is_open: bool,
    is_waited_at: bool,
}

impl Gated {
    fn open(&self) {
        self.gate.0.lock().unwrap().is_open = true;
        self.gate.1.notify_all();
    }

    /// Returns when somebody stands before the gate.
    fn wait_for_somebody(&self) {
        let gate = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_while(gate, |gate| !gate.is_waited_at).unwrap());
    }
}

impl Store for Gated {
    forward!([inner] location place medium get get_range list ensure_durable delete set_aside stat replace_if);

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        if matches!(name, ObjectName::Pack(_)) {
            let mut gate = self.gate.0.lock().unwrap();
            gate.is_waited_at = true;
            self.gate.1.notify_all();
            drop(self.gate.1.wait_while(gate, |gate| !gate.is_open).unwrap());
        }
        self.inner.put_new(name, parts)
    }
}

fn a_table_is_let_go_of_when_the_repository_hangs_and_somebody_waits(version: Version) {
    let server = TestServer::of(version, &[]);
    let noise = (0..40).map(|part| format!("UNHEX(SHA2(CONCAT(seq, 'x{part}'), 512))")).collect::<Vec<_>>().join(", ");
    server.script(format!(
        "CREATE DATABASE shop; USE shop; CREATE TABLE big (id INT PRIMARY KEY, noise BLOB) ENGINE=InnoDB;
         INSERT INTO big SELECT seq, CONCAT({noise}) FROM seq_1_to_14000;
         CREATE TABLE small (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO small VALUES (1);"
    ));
    let inner = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&inner);
    let store = Gated { inner, gate: Arc::default() };
    let gated = fixture.through(Arc::new(store.clone()));
    let (repository, hook) = (gated.open(), Hook::quiet());
    let outcome = std::thread::scope(|scope| {
        let saving = scope.spawn(|| {
            let mut source = source(&server, &["shop"]);
            source.wait_max = Duration::from_millis(500);
            backup(&repository, vec![Source::Database(Box::new(source))], &backup_options(), &hook)
        });
        store.wait_for_somebody();
        // The gate is shut until both are through.
        server.run("ALTER TABLE shop.big ADD COLUMN later INT");
        server.run("INSERT INTO shop.big (id, later) VALUES (0, 7)");
        store.open();
        saving.join().unwrap().unwrap()
    });
    assert!(
        hook.notes().iter().any(|note| note.contains("shop.big") && note.contains("let go of")),
        "{:?}",
        hook.notes()
    );
    let late: Vec<_> = outcome.problems.iter().map(|p| String::from_utf8_lossy(&p.path.0).into_owned()).collect();
    // Where one session reads all tables, the others are late as well.
    assert_eq!(late.first().map(String::as_str), Some("shop.big"), "{late:?}");
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    let other = TestServer::of(version, &[]);
    let options = engine::load::LoadOptions::default();
    let outcome = engine::load::load(&repository, &snapshot, &other.address(), &options, &hook).unwrap();
    assert_eq!(outcome.problem_count, 0);
    assert_eq!(other.value("SELECT CONCAT(COUNT(*), ' ', SUM(later)) FROM shop.big").as_deref(), Some("14001 7"));
    assert_eq!(other.value("SELECT COUNT(*) FROM shop.small").as_deref(), Some("1"));
}
