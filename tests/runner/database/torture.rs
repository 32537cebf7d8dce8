//! Everything that is awkward, saved and restored into another server: what the two servers show must be the same.

use engine::load::{Check, Events, LoadOptions, load};
use engine::monitor::NullMonitor;
use scenario_tests::databases::{TORTURE_OPTIONS, TORTURE_SCHEMAS, torture};
use scenario_tests::server::TestServer;

use super::save::save;
use crate::support::Fixture;

/// What no server can make: it names a table that is not there.
const IMPOSSIBLE: &str = "VIEW invalid_view";

#[test]
fn everything_that_is_awkward_comes_back() {
    round_trip(&[]);
}

#[test]
fn everything_that_is_awkward_comes_back_without_local_infile() {
    round_trip(&["--local-infile=0"]);
}

#[test]
fn everything_that_is_awkward_comes_back_to_a_server_with_other_defaults() {
    round_trip(&[
        "--sql-mode=TRADITIONAL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "--character-set-server=sjis",
        "--default-storage-engine=MyISAM",
        "--default-time-zone=+09:00",
    ]);
}

#[track_caller]
fn round_trip(options: &[&str]) {
    let (fixture, server) = (Fixture::new(), TestServer::start(TORTURE_OPTIONS));
    torture(&server);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let other = TestServer::start(&[TORTURE_OPTIONS, options].concat());
    let options = LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() };
    let outcome = load(&repository, &snapshot, &other.address(), &options, &NullMonitor).unwrap();

    let problems = outcome.problems.iter().map(|p| (String::from_utf8_lossy(&p.path.0).into_owned(), &p.message));
    let mut wrong: Vec<String> = problems.map(|(path, message)| format!("{path}: {message}")).collect();
    wrong.retain(|problem| !problem.starts_with("torture.invalid_view: view: "));
    for schema in TORTURE_SCHEMAS {
        let [was, is] = [&server, &other].map(|server| server.fingerprint(schema));
        let names = was.keys().chain(is.keys()).filter(|name| *name != IMPOSSIBLE && was.get(*name) != is.get(*name));
        wrong.extend(names.map(|name| format!("{schema} {name}: {:?}\n  became {:?}", was.get(name), is.get(name))));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
