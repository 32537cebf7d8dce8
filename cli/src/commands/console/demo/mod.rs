//! The practice of `enamel console --demo`: some patients with pictures and letters, a database where a server is installed, and a
//! morning of work, saved each hour. No person is behind a name, and a program drew the pictures.

mod database;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use engine::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::global::Global;
use crate::process;
use crate::ui::Ui;
use database::Database;

const PICTURES: [&[u8]; 5] = [
    include_bytes!("pictures/bw1.jpg"),
    include_bytes!("pictures/bw2.jpg"),
    include_bytes!("pictures/bw3.jpg"),
    include_bytes!("pictures/bw4.jpg"),
    include_bytes!("pictures/pano.jpg"),
];
/// Last name, first name, number.
const PATIENTS: [Patient; 12] = [
    Patient("Adams", "Grace", 11),
    Patient("Baker", "Hugo", 25),
    Patient("Clarke", "Emma", 31),
    Patient("Davis", "Felix", 48),
    Patient("Evans", "Clara", 52),
    Patient("Foster", "Ben", 60),
    Patient("Green", "Ada", 77),
    Patient("Hughes", "David", 83),
    Patient("Jones", "Bob", 7),
    Patient("Smith", "Anna", 142),
    Patient("Smith", "Peter", 150),
    Patient("Turner", "Ida", 199),
];
const ANNA: Patient = PATIENTS[9];
const BOB: Patient = PATIENTS[8];
/// The picture that somebody deletes.
const DELETED: u32 = 101;

/// A patient, who does not exist.
#[derive(Clone, Copy)]
struct Patient(&'static str, &'static str, u32);

impl Patient {
    /// The name of the folder of their images.
    fn folder(self) -> String {
        format!("{}{}{}", self.0, self.1, self.2)
    }

    /// The name of a picture of theirs.
    fn picture(self, number: u32) -> String {
        format!("{}_{number}.jpg", self.folder())
    }
}

/// The number of a picture that is taken in the morning.
const NEW: u32 = 200;
/// The folder of all pictures and letters.
const IMAGES: &str = "images";

/// The numbers of the pictures that the patient at this place has from the beginning.
fn pictures_of(place: usize) -> impl Iterator<Item = u32> {
    (100..).take(3 + place % 3)
}

/// The patients of whom a picture is taken in the morning, with their places.
fn pictured_in_the_morning() -> impl Iterator<Item = (usize, Patient)> {
    PATIENTS.into_iter().enumerate().step_by(3)
}

/// A practice in a folder that is removed at the end.
pub struct Demo {
    // Dropped first: it has what it saves from open.
    database: Option<Database>,
    folder: TempDir,
}

impl Demo {
    /// Makes the practice, and saves three hours of its work.
    ///
    /// # Errors
    /// The folder cannot be written, or a backup fails.
    pub fn make(ui: &Ui) -> Result<Self> {
        let failed = |error| Error::io("cannot make the practice of the demo", error);
        let folder = tempfile::Builder::new().prefix("enamel-console-").tempdir().map_err(failed)?;
        ui.say("a practice for you to try things in is made; it is gone when you stop this");
        let mut demo = Demo { database: Database::start(&folder.path().join(IMAGES), ui)?, folder };
        fs::write(demo.at("enamel.toml"), demo.settings()).map_err(failed)?;
        demo.run(&["init"])?;
        demo.hour(Demo::open_for_the_day, Database::open_for_the_day)?;
        demo.hour(Demo::work_in_the_morning, Database::work_in_the_morning)?;
        demo.hour(Demo::make_a_mistake, Database::make_a_mistake)?;
        Ok(demo)
    }

    /// Lets people work with files and in the database, and saves that.
    fn hour(
        &mut self,
        with_files: impl Fn(&Self) -> io::Result<()>,
        in_database: impl Fn(&mut Database) -> Result<()>,
    ) -> Result<()> {
        with_files(self).map_err(|error| Error::io("cannot work in the practice of the demo", error))?;
        self.database.as_mut().map_or(Ok(()), in_database)?;
        self.run(&["backup"])
    }

    /// The options of a program that works on it.
    pub fn global(&self) -> Global {
        Global { config: Some(self.at("enamel.toml")), ..Global::default() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn patient(&self, patient: Patient) -> PathBuf {
        self.at(IMAGES).join(&patient.0[..1]).join(patient.folder())
    }

    fn open_for_the_day(&self) -> io::Result<()> {
        for (n, patient) in PATIENTS.into_iter().enumerate() {
            let folder = self.patient(patient);
            fs::create_dir_all(&folder)?;
            for (picture, number) in pictures_of(n).enumerate() {
                fs::write(folder.join(patient.picture(number)), PICTURES[(n + picture) % 5])?;
            }
            fs::write(folder.join("Letter.txt"), format!("Referral for {}\n", patient.folder()))?;
        }
        fs::create_dir(self.at("restored"))
    }

    fn settings(&self) -> String {
        let line = |name: &str, path: PathBuf| format!("{name} = {:?}\n", path.display().to_string());
        let one = |name: &str, path: PathBuf| format!("{name} = [{:?}]\n", path.display().to_string());
        let saved = match &self.database {
            Some(database) => database.settings(),
            None => one("sources", self.at(IMAGES)),
        };
        [
            line("repository", self.at("backups")),
            line("key-file", self.at("demo.key")),
            saved,
            line("cache-dir", self.at("cache")),
            line("state-dir", self.at("state")),
            "[notify]\nlabel = \"Riverside Dental (demo)\"\n[console]\n".to_owned(),
            one("restore-to", self.at("restored")),
        ]
        .concat()
    }

    fn work_in_the_morning(&self) -> io::Result<()> {
        for (n, patient) in pictured_in_the_morning() {
            fs::write(self.patient(patient).join(patient.picture(NEW)), PICTURES[(n + 2) % 5])?;
        }
        fs::write(self.patient(ANNA).join("Letter.txt"), "Referral for SmithAnna142, second version\n")
    }

    /// Somebody deletes what they should not.
    fn make_a_mistake(&self) -> io::Result<()> {
        fs::remove_file(self.patient(ANNA).join(ANNA.picture(DELETED)))?;
        fs::remove_file(self.patient(BOB).join("Letter.txt"))
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        let words = words.iter().map(OsString::from);
        let mut command = process::again(&self.global())?;
        command.args(["--quiet", "--no-progress"]).args(words).stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.status().map_err(|error| Error::io("cannot start this program again", error))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Io, format!("a step of the demo in {} failed", self.folder_name())))
    }

    fn folder_name(&self) -> String {
        Path::display(self.folder.path()).to_string()
    }
}
