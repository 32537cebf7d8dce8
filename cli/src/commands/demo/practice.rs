//! The practice of the demo: patients' images and letters, and a dump of its database. The same on every machine.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const SEED: u64 = 0x0065_6e61_6d65_6c00;
const FIRST_NAMES: [&str; 8] = ["Ada", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo"];
const PATIENTS_PER_LETTER: u64 = 2;
/// Sizes of a patient's images: 104 such sets are about 24 MB.
const IMAGE_LEN: std::ops::Range<u64> = 60_000..150_000;
const IMAGES_PER_PATIENT: u64 = 4;
const NEW_IMAGES_PER_HOUR: u64 = 8;
/// Rows of the dump at the start: about 12 MB.
const ROWS: u64 = 64_000;
const NEW_ROWS_PER_HOUR: u64 = 400;
/// One row of so many is edited in an hour.
const EDITED_ROW: u64 = 250;
/// 2026-01-05 08:00 UTC: the practice's first day.
const FIRST_DAY: u64 = 1_767_600_000;

/// SplitMix64: small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn of(parts: [u64; 3]) -> Self {
        let mut random = Random(SEED);
        for part in parts {
            random.0 ^= part.wrapping_mul(0xd6e8_feb8_6659_fd93);
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A practice in a folder: `images/` and `opendental.sql`.
pub struct Practice {
    folder: PathBuf,
}

impl Practice {
    /// Makes the practice as it is at the start of the day.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let practice = Practice { folder: folder.to_owned() };
        for patient in 0..26 * PATIENTS_PER_LETTER {
            fs::create_dir_all(practice.patient_folder(patient))?;
            practice.write_letter(patient, 0)?;
            for image in 0..IMAGES_PER_PATIENT {
                practice.write_image(patient, image)?;
            }
        }
        practice.write_dump(0)?;
        Ok(practice)
    }

    /// Does an hour of ordinary work: new images, a letter edited, rows added and changed. `hour` counts from 1.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn work(&self, hour: u64) -> io::Result<()> {
        let mut random = Random::of([1, hour, 0]);
        for image in 0..NEW_IMAGES_PER_HOUR {
            let patient = random.below(26 * PATIENTS_PER_LETTER);
            self.write_image(patient, hour * 100 + image)?;
        }
        self.write_letter(random.below(26 * PATIENTS_PER_LETTER), hour)?;
        self.write_dump(hour)
    }

    /// The folders to save.
    pub fn sources(&self) -> [PathBuf; 2] {
        [self.folder.join("images"), self.folder.join("opendental.sql")]
    }

    fn patient_folder(&self, patient: u64) -> PathBuf {
        let letter = char::from(b'A' + u8::try_from(patient / PATIENTS_PER_LETTER).unwrap_or(0));
        let name = FIRST_NAMES[usize::try_from(patient).unwrap_or(0) % FIRST_NAMES.len()];
        self.folder.join(format!("images/{letter}/{letter}son{name}{patient}"))
    }

    fn write_image(&self, patient: u64, image: u64) -> io::Result<()> {
        let mut random = Random::of([2, patient, image]);
        let words = (IMAGE_LEN.start + random.below(IMAGE_LEN.end - IMAGE_LEN.start)) / 8;
        let is_dicom = image % 4 == 3;
        let path =
            self.patient_folder(patient).join(format!("xray-{image:04}.{}", if is_dicom { "dcm" } else { "jpg" }));
        let mut out = BufWriter::new(File::create(&path)?);
        if is_dicom {
            out.write_all(&[0; 128])?;
            out.write_all(b"DICM")?;
        } else {
            out.write_all(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")?;
        }
        for _ in 0..words {
            out.write_all(&random.next().to_le_bytes())?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.set_permissions(Permissions::from_mode(if is_dicom { 0o640 } else { 0o644 }))?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(FIRST_DAY + patient * 3600 + image, 123_456_789))
    }

    fn write_letter(&self, patient: u64, edits: u64) -> io::Result<()> {
        let mut text = format!("Dear patient {patient},\n\nwe found the following.\n\n");
        let mut random = Random::of([3, patient, 0]);
        for tooth in 1..=32 {
            let depth = random.below(5);
            text += &format!("Tooth {tooth}: pocket depth {depth} mm, {}\n", ["sound", "watch", "treat"][tooth % 3]);
        }
        for edit in 0..edits {
            text += &format!("\nAdded at the visit in hour {}: next appointment in six months.\n", edit + 1);
        }
        fs::write(self.patient_folder(patient).join("letter.txt"), text)
    }

    /// Writes the whole dump again, as a nightly or hourly job does.
    fn write_dump(&self, hour: u64) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(self.folder.join("opendental.sql"))?);
        out.write_all(
            b"CREATE TABLE `procedurelog` (`ProcNum` bigint PRIMARY KEY, `PatNum` bigint, `ProcDate` date,\n",
        )?;
        out.write_all(b"  `Note` text, `Edited` int, `Hash` varchar(64));\n")?;
        let mut line = String::new();
        for row in 0..ROWS + hour * NEW_ROWS_PER_HOUR {
            line.clear();
            dump_row(&mut line, row, hour);
            out.write_all(line.as_bytes())?;
        }
        out.flush()
    }
}

/// One INSERT; a row that was edited in some hour until `hour` says in which.
fn dump_row(line: &mut String, row: u64, hour: u64) {
    let edited = (1..=hour).rev().find(|hour| Random::of([4, row, *hour]).below(EDITED_ROW) == 0).unwrap_or(0);
    let mut random = Random::of([5, row, edited]);
    let (patient, day, tooth) = (random.below(26 * PATIENTS_PER_LETTER), 1 + row % 28, 1 + random.below(32));
    let (a, b) = (random.next(), random.next());
    // Writing to a string in memory does not fail.
    let _ = writeln!(
        line,
        "INSERT INTO `procedurelog` VALUES ({row},{patient},'2026-01-{day:02}','tooth {tooth}: examined, x-ray taken, \
         patient advised, no further treatment planned',{edited},'{a:016x}{b:016x}');"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_edits_few_rows_of_the_dump() {
        let changed = (0..ROWS).filter(|row| {
            let (mut before, mut after) = (String::new(), String::new());
            dump_row(&mut before, *row, 1);
            dump_row(&mut after, *row, 2);
            before != after
        });
        let changed = changed.count();
        assert!((100..600).contains(&changed), "{changed}");
    }

    #[test]
    fn the_practice_is_the_same_every_time() {
        let mut line = String::new();
        dump_row(&mut line, 7, 0);
        let mut again = String::new();
        dump_row(&mut again, 7, 0);
        assert_eq!(line, again);
        assert_ne!(Random::of([1, 2, 3]).next(), Random::of([1, 3, 2]).next());
    }
}
