//! From every server to every server: what cannot be carried is named, and nothing else differs.

use std::collections::BTreeMap;

use engine::load::{Check, Events, LoadOptions, LoadOutcome, load};
use engine::monitor::NullMonitor;
use scenario_tests::databases::{TORTURE_SCHEMAS, torture, torture_server};
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::save::save;
use crate::support::Fixture;

on_each_server!(everything_that_is_awkward_is_carried_or_named);

fn everything_that_is_awkward_is_carried_or_named(from: Version) {
    let (fixture, server) = (Fixture::new(), torture_server(from, &[]));
    torture(&server);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let was = TORTURE_SCHEMAS.map(|schema| server.portable(schema));
    let mut wrong = Vec::new();
    for to in Version::asked() {
        let other = torture_server(to, &[]);
        let options = LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() };
        let outcome = load(&repository, &snapshot, &other.address(), &options, &NullMonitor).unwrap();
        let named = named(&outcome);
        let found =
            TORTURE_SCHEMAS.iter().zip(&was).map(|(schema, was)| unnamed(was, &other.portable(schema), schema, &named));
        let mut lines: BTreeMap<String, String> = found.flatten().collect();
        lines.extend(named.into_iter().filter(|(object, _)| !is_in(EXPECTED, from, to, object)));
        lines.retain(|object, _| !is_in(FAULTS, from, to, object));
        wrong.extend(
            lines.into_iter().map(|(object, line)| format!("{} to {}: {object}: {line}", from.name(), to.name())),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What the restore says of each object.
pub fn named(outcome: &LoadOutcome) -> BTreeMap<String, String> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for problem in &outcome.problems {
        let words = named.entry(String::from_utf8_lossy(&problem.path.0).into_owned()).or_default();
        *words = format!("{words}{}; ", problem.message);
    }
    named
}

/// What differs in a schema although the restore did not say so.
pub fn unnamed(
    was: &BTreeMap<String, String>,
    is: &BTreeMap<String, String>,
    schema: &str,
    named: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let object = |name: &str| format!("{schema}.{}", name.split_once(' ').map_or("", |(_, object)| object));
    let found = differences(was, is).into_iter().map(|(name, difference)| (object(&name), difference));
    let unnamed = found.filter(|(object, _)| !named.contains_key(object));
    unnamed.map(|(object, difference)| (object, format!("nothing is said: {difference}"))).collect()
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

fn is_in(list: &[Expected], from: Version, to: Version, object: &str) -> bool {
    let name = object.strip_prefix("torture.").unwrap_or(object);
    list.iter().any(|Expected(source, target, why, objects)| {
        assert!(!why.is_empty(), "{objects:?}");
        source.have(from) && target.have(to) && objects.contains(&name)
    })
}

use Servers::{Any, MariaDb, MySql, NotNew, Old};

/// What cannot be carried.
const EXPECTED: &[Expected] = &[
    Expected(Any, Any, "its table is gone", &["invalid_view"]),
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
    Expected(MySql, MariaDb, "a column for one reference system only", &["shapes"]),
    Expected(MySql, MariaDb, "the character set gb18030", &["texts"]),
    Expected(MySql, MariaDb, "a zero with a sign", &["floats"]),
    Expected(MariaDb, MySql, "types of MariaDB", &["addresses", "more_addresses", "vectors"]),
    Expected(
        MariaDb,
        MySql,
        "periods and history",
        &["bookings", "history_explicit", "history_implicit", "history_parts"],
    ),
    Expected(
        MariaDb,
        MySql,
        "sequences, and what needs them",
        &["counter", "down", "numbered", "view of seq", "odd `name'. /%é.se.quence %"],
    ),
    Expected(MariaDb, MySql, "code in the language of Oracle, and aggregates", &["of_oracle", "tools", "summed"]),
    Expected(MariaDb, MySql, "times with fractions at the end of their range", &["dates"]),
    Expected(
        MariaDb,
        MySql,
        "a unique key of a whole text, a partition for all other values",
        &["prefix_key", "parts_list"],
    ),
    // Between versions.
    Expected(Any, Old, "types that came later", &["more_addresses"]),
    Expected(Any, NotNew, "types and times that came later", &["vectors", "late_timestamps"]),
    Expected(MariaDb, MySql, "times that MySQL does not have", &["late_timestamps"]),
    Expected(Any, Old, "collations that are like no older one", &["newer_collations"]),
    Expected(
        MariaDb,
        Old,
        "history that was, which it takes from nobody",
        &["history_explicit", "history_implicit", "history_parts"],
    ),
    Expected(MariaDb, MariaDb, "a zero with a sign", &["floats"]),
];

/// What should be carried and is not.
const FAULTS: &[Expected] = &[
    Expected(
        MySql,
        MariaDb,
        "a fault",
        &[
            "hidden_key",
            "invisible_columns",
            "collations",
            "string_key",
            "commented",
            "generated_columns",
            "page_compressed",
        ],
    ),
    Expected(Any, Any, "a fault", &["vectors", "time_key"]),
    Expected(MySql, MySql, "a fault", &["documents_with_types", "scale"]),
    Expected(
        MariaDb,
        MySql,
        "a fault",
        &[
            "documents",
            "numbered",
            "ignored_key",
            "in_aria",
            "in_aria_plain",
            "page_compressed",
            "string_key_nopad",
            "backslashes",
        ],
    ),
    Expected(MariaDb, Old, "a fault", &["ignored_key", "backslashes", "texts"]),
    Expected(MariaDb, MariaDb, "a fault", &["history_explicit", "history_implicit", "history_parts"]),
];
