//! A failure, step by step, for people.

use std::collections::HashMap;
use std::fmt;

use engine::store::{Folder, ObjectName};

use super::request::{Answer, Request};

/// One step of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which process.
    pub process: String,
    /// The request.
    pub request: String,
    /// The answer.
    pub answer: String,
}

/// A state that must not be, and the shortest way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The fault there.
    pub what: String,
    /// How it came to that.
    pub steps: Vec<Step>,
    /// States that were explored before it was found.
    pub states: usize,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Step) -> &str| self.steps.iter().map(|step| of(step).chars().count()).max().unwrap_or(0);
        let (processes, requests) = (width(|step| &step.process), width(|step| &step.request));
        for step in &self.steps {
            writeln!(f, "{:processes$}  {:requests$}  {}", step.process, step.request, step.answer)?;
        }
        write!(f, "then {} (after {} states)", self.what, self.states)
    }
}

/// The meaning of an object's bytes, where it is known.
pub(super) type Describe<'j> = dyn Fn(&ObjectName, &[u8]) -> Option<String> + 'j;

/// Gives objects short names, in the order in which they are met.
pub(super) struct Scribe<'j> {
    describe: &'j Describe<'j>,
    names: HashMap<ObjectName, String>,
    counts: HashMap<&'static str, usize>,
}

impl<'j> Scribe<'j> {
    pub fn new(describe: &'j Describe<'j>) -> Self {
        Scribe { describe, names: HashMap::new(), counts: HashMap::new() }
    }

    /// A step in words; `remark` follows the answer.
    pub fn step(&mut self, process: &str, request: &Request, answer: &Answer, remark: &str) -> Step {
        let mut asked = match request.name() {
            Some(name) => format!("{} {}", request.verb(), self.name(name)),
            None => format!("{} {}", request.verb(), folder(request.folder())),
        };
        if let Request::PutNew(name, bytes) | Request::ReplaceIf(name, _, bytes) = request
            && let Some(text) = (self.describe)(name, bytes)
        {
            asked = format!("{asked} {text}");
        }
        let answer = format!("{}{remark}", self.answer(request, answer));
        Step { process: process.to_owned(), request: asked, answer }
    }

    fn answer(&mut self, request: &Request, answer: &Answer) -> String {
        match answer {
            Answer::Done => "done".to_owned(),
            Answer::Failed(kind) => format!("{kind:?}"),
            Answer::Info(info) => if info.is_some() { "it is there" } else { "it is not there" }.to_owned(),
            Answer::Found(infos) if infos.is_empty() => "nothing".to_owned(),
            Answer::Found(infos) => {
                let names: Vec<_> = infos.iter().map(|info| self.name(&info.name)).collect();
                names.join(", ")
            }
            Answer::Bytes(bytes) => {
                let whole = request.name().filter(|_| matches!(request, Request::Get(..)));
                let text = whole.and_then(|name| (self.describe)(name, bytes));
                text.unwrap_or_else(|| format!("{} bytes", bytes.len()))
            }
        }
    }

    /// A lease and its snapshot have the same number.
    fn name(&mut self, name: &ObjectName) -> String {
        let (kind, key) = match name {
            ObjectName::Pack(_) => ("pack", *name),
            ObjectName::Segment(_) => ("segment", *name),
            ObjectName::Lease(id) => ("lease", ObjectName::Lease(*id)),
            ObjectName::Snapshot(id) => ("snapshot", ObjectName::Lease(*id)),
            other => return other.to_string(),
        };
        let counted = if kind == "snapshot" { "lease" } else { kind };
        let (counts, names) = (&mut self.counts, &mut self.names);
        let number = names.entry(key).or_insert_with(|| {
            let count = counts.entry(counted).or_default();
            *count += 1;
            count.to_string()
        });
        format!("{kind} {number}")
    }
}

fn folder(folder: Folder) -> &'static str {
    if folder == Folder::Top { "the top" } else { folder.as_str() }
}
