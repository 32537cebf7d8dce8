//! Work that is started from a page: one at a time, shown while it runs, stopped on request.

use std::net::TcpListener;

use super::client::{self, Console};
use super::remove::QUIET;
use crate::harness::Machine;

fn console(more: &str) -> Console {
    let machine = Machine::with_repository();
    machine.write("source/a.txt", "a");
    assert!(std::process::Command::new("mkfifo").arg(machine.path("hold")).status().unwrap().success());
    Console::open(machine, more)
}

#[test]
fn one_run_at_a_time_is_shown_and_stops_when_asked() {
    let console = console("[hooks]\nafter = \"read never < hold\"\n");
    let browser = console.enter();
    // The agent's own first backup waits in its hook.
    browser.wait_for_work(|state| state["id"].is_u64());
    let page = browser.page("/work");
    assert!(page.contains("Backing up"), "{page}");
    let busy = browser.post("/backup", &[]).expect(409).body;
    assert!(busy.contains("A run is under way (backup)"), "{busy}");
    let (_, rest) = page.split_once("name=\"run\" value=\"").unwrap();
    let run = rest.split_once('"').unwrap().0;
    let ends = run.parse::<u64>().unwrap();
    browser.post("/stop", &[("run", "4711")]).expect(303);
    assert!(browser.page("/work").contains("Backing up"), "another number stops nothing");
    browser.post("/stop", &[("run", run)]).expect(303);
    browser.wait_for_work(|state| state["ended"] == ends && state["headline"] == "Nothing is under way");
    let page = browser.page("/work");
    assert!(page.contains("on schedule") && page.contains("Backing up"), "{page}");
}

#[test]
fn a_run_that_is_stopped_before_it_has_saved_anything_does_not_begin_again_at_once() {
    // It takes connections, and never says anything.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let console = console(&format!("database = \"mysql://saver@{}\"\n", server.local_addr().unwrap()));
    let browser = console.enter();
    // Once the schedule's own, and once because somebody asks for it while that is due.
    for stopped in 1..=2 {
        browser.wait_for_work(|state| state["id"] == stopped && state["headline"] == "Backing up");
        browser.post("/stop", &[("run", &stopped.to_string())]).expect(303);
        browser.wait_for_work(|state| state["ended"] == stopped);
        if stopped == 1 {
            browser.post("/backup", &[]).expect(303);
        }
    }
    let status = console.run(&["schedule", "status"]).expect(3).out;
    assert!(status.contains("stopped by somebody"), "{status}");
    browser.wait_for_rest();
}

#[test]
fn a_backup_that_a_person_starts_is_in_the_calendar_with_their_name() {
    let console = console("");
    let browser = console.enter();
    browser.wait_for_first_backup();
    console.machine.write("source/b.txt", "b");
    browser.post("/backup", &[]).expect(303);
    browser.wait_for_rest();
    let page = browser.page("/");
    assert!(page.contains("2 backups") && page.contains("1 new file"), "{page}");
    let work = browser.page("/work");
    assert!(work.contains("done") && !work.contains("failed"), "{work}");
}

#[test]
fn an_order_whose_program_cannot_be_started_fails_and_the_agent_goes_on() {
    let machine = Machine::with_repository();
    machine.write("source/a.txt", "a");
    machine.run(["backup", "source"]).expect(0);
    let program = machine.path("enamel");
    std::fs::copy(crate::harness::ENAMEL, &program).unwrap();
    let settings = format!("{}{QUIET}{}", client::SETTINGS, client::LISTEN);
    let mut console = Console::serve_by(&program, machine, &settings);
    let browser = console.enter();
    // An update takes the program away.
    std::fs::remove_file(&program).unwrap();
    browser.post("/backup", &[]).expect(303);
    let page = browser.wait_for_page("/work", "cannot start the program of this agent again");
    assert!(page.contains("Backing up"), "{page}");
    browser.post("/backup", &[]).expect(303);
    browser.wait_for_rest();
    assert_eq!(console.end(), Some(0));
}
