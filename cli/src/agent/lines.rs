//! The lines that a job prints: to the desk as they are, and what went wrong to the agent's own messages.

use serde_json::Value;

use super::desk::Desk;
use super::order::Task;
use crate::ui::Ui;

/// Problems of a run that are told one by one.
const PROBLEMS_TOLD: usize = 20;

/// Hears what a run prints.
pub struct Told<'t> {
    task: Task,
    ui: &'t Ui,
    desk: &'t Desk,
    problems: usize,
}

impl<'t> Told<'t> {
    /// Nothing has been said yet.
    pub fn new(task: Task, ui: &'t Ui, desk: &'t Desk) -> Self {
        Told { task, ui, desk, problems: 0 }
    }

    /// The run has printed `line`.
    pub fn line(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => self.message(Value::Object(fields)),
            // The last words of a panic, or of a hook.
            _ if line.is_empty() => {}
            _ => self.warn(line),
        }
    }

    fn message(&mut self, message: Value) {
        match message["message_type"].as_str() {
            Some("status") => return self.desk.tell(serde_json::from_value(message).unwrap_or_default()),
            Some("note") => self.warn(text(&message, "message")),
            Some("problem") => self.problem(&message),
            Some("exit_error") => self.warn(&failure(&message)),
            _ => {}
        }
        self.desk.say(message);
    }

    fn problem(&mut self, message: &Value) {
        self.problems += 1;
        match self.problems {
            ..=PROBLEMS_TOLD => {
                self.warn(&format!("problem: {}: {}", text(message, "path"), text(message, "message")));
            }
            n if n == PROBLEMS_TOLD + 1 => self.warn("problem: and more"),
            _ => {}
        }
    }

    fn warn(&self, text: &str) {
        self.ui.warn(format_args!("{}: {text}", self.task.name()));
    }
}

fn text<'m>(message: &'m Value, field: &str) -> &'m str {
    message[field].as_str().unwrap_or_default()
}

/// Why a run failed, in one line.
fn failure(message: &Value) -> String {
    let causes = message["causes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut line = std::iter::once(text(message, "message")).chain(causes).collect::<Vec<_>>().join(": ");
    if let Some(hint) = message["hint"].as_str() {
        line.push_str(". ");
        line.push_str(hint);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::desk::Progress;
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_causes_and_its_hint() {
        let message = serde_json::json!({ "message_type": "exit_error", "message": "cannot open", "causes": ["gone", "off"], "hint": "Plug it in." });
        assert_eq!(failure(&message), "cannot open: gone: off. Plug it in.");
        assert_eq!(failure(&serde_json::json!({ "message": "no" })), "no");
    }

    #[test]
    fn a_status_without_totals_is_understood() {
        let progress: Progress =
            serde_json::from_value(serde_json::json!({ "message_type": "status", "phase": "walk", "done_items": 3 }))
                .unwrap();
        assert_eq!((progress.phase.as_str(), progress.done_items, progress.total_items), ("walk", 3, None));
    }
}
