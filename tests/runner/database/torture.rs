//! Everything that is awkward, saved and restored into another server: what the two servers show must be the same.

use engine::load::{Check, Events, LoadOptions, load};
use engine::monitor::NullMonitor;
use scenario_tests::databases::{TORTURE_SCHEMAS, torture, torture_server};
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::save::save;
use crate::support::Fixture;

/// A view that no server can create: it names a table that is not there.
const IMPOSSIBLE: &str = "VIEW invalid_view";
/// Where a restore that left something out notes how far it is.
const PROGRESS: &str = "TABLE enamel_restore";
/// Objects that a server does not take back, and why: each is named.
fn expected(version: Version) -> &'static [&'static str] {
    match version {
        // Types within documents that no text has.
        Version::MySql97 => &["documents_with_types"],
        // Before 10.11 it takes no history.
        Version::MariaDb105 => &["history_explicit", "history_implicit", "history_parts"],
        _ => &[],
    }
}

on_each_server!(
    everything_that_is_awkward_comes_back,
    everything_that_is_awkward_comes_back_without_local_infile,
    everything_that_is_awkward_comes_back_to_a_server_with_other_defaults,
);

fn everything_that_is_awkward_comes_back(version: Version) {
    round_trip(version, &[]);
}

fn everything_that_is_awkward_comes_back_without_local_infile(version: Version) {
    round_trip(version, &["--local-infile=0"]);
}

fn everything_that_is_awkward_comes_back_to_a_server_with_other_defaults(version: Version) {
    let options = &[
        "--sql-mode=TRADITIONAL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "--character-set-server=sjis",
        "--default-storage-engine=MyISAM",
        "--default-time-zone=+09:00",
    ];
    round_trip(version, options);
}

#[track_caller]
fn round_trip(version: Version, options: &[&str]) {
    let (fixture, server) = (Fixture::new(), torture_server(version, &[]));
    torture(&server);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let other = torture_server(version, options);
    let options = LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() };
    let outcome = load(&repository, &snapshot, &other.address(), &options, &NullMonitor).unwrap();

    let problems = outcome.problems.iter().map(|p| (String::from_utf8_lossy(&p.path.0).into_owned(), &p.message));
    let mut wrong: Vec<String> = problems.map(|(path, message)| format!("{path}: {message}")).collect();
    wrong.retain(|problem| !problem.starts_with("torture.invalid_view: view: "));
    for object in expected(version) {
        let (before, start) = (wrong.len(), format!("torture.{object}: "));
        wrong.retain(|problem| !problem.starts_with(&start));
        assert!(wrong.len() < before, "nothing is said of {object}: it comes back, or is lost");
    }
    for schema in TORTURE_SCHEMAS {
        let [was, is] = [&server, &other].map(|server| server.fingerprint(schema));
        let found = differences(&was, &is).into_iter().filter(|(name, _)| {
            name != IMPOSSIBLE
                && name != PROGRESS
                && !expected(version).iter().any(|object| *name == format!("TABLE {object}"))
        });
        wrong.extend(found.map(|(name, difference)| format!("{schema} {name}: {difference}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
