//! Drills: every planted fault is found by name, and nothing stays behind.

use std::fs;
use std::path::PathBuf;

use engine::ErrorKind;
use engine::database::Server;
use engine::drill::{Account, DrillOptions, Restored, Sampling, drill, examine_tables};
use engine::files::backup::{Source, backup};
use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::scratch::ScratchOptions;
use engine::snapshots::Snapshot;
use engine::snapshots::saved::Database;
use engine::store::{MemoryStore, ObjectName};
use repo_format::evidence::{Evidence, EvidenceNoteKind, EvidenceResult};
use scenario_tests::server::{TestServer, Version};

use super::save::source;
use super::scratch::parent;
use crate::support::{Fixture, backup_options, by_id};

/// The smallest picture that there is.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A practice; its log has the hashes that the application computes.
const PRACTICE: &str = "
CREATE DATABASE practice DEFAULT CHARACTER SET utf8mb4; USE practice; SET sql_mode = '';
CREATE TABLE preference (PrefNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PrefName VARCHAR(255) NOT NULL, ValueString TEXT NOT NULL) ENGINE=MyISAM;
INSERT INTO preference (PrefName, ValueString) VALUES ('DocPath', '/srv/images/'), ('DataBaseVersion', '24.3.1.0'), ('AtoZfolderUsed', '1');
CREATE TABLE patient (PatNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, LName VARCHAR(100) NOT NULL, ImageFolder VARCHAR(255) NOT NULL) ENGINE=MyISAM;
INSERT INTO patient VALUES (1, 'Äpfel', 'AepfelAnna1');
CREATE TABLE document (DocNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, FileName VARCHAR(255) NOT NULL) ENGINE=MyISAM;
INSERT INTO document VALUES (1, 1, 'good.gif'), (2, 1, 'empty.jpg'), (3, 1, 'cut.bmp'), (4, 1, 'other.png');
CREATE TABLE securitylog (SecurityLogNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PermType SMALLINT NOT NULL, UserNum BIGINT NOT NULL,
  LogDateTime DATETIME NOT NULL, LogText TEXT, PatNum BIGINT NOT NULL, DateTPrevious DATETIME NOT NULL, KEY PatNum (PatNum)) ENGINE=MyISAM;
INSERT INTO securitylog SELECT seq, seq MOD 200, seq MOD 7, '2022-01-01' + INTERVAL seq MINUTE, CONCAT('öffnet ', seq), seq MOD 50,
  IF(seq MOD 2, '0001-01-01 00:00:00', '2021-12-31 10:00:00') FROM seq_1_to_500;
CREATE TABLE securityloghash (SecurityLogHashNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, SecurityLogNum BIGINT NOT NULL, LogHash VARCHAR(255) NOT NULL,
  KEY SecurityLogNum (SecurityLogNum)) ENGINE=MyISAM;
INSERT INTO securityloghash (SecurityLogNum, LogHash) SELECT SecurityLogNum, TO_BASE64(UNHEX(SHA2(CONVERT(CONCAT(PermType, UserNum,
  DATE_FORMAT(LogDateTime, '%Y-%m-%d %H:%i:%s'), LogText, PatNum,
  IF(YEAR(DateTPrevious) >= 1880, DATE_FORMAT(DateTPrevious, '%Y-%m-%d %H:%i:%s'), '')) USING utf16le), 256))) FROM securitylog;
CREATE VIEW charts AS SELECT PatNum, LName FROM patient;
CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1;
";

struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    server: TestServer,
    images: PathBuf,
    scratch: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::with_small_packs(&store);
        let images = fixture.folder("images");
        let folder = images.join("A/AepfelAnna1");
        fs::create_dir_all(&folder).unwrap();
        for name in ["good.gif", "empty.jpg", "cut.bmp", "other.png"] {
            fs::write(folder.join(name), GIF).unwrap();
        }
        let server = TestServer::start(&[]);
        server.script(PRACTICE);
        Scene { fixture, store, server, images, scratch: tempfile::tempdir().unwrap() }
    }

    fn image(&self, name: &str) -> PathBuf {
        self.images.join("A/AepfelAnna1").join(name)
    }

    fn save(&self, repository: &Repository) -> Snapshot {
        let database = Source::Database(Box::new(source(&self.server, &["practice"])));
        let sources = vec![database, Source::Path(self.images.clone())];
        let outcome = backup(repository, sources, &backup_options(), &NullMonitor).unwrap();
        by_id(repository, outcome.snapshot.unwrap())
    }

    fn options(&self) -> DrillOptions {
        let parent = Some(parent(self.scratch.path()));
        let scratch = ScratchOptions { parent, search: search(), ..ScratchOptions::default() };
        DrillOptions { scratch, sampling: Sampling::All, ..DrillOptions::default() }
    }

    /// Drills, and nothing stays behind.
    fn drill(&self, repository: &Repository, snapshot: &Snapshot, options: &DrillOptions) -> Evidence {
        let evidence = drill(repository, snapshot, options, &NullMonitor).unwrap();
        let own = fs::read_dir(self.scratch.path()).unwrap().flat_map(|own| fs::read_dir(own.unwrap().path()).unwrap());
        assert_eq!(own.count(), 0, "everything is removed");
        evidence
    }
}

fn search() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

#[track_caller]
fn names(evidence: &Evidence, kind: EvidenceNoteKind, step: &str, text: &str) {
    let found = evidence
        .notes
        .iter()
        .any(|note| note.kind == kind && evidence.steps[note.step as usize].name == step && note.text.contains(text));
    assert!(found, "{step}: `{text}` is not in {:#?}", evidence.notes);
}

fn value(evidence: &Evidence, step: &str, figure: &str) -> u64 {
    let step = evidence.steps.iter().find(|found| found.name == step).unwrap();
    step.figures.iter().find(|found| found.name == figure).unwrap().value
}

#[test]
fn a_practice_that_is_well_passes() {
    let scene = Scene::new();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    let evidence = scene.drill(&repository, &snapshot, &scene.options());
    assert_eq!(evidence.result, EvidenceResult::Passed, "{:#?}", evidence.notes);
    assert_eq!(value(&evidence, "hashes", "rows that fit their hash"), 500);
    assert_eq!(value(&evidence, "files", "pictures that open"), 4);
    assert_eq!(value(&evidence, "documents", "rows that name a file"), 4);
    assert!(value(&evidence, "restore", "segments compared") > 0);
    assert_eq!(value(&evidence, "count rows", "rows"), 3 + 1 + 4 + 500 + 500);
    assert!(value(&evidence, "time", "milliseconds to bring everything back, extrapolated") > 0);
    // The same seed draws the same files; another seed is another sample.
    let one = DrillOptions { sampling: Sampling::About(1), seed: Some([7; 32]), ..scene.options() };
    let [a, b] = [(); 2].map(|()| scene.drill(&repository, &snapshot, &one).sample.unwrap());
    assert_eq!(a, b);
}

#[test]
fn faults_that_the_source_has_are_notes_and_named() {
    let scene = Scene::new();
    scene.server.script(
        "USE practice; UPDATE securityloghash SET LogHash = REVERSE(LogHash) WHERE SecurityLogNum = 42;
         DELETE FROM securityloghash WHERE SecurityLogNum = 77;
         INSERT INTO document VALUES (5, 1, 'gone.jpg');
         UPDATE preference SET ValueString = 'x' WHERE PrefName = 'DataBaseVersion';
         ALTER TABLE patient CHANGE LName Name VARCHAR(100) NOT NULL;",
    );
    fs::write(scene.image("empty.jpg"), "").unwrap();
    let mut bmp =
        b"BM\x76\x01\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x0a\0\0\0\x0a\0\0\0\x01\0\x18\0\0\0\0\0\x40\x01\0\0".to_vec();
    bmp.resize(100, 0);
    fs::write(scene.image("cut.bmp"), bmp).unwrap();
    fs::write(scene.image("other.png"), "encrypted").unwrap();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    let evidence = scene.drill(&repository, &snapshot, &scene.options());
    assert_eq!(evidence.result, EvidenceResult::PassedWithNotes, "{:#?}", evidence.notes);
    let note = EvidenceNoteKind::Note;
    names(&evidence, note, "hashes", "SecurityLogNum 42 does not fit its LogHash");
    names(&evidence, note, "hashes", "SecurityLogNum 77 has no LogHash");
    names(&evidence, note, "documents", "gone.jpg is missing");
    names(&evidence, note, "application", "DataBaseVersion is `x`");
    names(&evidence, note, "views and routines", "practice.charts");
    names(&evidence, note, "files", "empty.jpg: it is empty");
    names(&evidence, note, "files", "cut.bmp: it cannot be opened");
    names(&evidence, note, "files", "other.png: its first bytes are not what its name says");
}

#[test]
fn damage_in_the_repository_is_a_fault() {
    let scene = Scene::new();
    fs::write(scene.image("large.gif"), [GIF, &crate::support::noise(1, 300_000)].concat()).unwrap();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    drop(repository);
    for (pack, size) in scene.fixture.open().list_packs().unwrap() {
        let name = ObjectName::Pack(pack);
        let mut bytes = scene.store.bytes(&name).unwrap();
        bytes[usize::try_from(size / 2).unwrap()] ^= 1;
        scene.store.put_raw(&name, bytes);
    }
    let repository = scene.fixture.open();
    let evidence = scene.drill(&repository, &snapshot, &scene.options());
    assert_eq!(evidence.result, EvidenceResult::Failed, "{:#?}", evidence.notes);
    let faults = evidence.notes.iter().filter(|note| note.kind == EvidenceNoteKind::Fault);
    assert!(faults.count() > 0);
}

#[test]
fn rows_and_indexes_that_were_lost_after_the_restore_are_faults() {
    let scene = Scene::new();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    let mut other = TestServer::start(&[]);
    let outcome = load(&repository, &snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    other.run("DELETE FROM practice.securitylog WHERE SecurityLogNum = 88");
    other.run("DROP TABLE practice.document");
    other.stop();
    let index = other.data_folder().join("practice/securityloghash.MYI");
    let mut bytes = fs::read(&index).unwrap();
    let from = bytes.len() / 2;
    bytes[from..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&index, bytes).unwrap();
    other.restart();
    let reader = ChunkReader::new(&repository);
    let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
    let restored = Restored { ending: "", tables: outcome.tables };
    let mut account = Account::default();
    examine_tables(&database, &restored, &mut other.connect(), &mut account, &NullMonitor).unwrap();
    let (steps, notes, _) = account.into_parts();
    let evidence =
        Evidence { steps, notes, ..Evidence::new(repo_format::evidence::EvidenceKind::Drill, EvidenceResult::Failed) };
    let fault = EvidenceNoteKind::Fault;
    names(&evidence, fault, "count rows", "practice.securitylog has 499 rows, and 500 were saved");
    names(&evidence, fault, "check tables", "practice.securityloghash");
    names(&evidence, fault, "check tables", "practice.document");
    names(&evidence, fault, "count rows", "practice.document cannot be read");
}

#[test]
fn a_server_that_is_named_gets_schemas_of_their_own_and_loses_them_again() {
    let scene = Scene::new();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    // As a drill leaves it that was killed.
    scene.server.script("CREATE DATABASE practice__enamel_drill; CREATE TABLE practice__enamel_drill.t (a INT)");
    let options = DrillOptions { into: Some(scene.server.address()), ..scene.options() };
    let evidence = scene.drill(&repository, &snapshot, &options);
    assert_eq!(evidence.result, EvidenceResult::Passed, "{:#?}", evidence.notes);
    let schemas = scene.server.rows("SHOW DATABASES LIKE '%enamel\\_drill'");
    assert!(schemas.is_empty(), "{schemas:?}");
    assert_eq!(
        scene.server.value("SELECT COUNT(*) FROM practice.securitylog").as_deref(),
        Some("500"),
        "the live one is as it was"
    );
}

#[test]
fn a_server_that_is_a_little_older_will_do_and_both_versions_are_named() {
    let mut scene = Scene::new();
    let own = Server::from_version(&scene.server.value("SELECT VERSION()").unwrap());
    let (major, minor, patch) = own.version;
    // MariaDB says of itself what it is told to say.
    scene.server.restart_with(&[&format!("--version={major}.{minor}.{}-MariaDB-log", patch + 1)]);
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    let evidence = scene.drill(&repository, &snapshot, &scene.options());
    assert_eq!(evidence.result, EvidenceResult::Passed, "{:#?}", evidence.notes);
    assert_eq!(value(&evidence, "count rows", "rows"), 3 + 1 + 4 + 500 + 500);
    let step = evidence.steps.iter().find(|step| step.name == "server").unwrap();
    let newer = format!("MariaDB {major}.{minor}.{}", patch + 1);
    assert_eq!(step.text, Some(format!("{}, for a database of {newer}", own.title())));

    scene.server.restart_with(&[&format!("--version={major}.{}.0-MariaDB-log", minor + 1)]);
    let snapshot = scene.save(&repository);
    let error = drill(&repository, &snapshot, &scene.options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains(&format!("MariaDB {major}.{} or newer; there is", minor + 1)), "{error}");
    assert!(error.hint().unwrap().contains("mariadb-server-core"));
}

#[test]
fn a_server_of_another_family_is_refused() {
    let scene = Scene::new();
    let repository = scene.fixture.open();
    let snapshot = scene.save(&repository);
    let mut options = scene.options();
    options.scratch.program = Some(PathBuf::from("/bin/true"));
    assert_eq!(drill(&repository, &snapshot, &options, &NullMonitor).unwrap_err().kind(), ErrorKind::Usage);
    if Version::MySql97.is_asked() {
        options.scratch.program = Some(Version::MySql97.program(scene.scratch.path()));
        let error = drill(&repository, &snapshot, &options, &NullMonitor).unwrap_err();
        assert!(error.to_string().contains("MariaDB") && error.kind() == ErrorKind::Usage, "{error}");
    }
}
