//! From every server to every server: what cannot be carried is named, and nothing else differs.

use std::collections::{BTreeMap, BTreeSet};

use engine::database::Server;
use engine::export::{ExportOptions, export_sql};
use engine::load::{Check, Events, LoadOptions, LoadOutcome, load};
use engine::monitor::NullMonitor;
use repo_format::database::LeftOut;
use scenario_tests::databases::{TORTURE_SCHEMAS, torture, torture_server};
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::save::save;
use crate::support::{Fixture, Listener};

on_each_server!(everything_that_is_awkward_is_carried_or_named, a_script_for_another_server_loads_there_to_its_end);

fn everything_that_is_awkward_is_carried_or_named(from: Version) {
    let (fixture, server) = (Fixture::new(), torture_server(from, &[]));
    torture(&server);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let was = TORTURE_SCHEMAS.map(|schema| server.portable(schema));
    let (mut wrong, mut excused) = (Vec::new(), BTreeSet::new());
    for to in Version::asked() {
        let other = torture_server(to, &[]);
        let options = LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() };
        let listener = Listener::default();
        let outcome = load(&repository, &snapshot, &other.address(), &options, &listener).unwrap();
        let said = Said { problems: problems(&outcome), listener };
        let found =
            TORTURE_SCHEMAS.iter().zip(&was).map(|(schema, was)| unsaid(was, &other.portable(schema), schema, &said));
        let mut lines: BTreeMap<String, String> = found.flatten().collect();
        for (object, words) in &said.problems {
            match reasons(from, to, object).next() {
                Some(place) => drop(excused.insert((place, object.clone()))),
                None => drop(lines.insert(object.clone(), words.clone())),
            }
        }
        wrong.extend(
            lines.into_iter().map(|(object, line)| format!("{} to {}: {object}: {line}", from.name(), to.name())),
        );
    }
    if Version::asked() == Version::ALL {
        wrong.extend(stale(from, &was, &excused));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A script for another server holds what that server takes, and names all else.
fn a_script_for_another_server_loads_there_to_its_end(from: Version) {
    let (fixture, server) = (Fixture::new(), torture_server(from, &[]));
    torture(&server);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let was = TORTURE_SCHEMAS.map(|schema| server.portable(schema));
    let mut wrong = Vec::new();
    for to in Version::asked().into_iter().filter(|to| *to != from) {
        let other = torture_server(to, &[]);
        let target = Some(Server::detect(&mut other.connect()).unwrap());
        let mut script = Vec::new();
        let options = ExportOptions { target, ..ExportOptions::default() };
        let outcome = export_sql(&repository, &snapshot, &options, &mut script, &NullMonitor).unwrap();
        // A view is read as its definer, and accounts are no part of a script.
        other.script("CREATE USER `no body`@`%`; GRANT ALL ON *.* TO `no body`@`%`");
        let errors = other.script_with(&script, &["--force", "--comments"]).stderr;
        let errors = String::from_utf8_lossy(&errors).into_owned();
        wrong.extend(errors.lines().map(|line| format!("{} to {}: {line}", from.name(), to.name())));
        let script = String::from_utf8_lossy(&script).into_owned();
        let names = |object: &str| {
            let is_left_out = |left: &LeftOut| format!("{}.{}", left.schema, left.name) == object;
            let (schema, name) = object.split_once('.').unwrap_or_default();
            outcome.left_out.iter().any(is_left_out) || script.contains(&format!("it was: `{schema}`.`{name}`:"))
        };
        for (schema, was) in TORTURE_SCHEMAS.iter().zip(&was) {
            for (name, difference) in differences(was, &other.portable(schema)) {
                let object = format!("{schema}.{}", name.split_once(' ').map_or("", |(_, object)| object));
                if !names(&object) {
                    wrong.push(format!("{} to {}: {object}: nothing is said: {difference}", from.name(), to.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The messages of a restore.
pub struct Said {
    /// Messages about each object.
    pub problems: BTreeMap<String, String>,
    pub listener: Listener,
}

impl Said {
    fn names(&self, object: &str) -> bool {
        self.problems.contains_key(object) || self.listener.heard(&format!("{object}: ")) > 0
    }
}

/// The problems of each object.
pub fn problems(outcome: &LoadOutcome) -> BTreeMap<String, String> {
    let mut problems: BTreeMap<String, String> = BTreeMap::new();
    for problem in &outcome.problems {
        let words = problems.entry(String::from_utf8_lossy(&problem.path.0).into_owned()).or_default();
        *words = format!("{words}{}; ", problem.message);
    }
    problems
}

/// Differences in a schema that the restore did not name.
pub fn unsaid(
    was: &BTreeMap<String, String>,
    is: &BTreeMap<String, String>,
    schema: &str,
    said: &Said,
) -> BTreeMap<String, String> {
    let object = |name: &str| format!("{schema}.{}", name.split_once(' ').map_or("", |(_, object)| object));
    let found = differences(was, is).into_iter().map(|(name, difference)| (object(&name), difference));
    let unsaid = found.filter(|(object, _)| !said.names(object));
    unsaid.map(|(object, difference)| (object, format!("nothing is said: {difference}"))).collect()
}

/// Servers that are alike in what they can hold.
#[derive(Clone, Copy)]
enum Servers {
    Any,
    MySql,
    MariaDb,
    /// MariaDB before 10.10.
    Old,
    /// MariaDB before 11.5.
    NotNew,
}

impl Servers {
    fn have(self, version: Version) -> bool {
        match self {
            Servers::Any => true,
            Servers::MySql => version.is_mysql(),
            Servers::MariaDb => !version.is_mysql(),
            Servers::Old => version == Version::MariaDb105,
            Servers::NotNew => version == Version::MariaDb105 || version == Version::Installed,
        }
    }
}

/// Objects that a restore from one server to another names, and why.
struct Expected(Servers, Servers, &'static str, &'static [&'static str]);

/// The entries of the list that excuse what a restore says of an object, by their places.
fn reasons(from: Version, to: Version, object: &str) -> impl Iterator<Item = usize> {
    let name = object.strip_prefix("torture.").unwrap_or(object);
    let excuses = move |Expected(source, target, _, objects): &Expected| {
        source.have(from) && target.have(to) && objects.contains(&name)
    };
    EXPECTED.iter().enumerate().filter(move |(_, entry)| excuses(entry)).map(|(place, _)| place)
}

/// Entries of the list that excuse nothing any more, although the server `from` has the object.
fn stale(from: Version, was: &[BTreeMap<String, String>], excused: &BTreeSet<(usize, String)>) -> Vec<String> {
    let mut stale = Vec::new();
    for (place, Expected(_, _, why, objects)) in EXPECTED.iter().enumerate().filter(|(_, e)| e.0.have(from)) {
        let is_there = |object: &str| was[0].keys().any(|name| name.split_once(' ').is_some_and(|(_, n)| n == object));
        let is_excused = |object: &str| {
            excused.iter().any(|(at, name)| *at == place && name.strip_prefix("torture.").unwrap_or(name) == object)
        };
        let idle = objects.iter().filter(|object| is_there(object) && !is_excused(object));
        stale.extend(idle.map(|object| format!("from {}: {object} is carried: `{why}` excuses nothing", from.name())));
    }
    stale
}

use Servers::{Any, MariaDb, MySql, NotNew, Old};

/// Objects that cannot be carried.
const EXPECTED: &[Expected] = &[
    Expected(Any, Any, "its table is gone", &["invalid_view"]),
    Expected(MySql, MySql, "types within documents that no text has", &["documents_with_types"]),
    // Between the families.
    Expected(
        MySql,
        MariaDb,
        "MariaDB has no such key, or no such function within a key",
        &["functional_keys", "full_text"],
    ),
    Expected(
        MySql,
        MariaDb,
        "a view on a table that is not made, or with a function that is not there",
        &["of_documents"],
    ),
    Expected(MySql, MariaDb, "functions of MySQL", &["default_expressions", "documents"]),
    Expected(MySql, MariaDb, "the character set gb18030", &["texts"]),
    Expected(MySql, MariaDb, "vectors, which it has not or of one length only", &["vectors"]),
    Expected(MariaDb, MySql, "keys of vectors", &["vectors"]),
    Expected(
        MariaDb,
        MySql,
        "periods and history",
        &["bookings", "history_explicit", "history_implicit", "history_parts"],
    ),
    Expected(MariaDb, MySql, "sequences", &["counter", "down", "odd `name'. /%é.se.quence %"]),
    Expected(MariaDb, MySql, "code in the language of Oracle, and aggregates", &["of_oracle", "tools", "summed"]),
    Expected(MariaDb, MySql, "times with fractions at the end of their range", &["dates"]),
    Expected(MariaDb, MySql, "a unique key of a whole text", &["prefix_key"]),
    // Between versions.
    Expected(MariaDb, NotNew, "types and times that came later", &["vectors", "late_timestamps"]),
    Expected(MariaDb, MySql, "times that MySQL does not have", &["late_timestamps"]),
    Expected(
        MariaDb,
        Old,
        "history that was, which it takes from nobody",
        &["history_explicit", "history_implicit", "history_parts"],
    ),
];
