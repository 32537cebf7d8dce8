//! Pages that people print: what stands on the paper.

use std::process::Command;

use super::office::Office;

/// The text of a page as it is printed, with one blank between words. The file stays in the gallery.
fn printed(path: &str, name: &str) -> String {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut page = office.enter(&mut turn);
    page.open(path);
    let file = Office::gallery().join(name);
    page.print(&file);
    let answer = Command::new("pdftotext").arg(&file).arg("-").output();
    let answer = answer.unwrap_or_else(|error| {
        panic!("cannot run pdftotext ({error}): on Debian run `apt-get install poppler-utils` as root")
    });
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let text = String::from_utf8(answer.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn has(paper: &str, words: &[&str]) {
    for words in words {
        assert!(paper.contains(words), "`{words}` is not on the paper:\n{paper}");
    }
}

#[test]
fn the_certificate_says_on_paper_what_was_tested() {
    let paper = printed("/proof/certificate", "certificate.pdf");
    has(&paper, &["Evidence for restore tests"]);
}

#[test]
fn the_proof_says_on_paper_what_an_insurer_asks() {
    let paper = printed("/proof", "proof.pdf");
    has(&paper, &["Time to bring everything back", "Is restoring tested, and written down?", "164.308(a)(7)(ii)(B)"]);
    assert!(
        !paper.contains("Lock") && !paper.contains("Supplemental backups"),
        "buttons and tabs are no proof: {paper}"
    );
}

#[test]
fn the_emergency_sheet_says_on_paper_what_to_type_and_no_password() {
    let paper = printed("/supplemental/emergency", "emergency.pdf");
    has(&paper, &["If everything is gone", "Riverside Dental", "enamel supplemental deliver", "--to FOLDER"]);
    assert!(!paper.contains("correct horse"), "{paper}");
}

#[test]
fn the_way_to_another_computer_is_on_paper_step_by_step() {
    let paper = printed("/elsewhere", "elsewhere.pdf");
    has(&paper, &["Everything on another computer", "restore latest --target FOLDER", "--to-database", "snapshots"]);
    assert!(!paper.contains("Lock"), "{paper}");
}
