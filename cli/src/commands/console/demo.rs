//! The practice of `enamel console --demo`: some patients with pictures and letters, and a morning of work, saved each hour.
//! No person is behind a name, and a program drew the pictures.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use engine::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::global::Global;
use crate::process;
use crate::ui::Ui;

const PICTURES: [&[u8]; 5] = [
    include_bytes!("pictures/bw1.jpg"),
    include_bytes!("pictures/bw2.jpg"),
    include_bytes!("pictures/bw3.jpg"),
    include_bytes!("pictures/bw4.jpg"),
    include_bytes!("pictures/pano.jpg"),
];
const PATIENTS: [&str; 12] = [
    "AdamsGrace11",
    "BakerHugo25",
    "ClarkeEmma31",
    "DavisFelix48",
    "EvansClara52",
    "FosterBen60",
    "GreenAda77",
    "HughesDavid83",
    "JonesBob7",
    "SmithAnna142",
    "SmithPeter150",
    "TurnerIda199",
];

/// A practice in a folder that is removed at the end.
pub struct Demo {
    folder: TempDir,
}

impl Demo {
    /// Makes the practice, and saves three hours of its work.
    ///
    /// # Errors
    /// The folder cannot be written, or a backup fails.
    pub fn make(ui: &Ui) -> Result<Self> {
        let failed = |error| Error::io("cannot make the practice of the demo", error);
        let demo = Demo { folder: tempfile::Builder::new().prefix("enamel-console-").tempdir().map_err(failed)? };
        ui.say("a practice for you to try things in is made; it is gone when you stop this");
        demo.open_for_the_day().map_err(failed)?;
        demo.run(&["init"])?;
        demo.run(&["backup"])?;
        demo.work_in_the_morning().map_err(failed)?;
        demo.run(&["backup"])?;
        demo.make_a_mistake().map_err(failed)?;
        demo.run(&["backup"])?;
        Ok(demo)
    }

    /// The options of a program that works on it.
    pub fn global(&self) -> Global {
        Global { config: Some(self.at("enamel.toml")), ..Global::default() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn patient(&self, name: &str) -> PathBuf {
        self.at("images").join(&name[..1]).join(name)
    }

    fn open_for_the_day(&self) -> std::io::Result<()> {
        for (n, patient) in PATIENTS.into_iter().enumerate() {
            let folder = self.patient(patient);
            fs::create_dir_all(&folder)?;
            for picture in 0..3 + n % 3 {
                fs::write(folder.join(format!("{patient}_{}.jpg", 100 + picture)), PICTURES[(n + picture) % 5])?;
            }
            fs::write(folder.join("Letter.txt"), format!("Referral for {patient}\n"))?;
        }
        fs::create_dir(self.at("restored"))?;
        fs::write(self.at("enamel.toml"), self.settings())
    }

    fn settings(&self) -> String {
        let line = |name: &str, path: PathBuf| format!("{name} = {:?}\n", path.display().to_string());
        let one = |name: &str, path: PathBuf| format!("{name} = [{:?}]\n", path.display().to_string());
        [
            line("repository", self.at("backups")),
            line("key-file", self.at("demo.key")),
            one("sources", self.at("images")),
            line("cache-dir", self.at("cache")),
            line("state-dir", self.at("state")),
            "[notify]\nlabel = \"Riverside Dental (demo)\"\n[console]\n".to_owned(),
            one("restore-to", self.at("restored")),
        ]
        .concat()
    }

    fn work_in_the_morning(&self) -> std::io::Result<()> {
        for (n, patient) in PATIENTS.into_iter().enumerate().step_by(3) {
            fs::write(self.patient(patient).join(format!("{patient}_200.jpg")), PICTURES[(n + 2) % 5])?;
        }
        fs::write(self.patient("SmithAnna142").join("Letter.txt"), "Referral for SmithAnna142, second version\n")
    }

    /// Somebody deletes what they should not.
    fn make_a_mistake(&self) -> std::io::Result<()> {
        fs::remove_file(self.patient("SmithAnna142").join("SmithAnna142_101.jpg"))?;
        fs::remove_file(self.patient("JonesBob7").join("Letter.txt"))
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
