//! The newest snapshot that has a table which later ones lack is kept.

use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::upkeep::forget::{forget, plan_named};
use engine::upkeep::retention::{Reason, Rule, TableName};
use repo_format::database::{Flavour, LeftOut, Moment, ServerRecord};
use repo_format::id::LeaseId;
use repo_format::manifest::RootKind;

use super::policy::planned;
use super::{author, copy, listed, read};
use crate::support::{Fixture, backup, verify_all};

/// Saves a database with the table `od.patient`, and with `od.claim` unless it is left out. Snapshots are an hour apart.
fn save(fixture: &Fixture, repository: &Repository, hour: i64, left_out: &[&str]) -> LeaseId {
    let moment = Moment {
        seconds: 1_700_000_000,
        microseconds: 0,
        attempts: 1,
        method: "snapshots".into(),
        commits_blocked: 0,
        tables_locked: 0,
        longest_wait: 0,
    };
    let left = |name: &&str| LeftOut {
        schema: "od".into(),
        name: (*name).into(),
        what: "table".into(),
        why: "crashed".into(),
    };
    let server = ServerRecord {
        flavour: Flavour::MariaDb,
        version: "10.11.6-MariaDB".into(),
        identity: "1".into(),
        hostname: "server".into(),
        started: 0,
        clock_ahead: 0,
        time_zone: "SYSTEM/UTC".into(),
        variables: Vec::new(),
        binlog: None,
        moment,
        carried: Vec::new(),
        late: Vec::new(),
        left_out: left_out.iter().map(left).collect(),
        profile: None,
        alterations: None,
        in_part: None,
    };
    let folder = fixture.folder("database");
    std::fs::write(folder.join(".server"), server.encode().unwrap()).unwrap();
    for table in ["patient", "claim"].iter().filter(|table| !left_out.contains(table)) {
        std::fs::create_dir_all(folder.join("od").join(table)).unwrap();
        std::fs::write(folder.join("od").join(table).join(".table"), "a definition").unwrap();
    }
    let (id, _) = backup(repository, &folder);
    let manifest = read(repository, id);
    let saved = copy(repository, &manifest, |copy| {
        copy.seconds += hour * 3600 - 86_400;
        copy.roots[0].kind = RootKind::Database;
        copy.roots[0].path.0 = b"mysql://server:3306".to_vec();
        copy.problems.count = left_out.len() as u64;
    });
    super::forget_named(repository, &[id]).unwrap();
    saved
}

/// Snapshots that lack these tables, oldest first.
fn scene(lacking: &[&[&str]]) -> (Fixture, Repository, Vec<LeaseId>) {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let ids = (0..).zip(lacking).map(|(hour, tables)| save(&fixture, &repository, hour, tables)).collect();
    (fixture, repository, ids)
}

fn kept(repository: &Repository, rules: &[Rule]) -> Vec<(LeaseId, Vec<Reason>)> {
    let plan = planned(repository, rules).unwrap();
    let members = plan.groups.into_iter().flat_map(|group| group.members);
    members.filter(|judged| judged.is_kept()).map(|judged| (judged.manifest.id, judged.reasons)).collect()
}

fn ids(kept: &[(LeaseId, Vec<Reason>)]) -> Vec<LeaseId> {
    kept.iter().map(|(id, _)| *id).collect()
}

fn table(name: &str) -> TableName {
    TableName { schema: "od".into(), table: name.into() }
}

#[test]
fn the_newest_copy_of_a_damaged_table_is_kept() {
    let (_fixture, repository, all) = scene(&[&[], &[], &["claim"], &["claim"]]);
    let found = kept(&repository, &[Rule::Last(1)]);
    assert_eq!(ids(&found), [all[1], all[3]]);
    assert_eq!(found[0].1, [Reason::NewestWhole, Reason::OnlyCopy(vec![table("claim")])]);
    let going = planned(&repository, &[Rule::Last(1)]).unwrap().going();
    forget(&repository, &going, &author(), &NullMonitor).unwrap();
    assert_eq!(listed(&repository), [all[1], all[3]]);
    assert_eq!(ids(&kept(&repository, &[Rule::Last(1)])), [all[1], all[3]], "and again");
    verify_all(&repository);
}

#[test]
fn each_table_has_its_own_newest_copy() {
    let (_fixture, repository, all) = scene(&[&[], &["claim"], &["claim", "patient"], &["patient", "claim"]]);
    let found = kept(&repository, &[Rule::Last(1)]);
    assert_eq!(ids(&found), [all[0], all[1], all[3]]);
    assert_eq!(found[1].1, [Reason::OnlyCopy(vec![table("patient")])]);
}

#[test]
fn a_table_that_is_whole_again_needs_no_older_copy() {
    let (_fixture, repository, all) = scene(&[&[], &["claim"], &[]]);
    assert_eq!(ids(&kept(&repository, &[Rule::Last(1)])), [all[2]]);
}

#[test]
fn of_copies_that_would_all_go_the_newest_stays() {
    let (_fixture, repository, all) = scene(&[&[], &["claim"], &[]]);
    // By the rule all go but one that lacks the table, too; the newest that has it is the one to keep.
    let tagged = copy(&repository, &read(&repository, all[1]), |copy| {
        copy.tags = vec!["audit".into()];
        copy.seconds += 60;
    });
    assert_eq!(ids(&kept(&repository, &[Rule::Tag("audit".into())])), [tagged, all[2]]);
}

#[test]
fn a_table_that_was_never_there_keeps_nothing() {
    let (_fixture, repository, all) = scene(&[&["gone"], &["gone"]]);
    assert_eq!(ids(&kept(&repository, &[Rule::Last(1)])), [all[1]]);
}

#[test]
fn who_names_an_only_copy_is_told() {
    let (_fixture, repository, all) = scene(&[&[], &["claim"], &["claim"]]);
    let plan = plan_named(&repository, &all[..2], &NullMonitor).unwrap();
    assert_eq!(plan.only_copies, [(all[0], vec![table("claim")])]);
    assert_eq!((plan.going().len(), plan.kept_count), (2, 1));
}
