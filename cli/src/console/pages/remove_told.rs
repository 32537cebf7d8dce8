//! How orders about old rows ended, as the commands said it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::view::{Mark, Tone, number, time};
use super::work;
use crate::agent::{EndedRun, Task};

/// How the last order ended, if that has to be told.
pub(super) struct Told {
    pub(super) mark: Mark,
    pub(super) why: Vec<String>,
}

/// The order's end, as the command said it.
pub(super) enum Ended {
    Looked(Plan),
    Ran(RunSummary),
    PutBack(RestoreSummary),
    Released(u64),
    Failed(Vec<String>),
}

/// Everything that could go, and why the rest stays.
pub(super) struct Plan {
    pub(super) summary: PlanSummary,
    pub(super) categories: Vec<CategorySaid>,
    pub(super) refused: Vec<RefusedSaid>,
    pub(super) began: i64,
}

/// The plan as a whole.
#[derive(Deserialize)]
pub(super) struct PlanSummary {
    pub(super) schema: String,
    #[serde(default)]
    pub(super) except: Vec<ExceptSaid>,
    pub(super) snapshot_time: String,
    pub(super) through: String,
    pub(super) rows: u64,
    pub(super) seconds: u64,
    pub(super) digest: String,
    pub(super) warnings: Vec<String>,
    pub(super) output: Option<PathBuf>,
}

/// Somebody whose rows stay.
#[derive(Deserialize)]
pub(super) struct ExceptSaid {
    pub(super) value: String,
}

/// A category of the plan.
#[derive(Deserialize)]
pub(super) struct CategorySaid {
    pub(super) category: String,
    pub(super) tables: Vec<TableSaid>,
    #[serde(default)]
    pub(super) bytes: u64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) left: BTreeMap<String, u64>,
}

/// A table of a category.
#[derive(Deserialize)]
pub(super) struct TableSaid {
    pub(super) rows: u64,
}

/// A category that cannot go here.
#[derive(Deserialize)]
pub(super) struct RefusedSaid {
    pub(super) category: String,
    pub(super) why: String,
}

/// The end of a removal.
#[derive(Deserialize)]
pub(super) struct RunSummary {
    rows: u64,
    left: u64,
    ended: String,
    seconds: f64,
}

/// Rows that came back.
#[derive(Deserialize)]
pub(super) struct RestoreSummary {
    restored_rows: u64,
    rows_there: u64,
}

/// The result of the newest order, with the newest look and the review that belong to it.
pub(super) fn last(runs: &[EndedRun]) -> (Option<Ended>, Option<Plan>, Option<Plan>) {
    let mut newest = runs.iter().rev().filter(|run| run.run.task == Task::Remove);
    let Some(first) = newest.next() else { return (None, None, None) };
    let looked = |run: &EndedRun| match Ended::of(run) {
        Ended::Looked(plan) if plan.summary.output.is_none() => Some(plan),
        _ => None,
    };
    match Ended::of(first) {
        Ended::Looked(plan) if plan.summary.output.is_some() => {
            let before = newest.find_map(looked);
            let same = before.filter(|before| before.summary.is_about(&plan.summary));
            (None, same, Some(plan))
        }
        Ended::Looked(plan) => (None, Some(plan), None),
        // A run that has ended or failed leaves the look to choose from.
        failed @ Ended::Failed(_) => (Some(failed), newest.find_map(looked), None),
        ended => (Some(ended), None, None),
    }
}

impl Ended {
    fn of(run: &EndedRun) -> Self {
        Ended::said(&run.run.messages, run.run.began)
    }

    /// The end of a run that began then, by its messages.
    pub(super) fn said(messages: &[Value], began: Timestamp) -> Self {
        let all = |kind: &'static str| messages.iter().filter(move |message| message["message_type"] == *kind);
        if let Some(released) = all("released").next() {
            return Ended::Released(released["rows"].as_u64().unwrap_or(0));
        }
        let summary = all("summary").next();
        if let Some(summary) = summary.and_then(read::<PlanSummary>) {
            let categories = all("category").filter_map(read).collect();
            let refused = all("refused").filter_map(read).collect();
            return Ended::Looked(Plan { summary, categories, refused, began: began.as_second() });
        }
        let said = work::failure(messages);
        match summary.and_then(read::<RunSummary>) {
            Some(ran) if said.is_empty() => return Ended::Ran(ran),
            _ => {}
        }
        match summary.and_then(read::<RestoreSummary>) {
            Some(restored) if said.is_empty() => Ended::PutBack(restored),
            _ => Ended::Failed(said),
        }
    }
}

/// A message, if it is one of this kind.
fn read<T: DeserializeOwned>(message: &Value) -> Option<T> {
    serde_json::from_value(message.clone()).ok()
}

impl Told {
    pub(super) fn of(ended: Ended) -> Option<Self> {
        let told = |tone, words: String, why: Vec<String>| Some(Told { mark: Mark::new(tone, words), why });
        match ended {
            Ended::Looked(_) => None,
            Ended::Ran(ran) => {
                let took = format!("It took {}.", time::age(whole_seconds(ran.seconds)));
                let stayed = (ran.left > 0).then(|| format!("{} stayed.", number::counted(ran.left, "row")));
                let words = format!("{} were removed", number::counted(ran.rows, "row"));
                match ran.ended.as_str() {
                    "done" => told(Tone::GOOD, words, std::iter::once(took).chain(stayed).collect()),
                    ended => {
                        let why = match ended {
                            "time-is-up" => "The office was about to open before its end.",
                            _ => "It was stopped before its end.",
                        };
                        let go_on = format!("{why} Look and review again: what is left can still go.");
                        told(Tone::ATTENTION, words, vec![go_on])
                    }
                }
            }
            Ended::PutBack(restored) => {
                let words = format!("{} were put back", number::counted(restored.restored_rows, "row"));
                let there = format!("{} were there already.", number::counted(restored.rows_there, "row"));
                told(Tone::GOOD, words, (restored.rows_there > 0).then_some(there).into_iter().collect())
            }
            Ended::Released(rows) => {
                let why = "The room becomes free when old backups are cleared out.".to_owned();
                told(Tone::GOOD, format!("{} are kept no longer", number::counted(rows, "removed row")), vec![why])
            }
            Ended::Failed(why) => told(Tone::BAD, "This did not work".to_owned(), why),
        }
    }
}

impl PlanSummary {
    /// Whether both say what is old of the same.
    fn is_about(&self, other: &PlanSummary) -> bool {
        self.schema == other.schema && self.through == other.through
    }
}

/// Seconds of a message; a number that is none counts as zero.
fn whole_seconds(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds).map_or(0, |taken| taken.as_secs())
}
