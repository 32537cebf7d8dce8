//! Rows of a saved practice whose files are missing.

use std::fs;
use std::path::{Path, PathBuf};

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::profile::{FileCheck, MissingFile, SavedPractice, missing_files, named};
use engine::repository::Repository;
use engine::tree::lookup;
use repo_format::cbor::ByteString;
use repo_format::database::{Column, ROW_ENCODING, RowOrder, TableRecord, ValueEncoding};
use repo_format::id::{ChunkId, LeaseId};

use crate::support::{Fixture, backup_options, backup_paths, by_id};

/// Folders as a backup leaves them: a schema, and images.
struct Practice {
    schema: PathBuf,
    images: PathBuf,
}

impl Practice {
    fn new(fixture: &Fixture) -> Self {
        let practice = Practice { schema: fixture.folder("od"), images: fixture.folder("images") };
        // Columns in another order than they are asked for, and more than these.
        practice.table(
            "patient",
            &["LName", "ImageFolder", "PatNum"],
            "Smith\tSmithJohn1\t1\nÖz\tÖzAli2\t2\nNew\t\t3\n",
        );
        practice
    }

    fn table(&self, name: &str, columns: &[&str], rows: &str) {
        let record = TableRecord {
            name: name.to_owned(),
            create: ByteString(Vec::new()),
            engine: "MyISAM".to_owned(),
            columns: columns.iter().map(|name| column(name)).collect(),
            key: Vec::new(),
            order: RowOrder::RowBytes,
            encoding: ROW_ENCODING,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        };
        fs::create_dir_all(self.schema.join(name)).unwrap();
        fs::write(self.schema.join(name).join(".table"), record.encode().unwrap()).unwrap();
        fs::write(self.schema.join(name).join("rows"), rows).unwrap();
    }

    fn documents(&self, rows: &str) {
        self.table("document", &["DocNum", "Description", "PatNum", "FileName"], rows);
    }

    fn image(&self, path: &str) {
        let path = self.images.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "an image").unwrap();
    }

    fn save(&self, repository: &Repository) -> LeaseId {
        let paths: [&Path; 2] = [&self.schema, &self.images];
        backup_paths(repository, &paths, &backup_options(), &NullMonitor).unwrap().snapshot.unwrap()
    }
}

fn column(name: &str) -> Column {
    Column::new(name, "text", ValueEncoding::Bytes)
}

fn tree(repository: &Repository, snapshot: LeaseId, path: &str) -> Option<ChunkId> {
    let manifest = by_id(repository, snapshot).manifest;
    lookup(&ChunkReader::new(repository), &manifest, path.as_bytes()).unwrap().1.unwrap().tree
}

fn check(
    repository: &Repository,
    snapshot: LeaseId,
    parent: Option<LeaseId>,
) -> engine::Result<(FileCheck, Vec<MissingFile>)> {
    let saved = SavedPractice {
        schema: tree(repository, snapshot, "od"),
        images: tree(repository, snapshot, "images"),
        images_path: b"images",
        parent_images: parent.and_then(|parent| tree(repository, parent, "images")),
    };
    let mut missing = Vec::new();
    let reader = ChunkReader::new(repository);
    let check = missing_files(&reader, named("opendental").unwrap(), &saved, &mut |file| {
        missing.push(file);
        Ok(())
    })?;
    Ok((check, missing))
}

#[test]
fn a_row_without_its_file_is_named() {
    let fixture = Fixture::new();
    let (repository, practice) = (fixture.open(), Practice::new(&fixture));
    practice.documents(
        "7\t\t1\tx.jpg\n8\ta\\tb\t2\tpan.bmp\n9\t\t1\tgone\\\\.jpg\n10\t\t3\tno-folder.jpg\n11\t\t1\t\n12\t\t1\t\\N\n",
    );
    practice.image("S/SmithJohn1/x.jpg");
    practice.image("Ö/ÖzAli2/pan.bmp");
    let snapshot = practice.save(&repository);
    let (check, missing) = check(&repository, snapshot, None).unwrap();
    assert_eq!(check, FileCheck { rows: 4, missing: 2, in_parent: 0 });
    let named: Vec<_> = missing.iter().map(|file| (file.key.as_str(), file.path.as_slice())).collect();
    assert_eq!(named, [("10", &b"no-folder.jpg"[..]), ("9", b"images/S/SmithJohn1/gone\\.jpg")]);
}

#[test]
fn the_case_of_letters_does_not_matter() {
    let fixture = Fixture::new();
    let (repository, practice) = (fixture.open(), Practice::new(&fixture));
    practice.documents("7\t\t1\tX.JPG\n");
    practice.image("s/smithjohn1/x.jpg");
    let snapshot = practice.save(&repository);
    assert_eq!(check(&repository, snapshot, None).unwrap().0.missing, 0);
}

#[test]
fn a_file_that_was_deleted_meanwhile_is_in_the_parent() {
    let fixture = Fixture::new();
    let (repository, practice) = (fixture.open(), Practice::new(&fixture));
    practice.documents("7\t\t1\tx.jpg\n8\t\t1\tnever.jpg\n");
    practice.image("S/SmithJohn1/x.jpg");
    let parent = practice.save(&repository);
    fs::remove_file(practice.images.join("S/SmithJohn1/x.jpg")).unwrap();
    let snapshot = practice.save(&repository);
    let (check, missing) = check(&repository, snapshot, Some(parent)).unwrap();
    assert_eq!(check, FileCheck { rows: 2, missing: 2, in_parent: 1 });
    assert!(missing[0].parent.is_none(), "{missing:?}");
    assert_eq!(missing[1].parent.as_ref().unwrap().meta.size, 8);
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let fixture = Fixture::new();
    let (repository, practice) = (fixture.open(), Practice::new(&fixture));
    let error = check(&repository, practice.save(&repository), None).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("`document`"), "{error}");
    practice.table("document", &["DocNum", "PatNum"], "");
    let error = check(&repository, practice.save(&repository), None).unwrap_err();
    assert!(error.to_string().contains("`FileName`"), "{error}");
}
