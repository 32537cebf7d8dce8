//! Verify of logs: a missing one, one that was changed, and a snapshot inside a transaction are named.

use engine::binlog::check::{LogDepth, LogReport, check_logs};
use engine::chunk::ProfileName;
use engine::monitor::NullMonitor;
use engine::pack::{ChunkReader, Mode};
use engine::session::{Draft, WriterOptions, WriterSession};
use engine::store::ObjectName;
use engine::tree::{DirectoryBuilder, FileWriter, TreeEntry};
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::LeaseId;
use repo_format::log::{LOG_FILE, LogRecord, TRANSACTIONS_FILE, part_name};
use repo_format::manifest::ManifestKind;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{events_of, fetch, logged, stored};
use crate::database::save::save;
use crate::support::Fixture;

on_each_server!(
    logs_as_they_were_fetched_are_sound_and_a_missing_one_is_named,
    an_event_that_was_changed_is_found_by_reading_it,
);

fn check(fixture: &Fixture, depth: LogDepth) -> LogReport {
    check_logs(&fixture.open(), depth, &NullMonitor).unwrap()
}

fn logs_as_they_were_fetched_are_sound_and_a_missing_one_is_named(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    save(&fixture, &fixture.open(), &server, &["shop"]);
    for round in 0..4 {
        server.script(format!(
            "INSERT INTO shop.visit VALUES ({round}, 'x'); SET SESSION binlog_format = 'STATEMENT'; BEGIN;
             UPDATE shop.visit SET note = 'y'; DELETE FROM shop.visit WHERE id = 99; COMMIT; FLUSH BINARY LOGS;"
        ));
        fetch(&fixture, &server);
        save(&fixture, &fixture.open(), &server, &["shop"]);
    }
    let report = check(&fixture, LogDepth::Events);
    assert!(report.logs == 4 && report.findings.is_empty(), "{report:?}");
    let logs = stored(&fixture);
    let gone = logs[1].id();
    fixture.store.delete(&ObjectName::Snapshot(gone)).unwrap();
    let report = check(&fixture, LogDepth::Records);
    assert_eq!((report.findings.len(), report.findings[0].log), (1, gone), "{report:?}");
}

/// Stores a copy of the log `number` with other events of its first file and another record.
fn store_changed(fixture: &Fixture, number: usize, events: &[u8], change: impl FnOnce(&mut LogRecord)) -> LeaseId {
    let repository = fixture.open();
    let (reader, log) = (ChunkReader::new(&repository), stored(fixture).remove(number));
    let mut record = log.record.clone();
    change(&mut record);
    let mut list = Vec::new();
    log.transactions(&reader).unwrap().for_each(|transaction| transaction.unwrap().append_to(&mut list).unwrap());
    let first = &record.files[0];
    let mut parts = vec![
        (part_name(&first.name, first.first), events.to_vec()),
        (LOG_FILE.to_vec(), record.encode().unwrap()),
        (TRANSACTIONS_FILE.to_vec(), list),
    ];
    parts.sort();
    let session = WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor).unwrap();
    let written = session
        .write(Mode::Write, |store| {
            let mut coder = engine::chunk::Coder::new(repository.config().zstd_level)?;
            let mut sink = engine::pack::NodeSink { store, coder: &mut coder };
            let (mut root, mut top) = (DirectoryBuilder::default(), DirectoryBuilder::default());
            for (name, bytes) in &parts {
                let mut file = FileWriter::new(store, ProfileName::Files)?;
                file.write(bytes)?;
                let mut meta = Entry::new(name.clone(), EntryKind::File);
                meta.size = bytes.len() as u64;
                root.push(TreeEntry { content: file.finish()?.content, ..TreeEntry::new(meta) }, &mut sink)?;
            }
            let tree = root.finish(&mut sink)?;
            let meta = Entry::new(log.manifest.roots[0].name.0.clone(), EntryKind::Directory);
            top.push(TreeEntry { tree, ..TreeEntry::new(meta) }, &mut sink)?;
            top.finish(&mut sink)
        })
        .unwrap();
    let seen = repository.manifests().unwrap().newest_seen();
    let roots = log.manifest.roots.clone();
    let draft = Draft { seen, roots, tree: written.value, ..Draft::new(ManifestKind::Log) };
    session.commit(draft, &NullMonitor).unwrap().manifest.id
}

fn an_event_that_was_changed_is_found_by_reading_it(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    server.script("INSERT INTO shop.visit VALUES (1, 'a');");
    fetch(&fixture, &server);
    let name = stored(&fixture)[0].record.files[0].name.clone();
    let mut events = events_of(&fixture, &name).concat();
    let sound = store_changed(&fixture, 0, &events, |_| {});
    let at = events.windows(4).position(|bytes| bytes == b"shop").unwrap();
    events[at] ^= 1;
    let changed = store_changed(&fixture, 0, &events, |_| {});
    assert!(check(&fixture, LogDepth::Records).findings.is_empty());
    let report = check(&fixture, LogDepth::Events);
    assert_eq!((report.findings.len(), report.findings[0].log), (1, changed), "{report:?}");
    assert_ne!(changed, sound);

    // Records that do not fit what is there.
    let short = store_changed(&fixture, 0, &events[..events.len() / 2], |record| record.transactions += 1);
    let report = check(&fixture, LogDepth::Records);
    let found: Vec<&str> =
        report.findings.iter().filter(|finding| finding.log == short).map(|finding| &*finding.message).collect();
    assert!(found.iter().any(|message| message.contains("transactions, where")), "{found:?}");
}
