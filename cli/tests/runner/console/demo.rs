//! The practice that is made up, in which everybody can try things.

use super::client::Console;
use super::remove::done;
use crate::harness::Machine;

#[test]
fn the_demo_has_a_database_in_which_somebody_has_deleted_visits() {
    let mut console = Console::demo(Machine::new());
    let owner = console.enter_by(console.first_link());
    let page = owner.page("/");
    assert!(page.contains("3 backups") && page.contains("localhost") && !page.contains("socket="), "{page}");
    let found = owner.post("/find", &[("words", "smith")]).expect(200).body;
    assert!(found.contains("Smith, Anna") && found.contains("SmithAnna142_101.jpg"), "{found}");
    let moments = owner.page("/moments");
    assert!(moments.contains("38 rows went: practice.appointment"), "{moments}");
    assert!(!moments.contains("something was dropped"), "{moments}");
    let old = done(&owner, "/remove/look", &[("through", "2019-12-31")]);
    assert!(old.contains("Security log, with its hashes") && old.contains("all, exactly"), "{old}");
    assert_eq!(console.end(), Some(0));
    let left: Vec<_> = std::fs::read_dir(console.machine.path("temporary")).unwrap().collect();
    assert_eq!(left.len(), 1, "it is gone afterwards: {left:?}");
}
