//! The first start, with the keyboard only.

use super::super::setup::first_start;
use super::chromium::Chromium;
use super::page::Page;
use super::pages::Gallery;

/// A wrong answer is no error of the page, but the browser notes its status.
const WRONG_ANSWER: &str = "status of 400";

fn shown_words(page: &mut Page<'_>) -> Vec<String> {
    let words = page.text("[...document.querySelectorAll('.words code')].map(one => one.innerText).join(' ')");
    words.split(' ').map(str::to_owned).collect()
}

#[test]
fn everything_is_set_up_with_the_keyboard_only() {
    let console = first_start();
    let (source, backup) = (console.machine.arg("source"), console.machine.arg("backup"));
    let (mut chromium, mut gallery) = (Chromium::start(), Gallery::open());
    let mut page = Page::new(&mut chromium, &console.origin());
    page.open(&console.link());
    page.arrives_at("What to save");
    gallery.look_at(&mut page, "setup-what");
    page.tab_to("MySQL or MariaDB server");
    page.types("none");
    page.tab_to("Folders to save");
    page.types("/not/there");
    page.press("Enter");
    page.until("why not", "!!document.querySelector('#folders-why')");
    gallery.look_at(&mut page, "setup-what-wrong");
    page.tab_to("Folders to save");
    page.types(&source);
    page.press("Enter");
    page.arrives_at("Where to keep it");
    page.tab_to("A folder on another disk");
    page.types(&backup);
    page.tab_to("Continue");
    page.press("Enter");
    page.until("the warning", "!!document.querySelector('input[name=risk]')");
    gallery.look_at(&mut page, "setup-where-warned");
    page.tab_to("Keep backups there all the same");
    page.press(" ");
    page.tab_to("Continue");
    page.press("Enter");
    page.arrives_at("A last look");
    gallery.look_at(&mut page, "setup-make");
    page.tab_to("Make it");
    page.press("Enter");
    page.arrives_at("The paper");
    gallery.look_at(&mut page, "setup-paper");
    let words = shown_words(&mut page);
    page.tab_to("The third word");
    page.types(&words[2]);
    page.tab_to("The ninth word");
    page.types("wrong");
    page.press("Enter");
    page.until("why not", "!!document.querySelector('#second-why')");
    assert_eq!(shown_words(&mut page), words);
    page.tab_to("The third word");
    page.types(&words[2]);
    page.tab_to("The ninth word");
    page.types(&words[8]);
    page.tab_to("It is on paper");
    page.press("Enter");
    page.arrives_at("Everything is there");
    end(&mut page, &mut gallery);
    page.until("the console", "location.pathname === '/work' && document.readyState === 'complete'");
    page.until(
        "the first backup",
        "!!document.querySelector('main td') && document.body.innerText.includes('Nothing is under way')",
    );
    page.look_back();
    gallery.faults.append(&mut page.faults);
    gallery.faults.retain(|fault| !fault.contains(WRONG_ANSWER));
    assert_eq!(gallery.faults, [""; 0]);
}

/// The owner, and the first backup.
fn end(page: &mut Page<'_>, gallery: &mut Gallery) {
    gallery.look_at(page, "setup-end");
    // The service would be one of the computer of this test.
    page.tab_to("Let this computer make backups by itself");
    page.press(" ");
    assert_eq!(page.evaluate("document.querySelector('[name=service]').checked"), false);
    page.tab_to("Your name");
    page.types("Dana");
    page.tab_to("Password");
    page.types("short");
    page.press("Enter");
    page.until("why not", "!!document.querySelector('#again-why')");
    assert_eq!(page.evaluate("document.querySelector('[name=service]').checked"), false);
    gallery.look_at(page, "setup-end-wrong");
    page.tab_to("Password");
    page.types("correct horse");
    page.tab_to("The same once more");
    page.types("correct horse");
    page.tab_to("Make the first backup");
    page.press("Enter");
}
