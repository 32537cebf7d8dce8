//! The words of `status` about sources, databases and writers.

use engine::ErrorKind;
use engine::machine;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::session::{Life, WriterOptions, WriterSession};
use engine::snapshots::status::{Status, StatusOptions, status};
use engine::store::ObjectName;
use repo_format::database::{Flavour, LateTable, LeftOut, Moment, ServerRecord};
use repo_format::id::LeaseId;
use repo_format::manifest::RootKind;

use crate::support::{Fixture, backup, backup_options, backup_paths, commit_again};

fn state(repository: &Repository) -> Status {
    status(repository, &StatusOptions { this_host: "host".into(), ..StatusOptions::default() }).unwrap()
}

/// A database with the table `od.claim`, unless it is left out, as a snapshot with the tag `db`.
fn save_database(fixture: &Fixture, repository: &Repository, server: &ServerRecord) -> LeaseId {
    let folder = fixture.folder("database");
    std::fs::write(folder.join(".server"), server.encode().unwrap()).unwrap();
    if server.left_out.is_empty() {
        std::fs::create_dir_all(folder.join("od/claim")).unwrap();
        std::fs::write(folder.join("od/claim/.table"), "a definition").unwrap();
    }
    let (id, _) = backup(repository, &folder);
    commit_again(repository, id, |manifest| {
        manifest.tags = vec!["db".into()];
        manifest.roots[0].kind = RootKind::Database;
        manifest.roots[0].path.0 = b"mysql://server:3306".to_vec();
    })
}

fn server() -> ServerRecord {
    let moment = Moment {
        seconds: 1_700_000_000,
        microseconds: 0,
        attempts: 1,
        method: "snapshots".into(),
        commits_blocked: 0,
        tables_locked: 0,
        longest_wait: 0,
    };
    ServerRecord {
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
        left_out: Vec::new(),
        profile: None,
        alterations: None,
        in_part: None,
    }
}

fn left_out(what: &str, name: &str) -> LeftOut {
    LeftOut { schema: "od".into(), name: name.into(), what: what.into(), why: "it is marked as crashed".into() }
}

#[test]
fn an_empty_repository_has_no_sources() {
    let state = state(&Fixture::new().open());
    assert!(state.sources.is_empty() && state.writers.is_empty() && state.unreadable.is_empty());
}

#[test]
fn the_newest_snapshot_of_each_source_counts() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let (images, dumps) = (fixture.folder("images"), fixture.folder("dumps"));
    backup(&repository, &images);
    let (newest, _) = backup(&repository, &images);
    let old = commit_again(&repository, backup(&repository, &dumps).0, |manifest| {
        manifest.roots[0].path.0 = b"/elsewhere".to_vec();
        manifest.seconds -= 7200;
    });
    let found = state(&repository).sources;
    let ids: Vec<_> = found.iter().map(|source| source.newest.id).collect();
    assert_eq!((ids[0], ids[1]), (old, newest), "oldest first");
    assert!(found[0].age_seconds.is_some_and(|age| (7200..7300).contains(&age)), "{:?}", found[0].age_seconds);
    assert!(found.iter().all(|source| source.is_whole()));
}

#[test]
fn what_is_saved_together_with_more_is_not_shown_alone() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let (images, dumps) = (fixture.folder("images"), fixture.folder("dumps"));
    backup(&repository, &images);
    backup_paths(&repository, &[&images, &dumps], &backup_options(), &NullMonitor).unwrap();
    assert_eq!(state(&repository).sources.len(), 1);
    backup(&repository, &images);
    assert_eq!(state(&repository).sources.len(), 2, "the dumps are older now");
}

#[test]
fn other_hosts_and_tags_can_be_left_out() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let (id, _) = backup(&repository, &fixture.folder("images"));
    let tagged = commit_again(&repository, id, |manifest| {
        manifest.tags = vec!["hourly".into()];
        manifest.seconds -= 60;
    });
    let options = StatusOptions { tag: Some("hourly".into()), ..StatusOptions::default() };
    assert_eq!(status(&repository, &options).unwrap().sources[0].newest.id, tagged);
    let options = StatusOptions { host: Some("host".into()), ..StatusOptions::default() };
    assert_eq!(status(&repository, &options).unwrap().sources[0].newest.id, id);
}

#[test]
fn a_damaged_table_is_found_in_the_newest_snapshot_that_has_it() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    save_database(&fixture, &repository, &server());
    let good = save_database(&fixture, &repository, &server());
    let damaged = ServerRecord { left_out: vec![left_out("table", "claim"), left_out("view", "v")], ..server() };
    save_database(&fixture, &repository, &damaged);
    save_database(&fixture, &repository, &damaged);
    let options = StatusOptions { tag: Some("db".into()), ..StatusOptions::default() };
    let found = status(&repository, &options).unwrap().sources;
    let source = &found[0];
    assert!(!source.is_whole());
    assert_eq!(source.whole.unwrap().id, good);
    let missing = &source.databases[0].missing;
    assert_eq!(missing[0].good.unwrap().id, good);
    assert_eq!(missing[1].good, None, "views have no rows to look for");
}

#[test]
fn a_late_table_makes_a_snapshot_less_than_whole() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let late = LateTable {
        schema: "od".into(),
        table: "claim".into(),
        read: 1_700_000_060,
        why: "a writer waited".into(),
        before: None,
        after: None,
    };
    save_database(&fixture, &repository, &ServerRecord { late: vec![late], ..server() });
    let options = StatusOptions { tag: Some("db".into()), ..StatusOptions::default() };
    let source = &status(&repository, &options).unwrap().sources[0];
    assert!(!source.is_whole() && source.whole.is_none());
    assert_eq!(source.databases[0].late[0].table, "claim");
}

#[test]
fn a_writer_of_this_machine_is_known_by_its_process() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let begin = |host: &str| {
        let options = WriterOptions { host: host.into(), ..WriterOptions::default() };
        WriterSession::begin(&repository, &options, &NullMonitor).unwrap()
    };
    let sessions = [begin("host"), begin("under another name")];
    let known = if machine::boot_id().is_empty() { Life::Unknown } else { Life::Running };
    let lives: Vec<_> = state(&repository).writers.into_iter().map(|writer| writer.life).collect();
    assert_eq!(lives, [known, known], "the process tells, not the name");
    drop(sessions);
    assert!(state(&repository).writers.is_empty());
}

#[test]
fn a_snapshot_from_the_future_does_not_stand_for_a_fresh_backup() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let folder = fixture.folder("images");
    let (first, _) = backup(&repository, &folder);
    let old = commit_again(&repository, first, |manifest| manifest.seconds -= 30 * 86_400);
    fixture.forget(&[first]);
    let future = commit_again(&repository, old, |manifest| manifest.seconds += 400 * 86_400);
    let found = state(&repository);
    assert_eq!(found.sources.len(), 1);
    assert_eq!(found.sources[0].newest.id, old);
    assert!(found.sources[0].age_seconds.is_some_and(|age| age >= 30 * 86_400));
    assert_eq!(found.future.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(), [future]);
    fixture.forget(&[old]);
    let found = state(&repository);
    assert_eq!((found.sources[0].newest.id, found.sources[0].age_seconds), (future, None));
}

#[test]
fn what_has_disappeared_is_named() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let (id, _) = backup(&repository, &fixture.folder("images"));
    assert!(state(&repository).missing.is_empty());
    fixture.store.delete(&ObjectName::Snapshot(id)).unwrap();
    assert_eq!(state(&repository).missing.iter().map(|gone| gone.id).collect::<Vec<_>>(), [id]);
}

#[test]
fn a_tag_or_a_host_that_no_snapshot_has_is_refused() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let only = |host: Option<&str>, tag: Option<&str>| {
        let (host, tag) = (host.map(str::to_owned), tag.map(str::to_owned));
        status(&repository, &StatusOptions { host, tag, this_host: "host".into() })
    };
    assert!(only(None, Some("hourly")).unwrap().sources.is_empty(), "there are no snapshots yet");
    let (id, _) = backup(&repository, &fixture.folder("images"));
    commit_again(&repository, id, |manifest| manifest.tags = vec!["hourly".into()]);
    assert_eq!(only(None, Some("hourly")).unwrap().sources.len(), 1);
    let error = only(None, Some("hourl")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("`hourl`; there are: hourly"), "{error}");
    let error = only(Some("srevr"), None).unwrap_err();
    assert!(error.to_string().contains("`srevr`; there are: "), "{error}");
}
