//! The weekly summary: one screen, and the verdict comes first.

use std::collections::BTreeMap;

use jiff::{Timestamp, Zoned};

use super::cause::{Cause, Condition};
use super::facts::Facts;
use super::send::{Kind, Message};
use super::week::{Week, backups_due};
use super::words::Voice;
use crate::schedule::{Job, Rules};
use crate::ui::format;

/// Everything that the summary is made of.
pub struct Summary<'a> {
    /// The causes that are there.
    pub conditions: &'a BTreeMap<Cause, Condition>,
    /// The facts.
    pub facts: &'a Facts,
    /// The week.
    pub week: &'a Week,
    /// The schedule.
    pub rules: &'a Rules,
    /// The room that is left for the repository, bytes, if that is known.
    pub free_bytes: Option<u64>,
}

/// A line of figures.
struct Row {
    name: &'static str,
    value: String,
}

impl Summary<'_> {
    /// The message.
    pub fn message(&self, voice: &Voice, now: &Zoned) -> Message {
        let wrong: Vec<String> = self.conditions.iter().map(|(cause, found)| voice.sentence(*cause, found)).collect();
        let mut wrong = wrong;
        let answers = &self.facts.seen.checks;
        let unsaid = answers.iter().filter(|answer| answer.is_wrong);
        wrong.extend(unsaid.map(|answer| capital(&answer.sentence)));
        let headline = match wrong.len() {
            0 => "all is well".to_owned(),
            1 => "1 thing needs attention".to_owned(),
            count => format!("{count} things need attention"),
        };
        let period = format!("From {} to {}", voice.time(self.week.since), voice.time(now.timestamp()));
        let rows = self.rows(voice, now);
        let verdict = if wrong.is_empty() { "All is well.".to_owned() } else { format!("{}.", capital(&headline)) };
        let table: Vec<String> =
            rows.iter().map(|Row { name, value }| format!("{:<22}{value}", format!("{name}:"))).collect();
        let mut paragraphs = vec![verdict.clone()];
        paragraphs.extend(wrong.iter().cloned());
        paragraphs.extend([period.clone(), table.join("\n")]);
        let html = page(&[&[verdict], &wrong[..]].concat(), &period, &rows, &voice.label);
        Message { html: Some(html), ..voice.message(Kind::Summary, &headline, paragraphs) }
    }

    fn rows(&self, voice: &Voice, now: &Zoned) -> Vec<Row> {
        let (week, facts) = (self.week, self.facts);
        let last = |at: Option<Timestamp>| at.map_or_else(|| "none yet".to_owned(), |at| voice.time(at));
        let done = |job: Job| facts.tries.get(&job).and_then(|tries| tries.done);
        let due = backups_due(self.rules, week.since, now);
        let made = match due {
            0 => format::count(week.made),
            _ => format!("{}; a computer that is always on makes {}", format::count(week.made), format::count(due)),
        };
        let mut rows = vec![
            Row { name: "Backups made", value: made },
            Row { name: "Newest backup", value: last(facts.seen.newest) },
        ];
        let mut count = |name: &'static str, number: u64| {
            if number > 0 {
                rows.push(Row { name, value: format::count(number) });
            }
        };
        count("Left something out", week.left_out);
        count("Tries that failed", week.failed);
        let checked = |job: Job, count: u64| match done(job) {
            Some(at) => format!("{}; {} in this time", voice.time(at), format::count(count)),
            None => "none yet".to_owned(),
        };
        let jobs = [
            ("Last check", Job::Verify, self.rules.verify.is_some(), week.verified),
            ("Last second copy", Job::Copy, self.rules.copy.is_some(), week.copied),
            ("Last drill", Job::Drill, self.rules.drill.is_some(), week.drilled),
        ];
        for (name, job, is_on, count) in jobs {
            if is_on || done(job).is_some() {
                rows.push(Row { name, value: checked(job, count) });
            }
        }
        let fine = facts.seen.checks.iter().filter(|answer| !answer.is_wrong);
        rows.extend(fine.map(|answer| Row { name: "Checked", value: answer.sentence.clone() }));
        rows.extend(self.free_bytes.map(|free| Row { name: "Room left", value: format::bytes(free) }));
        rows
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The same as a page without pictures, scripts, or anything from elsewhere.
fn page(sentences: &[String], period: &str, rows: &[Row], label: &str) -> String {
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut sentences = sentences.iter().map(|text| escaped(text));
    let verdict = sentences.next().unwrap_or_default();
    let wrong: String = sentences.map(|text| format!("<p>{text}</p>\n")).collect();
    let cells = |row: &Row| format!("<tr><th align=\"left\">{}</th><td>{}</td></tr>\n", row.name, escaped(&row.value));
    let cells: String = rows.iter().map(cells).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Enamel</title></head><body>\n\
         <h1>{verdict}</h1>\n{wrong}<p>{}</p>\n<table cellpadding=\"4\">\n{cells}</table>\n<p>Enamel, {}</p>\n</body></html>\n",
        escaped(period),
        escaped(label)
    )
}
