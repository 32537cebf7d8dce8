//! The page of settings, and the people who may come in.

use std::time::{Duration, Instant};

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
    for words in
        ["a backup every 30 minutes", "all of the last 14 days", "one of each day for 90 days", "Nobody is told"]
    {
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

/// The value of a field of a form in `page`.
fn field<'p>(page: &'p str, form: &str, name: &str) -> &'p str {
    let (_, form) = page.split_once(&format!("name=\"part\" value=\"{form}\"")).unwrap_or_else(|| panic!("no {form}"));
    let (_, field) = form.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}"));
    let (_, value) = field.split_once("value=\"").unwrap();
    value.split_once('"').unwrap().0
}

fn file(console: &Console) -> String {
    std::fs::read_to_string(console.machine.path("enamel.toml")).unwrap()
}

#[test]
fn the_owner_changes_hours_and_the_agent_goes_by_them_at_once() {
    let machine = Machine::with_repository();
    machine.write("source/a.txt", "a");
    let console = Console::open(machine, &format!("{QUIET}# By hand.\n"));
    let owner = console.enter();
    owner.wait_for_rest();
    let page = owner.page("/settings");
    assert_eq!(field(&page, "hours", "backup"), "off");
    let seen = field(&page, "hours", "seen").to_owned();
    let hours = |seen: &str, backup: &str| {
        let rest = [("copy", "after-backup"), ("verify", "off"), ("drill", "off"), ("forget", "off")];
        let hours = [("office-hours", "Mon-Sun 00:00-24:00"), ("backup", backup), ("otherwise", "off")];
        let form = [&[("part", "hours"), ("seen", seen)][..], &hours, &rest].concat();
        owner.post("/settings/change", &form)
    };
    let before = file(&console);
    let refused = hours(&seen, "often").expect(400).body;
    let (_, beside) = refused.split_once("id=\"hours-backup\"").unwrap();
    let (beside, _) = beside.split_once("id=\"hours-otherwise\"").unwrap();
    assert!(beside.contains("value=\"often\"") && beside.contains("aria-invalid"), "{beside}");
    assert_eq!(file(&console), before);
    hours(&seen, "1h").expect(303);
    let after = file(&console);
    assert!(
        after.contains("backup = \"1h\"") && after.contains("# By hand.") && after.contains("[console]"),
        "{after}"
    );
    // A backup was never due before.
    let begun = Instant::now();
    while !owner.page("/").contains(">1 backup<") {
        assert!(begun.elapsed() < Duration::from_secs(120), "no backup was made");
    }
    owner.wait_for_rest();
    let hint = hours(&seen, "2h").expect(400).body;
    assert!(hint.contains("Somebody has changed the file"), "the page is of a file that is another one now:\n{hint}");
    assert_eq!(file(&console), after);
}

#[test]
fn rules_of_retention_are_saved_after_it_was_said_what_they_mean() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    owner.post("/backup", &[]).expect(303);
    owner.wait_for_rest();
    let page = owner.page("/settings");
    let seen = field(&page, "retention", "seen").to_owned();
    let rules = [("part", "retention"), ("seen", seen.as_str()), ("keep-daily", "1")];
    let wrong = [("part", "retention"), ("seen", seen.as_str()), ("keep-daily", "many")];
    assert!(owner.post("/settings/change", &wrong).expect(400).body.contains("aria-invalid"));
    let asked = owner.post("/settings/change", &rules).expect(200).body;
    for words in ["one of each day for 1 day", "Of the 2 backups of today, 1 would go", "Save these rules"] {
        assert!(asked.contains(words), "`{words}` is not in:\n{asked}");
    }
    assert!(!file(&console).contains("[retention]"));
    let sure = field(&asked, "retention", "sure").replace("&#61;", "=").replace("&#59;", ";");
    owner.post("/settings/change", &[&rules[..], &[("sure", sure.as_str())]].concat()).expect(303);
    assert!(file(&console).contains("[retention]\nkeep-daily = 1\n"), "{}", file(&console));
    assert!(owner.page("/settings").contains("one of each day for 1 day"));
}

#[test]
fn people_who_are_told_are_changed_by_the_owner_only() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    let page = owner.page("/settings");
    let seen = field(&page, "notices", "seen").to_owned();
    let form = |to: &'static str, server: &'static str| {
        vec![
            ("part", "notices"),
            ("seen", seen.as_str()),
            ("to", to),
            ("server", server),
            ("nothing-for", "4h"),
            ("summary", "off"),
        ]
    };
    let refused = owner.post("/settings/change", &form("dana@example.org", "")).expect(400).body;
    assert!(refused.contains("server"), "{refused}");
    owner.post("/settings/people", &[&DANA[..], &[("role", "staff")]].concat()).expect(303);
    let dana = console.log_in("Dana", "correct horse");
    dana.post("/settings/change", &form("dana@example.org", "smtp.example.org")).expect(403);
    assert!(!dana.page("/settings").contains("/settings/change"));
    owner.post("/settings/change", &form("dana@example.org", "smtp.example.org")).expect(303);
    let after = file(&console);
    assert!(after.contains("to = [\"dana@example.org\"]") && after.contains("summary = \"off\""), "{after}");
}
