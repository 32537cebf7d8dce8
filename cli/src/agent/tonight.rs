//! A removal that waits for the night, in a file that outlives the agent. At most one waits.
//!
//! The file says that a removal has begun before it begins: one that was under way when the agent died is never begun again, however
//! far it came. How it ended stays in the file until a person has seen it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::crypto::random;
use engine::{Error, Result};
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::journal::Orderer;
use super::outcome::Outcome;
use super::timetable::now;
use crate::exit::Exit;
use crate::notify::{UndoneEnd, UndoneRemoval};
use crate::schedule::OfficeHours;
use crate::whole_file::{self, Readers, Unusable, read_json, write_json};

/// A removal that could not begin so long after its time is not begun any more: the office may be about to open.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(4);
/// A removal that could not be tried is tried again after so long, and other work goes on meanwhile.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// The status of a run that left something out.
const LEFT_OUT: i32 = Exit::Incomplete as i32;
/// The messages of a run that say how it ended.
pub(super) const TELLING: [&str; 2] = ["summary", "exit_error"];

/// The things that a person orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The digest of the plan that they have read.
    pub digest: String,
    /// The rows of the plan.
    pub rows: u64,
    /// Why they go.
    pub reason: String,
    /// The files of the database are made smaller after it.
    pub is_smaller: bool,
    /// When it is to begin.
    pub at: Timestamp,
}

/// A removal that somebody has ordered for the night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Tells it from others.
    pub number: u64,
    /// The person who has ordered it.
    pub person: String,
    /// Their role.
    pub role: String,
    /// Their wish.
    pub wish: Wish,
    /// How far it is.
    pub stage: Stage,
}

/// How far a removal is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its time has not come.
    Waits,
    /// It has begun.
    Begun,
    /// It has ended.
    Ended(Outcome),
    /// It has not begun, and will not. Nothing was removed.
    NotBegun(Why),
    /// The agent died meanwhile.
    NotKnown,
    /// Its file was damaged. It does not begin any more.
    Unreadable,
}

/// Why a removal has not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The computer was off or busy at its time.
    Missed,
    /// The office hours were changed, and people work at its time.
    HoursChanged,
    /// The plan is not the one that was read.
    OtherPlan,
    /// The person may not order it any more.
    MayNot,
}

/// Whether its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Later,
    Now,
    Past(Why),
}

/// The place of the removal that waits, or was the last one.
#[derive(Debug)]
pub struct Tonight {
    file: PathBuf,
    plan: PathBuf,
    removal: Mutex<Option<Removal>>,
    /// When it could not be tried.
    failed: Mutex<Option<Instant>>,
}

impl Tonight {
    /// The place for the repository of this short id, in the folder for what this computer has seen. No other agent has it open.
    ///
    /// # Errors
    /// Its file cannot be read or written. A damaged one is told on the page: without it the console would stay closed.
    pub fn open(state_dir: &Path, repository: &str) -> Result<Self> {
        let file = state_dir.join(format!("tonight-{repository}.json"));
        let found: Option<Removal> = match read_json(&file) {
            Ok(found) => found.flatten(),
            Err(Unusable::Io(error)) => return Err(Error::io(format!("cannot read {}", file.display()), error)),
            Err(Unusable::Other(_)) => Some(Removal::unreadable()?),
        };
        let plan = state_dir.join(format!("tonight-{repository}.plan"));
        let tonight = Tonight { file, plan, removal: Mutex::new(found), failed: Mutex::default() };
        match tonight.last() {
            Some(Removal { number, stage: Stage::Begun, .. }) => tonight.end(number, Stage::NotKnown)?,
            Some(Removal { number, stage: Stage::Unreadable, .. }) => tonight.end(number, Stage::Unreadable)?,
            _ => {}
        }
        Ok(tonight)
    }

    /// The removal that waits, runs, or was the last one; none if somebody has seen how that ended.
    pub fn last(&self) -> Option<Removal> {
        self.removal().clone()
    }

    /// The plan of the removal: a copy, which no later review replaces.
    pub fn plan(&self) -> &Path {
        &self.plan
    }

    /// Somebody orders the removal of this plan for the night. Returns whether none was in the way.
    ///
    /// # Errors
    /// It cannot be written. Then it is not ordered.
    pub fn order(&self, by: Orderer<'_>, wish: Wish, plan: &[u8]) -> Result<bool> {
        let mut removal = self.removal();
        if removal.as_ref().is_some_and(Removal::is_ahead) {
            return Ok(false);
        }
        // The copy comes first: an order without its plan would be refused at night, when nobody is there.
        whole_file::write(&self.plan, plan, Readers::Owner)
            .map_err(|error| Error::io(format!("cannot write {}", self.plan.display()), error))?;
        let new = Removal {
            number: u64::from_le_bytes(random()?),
            person: by.person.to_owned(),
            role: by.role.to_owned(),
            wish,
            stage: Stage::Waits,
        };
        self.put(&mut removal, Some(new))?;
        Ok(true)
    }

    /// Somebody takes this removal back, or has seen how it ended. Returns it, unless it is another one now, or under way.
    ///
    /// # Errors
    /// It cannot be written. Then it is as it was.
    pub fn take_away(&self, number: u64) -> Result<Option<Removal>> {
        let mut removal = self.removal();
        let Some(found) = removal.clone().filter(|own| own.number == number && own.stage != Stage::Begun) else {
            return Ok(None);
        };
        self.put(&mut removal, None)?;
        Ok(Some(found))
    }

    /// This removal begins. Returns whether it may: it is still there, and waits.
    ///
    /// # Errors
    /// It cannot be written. Then it must not begin.
    pub(super) fn begin(&self, number: u64) -> Result<bool> {
        let mut removal = self.removal();
        let Some(found) = removal.clone().filter(|own| own.number == number && own.stage == Stage::Waits) else {
            return Ok(false);
        };
        self.put(&mut removal, Some(Removal { stage: Stage::Begun, ..found }))?;
        Ok(true)
    }

    /// This removal is over.
    ///
    /// # Errors
    /// It cannot be written. Then the next agent does not know how it ended.
    pub(super) fn end(&self, number: u64, stage: Stage) -> Result<()> {
        let mut removal = self.removal();
        let Some(found) = removal.as_mut().filter(|own| own.number == number) else { return Ok(()) };
        // It is over also when the disk is full: nobody could order another one.
        found.stage = stage;
        let ended = removal.clone();
        self.put(&mut removal, ended)
    }

    /// It could not be tried: other work goes on before it is tried again.
    pub(super) fn put_off(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The removal whose time has come, or is past. After one was put off, nothing is due for a while.
    pub(super) fn due(&self, now: &Zoned, hours: &OfficeHours) -> Option<(Removal, Turn)> {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| failed.elapsed() < AGAIN_AFTER) {
            return None;
        }
        let waiting = self.last().filter(|removal| removal.stage == Stage::Waits)?;
        let turn = waiting.turn(now, hours);
        (turn != Turn::Later).then_some((waiting, turn))
    }

    fn put(&self, removal: &mut Option<Removal>, new: Option<Removal>) -> Result<()> {
        write_json(&self.file, &new)
            .map_err(|error| Error::io(format!("cannot write {}", self.file.display()), error))?;
        *removal = new;
        Ok(())
    }

    fn removal(&self) -> MutexGuard<'_, Option<Removal>> {
        self.removal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Removal {
    /// Stands for one whose file is damaged.
    fn unreadable() -> Result<Self> {
        let at = now().timestamp();
        let wish = Wish { digest: String::new(), rows: 0, reason: String::new(), is_smaller: false, at };
        let number = u64::from_le_bytes(random()?);
        Ok(Removal { number, person: String::new(), role: String::new(), wish, stage: Stage::Unreadable })
    }

    /// The person who has ordered it.
    pub fn orderer(&self) -> Orderer<'_> {
        Orderer { person: &self.person, role: &self.role }
    }

    /// Whether it waits or runs.
    pub fn is_ahead(&self) -> bool {
        matches!(self.stage, Stage::Waits | Stage::Begun)
    }

    /// It, if it is over and did not do what was ordered.
    pub(super) fn undone(&self) -> Option<UndoneRemoval> {
        let end = match &self.stage {
            Stage::Waits | Stage::Begun => return None,
            Stage::NotBegun(_) => UndoneEnd::NotBegun,
            Stage::NotKnown | Stage::Unreadable => UndoneEnd::Failed(None),
            Stage::Ended(outcome) if outcome.exit == Some(0) => {
                // A run that stops when its time is up has not failed.
                let is_whole = outcome.of_type("summary").all(|summary| summary["ended"] == "done");
                return (!is_whole)
                    .then_some(UndoneRemoval { at: self.wish.at, end: UndoneEnd::Failed(Some(LEFT_OUT)) });
            }
            Stage::Ended(outcome) => UndoneEnd::Failed(outcome.exit),
        };
        Some(UndoneRemoval { at: self.wish.at, end })
    }

    fn turn(&self, now: &Zoned, hours: &OfficeHours) -> Turn {
        let late = now.timestamp().duration_since(self.wish.at);
        let ordered_for = self.wish.at.to_zoned(now.time_zone().clone()).datetime();
        match late {
            _ if late < SignedDuration::ZERO => Turn::Later,
            _ if late < LATE_MAX && !hours.contains(now.datetime()) => Turn::Now,
            _ if hours.contains(ordered_for) => Turn::Past(Why::HoursChanged),
            _ => Turn::Past(Why::Missed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DANA: Orderer<'_> = Orderer { person: "Dana", role: "owner" };

    fn at(text: &str) -> Zoned {
        format!("{text}[America/New_York]").parse().unwrap()
    }

    fn wish() -> Wish {
        Wish {
            digest: "77aa01de".to_owned(),
            rows: 9,
            reason: "old".to_owned(),
            is_smaller: false,
            at: at("2026-12-01T02:00").timestamp(),
        }
    }

    fn place() -> (tempfile::TempDir, Tonight) {
        let folder = tempfile::tempdir().unwrap();
        let tonight = Tonight::open(folder.path(), "c17bc452").unwrap();
        (folder, tonight)
    }

    #[test]
    fn its_time_comes_in_the_night_and_is_past_in_the_morning() {
        let (_folder, tonight) = place();
        let hours: OfficeHours = "Mon-Sat 05:00-19:00".parse().unwrap();
        let turn = |time: &str| tonight.due(&at(time), &hours).map(|(_, turn)| turn);
        assert_eq!(turn("2026-12-01T02:00"), None, "nothing is ordered");
        assert!(tonight.order(DANA, wish(), b"plan").unwrap());
        assert_eq!(turn("2026-12-01T01:59:59"), None);
        assert_eq!(turn("2026-12-01T02:00"), Some(Turn::Now));
        assert_eq!(turn("2026-12-01T04:59"), Some(Turn::Now));
        assert_eq!(turn("2026-12-01T05:00"), Some(Turn::Past(Why::Missed)), "people work");
        assert_eq!(
            turn("2026-12-06T06:00"),
            Some(Turn::Past(Why::Missed)),
            "a Sunday, but the computer was off for days"
        );
        let hours: OfficeHours = "Mon-Sun 01:00-23:00".parse().unwrap();
        let turn = |time: &str| tonight.due(&at(time), &hours).map(|(_, turn)| turn);
        assert_eq!(turn("2026-12-01T01:59"), None);
        assert_eq!(turn("2026-12-01T02:00"), Some(Turn::Past(Why::HoursChanged)));
    }

    #[test]
    fn one_that_could_not_be_tried_lets_other_work_go_on() {
        let (_folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let hours: OfficeHours = "Mon-Sat 07:00-19:00".parse().unwrap();
        let is_due = || tonight.due(&at("2026-12-01T02:00"), &hours).is_some();
        assert!(is_due());
        tonight.put_off();
        assert!(!is_due());
        let long_ago = Instant::now().checked_sub(AGAIN_AFTER).unwrap();
        *tonight.failed.lock().unwrap() = Some(long_ago);
        assert!(is_due());
    }

    #[test]
    fn a_removal_is_over_also_when_that_cannot_be_written() {
        let (folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let number = tonight.last().unwrap().number;
        assert!(tonight.begin(number).unwrap());
        let file = folder.path().join("tonight-c17bc452.json");
        let begun = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(tonight.end(number, Stage::NotBegun(Why::MayNot)).is_err());
        assert_eq!(tonight.last().unwrap().stage, Stage::NotBegun(Why::MayNot));
        std::fs::remove_dir(&file).unwrap();
        assert!(tonight.order(DANA, wish(), b"other").unwrap(), "another one can be ordered");
        std::fs::write(&file, begun).unwrap();
        assert_eq!(Tonight::open(folder.path(), "c17bc452").unwrap().last().unwrap().stage, Stage::NotKnown);
    }

    #[test]
    fn the_first_of_two_orders_counts_until_it_is_taken_back() {
        let (folder, tonight) = place();
        assert!(tonight.order(DANA, wish(), b"first").unwrap());
        assert!(!tonight.order(Orderer { person: "Bell", role: "owner" }, wish(), b"second").unwrap());
        let first = tonight.last().unwrap();
        assert_eq!((first.person.as_str(), std::fs::read(tonight.plan()).unwrap()), ("Dana", b"first".to_vec()));
        drop(tonight);
        let tonight = Tonight::open(folder.path(), "c17bc452").unwrap();
        assert_eq!(tonight.last().as_ref(), Some(&first), "it outlives the agent");
        assert_eq!(tonight.take_away(first.number ^ 1).unwrap(), None, "another one");
        assert_eq!(tonight.take_away(first.number).unwrap(), Some(first));
        assert_eq!(Tonight::open(folder.path(), "c17bc452").unwrap().last(), None);
    }

    #[test]
    fn a_removal_begins_once_also_when_the_agent_dies_meanwhile() {
        let (folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let number = tonight.last().unwrap().number;
        assert!(tonight.begin(number).unwrap() && !tonight.begin(number).unwrap());
        assert_eq!(tonight.take_away(number).unwrap(), None, "it is under way");
        assert!(!tonight.order(DANA, wish(), b"other").unwrap(), "and no other is ordered meanwhile");
        let hours: OfficeHours = "Mon-Sat 07:00-19:00".parse().unwrap();
        for _ in 0..2 {
            let again = Tonight::open(folder.path(), "c17bc452").unwrap();
            assert_eq!(again.last().unwrap().stage, Stage::NotKnown);
            assert_eq!(again.due(&at("2026-12-01T02:01"), &hours), None);
            assert!(!again.begin(number).unwrap());
        }
    }

    #[test]
    fn an_order_that_was_taken_back_does_not_begin() {
        let (_folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let number = tonight.last().unwrap().number;
        tonight.take_away(number).unwrap();
        assert!(!tonight.begin(number).unwrap());
        tonight.end(number, Stage::NotBegun(Why::Missed)).unwrap();
        assert_eq!(tonight.last(), None);
    }

    #[test]
    fn a_removal_that_did_not_do_all_of_it_is_told() {
        let (_folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let ended = |exit, how: &str| {
            let messages = vec![serde_json::json!({ "message_type": "summary", "ended": how })];
            Removal { stage: Stage::Ended(Outcome { began: wish().at, exit, messages }), ..tonight.last().unwrap() }
        };
        let undone = |exit, how: &str| ended(exit, how).undone().map(|undone| undone.end);
        assert_eq!(undone(Some(0), "done"), None);
        assert_eq!(undone(Some(0), "time-is-up"), Some(UndoneEnd::Failed(Some(3))));
        assert_eq!(undone(Some(130), "stopped"), Some(UndoneEnd::Failed(Some(130))));
        assert_eq!(undone(None, "done"), Some(UndoneEnd::Failed(None)));
        assert_eq!(tonight.last().unwrap().undone(), None, "it waits");
    }

    #[test]
    fn a_file_that_is_damaged_is_told_and_never_begins() {
        let (folder, tonight) = place();
        tonight.order(DANA, wish(), b"plan").unwrap();
        let file = folder.path().join("tonight-c17bc452.json");
        let whole = std::fs::read_to_string(&file).unwrap();
        let huge = format!("{whole}{}", " ".repeat(2 << 20));
        for damaged in ["", "{", &whole[..50], &whole.replace("waits", "eaten"), &huge] {
            std::fs::write(&file, damaged).unwrap();
            let tonight = Tonight::open(folder.path(), "c17bc452").unwrap();
            let found = tonight.last().unwrap();
            assert_eq!(found.stage, Stage::Unreadable);
            assert!(!tonight.begin(found.number).unwrap());
            assert_eq!(
                Tonight::open(folder.path(), "c17bc452").unwrap().last(),
                Some(found.clone()),
                "it is one for ever"
            );
            assert_eq!(tonight.take_away(found.number).unwrap(), Some(found));
            assert_eq!(Tonight::open(folder.path(), "c17bc452").unwrap().last(), None);
        }
    }
}
