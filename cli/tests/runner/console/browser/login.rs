//! Coming in by name and password, with the keyboard only.

use super::office::Office;
use super::page::Page;
use super::pages::Gallery;

/// A wrong password is no error of the page, but the browser notes its status.
const WRONG_PASSWORD: &str = "status of 403";

fn try_to_come_in(page: &mut Page<'_>, password: &str) {
    page.tab_to("Your name");
    page.types("Dana");
    page.tab_to("Password of the console");
    page.types(password);
    page.tab_to("Open");
    page.press("Enter");
}

#[test]
fn somebody_comes_in_by_name_and_password_with_the_keyboard_only() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut gallery = Gallery::open();
    let mut page = Page::new(&mut turn, &office.console.origin());
    // A page that is for people who are in leads here.
    page.open("/settings");
    page.until("the door", "location.pathname === '/login' && document.readyState === 'complete'");
    let words = page.words();
    assert!(words.contains("Riverside Dental") && !words.contains("SmithAnna"), "{words}");
    gallery.look_at(&mut page, "login");
    try_to_come_in(&mut page, "incorrect horse");
    page.until("why not", "document.querySelector('[role=alert]')?.innerText === 'Name or password is wrong.'");
    assert_eq!(page.text("document.querySelector('#password').value"), "");
    gallery.look_at(&mut page, "login-wrong");
    try_to_come_in(&mut page, "correct horse");
    page.until("the first page", "location.pathname === '/' && document.readyState === 'complete'");
    assert_eq!(page.text("document.querySelector('.who').innerText.trim()"), "Dana");
    page.tab_to("Lock");
    page.press("Enter");
    page.until("the door", "location.pathname === '/login' && document.readyState === 'complete'");
    page.open("/find");
    page.until("the door", "location.pathname === '/login'");
    page.look_back();
    gallery.faults.append(&mut page.faults);
    gallery.faults.retain(|fault| !fault.contains(WRONG_PASSWORD));
    assert_eq!(gallery.faults, [""; 0]);
}
