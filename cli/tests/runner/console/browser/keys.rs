//! Restoring and removing with the keyboard only; and all of it without script.

use std::fs;
use std::path::Path;

use super::office::Office;
use super::page::Page;

/// Rows of the log in January 2022, and all of them.
const JANUARY: u64 = 31 * 24 * 60 - 1;
const ALL_ROWS: u64 = 60_000;

/// The letter that was brought back.
#[track_caller]
fn letter(folder: &Path, page: &mut Page<'_>) -> String {
    let letter = fs::read_to_string(folder.join("Letter.txt"));
    letter.unwrap_or_else(|error| panic!("{error}, and the page says:\n{}", page.words()))
}

fn at_rest(page: &mut Page<'_>) {
    page.arrives_at("Nothing is under way");
}

#[test]
fn a_letter_is_found_and_brought_back_with_the_keyboard_only() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut page = office.enter(&mut turn);
    page.tab_to("Bring something back");
    page.leaves_with("Enter");
    page.arrives_at("Find & restore");
    page.tab_to("Patient, document or file");
    page.types("letter anna");
    page.leaves_with("Enter");
    page.until("something that was found", "!!document.querySelector('a.thumb')");
    page.tab_to("Letter.txt");
    page.leaves_with("Enter");
    page.arrives_at("Letter.txt");
    page.tab_to("Restore");
    page.leaves_with("Enter");
    page.arrives_at("Restore");
    page.tab_to("To a folder, or a USB disk");
    page.tab_to("The folder");
    let target = office.console.machine.path("restored/by keyboard");
    page.types(&target.display().to_string());
    page.tab_to("Continue");
    page.leaves_with("Enter");
    page.until("the last look", "document.body.innerText.includes('This will be done')");
    assert!(page.words().contains("nothing is overwritten"), "{}", page.words());
    assert!(page.words().contains(&target.display().to_string()), "{}", page.words());
    page.tab_to("Start");
    page.leaves_with(" ");
    at_rest(&mut page);
    assert!(page.words().contains("Bringing something back"), "{}", page.words());
    page.look_back();
    assert_eq!(page.faults, [""; 0]);
    assert_eq!(letter(&target, &mut page), "Referral for SmithAnna142, second version\n");
}

#[test]
fn old_rows_are_chosen_reviewed_and_removed_with_the_keyboard_only() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut page = office.enter(&mut turn);
    page.tab_to("Remove old data");
    page.leaves_with("Enter");
    page.arrives_at("Remove old data");
    page.tab_to("On or before");
    page.types("01312022");
    page.tab_to("Look");
    page.leaves_with("Enter");
    page.until("what could go", "document.querySelectorAll('input[name=category]').length > 0 && !document.querySelector('progress') && document.body.innerText.includes('2022')");
    page.tab_to("Security log");
    if page.evaluate("document.activeElement.checked") == false {
        page.press(" ");
    }
    page.tab_to("Review what goes");
    page.leaves_with("Enter");
    page.until("the review", "!!document.querySelector('#reason')");
    page.tab_to("Reason");
    page.types("older than six years");
    page.tab_to("I have read what goes");
    page.press(" ");
    page.tab_to("Remove ");
    page.leaves_with("Enter");
    page.until(
        "the end of it",
        "/rows? (was|were) removed/.test(document.querySelector('[role=status]')?.innerText ?? '')",
    );
    page.look_back();
    assert_eq!(page.faults, [""; 0]);
    assert_eq!(office.rows(), ALL_ROWS - JANUARY);
}

#[test]
fn a_letter_is_found_and_brought_back_without_script() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut page = office.enter(&mut turn);
    page.switch_script_off();
    page.open("/find");
    page.tab_to("Patient, document or file");
    page.types("letter adams");
    page.leaves_with("Enter");
    page.until("something that was found", "!!document.querySelector('a.thumb')");
    page.follow("Letter.txt");
    page.follow("Restore");
    let target = office.console.machine.path("restored/without script");
    page.tab_to("The folder");
    page.types(&target.display().to_string());
    page.follow("Continue");
    assert!(page.words().contains(&target.display().to_string()), "{}", page.words());
    page.follow("Start");
    // The page asks again by itself.
    at_rest(&mut page);
    page.look_back();
    assert_eq!(page.faults, [""; 0]);
    assert_eq!(letter(&target, &mut page), "Referral for AdamsGrace11\n");
}
