//! `enamel purge` and `restore --purged` with attachments, as a user runs them.

use scenario_tests::server::TestServer;

use crate::harness::Machine;

const MAIL: &str = "CREATE DATABASE od;
    CREATE TABLE od.emailmessage (EmailMessageNum BIGINT PRIMARY KEY, MsgDateTime DATETIME NOT NULL) ENGINE=MyISAM;
    CREATE TABLE od.emailattach (EmailAttachNum BIGINT PRIMARY KEY, EmailMessageNum BIGINT NOT NULL, ActualFileName VARCHAR(255),
        EmailTemplateNum BIGINT NOT NULL, KEY (EmailMessageNum)) ENGINE=MyISAM;
    INSERT INTO od.emailmessage VALUES (1, '2010-01-01'), (2, '2011-01-01'), (3, '2024-01-01');
    INSERT INTO od.emailattach VALUES (1, 1, 'In\\\\a.pdf', 0), (2, 2, 'In\\\\b.pdf', 0), (3, 3, 'In\\\\c.pdf', 0)";

const PLAN: [&str; 9] =
    ["purge", "plan", "--schema", "od", "--before", "2020-01-01", "--category", "emailmessage", "--database"];

#[test]
fn attachments_go_with_a_plan_and_come_back_from_its_receipt() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(MAIL);
    for name in ["a", "b", "c"] {
        machine.write(format!("images/EmailAttachments/In/{name}.pdf"), name.repeat(2000));
    }
    let file = |name: &str| machine.path(format!("images/EmailAttachments/In/{name}.pdf"));
    let (url, images) = (server.url(), machine.arg("images"));
    machine.run(["backup", "--database", &url, "--schema", "od", &images]).expect(0);
    std::fs::write(file("b"), "changed").unwrap();

    let plan = [&PLAN[..], &[&url, "--attachments", &images]].concat();
    let other = [&PLAN[..6], &["--database", &url, "--attachments", &images]].concat();
    machine.run(other).expect(2).says("--category emailmessage");
    machine.run([&plan[..11], &["nowhere"]].concat()).expect(2).says("nowhere");
    machine.run([&plan[..11], &[&machine.arg(".")]].concat()).expect(1).says("does not hold the folder");
    let shown = machine.run([&plan[..], &["--output", "mail.plan"]].concat()).expect(0);
    shown
        .prints("1 file of 1.95 KiB would go, unless")
        .prints("1 row left, because the snapshot does not hold everything that belongs to them")
        .says("b.pdf");
    let text = std::fs::read_to_string(machine.path("mail.plan")).unwrap();
    assert!(
        text.contains(&format!("folder = \"{images}\"")) && text.contains("folder_in_snapshot = \"images\""),
        "{text}"
    );
    let run = ["purge", "run", "mail.plan", "--database", &url, "--reason", "old mail"];
    machine.write("other.plan", text.replace("folder_in_snapshot = \"images\"", "folder_in_snapshot = \"other\""));
    machine.run([&["purge", "run", "other.plan"], &run[3..]].concat()).expect(2).says("somebody edited it");

    let answer = machine.run([&["--json"], &run[..]].concat()).expect(0);
    assert_eq!(answer.last("category")["files"]["files"], 1);
    assert_eq!(answer.last("category")["left"]["with_unproven_children"], 1);
    let receipt = answer.last("summary")["receipts"][0].as_str().unwrap().to_owned();
    assert!(!file("a").exists() && file("b").exists() && file("c").exists());
    assert_eq!(server.value("SELECT GROUP_CONCAT(EmailAttachNum) FROM od.emailattach").unwrap(), "2,3");

    machine.run(["purge", "history"]).expect(0).prints("1 file of");
    machine.run(["purge", "history", "--report", "page.txt"]).expect(0);
    let page = std::fs::read_to_string(machine.path("page.txt")).unwrap();
    assert!(page.contains("EmailAttachments/In/a.pdf  2,000 bytes") && page.contains(&images), "{page}");

    machine.run(["forget", "latest", "--prune"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
    let restore = ["restore", "--purged", &receipt, "--target", &images];
    machine.run([&restore[..], &["--dry-run"]].concat()).expect(0).prints("dry run");
    machine.run(restore).expect(0).prints("purged files of receipt");
    assert_eq!(std::fs::read_to_string(file("a")).unwrap(), "a".repeat(2000));
    machine.run(["restore", "--purged", &receipt, "--to-database", &url]).expect(0).prints("od.emailattach  1 row");
    let again = machine.run([&["--json"], &restore[..]].concat()).expect(0).last("summary");
    assert_eq!((&again["restored_files"], &again["files_there"]), (&0.into(), &1.into()));
    std::fs::write(file("a"), "another").unwrap();
    machine.run(restore).expect(3).says("a.pdf");
    assert_eq!(std::fs::read_to_string(file("a")).unwrap(), "another");
    machine.run([&restore[..], &["--overwrite"]].concat()).expect(2);
    machine.run([&restore[..], &["--to-database", &url]].concat()).expect(2).says("cannot be used with");
}
