//! `drill` and what comes of it: evidence, a certificate, a review.

use std::fs;

use crate::harness::Machine;

#[test]
fn a_drill_of_files_names_what_cannot_be_opened_and_leaves_evidence() {
    let machine = Machine::with_snapshot();
    machine.run(["drill", "show"]).expect(1);
    let scratch = machine.arg("scratch");
    fs::create_dir(&scratch).unwrap();
    let answer = machine.run(["--json", "drill", "--scratch-folder", &scratch]).expect(3);
    let (summary, note) = (answer.last("summary"), answer.last("note"));
    assert_eq!(summary["result"], "passed-with-notes");
    assert!(note["text"].as_str().unwrap().contains("xray.jpg"), "{note}");
    let evidence = summary["evidence"].as_str().unwrap().to_owned();
    let list = machine.run(["--json", "drill", "list"]).expect(0).last("evidence");
    assert_eq!((list["id"].as_str(), list["kind"].as_str()), (Some(evidence.as_str()), Some("drill")));
    machine.run(["drill", "show", &evidence[..8]]).expect(0).prints("xray.jpg").prints("passed, with notes");
    machine.run(["forget", "--keep-last", "1"]).expect(0);
    machine.run(["verify"]).expect(0);
    machine.run(["drill", "list"]).expect(0).prints("restore test").prints("check");
}

#[test]
fn a_fault_of_the_repository_is_status_4_and_stands_on_the_certificate() {
    let machine = Machine::with_snapshot();
    for pack in crate::harness::files(&machine.path("repo/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes[100] ^= 1;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    machine.run(["drill"]).expect(4).prints("FAULT");
    machine.run(["drill", "certificate"]).expect(0).prints("1 failed").prints("fault, files");
}

#[test]
fn a_certificate_follows_from_the_record_alone() {
    let machine = Machine::with_snapshot();
    machine.run(["drill"]).expect(3);
    machine.run(["verify", "--read-data"]).expect(0);
    machine.run(["evidence", "sign", "--by", " "]).expect(2);
    machine.run(["evidence", "sign", "--by", "<b>Dr. Dana</b> & Co"]).expect(0).prints("reviewed 2 records");
    machine.run(["evidence", "sign", "--by", "Dana"]).expect(1);
    let print = |form: &[&str]| machine.run([&["drill", "certificate"], form].concat()).expect(0).out;
    let (text, html) = (print(&[]), print(&["--html"]));
    // Another user on another machine, with other settings.
    for kept in ["home/.cache", "home/.local"] {
        let _ = fs::remove_dir_all(machine.path(kept));
    }
    let mut other = machine.command(["drill", "certificate"]);
    let other = other.env("TZ", "Asia/Tokyo").env("COLUMNS", "60").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&other.stdout), text);
    assert_eq!(print(&["--html"]), html);
    for page in [&text, &html] {
        assert!(page.contains("evidence for") && !page.contains("compliant"), "{page}");
        assert!(page.contains("1 passed with notes") && page.contains("1 check"), "{page}");
    }
    assert!(html.contains("&lt;b&gt;Dr. Dana&lt;/b&gt; &amp; Co") && !html.contains("<b>"), "{html}");
    assert!(text.lines().count() <= 60, "one page");
}

#[test]
fn a_drill_that_cannot_be_carried_out_leaves_evidence_once() {
    let machine = Machine::with_snapshot();
    for _ in 0..2 {
        machine.run(["drill", "--scratch-folder", "/nowhere/at/all"]).expect_one_of(&[1, 2]);
    }
    let list = machine.run(["--json", "drill", "list"]).expect(0).messages();
    assert_eq!(list.iter().filter(|message| message["result"] == "not-done").count(), 1, "{list:?}");
}
