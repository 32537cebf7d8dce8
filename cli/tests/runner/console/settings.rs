//! The page of settings, and the people who may come in.

use super::client::Console;
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
const DANA: [(&str, &str); 3] = [("name", "Dana"), ("password", "correct horse"), ("again", "correct horse")];

#[test]
fn settings_are_shown_in_words() {
    let more = "[retention]\nkeep-within = \"14d\"\nkeep-daily = 90\n[schedule]\nbackup = \"30min\"\n";
    let console = Console::open(Machine::with_snapshot(), more);
    let page = console.enter().page("/settings");
    for words in ["a backup every 30 minutes", "all of the last 14d", "one of each day for 90 days", "Nobody is told"] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
}

#[test]
fn somebody_comes_in_with_a_password_until_the_owner_locks_them_out() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    let put = |role: &str| owner.post("/settings/people", &[&DANA[..], &[("role", role)]].concat());
    put("emperor").expect(400);
    owner
        .post("/settings/people", &[("name", "Dana"), ("password", "short"), ("again", "short"), ("role", "look")])
        .expect(400);
    let differ = [("name", "Dana"), ("password", "correct horse"), ("again", "correct house"), ("role", "look")];
    assert!(owner.post("/settings/people", &differ).expect(400).body.contains("differ"));
    put("look").expect(303);
    let dana = console.log_in("Dana", "correct horse");
    assert!(dana.page("/").contains("Dana"));
    assert!(!dana.page("/settings").contains("Lock out"), "names of people are for the owner");
    dana.post("/backup", &[]).expect(403);
    dana.post("/settings/people", &[&DANA[..], &[("role", "owner")]].concat()).expect(403);
    put("staff").expect(303);
    assert_eq!(dana.get("/").status, 303, "another role locks the pages that were open");
    let dana = console.log_in("Dana", "correct horse");
    assert_eq!(dana.post("/backup", &[]).status, 303);
    owner.post("/settings/people/remove", &[("name", "Dana")]).expect(303);
    assert_eq!(dana.get("/").status, 303);
    owner.post("/settings/people/remove", &[("name", "Dana")]).expect(400);
    owner.wait_for_rest();
}
