//! The page of settings.

use super::client::Console;
use crate::harness::Machine;

#[test]
fn the_owner_comes_in_by_the_link_of_the_command() {
    let console = Console::open(Machine::with_snapshot(), "");
    let owner = console.enter();
    assert!(owner.page("/").contains("tester"));
    owner.wait_for_rest();
    assert!(owner.page("/work").contains("Nothing is under way"));
}
