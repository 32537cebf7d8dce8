//! The practice that is made up, whose server keeps a log: the moment before a mistake comes back with the keyboard only.

use super::super::client::Console;
use super::chromium::Chromium;
use super::page::Page;
use super::pages::Gallery;
use crate::harness::Machine;

#[test]
fn visits_that_somebody_deleted_come_back_with_the_keyboard_only() {
    let console = Console::demo(Machine::new());
    let (mut chromium, mut gallery) = (Chromium::start(), Gallery::open());
    let mut page = Page::new(&mut chromium, &console.origin());
    page.open(console.first_link());
    page.until("the first page", "location.pathname === '/' && document.readyState === 'complete'");
    gallery.look_at(&mut page, "demo");
    page.tab_to("Bring something back");
    page.leaves_with("Enter");
    page.tab_to("A moment between two backups");
    page.leaves_with("Enter");
    page.arrives_at("A moment between two backups");
    assert!(page.words().contains("38 rows went: practice.appointment"), "{}", page.words());
    gallery.look_at(&mut page, "demo-moments");
    page.tab_to("Name of the copy");
    page.evaluate("document.activeElement.value = ''");
    page.types("before_the_mistake");
    page.tab_to("Just before this");
    page.leaves_with("Enter");
    page.until("the review", "document.body.innerText.includes('Exactly this moment can be brought back')");
    let words = page.words();
    assert!(
        words.contains("just before this, today ") && words.contains(": 38 rows went: practice.appointment"),
        "{words}"
    );
    gallery.look_at(&mut page, "demo-moments-review");
    page.tab_to("Bring it back as before_the_mistake");
    page.leaves_with("Enter");
    page.until("the copy", "document.body.innerText.includes('Nothing is under way')");
    let words = page.words();
    assert!(words.contains("Bringing something back") && !words.contains("did not work"), "{words}");
    gallery.look_at(&mut page, "demo-moments-done");
    assert_eq!(gallery.faults, [""; 0]);
}
