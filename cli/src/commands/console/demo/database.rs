//! The database of the demo, in a server of its own: a small part of what Open Dental has.

use std::path::{Path, PathBuf};

use engine::database::{Connection, quote_text};
use engine::error::chain;
use engine::scratch::{ScratchOptions, ScratchServer};
use engine::{Error, ErrorKind, Result};

use super::{ANNA, DELETED, NEW, PATIENTS, pictured_in_the_morning, pictures_of};
use crate::environment::program_folders;
use crate::ui::Ui;

/// The data with their log.
const DATA_BYTES: u64 = 64 << 20;

/// Numbers from 0 to 9, in each of both kinds of servers.
const DIGIT: &str = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                     UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";

/// The tables, as the application names them.
const TABLES: [&str; 12] = [
    "CREATE DATABASE practice DEFAULT CHARACTER SET utf8mb4",
    "USE practice",
    "CREATE TABLE preference (PrefNum BIGINT AUTO_INCREMENT PRIMARY KEY, PrefName VARCHAR(255) NOT NULL, ValueString TEXT NOT NULL)",
    "CREATE TABLE patient (PatNum BIGINT PRIMARY KEY, LName VARCHAR(100) NOT NULL, FName VARCHAR(100) NOT NULL, \
     HmPhone VARCHAR(30) NOT NULL, ImageFolder VARCHAR(100) NOT NULL)",
    "CREATE TABLE appointment (AptNum BIGINT AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, AptDateTime DATETIME NOT NULL, \
     Note TEXT NOT NULL, KEY PatNum (PatNum))",
    "CREATE TABLE document (DocNum BIGINT AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, FileName VARCHAR(255) NOT NULL, \
     DateCreated DATETIME NOT NULL)",
    "CREATE TABLE userod (UserNum BIGINT PRIMARY KEY, UserName VARCHAR(255) NOT NULL, IsHidden TINYINT NOT NULL, \
     DateTLastLogin DATETIME NOT NULL)",
    "CREATE TABLE usergroupattach (UserGroupAttachNum BIGINT PRIMARY KEY, UserNum BIGINT NOT NULL, UserGroupNum BIGINT NOT NULL)",
    "CREATE TABLE grouppermission (GroupPermNum BIGINT PRIMARY KEY, UserGroupNum BIGINT NOT NULL, PermType SMALLINT NOT NULL)",
    "CREATE TABLE securitylog (SecurityLogNum BIGINT AUTO_INCREMENT PRIMARY KEY, PermType SMALLINT NOT NULL, UserNum BIGINT NOT NULL, \
     LogDateTime DATETIME NOT NULL, LogText TEXT NOT NULL, PatNum BIGINT NOT NULL, DateTPrevious DATETIME NOT NULL)",
    "CREATE TABLE securityloghash (SecurityLogHashNum BIGINT AUTO_INCREMENT PRIMARY KEY, SecurityLogNum BIGINT NOT NULL, \
     LogHash VARCHAR(255) NOT NULL, KEY SecurityLogNum (SecurityLogNum))",
    "CREATE TABLE wikipagehist (WikiPageNum BIGINT AUTO_INCREMENT PRIMARY KEY, PageTitle VARCHAR(255) NOT NULL, \
     DateTimeSaved DATETIME NOT NULL, PageContent TEXT NOT NULL)",
];

/// The server, and somebody who works with it.
pub(super) struct Database {
    work: Connection,
    server: ScratchServer,
    images: PathBuf,
}

impl Database {
    /// Starts a server for a practice whose pictures are in `images`. Where none is installed or starts, the demo has only pictures.
    ///
    /// # Errors
    /// The user wishes to stop.
    pub fn start(images: &Path, ui: &Ui) -> Result<Option<Self>> {
        match Self::try_start(images, ui) {
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                ui.say(format_args!("the practice has no database, because no server starts here: {}", chain(&error)))
            }
            Ok(None) => ui.say("the practice has no database, because no MariaDB or MySQL is installed here"),
            Ok(Some(database)) => {
                ui.say(format_args!("its database is in a {} of its own", database.server.server().title()));
                return Ok(Some(database));
            }
        }
        Ok(None)
    }

    fn try_start(images: &Path, ui: &Ui) -> Result<Option<Self>> {
        let options = ScratchOptions { search: program_folders(), data_bytes: DATA_BYTES, ..ScratchOptions::default() };
        let Some(server) = ScratchServer::start_own(&options, ui)? else { return Ok(None) };
        Ok(Some(Database { work: Connection::open(&server.address())?, server, images: images.to_owned() }))
    }

    /// The lines of enamel.toml that save it, with the images that it names.
    pub fn settings(&self) -> String {
        let url = self.server.address().public().replacen("mysql://", "mysql://root@", 1);
        format!("database = {url:?}\nschemas = [\"practice\"]\nprofile = \"opendental\"\n")
    }

    /// Makes the tables.
    pub fn open_for_the_day(&mut self) -> Result<()> {
        self.run(&TABLES)?;
        let images = quote_text(&format!("{}/", self.images.display()));
        let people = PATIENTS.map(|patient| {
            let (folder, phone) = (patient.folder(), 555_0100 + patient.2);
            format!("({}, '{}', '{}', '{phone}', '{folder}')", patient.2, patient.0, patient.1)
        });
        let pictures = PATIENTS.into_iter().enumerate().flat_map(|(place, patient)| {
            pictures_of(place).map(move |number| format!("({}, '{}', NOW())", patient.2, patient.picture(number)))
        });
        let pictures: Vec<_> = pictures.collect();
        let numbers = format!(
            "(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 1 AS seq FROM {DIGIT} a, {DIGIT} b, {DIGIT} c, {DIGIT} d) s"
        );
        self.run(&[
            format!(
                "INSERT INTO preference (PrefName, ValueString) VALUES ('DocPath', {images}), ('AtoZfolderUsed', '1'), \
                 ('DataBaseVersion', '24.3.1.0'), ('ProgramVersion', '24.3.1.0'), ('PracticeTitle', 'Riverside Dental')"
            ),
            format!("INSERT INTO patient VALUES {}", people.join(", ")),
            format!("INSERT INTO document (PatNum, FileName, DateCreated) VALUES {}", pictures.join(", ")),
            // Five visits of each: two were, one is today, two will be.
            format!(
                "INSERT INTO appointment (PatNum, AptDateTime, Note) SELECT PatNum, CURDATE() + INTERVAL (n - 2) * 30 DAY + \
                 INTERVAL 8 + PatNum MOD 9 HOUR, IF(n MOD 2, 'check-up', 'crown') FROM patient, {DIGIT} d WHERE n < 5 ORDER BY n, PatNum"
            ),
            "INSERT INTO userod VALUES (1, 'dana', 0, NOW())".to_owned(),
            "INSERT INTO usergroupattach VALUES (1, 1, 1)".to_owned(),
            "INSERT INTO grouppermission VALUES (1, 1, 24)".to_owned(),
            // Nine years of who has looked at what.
            format!(
                "INSERT INTO securitylog (PermType, UserNum, LogDateTime, LogText, PatNum, DateTPrevious) SELECT seq MOD 40, 1, \
                 NOW() - INTERVAL (10001 - seq) * 8 HOUR, 'opened the chart', seq MOD 12 + 1, '1879-01-01' FROM {numbers} ORDER BY seq"
            ),
            format!(
                "INSERT INTO wikipagehist (PageTitle, DateTimeSaved, PageContent) SELECT 'Opening the practice', \
                 NOW() - INTERVAL (401 - seq) * 8 DAY, CONCAT('version ', seq) FROM {numbers} WHERE seq <= 400 ORDER BY seq"
            ),
        ])?;
        self.hash_log()
    }

    /// Two visits more, a telephone number, and the pictures of the morning.
    pub fn work_in_the_morning(&mut self) -> Result<()> {
        let pictures = pictured_in_the_morning();
        let pictures: Vec<_> =
            pictures.map(|(_, patient)| format!("({}, '{}', NOW())", patient.2, patient.picture(NEW))).collect();
        self.run(&[
            format!("INSERT INTO document (PatNum, FileName, DateCreated) VALUES {}", pictures.join(", ")),
            "INSERT INTO appointment (PatNum, AptDateTime, Note) VALUES (7, CURDATE() + INTERVAL 15 HOUR, 'toothache'), \
             (77, CURDATE() + INTERVAL 16 HOUR, 'check-up')"
                .to_owned(),
            "UPDATE patient SET HmPhone = '5550199' WHERE PatNum = 52".to_owned(),
            "INSERT INTO securitylog (PermType, UserNum, LogDateTime, LogText, PatNum, DateTPrevious) \
             VALUES (12, 1, NOW(), 'changed a telephone number', 52, '1879-01-01')"
                .to_owned(),
        ])?;
        self.hash_log()
    }

    /// Somebody deletes a picture, and all visits that were still to come.
    pub fn make_a_mistake(&mut self) -> Result<()> {
        self.run(&[
            format!("DELETE FROM document WHERE FileName = '{}'", ANNA.picture(DELETED)),
            "DELETE FROM appointment WHERE AptDateTime >= CURDATE()".to_owned(),
        ])
    }

    /// Adds the hash that the application keeps of each row of its log.
    fn hash_log(&mut self) -> Result<()> {
        self.run(&["INSERT INTO securityloghash (SecurityLogNum, LogHash) SELECT l.SecurityLogNum, TO_BASE64(UNHEX(SHA2(CONVERT(CONCAT(\
                    PermType, UserNum, DATE_FORMAT(LogDateTime, '%Y-%m-%d %H:%i:%s'), LogText, PatNum) USING utf16le), 256))) \
                    FROM securitylog l LEFT JOIN securityloghash h ON h.SecurityLogNum = l.SecurityLogNum \
                    WHERE h.SecurityLogNum IS NULL ORDER BY l.SecurityLogNum"])
    }

    fn run(&mut self, statements: &[impl AsRef<str>]) -> Result<()> {
        let failed = |error: Error| error.context("cannot make the database of the demo");
        statements.iter().try_for_each(|statement| self.work.run(statement.as_ref())).map_err(failed)
    }
}
