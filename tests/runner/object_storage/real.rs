//! A real server.

use std::fs;
use std::sync::Arc;

use engine::store::conformance::{check, check_conditions};
use scenario_tests::object_storage::Seaweed;

use super::repository::prune_all;
use crate::support::{Fixture, backup, look, noise, verify_all};

#[test]
fn seaweedfs_holds_a_repository_that_two_writers_use_at_once() {
    let Some(server) = Seaweed::start() else {
        println!("left out: SeaweedFS was not fetched, see `tests/servers.sh storage`");
        return;
    };
    check_conditions(&server.store("conditions")).unwrap();
    check(&server.store("promises")).unwrap();
    let fixture = Fixture::in_store(Arc::new(server.store("office/enamel")));
    let roots = [fixture.folder("front"), fixture.folder("back")];
    for (n, root) in (1..).zip(&roots) {
        fs::write(root.join("own"), noise(n, 3_000_000)).unwrap();
        fs::write(root.join("same"), noise(9, 1_000_000)).unwrap();
    }
    let saved = std::thread::scope(|scope| {
        let writers: Vec<_> = roots
            .iter()
            .map(|root| {
                let through = fixture.through(Arc::new(server.store("office/enamel")));
                scope.spawn(move || backup(&through.open_anew(), root).0)
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    let far = fixture.through(Arc::new(server.store("office/enamel")));
    for (snapshot, root) in saved.iter().zip(&roots) {
        far.assert_restores(&far.open_anew(), *snapshot, &look(root));
    }
    verify_all(&far.open_anew());
    fixture.forget(&saved[..1]);
    let report = prune_all(&far).unwrap();
    assert!(report.deleted_packs > 0 && report.waiting.is_empty(), "{report:?}");
    far.assert_restores(&far.open_anew(), saved[1], &look(&roots[1]));
    verify_all(&far.open_anew());
}
