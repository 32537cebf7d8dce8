//! The page of supplemental backups.

use super::client::Console;
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";

#[test]
fn without_a_copy_the_page_says_how_to_switch_it_on_and_why_not_here() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    let page = owner.page("/supplemental");
    for words in [
        "enamel supplemental enable s3://HOST/PRACTICE --admin NAME",
        "never goes through a browser",
        "No copies are made",
    ] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    let emergency = owner.page("/supplemental/emergency");
    assert!(emergency.contains("enamel supplemental deliver PLACE --to FOLDER"), "{emergency}");
}

#[test]
fn the_last_look_outlives_the_agent() {
    let mut console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    assert!(owner.page("/supplemental").contains("Look at the copy to see it"));
    owner.post("/supplemental/look", &[]).expect(303);
    owner.wait_for_rest();
    assert!(owner.page("/supplemental").contains("Looked at"));
    console.kill_and_open_again();
    let page = console.enter().page("/supplemental");
    assert!(page.contains("Looked at") && page.contains("nobody but this computer"), "{page}");
}

#[test]
fn a_look_at_a_copy_that_was_never_set_up_says_so() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    owner.post("/supplemental/read", &[]).expect(303);
    owner.wait_for_rest();
    let page = owner.page("/supplemental");
    assert!(page.contains("This did not work") && page.contains("no supplemental backup is set up"), "{page}");
}
