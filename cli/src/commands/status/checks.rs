//! The checks: whether everything is safe, in a line each.

use std::collections::BTreeMap;

use engine::Result;
use engine::health::{Check, Health, State};
use serde::Serialize;

use crate::ui::{Tone, Ui};

/// `check`: the answer to one question.
#[derive(Serialize)]
struct Message<'a> {
    question: &'static str,
    state: &'static str,
    age_seconds: Option<u64>,
    message: &'a str,
    remedy: Option<&'static str>,
    figures: BTreeMap<&'static str, u64>,
}

/// Prints each check, and what helps.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print(ui: &Ui, health: &Health, shown: impl Fn(&Check) -> bool) -> Result<()> {
    let checks: Vec<_> = health.checks.iter().filter(|check| shown(check)).collect();
    if checks.is_empty() {
        return Ok(());
    }
    ui.line("\nIs everything safe?")?;
    for check in checks {
        ui.verdict(tone(check.state), check.state.name(), &check.sentence)?;
        if let Some(remedy) = check.remedy {
            ui.under_verdict(&format!("`{remedy}`"))?;
        }
    }
    Ok(())
}

fn tone(state: State) -> Tone {
    match state {
        State::Good => Tone::Good,
        State::Unknown => Tone::Unknown,
        State::Attention => Tone::Attention,
        State::Bad => Tone::Bad,
    }
}

/// Prints each check as JSON.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn message(ui: &Ui, health: &Health) -> Result<()> {
    health.checks.iter().try_for_each(|check| {
        let message = Message {
            question: check.question.name(),
            state: check.state.name(),
            age_seconds: check.age_seconds,
            message: &check.sentence,
            remedy: check.remedy,
            figures: check.figures.iter().map(|figure| (figure.name, figure.value)).collect(),
        };
        ui.message("check", message)
    })
}
