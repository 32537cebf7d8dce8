//! Each page: nothing that a reading machine stumbles over, nothing from elsewhere, nothing too wide, no word that people
//! at a practice would not know. A picture of each in two sizes is left for people to look at.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::super::routes;
use super::office::{EVIL, Office};
use super::page::{Look, Page};

/// Windows of an office, and both themes.
const LOOKS: [Look; 2] = [("wide", 1366, 768, "light"), ("tall", 820, 1180, "dark")];
/// Rules of WCAG 2.2, A and AA, and good practice.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
/// Words of the machine room.
const STRANGE: [&str; 8] = ["repository", "chunk", "lease", "manifest", "deduplicat", "null", "undefined", "NaN"];
/// Pages with sentences of the engine, or for auditors: these name things exactly.
const FOR_AUDITORS: [&str; 4] = ["proof-certificate", "proof", "proof-actions", "remove"];

/// The pages that were looked at, and what was wrong with them.
pub struct Gallery {
    folder: PathBuf,
    axe: String,
    /// Everything that was wrong.
    pub faults: Vec<String>,
    seen: BTreeSet<String>,
}

impl Gallery {
    /// Nothing was looked at yet.
    pub fn open() -> Self {
        let file = scenario_tests::server::fetched("axe/axe.min.js");
        assert!(
            file.is_some(),
            "`tests/servers.sh axe` fetches the script that looks at pages as a reading machine does"
        );
        let axe = fs::read_to_string(file.unwrap()).unwrap();
        Gallery { folder: Office::gallery(), axe, faults: Vec::new(), seen: BTreeSet::new() }
    }

    /// Looks at the page that is open, and notes what is wrong with it.
    pub fn look_at(&mut self, page: &mut Page<'_>, name: &str) {
        self.seen.insert(page.text("location.pathname"));
        page.evaluate(&format!("if (!window.axe) {{ {} }}", self.axe));
        page.evaluate("document.querySelectorAll('img').forEach(one => { one.loading = 'eager'; })");
        page.until("all pictures", "[...document.images].every(one => one.complete)");
        for look in LOOKS {
            let (size, _, _, theme) = look;
            page.look(look);
            let wide = page.evaluate("document.documentElement.scrollWidth - innerWidth");
            if wide.as_i64() > Some(0) {
                self.faults.push(format!("{name} ({size}) scrolls sideways by {wide}"));
            }
            let cut = page.evaluate(CUT);
            self.faults.extend(cut.as_array().into_iter().flatten().map(|fault| format!("{name} ({size}): {fault}")));
            page.shoot(&self.folder.join(format!("{name}-{size}.png")));
            for violation in page.evaluate(&axe_run()).as_array().into_iter().flatten() {
                self.faults.push(format!("{name} ({theme}): {}", violation.as_str().unwrap_or_default()));
            }
        }
        let empty = page.evaluate(EMPTY);
        self.faults.extend(empty.as_array().into_iter().flatten().map(|fault| format!("{name}: {fault}")));
        if !FOR_AUDITORS.contains(&name) {
            let words = page.text(WORDS);
            self.faults.extend(words.lines().flat_map(strange).map(|fault| format!("{name} {fault}")));
        }
        page.look_back();
        self.faults.extend(page.faults.drain(..).map(|fault| format!("{name} {fault}")));
    }
}

/// Words of the machine room in a text, and numbers of things that mean nothing to people.
fn strange(text: &str) -> Vec<String> {
    let is_number = |word: &str| word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit());
    let words = text.split(|c: char| !c.is_alphanumeric());
    let wrong = words.filter(|word| STRANGE.iter().any(|strange| word.starts_with(strange)) || is_number(word));
    wrong.map(|word| format!("says `{word}`: {text}")).collect()
}

fn axe_run() -> String {
    format!(
        "axe.run(document, {{ runOnly: {RULES}, resultTypes: ['violations'] }}).then(found => found.violations.map(one => \
         one.id + ': ' + one.help + ': ' + one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' ')))"
    )
}

/// The text of a page without the words that are to be typed, each piece on a line of its own.
const WORDS: &str = "(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest('code, .mono, script, style, time')) texts.push(walker.currentNode.data);
    return texts.join('\\n');
})()";

/// Cells with nothing in them.
const EMPTY: &str = "[...document.querySelectorAll('main td, main dd, main th')]
    .filter(cell => !cell.closest('.cal') && !cell.innerText.trim() && !cell.querySelector('input, svg, img, .sr'))
    .map(cell => 'a cell is empty: ' + cell.parentElement.innerText.slice(0, 80))";

/// Texts that go beyond the card that they are in, where nothing scrolls.
const CUT: &str = "(() => {
    const cut = [];
    for (const card of document.querySelectorAll('main .card')) {
        const right = card.getBoundingClientRect().right;
        const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const text = walker.currentNode, range = document.createRange();
            if (!text.data.trim() || text.parentElement.closest('.sr, .scroll, .snaps, script, noscript')) continue;
            range.selectNodeContents(text);
            if (range.getBoundingClientRect().right > right + 1) cut.push('a text is cut off: ' + text.data.trim().slice(0, 80));
        }
    }
    return cut;
})()";

/// Opens every page that a person comes to, one after the other.
fn walk(page: &mut Page<'_>, gallery: &mut Gallery) {
    gallery.look_at(page, "backup");
    page.follow("What changed");
    gallery.look_at(page, "compare");
    page.open("/");
    page.follow("Look inside");
    gallery.look_at(page, "everything");
    page.open("/find");
    gallery.look_at(page, "find-empty");
    page.evaluate("document.querySelector('#words').value = 'smith'");
    page.follow("Find");
    gallery.look_at(page, "find");
    page.follow("SmithAnna142");
    gallery.look_at(page, "folder");
    page.follow("SmithAnna142_100.jpg");
    gallery.look_at(page, "picture");
    page.follow("Restore");
    gallery.look_at(page, "restore");
    page.evaluate("document.querySelector('#folder').value += '/looked at'");
    page.follow("Continue");
    gallery.look_at(page, "restore-check");
    page.open("/find");
    page.evaluate("document.querySelector('#words').value = 'letter anna'");
    page.follow("Find");
    page.follow("Letter.txt");
    gallery.look_at(page, "letter");
    page.open("/remove");
    // Another test removes the rows of January.
    page.evaluate("document.querySelector('#through').value = '2022-02-20'");
    page.follow("Look");
    page.until(
        "what could go",
        "document.querySelectorAll('input[name=category]').length > 0 && !document.querySelector('progress')",
    );
    page.evaluate("document.querySelector('input[name=category][value=securitylog]').checked = true");
    page.follow("Review what goes");
    page.until("the review", "!!document.querySelector('#reason')");
    gallery.look_at(page, "remove");
    page.follow("Look, put back, let go");
    gallery.look_at(page, "remove-purge");
}

#[test]
fn each_page_is_for_everybody_and_only_from_here() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut gallery = Gallery::open();
    let mut page = office.enter(&mut turn);
    walk(&mut page, &mut gallery);
    // All others, also those that are not written yet.
    for route in routes::all().iter().filter(|route| route.is_page()) {
        if !gallery.seen.contains(&route.path) {
            page.open(&route.path);
            gallery.look_at(&mut page, route.path.trim_start_matches('/').replace('/', "-").as_str());
        }
    }
    page.open("/nothing");
    page.look_back();
    page.faults.retain(|fault| !fault.contains("404"));
    gallery.look_at(&mut page, "refusal");
    assert!(gallery.faults.is_empty(), "{}\npictures are in {}", gallery.faults.join("\n"), gallery.folder.display());
}

#[test]
fn a_name_that_is_a_script_is_a_text() {
    let office = Office::shared();
    let mut turn = office.turn();
    let mut page = office.enter(&mut turn);
    page.open("/find");
    page.evaluate("document.querySelector('#words').value = 'onerror'");
    page.follow("Find");
    assert!(page.words().contains(EVIL), "{}", page.words());
    page.follow(EVIL);
    page.arrives_at(EVIL);
    assert_eq!(page.evaluate("typeof window.hacked"), "undefined");
    // Somebody who could write into a page would still run nothing.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked=1\">')");
    page.evaluate("(() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s); })()");
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_eq!(page.evaluate("typeof window.hacked"), "undefined");
    page.look_back();
    assert!(page.faults.iter().any(|fault| fault.contains("Content Security Policy")), "{:?}", page.faults);
}
