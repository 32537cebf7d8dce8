//! Steps for people when something is wrong, and the answer to a hold.

use super::client::Console;
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";

/// A machine whose newest snapshot looks like one made after an attack.
fn attacked() -> Machine {
    let machine = Machine::with_repository();
    let picture = |number: usize| [&b"\xff\xd8\xff"[..], &vec![7; 5000 + number]].concat();
    (0..60).for_each(|number| machine.write(format!("source/A/{number}.jpg"), picture(number)));
    machine.backup_ahead(-21 * 24 * 3600);
    machine.backup(&[]);
    (0..60).for_each(|number| machine.write(format!("source/A/{number}.jpg"), vec![0x5a; 6000 + number]));
    machine.run(["backup", &machine.arg("source")]).expect(3);
    machine
}

#[test]
fn a_hold_is_answered_by_the_owner_on_the_page_that_says_what_to_do() {
    let console = Console::open(attacked(), QUIET);
    let owner = console.enter();
    owner.wait_for_rest();
    assert!(owner.page("/").contains("href=\"/trouble\""));
    let page = owner.page("/trouble");
    for words in ["do not begin as their names say", "pull the network cable", "It was us: go on", "Still safe:"] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    let (_, id) = page.split_once("name=\"snapshot\" value=\"").unwrap();
    let id = id.split_once('"').unwrap().0;
    let answer = |verdict: &str, reason: &str| {
        owner.post("/trouble/answer", &[("snapshot", id), ("verdict", verdict), ("reason", reason)])
    };
    answer("ours", " ").expect(400);
    answer("maybe", "x").expect(400);
    answer("ours", "--over the imaging program was replaced").expect(303);
    owner.wait_for_rest();
    assert!(!owner.page("/trouble").contains("It was us: go on"));
    let listed = console.run(&["hold", "list"]).expect(0).out;
    assert!(listed.contains("it was us: --over the imaging program was replaced"), "{listed}");
}

#[test]
fn backups_that_are_gone_are_told_with_steps_and_not_as_an_error() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    owner.wait_for_rest();
    std::fs::rename(console.machine.path("repo"), console.machine.path("away")).unwrap();
    console.run(&["status"]).expect(10);
    // A repository that is open is still there for the agent; one that is opened anew is not.
    std::fs::remove_dir_all(console.machine.path("away")).unwrap();
    let page = owner.page("/trouble");
    for words in ["The backups cannot be looked at", "plugged in, and switched on", "Still safe:"] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    assert!(owner.page("/").contains("What to do"));
}
