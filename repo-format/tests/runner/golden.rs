//! The bytes that are meant. They change only with the version of the format; `ENAMEL_BLESS=1 cargo test` rewrites them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use repo_format::head::ObjectKind;

use crate::samples;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Every sample is compared here; the other tests rely on that.
#[test]
fn every_value_has_the_committed_bytes_and_they_decode_to_it() {
    let bless = std::env::var_os("ENAMEL_BLESS").is_some();
    for sample in samples::all() {
        let path = folder().join(sample.name).with_extension("bin");
        if bless {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &sample.encoded).unwrap();
        }
        let committed = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(committed, sample.encoded, "{} is encoded otherwise than committed", sample.name);
        assert_eq!((sample.decode)(&committed), Ok(true), "{} decodes to something else", sample.name);
    }
}

#[test]
fn every_golden_file_has_a_value() {
    let names: BTreeSet<_> = samples::all().iter().map(|sample| format!("{}.bin", sample.name)).collect();
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
}

#[test]
fn every_kind_of_object_has_a_golden_file() {
    let samples = samples::all();
    for kind in ObjectKind::ALL {
        let name = kind.name().replace(' ', "-");
        let found = samples.iter().filter(|sample| sample.name.starts_with(&name));
        assert!(found.clone().any(|sample| sample.encoded[5] == kind as u8), "{name}");
        assert!(found.clone().all(|sample| sample.encoded[..4] == *b"ENML"), "{name}");
    }
}

#[test]
fn the_entries_of_the_golden_directory_use_every_field() {
    let debug = format!("{:?}", samples::entries());
    let fields = ["user", "group", "content", "tree", "link_target", "xattrs", "hard_link", "holes", "device", "state"];
    for field in fields {
        assert!(debug.contains(&format!("{field}: Some(")), "{field}");
    }
    let rows = format!("{:?}", crate::database::table_directory());
    for form in ["inline", "direct", "list", "segments"] {
        assert!([&debug, &rows].iter().any(|d| d.contains(&format!("{form}: Some("))), "{form}");
    }
}
