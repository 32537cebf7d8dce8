//! Deletions of a restore: the question if there are many, and the report.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use engine::files::restore::{Deletions, KeptReason, RestoreOutcome};
use engine::{Error, ErrorKind, Result};

use crate::effect::Effect;
use crate::ui::format;

/// More things than this are not deleted without being agreed to.
const MANY: u64 = 1000;
/// If a folder holds fewer files, half of them is not much.
const FEW: u64 = 20;

/// Asks the user at the terminal for agreement if much is going to be deleted.
///
/// # Errors
/// It is not agreed to: a [`ErrorKind::Usage`] with the numbers.
pub fn agree(plan: &Deletions, target: &Path) -> Result<()> {
    if !is_much(plan) {
        return Ok(());
    }
    let what = format!(
        "{} of the {} in {}, {}",
        format::counted(plan.things, "thing"),
        format::count(plan.met),
        target.display(),
        format::bytes(plan.bytes)
    );
    if io::stdin().is_terminal() && io::stderr().is_terminal() && is_answered_by_yes(&what)? {
        return Ok(());
    }
    let message = format!("this would delete {what}: nothing was done; --dry-run lists them, --yes agrees to it");
    Err(Error::new(ErrorKind::Usage, message)
        .with_hint("Without --delete nothing is deleted; --dry-run shows all of it before."))
}

fn is_much(plan: &Deletions) -> bool {
    plan.things > MANY || plan.things > FEW && plan.things.saturating_mul(2) > plan.met
}

fn is_answered_by_yes(what: &str) -> Result<bool> {
    let failed = |e| Error::io("cannot ask at the terminal", e);
    let mut answer = String::new();
    write!(io::stderr(), "Delete {what}? [y/N] ").map_err(failed)?;
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Lines about what was deleted, or would be, and about what stays.
pub fn fields(outcome: &RestoreOutcome, effect: Effect) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if outcome.deleted_entries > 0 {
        let words = format!("{}, {}", format::count(outcome.deleted_entries), format::bytes(outcome.deleted_bytes));
        fields.push((if effect.is_dry() { "to delete" } else { "deleted" }, words));
    }
    let kept = outcome.kept.iter();
    fields.extend(kept.map(|(reason, number)| ("kept", format!("{}: {}", format::count(*number), words(*reason)))));
    fields
}

fn words(reason: KeptReason) -> &'static str {
    match reason {
        KeptReason::LeftOut => "the backup left it out, or would have",
        KeptReason::Unreadable => "the backup could not read it",
        KeptReason::Elsewhere => "it is in another file system",
        KeptReason::Incomplete => "the snapshot may lack it",
        KeptReason::InUse => "it is in use: repository, cache, key or settings",
        KeptReason::Changed => "it came or changed meanwhile",
    }
}

/// A reason as programs read it.
pub fn name(reason: KeptReason) -> &'static str {
    match reason {
        KeptReason::LeftOut => "left_out",
        KeptReason::Unreadable => "unreadable",
        KeptReason::Elsewhere => "elsewhere",
        KeptReason::Incomplete => "incomplete",
        KeptReason::InUse => "in_use",
        KeptReason::Changed => "changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(things: u64, met: u64) -> Deletions {
        let mut plan = Deletions::default();
        (plan.things, plan.met) = (things, met);
        plan
    }

    #[test]
    fn many_things_or_more_than_half_must_be_agreed_to() {
        for (things, met) in [(0, 0), (1, 1), (20, 20), (21, 42), (1000, 10_000)] {
            assert!(agree(&plan(things, met), Path::new("x")).is_ok(), "{things} of {met}");
        }
        for (things, met) in [(21, 41), (1001, 1_000_000)] {
            assert!(is_much(&plan(things, met)), "{things} of {met}");
        }
    }
}
