//! `demo`: the whole way, once.

use std::fs;

use crate::harness::Machine;

#[test]
fn the_demo_proves_itself() {
    let machine = Machine::new();
    let answer = machine.run_bare(&["--json", "demo", "--dir", "demo"], []).expect(0);
    let summary = answer.last("summary");
    assert_eq!((&summary["differences"], &summary["findings"]), (&0.into(), &0.into()));
    assert!(summary["compared_bytes"].as_u64().unwrap() > 30_000_000);
    let hours: Vec<_> = answer.messages().into_iter().filter(|m| m["message_type"] == "hour").collect();
    let stored: Vec<_> = hours.iter().map(|hour| hour["stored_bytes"].as_u64().unwrap()).collect();
    assert!(stored.len() == 3 && stored[1] < stored[0] / 4 && stored[2] < stored[0] / 4, "{stored:?}");
    for hour in &hours[1..] {
        assert!(hour["unchanged_files"].as_u64() > Some(200) && hour["changed_files"].as_u64() < Some(9), "{hour}");
    }
    let options = ["--repo", "demo/repository", "--key-file", "demo/demo.key", "--cache-dir", "demo/cache"];
    machine.run_bare(&[&options[..], &["diff", "latest:hour-1", "latest"]].concat(), []).expect(0);
}

#[test]
fn the_demo_wants_an_empty_folder() {
    let machine = Machine::new();
    machine.run_bare(&["demo", "--dir", "source"], []).expect(2).says("it is not empty");
    assert_eq!(fs::read_dir(machine.path("source")).unwrap().count(), 1);
}
