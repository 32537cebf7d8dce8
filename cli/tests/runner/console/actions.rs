//! Actions of people are kept before they begin, sealed in the repository, and never lost with the agent.

use serde_json::Value;

use super::client::Console;
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
const DANA: [(&str, &str); 4] =
    [("name", "Dana"), ("password", "correct horse"), ("again", "correct horse"), ("role", "staff")];

/// The actions that the program lists: who, what, end, whether it is sealed.
fn actions(console: &Console) -> Vec<(String, String, String, bool)> {
    let lines = console.run(&["evidence", "actions", "--json"]).out;
    let actions = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let actions = actions.filter(|message| message["message_type"] == "action");
    let text = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
    let mut actions: Vec<_> = actions
        .map(|message| {
            let sealed = message["sealed"].as_bool().unwrap();
            (text(&message, "person"), text(&message, "what"), text(&message, "end"), sealed)
        })
        .collect();
    actions.sort();
    actions
}

#[test]
fn everything_that_people_order_is_kept_and_sealed_when_the_agent_ends() {
    let mut console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    owner.post("/settings/people", &DANA).expect(303);
    let dana = console.log_in("Dana", "correct horse");
    let wrong = super::client::form(&[("name", "my secret word"), ("password", "my secret word")]);
    console.ask("POST", "/login", &[("Origin", &console.origin())], &wrong).expect(403);
    dana.post("/backup", &[]).expect(303);
    dana.wait_for_rest();
    dana.get("/proof/actions").expect(403);
    assert!(!dana.page("/proof").contains("Who did what"), "names of people are for owners");
    let page = owner.page("/proof/actions");
    for words in ["make a backup", "give somebody a password", "Dana, staff", "not sealed yet"] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    assert!(!page.contains("secret"), "a name that nobody has may be a password");
    assert!(owner.page("/proof").contains("make a backup"));
    assert_eq!(console.end(), Some(0));
    let all = actions(&console);
    let of = |who: &str, what: &str, end: &str| all.contains(&(who.to_owned(), what.to_owned(), end.to_owned(), true));
    assert!(of("Dana", "come in by a password", "done"), "{all:?}");
    assert!(of("somebody", "come in by a password", "refused"), "{all:?}");
    assert!(of("Dana", "make a backup", "done") || of("Dana", "make a backup", "incomplete"), "{all:?}");
    assert_eq!(all.len(), 5, "{all:?}");
    // They are evidence, so nothing forgets them, and lists of tests do not have them.
    console.machine.run(["forget", "--keep-last=1", "--prune"]).expect(0);
    assert_eq!(actions(&console), all);
    assert!(!console.run(&["drill", "list"]).out.contains("actions"));
    console.machine.run(["verify"]).expect(0);
}

#[test]
fn an_agent_that_is_killed_loses_no_action() {
    let mut console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    owner.wait_for_rest();
    owner.post("/settings/people", &DANA).expect(303);
    owner.post("/backup", &[]).expect(303);
    console.kill_and_open_again();
    console.enter().wait_for_rest();
    let all = actions(&console);
    let backups: Vec<_> = all.iter().filter(|(_, what, ..)| what == "make a backup").collect();
    assert_eq!(backups.len(), 1, "{all:?}");
    let (_, _, end, is_sealed) = backups[0];
    assert!(["done", "incomplete", "not-known"].contains(&end.as_str()) && *is_sealed, "{all:?}");
    let put = all.iter().find(|(_, what, ..)| what == "give somebody a password").unwrap();
    assert_eq!((put.2.as_str(), put.3), ("done", true));
}
