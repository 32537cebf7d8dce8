//! Search, the history of a file, previews, and bringing back into a folder.

use std::fs;

use scenario_tests::server::TestServer;

use super::client::{Browser, Console};
use crate::harness::Machine;

/// A bitmap of one white pixel.
const BITMAP: [u8; 58] = {
    let mut bytes = [0; 58];
    let head = [
        (0, b'B'),
        (1, b'M'),
        (2, 58),
        (10, 54),
        (14, 40),
        (18, 1),
        (22, 1),
        (26, 1),
        (28, 24),
        (54, 255),
        (55, 255),
        (56, 255),
    ];
    let mut at = 0;
    while at < head.len() {
        bytes[head[at].0] = head[at].1;
        at += 1;
    }
    bytes
};

fn console() -> Console {
    let machine = Machine::with_repository();
    for (name, text) in [("source/S/SmithAnna142/letter.txt", "first"), ("source/J/JonesBob7/<b>.txt", "other")] {
        fs::create_dir_all(machine.path(name).parent().unwrap()).unwrap();
        machine.write(name, text);
    }
    fs::write(machine.path("source/S/SmithAnna142/x.bmp"), BITMAP).unwrap();
    fs::write(machine.path("source/S/SmithAnna142/evil.jpg"), "<html><script>alert(1)</script>").unwrap();
    fs::create_dir(machine.path("restored")).unwrap();
    machine.backup(&[]);
    machine.write("source/S/SmithAnna142/letter.txt", "a second version");
    machine.backup(&[]);
    fs::remove_file(machine.path("source/S/SmithAnna142/letter.txt")).unwrap();
    machine.backup(&[]);
    Console::open(machine, "")
}

/// Where the first link to a thing with this name leads.
fn thing(page: &str, name: &str) -> String {
    let at = page.find(&format!("<b>{name}</b>")).unwrap_or_else(|| panic!("no {name} in {page}"));
    let (_, rest) = page[..at].rsplit_once("href=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn found(browser: &Browser<'_>, words: &str, name: &str) -> String {
    thing(&browser.post("/find", &[("words", words)]).expect(200).body, name)
}

#[test]
fn a_deleted_letter_is_found_with_its_history_and_brought_back() {
    let console = console();
    let browser = console.enter();
    let results = browser.post("/find", &[("words", "LETTER anna")]).expect(200).body;
    assert!(results.contains("deleted; last saved") && results.contains("2 versions"), "{results}");
    let letter = thing(&results, "letter.txt");
    assert!(letter.starts_with("/things/"), "no name stands in the address: {letter}");
    let page = browser.page(&letter);
    let history: Vec<_> = ["Deleted", "Changed", "First saved"].iter().map(|word| page.find(word).unwrap()).collect();
    assert!(history.is_sorted(), "the newest first: {page}");
    let copy = browser.get(&format!("{letter}/copy")).expect(200);
    assert_eq!(copy.body, "a second version");
    assert_eq!(copy.header("content-disposition"), Some("attachment; filename*=UTF-8''letter.txt"));
    let number = letter.rsplit('/').next().unwrap();
    let target = console.machine.path("restored/letter").display().to_string();
    let chosen = [("thing", number), ("way", "folder"), ("folder", target.as_str())];
    let check = browser.post("/restore/check", &chosen).expect(200).body;
    assert!(check.contains(&target) && check.contains("are free there"), "{check}");
    assert!(!console.machine.path("restored/letter").exists(), "a look changes nothing");
    browser.post("/restore", &chosen).expect(303);
    browser.wait_for_rest();
    assert_eq!(fs::read_to_string(console.machine.path("restored/letter/letter.txt")).unwrap(), "a second version");
    let again = browser.post("/restore", &chosen).body;
    assert!(again.contains("something is in this folder already"), "{again}");
}

#[test]
fn a_folder_that_is_not_whole_is_refused() {
    let console = console();
    let browser = console.enter();
    let letter = found(&browser, "letter", "letter.txt");
    let number = letter.rsplit('/').next().unwrap();
    for folder in ["", "relative", "/srv/../etc", "--target", "/a/./b/.."] {
        let chosen = [("thing", number), ("way", "folder"), ("folder", folder)];
        assert_eq!(browser.post("/restore", &chosen).status, 400, "{folder}");
    }
    let chosen = [("thing", number), ("way", "copy"), ("schema", "opendental"), ("name", "copy")];
    let refused = browser.post("/restore", &chosen).expect(400).body;
    assert!(refused.contains("no database server"), "{refused}");
}

#[test]
fn a_picture_is_shown_and_a_file_that_lies_is_not() {
    let console = console();
    let browser = console.enter();
    let folder = found(&browser, "smith", "SmithAnna142");
    let page = browser.page(&folder);
    let picture = thing(&page, "x.bmp");
    let head = |path: &str| {
        let reply = browser.head(path);
        (reply.status, reply.header("content-type").map(str::to_owned))
    };
    assert_eq!(head(&format!("{picture}/picture")), (200, Some("image/bmp".to_owned())));
    assert_eq!(head(&format!("{picture}/thumbnail")), (200, Some("image/png".to_owned())));
    let lie = thing(&page, "evil.jpg");
    for way in ["picture", "thumbnail"] {
        let reply = browser.get(&format!("{lie}/{way}"));
        assert_eq!(reply.status, 500);
        assert!(!reply.body.contains("alert"), "{}", reply.body);
    }
    let copy = browser.get(&format!("{lie}/copy")).expect(200);
    assert_eq!(copy.header("content-type"), Some("application/octet-stream"));
    assert_eq!(copy.header("content-security-policy"), Some("default-src 'none'; sandbox"));
}

#[test]
fn names_are_text_and_never_a_part_of_a_page() {
    let console = console();
    let browser = console.enter();
    let page = browser.post("/find", &[("words", "jones")]).expect(200).body;
    let folder = browser.page(&thing(&page, "JonesBob7"));
    assert!(folder.contains("&#60;b&#62;.txt") && !folder.contains("<b><b>"), "{folder}");
    let nothing = browser.post("/find", &[("words", "nobody of this name")]).expect(200).body;
    assert!(nothing.contains("Nothing of this name is in any backup"), "{nothing}");
    let short = browser.post("/find", &[("words", "x")]).expect(200).body;
    assert!(short.contains("2 letters or more"), "{short}");
}

#[test]
fn a_backup_is_looked_into_from_the_calendar() {
    let console = console();
    let browser = console.enter();
    let page = browser.page("/");
    assert!(page.contains("3 backups"), "{page}");
    let (_, rest) = page.split_once("href=\"/backups/").unwrap();
    let inside = browser.get(&format!("/backups/{}", rest.split_once('"').unwrap().0)).expect(303);
    let everything = browser.page(inside.header("location").unwrap());
    assert!(everything.contains("Everything in this backup"), "{everything}");
    thing(&everything, "source");
}

#[test]
fn two_backups_are_compared_by_what_is_new_changed_and_gone() {
    let console = console();
    let browser = console.enter();
    let page = browser.page("/");
    let links: Vec<_> = page.split("href=\"/compare/").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    assert_eq!(links.len(), 2, "the first one has nothing before it: {page}");
    let newest = browser.page(&format!("/compare/{}", links[0]));
    assert!(newest.contains("<h2>Gone 1</h2>") && !newest.contains("<h2>New"), "{newest}");
    let letter = browser.page(&thing(&newest, "letter.txt"));
    assert!(letter.contains("Deleted"), "what is gone leads to the last version: {letter}");
    assert!(browser.page(&format!("/compare/{}", links[1])).contains("<h2>Changed 1</h2>"));
    assert_eq!(browser.get("/compare/00000000000000000000000000000000").status, 400);
}

#[test]
fn a_patient_is_found_by_the_name_that_the_database_has_and_leads_to_the_images() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE od; CREATE TABLE od.patient (PatNum BIGINT PRIMARY KEY, LName VARCHAR(99), FName VARCHAR(99), ImageFolder VARCHAR(255));
         INSERT INTO od.patient VALUES (7, 'Garc\\\\a', 'Ana\\tMaria', 'G7'), (8, 'Jones', 'Bob', '');",
    );
    fs::create_dir_all(machine.path("source/G/G7")).unwrap();
    machine.write("source/G/G7/xray.jpg", "x");
    let source = machine.arg("source");
    machine.run(["backup", &source, "--database", &server.url(), "--schema", "od"]).expect(0);
    let quiet =
        "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
    let console = Console::open(machine, &format!("profile = \"opendental\"\n{quiet}"));
    let browser = console.enter();
    let page = browser.post("/find", &[("words", "ana garc")]).expect(200).body;
    assert!(page.contains("no. 7") && page.contains("value=\"G7\""), "{page}");
    assert!(!page.contains("Jones"), "{page}");
    let page = browser.post("/find", &[("words", "jones")]).expect(200).body;
    assert!(page.contains("Jones, Bob") && page.contains("no images"), "{page}");
    assert!(browser.post("/find", &[("words", "G7")]).expect(200).body.contains("<b>G7</b>"), "the folder");
}

#[test]
fn a_search_that_finds_very_much_shows_the_first_things_and_says_that_there_are_more() {
    let machine = Machine::with_repository();
    for number in 0..300 {
        machine.write(format!("source/scans/scan{number:03}.txt"), "x");
    }
    machine.backup(&[]);
    let console = Console::open(machine, "");
    let browser = console.enter();
    let page = browser.post("/find", &[("words", "txt SCAN")]).expect(200).body;
    assert!(page.contains("More than 240 things") && page.contains("scan000.txt"), "{page}");
    assert_eq!(page.matches("class=\"thumb\"").count(), 240);
    let page = browser.post("/find", &[("words", "scan299*")]).expect(200).body;
    assert!(page.contains("1 thing") && page.contains("scan299.txt"), "{page}");
}
