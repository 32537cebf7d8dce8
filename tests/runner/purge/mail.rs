//! A practice with mail: messages, their attachments as rows and files, and everything that may need one of them.

use std::path::{Path, PathBuf};

use engine::Result;
use engine::files::backup::{Source, backup};
use engine::monitor::{Monitor, NullMonitor};
use engine::profile::named;
use engine::purge::{self, Attachments, Category, Plan, PlanOptions, Planned, RunOutcome};
use engine::repository::Repository;
use scenario_tests::server::TestServer;
use tempfile::TempDir;

use super::practice::{category, rule, run_options};
use crate::database::save::source;
use crate::support::{Fixture, backup_options, noise};

/// Messages 1 to 20 are old, and have a file of the same number each; 21 to 30 are not.
const MAIL: &str = "\
CREATE DATABASE practice DEFAULT CHARACTER SET utf8mb3; USE practice;
CREATE TABLE emailmessage (EmailMessageNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, BodyText LONGTEXT,
    MsgDateTime DATETIME NOT NULL, KEY (MsgDateTime)) ENGINE=@;
CREATE TABLE emailattach (EmailAttachNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, EmailMessageNum BIGINT NOT NULL,
    DisplayedFileName VARCHAR(255) DEFAULT '', ActualFileName VARCHAR(255) DEFAULT '', EmailTemplateNum BIGINT NOT NULL,
    KEY (EmailMessageNum), KEY (EmailTemplateNum)) ENGINE=@;
CREATE TABLE claimattach (ClaimAttachNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, ActualFileName VARCHAR(255) DEFAULT '') ENGINE=@;
CREATE TABLE emailsecure (EmailSecureNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, EmailMessageNum BIGINT NOT NULL) ENGINE=@;
CREATE TABLE emailsecureattach (EmailSecureAttachNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, EmailAttachNum BIGINT NOT NULL) ENGINE=@;
CREATE TABLE ehrsummaryccd (EhrSummaryCcdNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, EmailAttachNum BIGINT NOT NULL) ENGINE=@;
CREATE TABLE emailmessageuid (EmailMessageUidNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, MsgId TEXT) ENGINE=@;
INSERT INTO emailmessage SELECT seq, seq, 'hello', IF(seq <= 20, '2022-01-05', '2024-01-05') FROM seq_1_to_30;
INSERT INTO emailattach SELECT seq, seq, 'scan.pdf', CONCAT('In\\\\a', seq, '.pdf'), 0 FROM seq_1_to_30;
INSERT INTO emailattach VALUES (40, 0, 'logo', 'logo.png', 7);
INSERT INTO emailmessageuid SELECT seq, 'id' FROM seq_1_to_30;
";

/// A server, a folder of images, and a repository with a snapshot of both.
pub struct Mail {
    pub server: TestServer,
    pub repository: Repository,
    pub images: PathBuf,
    _folder: TempDir,
    _fixture: Fixture,
}

impl Mail {
    /// The snapshot includes the changes of `script` to the tables of `engine`.
    pub fn new(engine: &str, script: &str) -> Self {
        let server = TestServer::start(&[]);
        server.script(MAIL.replace('@', engine) + script);
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images");
        let attachments = images.join("EmailAttachments");
        std::fs::create_dir_all(attachments.join("In")).unwrap();
        std::fs::create_dir_all(images.join("A/AdamsAnn1")).unwrap();
        std::fs::write(images.join("A/AdamsAnn1/x.jpg"), "x").unwrap();
        std::fs::write(attachments.join("logo.png"), "logo").unwrap();
        for number in 1..=30 {
            std::fs::write(attachments.join(format!("In/a{number}.pdf")), content(number)).unwrap();
        }
        let fixture = Fixture::new();
        let repository = fixture.open();
        let mail = Mail { server, repository, images, _folder: folder, _fixture: fixture };
        mail.save(&[&mail.images]);
        mail
    }

    /// Makes a snapshot of the database and of folders.
    pub fn save(&self, folders: &[&Path]) {
        let database = Source::Database(Box::new(source(&self.server, &["practice"])));
        let folders = folders.iter().map(|folder| Source::Path(folder.to_path_buf()));
        let sources = [database].into_iter().chain(folders).collect();
        backup(&self.repository, sources, &backup_options(), &NullMonitor).unwrap();
    }

    /// Old messages with their attachments in `folder`.
    pub fn options(&self, folder: &Path) -> PlanOptions {
        let removable =
            named("opendental").unwrap().removable.iter().find(|removable| removable.name == "emailmessage");
        let profile = removable.unwrap().attachments.as_ref().unwrap();
        let attachments = Attachments::of(profile, folder.to_str().unwrap().to_owned());
        let category = Category { attachments: Some(attachments), ..category("emailmessage") };
        PlanOptions { schema: "practice".to_owned(), snapshot: None, rule: rule(), categories: vec![category] }
    }

    pub fn planned(&self) -> Planned {
        self.try_plan(&self.options(&self.images)).unwrap()
    }

    pub fn try_plan(&self, options: &PlanOptions) -> Result<Planned> {
        purge::plan(&self.repository, &self.server.address(), options, &NullMonitor)
    }

    pub fn run(&self, plan: &Plan) -> RunOutcome {
        self.run_with(plan, &NullMonitor).unwrap()
    }

    pub fn run_with(&self, plan: &Plan, monitor: &dyn Monitor) -> Result<RunOutcome> {
        purge::run(&self.repository, &self.server.address(), plan, &run_options(), monitor)
    }

    /// The numbers of all messages, or of what else there is.
    pub fn numbers(&self, of: &str) -> Vec<u64> {
        let sql = format!("SELECT GROUP_CONCAT({of}Num ORDER BY {of}Num) FROM practice.{}", of.to_lowercase());
        self.server.value(&sql).unwrap_or_default().split(',').filter_map(|number| number.parse().ok()).collect()
    }

    /// The numbers of all files that are there.
    pub fn files(&self) -> Vec<u32> {
        (1..=30).filter(|number| self.file(*number).symlink_metadata().is_ok()).collect()
    }

    pub fn file(&self, number: u32) -> PathBuf {
        self.images.join(format!("EmailAttachments/In/a{number}.pdf"))
    }
}

/// Files of all sizes: empty, few bytes, some chunks.
pub fn content(number: u32) -> Vec<u8> {
    match number {
        1 => Vec::new(),
        2 => b"hello".to_vec(),
        3 => noise(3, 5_000_000),
        number => noise(u64::from(number), number as usize * 1000),
    }
}
