//! A practice with a server, images, a morning of work, a test and a removal; its console is open, and a browser is there.
//! All tests of this folder share it, one after the other.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use scenario_tests::databases::practice;
use scenario_tests::server::TestServer;

use super::super::client::{self, Console};
use super::chromium::Chromium;
use super::page::Page;
use crate::harness::Machine;

/// The agent does only what a page asks for.
const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
const PICTURE: &[u8] = include_bytes!("../../../../src/commands/console/demo/pictures/bw1.jpg");
const OTHER_PICTURE: &[u8] = include_bytes!("../../../../src/commands/console/demo/pictures/pano.jpg");
/// A name that would be a script if it were not a text.
pub const EVIL: &str = "<img src=x onerror=\"window.hacked=1\">.txt";

static SHARED: Mutex<Weak<Office>> = Mutex::new(Weak::new());

/// The practice.
pub struct Office {
    /// Its console.
    pub console: Console,
    /// Its database.
    pub server: TestServer,
    chromium: Mutex<Chromium>,
}

/// The right to use the office and its browser.
pub type Turn<'o> = MutexGuard<'o, Chromium>;

impl Office {
    /// The office that others use, or a new one.
    pub fn shared() -> Arc<Office> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(office) = shared.upgrade() {
            return office;
        }
        let office = Arc::new(Office::open());
        *shared = Arc::downgrade(&office);
        office
    }

    /// Waits until nobody else uses it.
    pub fn turn(&self) -> Turn<'_> {
        self.chromium.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes in as the owner, and shows the first page.
    pub fn enter<'t>(&self, turn: &'t mut Turn<'_>) -> Page<'t> {
        let mut page = Page::new(turn, &self.console.origin());
        page.open(&self.console.link());
        page.until("the first page", "location.pathname === '/' && document.readyState === 'complete'");
        page
    }

    /// Where pictures and printed pages go, for people to look at.
    pub fn gallery() -> PathBuf {
        let target = PathBuf::from(crate::harness::ENAMEL).parent().unwrap().parent().unwrap().to_owned();
        let gallery = target.join("console");
        fs::create_dir_all(&gallery).unwrap();
        gallery
    }

    /// Rows of the log of the practice.
    pub fn rows(&self) -> u64 {
        self.server.value("SELECT COUNT(*) FROM practice.securitylog").unwrap().parse().unwrap()
    }

    fn open() -> Self {
        let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
        practice(&server, 1, "InnoDB");
        fs::remove_dir_all(machine.path("source")).unwrap();
        for patient in ["AdamsGrace11", "BakerHugo25", "SmithAnna142", "SmithPeter150"] {
            let folder = format!("source/{}/{patient}", &patient[..1]);
            machine.write(format!("{folder}/{patient}_100.jpg"), PICTURE);
            machine.write(format!("{folder}/{patient}_101.jpg"), OTHER_PICTURE);
            machine.write(format!("{folder}/Letter.txt"), format!("Referral for {patient}\n"));
        }
        machine.write(format!("source/J/JonesBob7/{EVIL}"), "nothing");
        fs::create_dir(machine.path("restored")).unwrap();
        let settings = settings(&machine, &server);
        machine.write("enamel.toml", &settings);
        let run = |words: &[&str]| {
            let mut command = machine.bare();
            command.args(["--config", "enamel.toml"]).args(words);
            crate::harness::Answer::of(command.output().unwrap()).expect_one_of(&[0, 3])
        };
        run(&["backup"]);
        machine.write("source/S/SmithAnna142/Letter.txt", "Referral for SmithAnna142, second version\n");
        machine.write("source/B/BakerHugo25/BakerHugo25_200.jpg", PICTURE);
        run(&["backup"]);
        fs::remove_file(machine.path("source/S/SmithAnna142/SmithAnna142_101.jpg")).unwrap();
        run(&["backup"]);
        run(&["drill"]);
        let console = Console::serve(machine, &settings);
        remove_some(&console);
        Office { console, server, chromium: Mutex::new(Chromium::start()) }
    }
}

fn settings(machine: &Machine, server: &TestServer) -> String {
    let (url, restored) = (server.url(), machine.arg("restored"));
    format!(
        "{}database = \"{url}\"\nschemas = [\"practice\"]\n[notify]\nlabel = \"Riverside Dental\"\n\
         [retention]\nkeep-within = \"14d\"\nkeep-daily = 90\n{QUIET}{}restore-to = [\"{restored}\"]\n",
        client::SETTINGS,
        client::LISTEN
    )
}

/// Removes the rows of two weeks, so that there is a history of removals; and lets somebody come in by name.
fn remove_some(console: &Console) {
    let owner = console.enter();
    let through = ("through", "2022-01-14");
    owner.post("/remove/look", &[through]).expect(303);
    owner.wait_for_rest();
    owner.post("/remove/review", &[through, ("category", "securitylog")]).expect(303);
    owner.wait_for_rest();
    let page = owner.page("/remove");
    let (_, rest) = page.split_once("name=\"plan\" value=\"").unwrap_or_else(|| panic!("no review in {page}"));
    let plan = rest.split_once('"').unwrap().0;
    owner.post("/remove/run", &[("plan", plan), ("reason", "older than we need"), ("read", "yes")]).expect(303);
    owner.wait_for_rest();
    let dana = [("name", "Dana"), ("password", "correct horse"), ("again", "correct horse"), ("role", "staff")];
    owner.post("/settings/people", &dana).expect(303);
}
