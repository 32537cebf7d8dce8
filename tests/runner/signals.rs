//! An ordinary hour, a program that saves every picture anew, and an attack leave different figures in a snapshot.

use std::fs;
use std::path::Path;

use engine::files::backup::{Source, backup};
use engine::monitor::NullMonitor;
use repo_format::manifest::Signals;

use crate::support::{Fixture, backup_options};

pub const FILES: usize = 60;

/// A folder of pictures, as a camera wrote them.
pub fn pictures(fixture: &Fixture) -> std::path::PathBuf {
    let folder = fixture.folder("images");
    for number in 0..FILES {
        let below = folder.join(format!("P{}", number % 25));
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join(format!("{number}.jpg")), picture(number, 1)).unwrap();
    }
    save(fixture, &folder);
    folder
}

/// A picture, the longer the more often it was saved.
pub fn picture(number: usize, saved: u8) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0".to_vec(), vec![saved; 5000 + number * 7 * usize::from(saved)]].concat()
}

pub fn each_picture(folder: &Path, mut change: impl FnMut(usize, &Path)) {
    for number in 0..FILES {
        change(number, &folder.join(format!("P{}/{number}.jpg", number % 25)));
    }
}

/// Does to the pictures what extortionists do.
pub fn encrypt(folder: &Path) {
    each_picture(folder, |number, path| {
        let plain = fs::read(path).unwrap();
        let bytes = [plain.iter().map(|byte| byte ^ 0xa5).collect(), vec![number.to_le_bytes()[0]; 528]].concat();
        fs::write(path, bytes).unwrap();
        fs::write(path.with_file_name("HOW_TO_PAY.txt"), "pay").unwrap();
    });
}

fn save(fixture: &Fixture, folder: &Path) -> Option<Signals> {
    let outcome =
        backup(&fixture.open(), vec![Source::Path(folder.to_owned())], &backup_options(), &NullMonitor).unwrap();
    outcome.statistics.signals
}

#[test]
fn the_first_snapshot_compares_nothing_and_an_ordinary_hour_shows_little() {
    let fixture = Fixture::new();
    let folder = pictures(&fixture);
    fs::write(folder.join("P1/new.jpg"), picture(7, 1)).unwrap();
    fs::write(folder.join("P1/1.jpg"), picture(1, 3)).unwrap();
    fs::remove_file(folder.join("P2/2.jpg")).unwrap();
    let signals = save(&fixture, &folder).unwrap();
    assert_eq!((signals.judged_files, signals.disagreeing_files), (2, 0));
    assert_eq!((signals.different_files, signals.gone_files, signals.note_folders), (1, 1, 1));
    assert_eq!(save(&Fixture::new(), &folder), None);
}

#[test]
fn pictures_that_a_program_saves_anew_grow_differently_and_begin_as_before() {
    let fixture = Fixture::new();
    let folder = pictures(&fixture);
    each_picture(&folder, |number, path| fs::write(path, picture(number, 2)).unwrap());
    let signals = save(&fixture, &folder).unwrap();
    assert_eq!((signals.different_files, signals.disagreeing_files, signals.gone_files), (FILES as u64, 0, 0));
    assert!(signals.same_growth_files < 5, "{signals:?}");
}

#[test]
fn encrypted_pictures_begin_otherwise_and_grow_alike() {
    let fixture = Fixture::new();
    let folder = pictures(&fixture);
    encrypt(&folder);
    let signals = save(&fixture, &folder).unwrap();
    let files = FILES as u64;
    assert_eq!((signals.judged_files, signals.disagreeing_files), (files, files));
    assert_eq!((signals.same_growth_files, signals.same_growth_bytes), (files, 528));
    assert_eq!(signals.note_folders, 25);
}

#[test]
fn pictures_that_are_encrypted_in_part_still_grow_alike() {
    let fixture = Fixture::new();
    let folder = pictures(&fixture);
    each_picture(&folder, |_, path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[4096..].iter_mut().for_each(|byte| *byte ^= 0xa5);
        bytes.extend([1; 256]);
        fs::write(path, bytes).unwrap();
    });
    let signals = save(&fixture, &folder).unwrap();
    assert_eq!((signals.disagreeing_files, signals.same_growth_files), (0, FILES as u64));
}

#[test]
fn renamed_pictures_are_gone_and_new() {
    let fixture = Fixture::new();
    let folder = pictures(&fixture);
    each_picture(&folder, |_, path| fs::rename(path, path.with_extension("jpg.locked")).unwrap());
    let signals = save(&fixture, &folder).unwrap();
    assert_eq!((signals.gone_files, signals.judged_files), (FILES as u64, 0));
}
