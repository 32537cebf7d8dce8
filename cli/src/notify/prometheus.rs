//! Figures for Prometheus, in a file that the collector of node_exporter reads.
//!
//! Times are moments, not ages: a file that nobody writes any more does not stay young.

use std::fmt::Write as _;

use super::facts::Facts;
use crate::schedule::{Job, Rules};

/// The figures as text. `label` stands for the source: its folders have names of patients.
pub fn text(label: &str, facts: &Facts, rules: &Rules, free_bytes: Option<u64>) -> String {
    let source = format!("source=\"{}\"", escaped(label));
    let done = |job: Job| facts.tries.get(&job).and_then(|tries| tries.done).map(|at| at.as_second());
    let limit = rules.backup.max(rules.otherwise).map(|limit| whole(limit.as_secs()));
    let figures = [
        (
            "enamel_last_success_timestamp_seconds",
            "The moment of the newest backup.",
            source.clone(),
            facts.seen.newest.map(|newest| newest.as_second()),
        ),
        ("enamel_age_limit_seconds", "The longest time between two backups by schedule.", source.clone(), limit),
        (
            "enamel_last_duration_seconds",
            "The time that the last backup took.",
            source.clone(),
            facts.backup_seconds.map(whole),
        ),
        ("enamel_problems", "Things that the newest backup left out.", source, Some(whole(facts.seen.left_out))),
        ("enamel_free_bytes", "The room that is left for the repository.", String::new(), free_bytes.map(whole)),
        (
            "enamel_drill_last_success_timestamp_seconds",
            "The moment of the last drill that succeeded.",
            String::new(),
            done(Job::Drill),
        ),
        (
            "enamel_copy_last_success_timestamp_seconds",
            "The moment of the last second copy that succeeded.",
            "copy=\"supplemental\"".to_owned(),
            done(Job::Copy),
        ),
    ];
    let mut text = String::new();
    for (name, help, labels, value) in figures {
        let Some(value) = value else { continue };
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n");
    }
    text
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::notify::facts::Seen;
    use crate::schedule::{ScheduleSettings, Tries};

    #[test]
    fn figures_that_are_known_are_written() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let mut facts = Facts::new(Timestamp::UNIX_EPOCH);
        facts.seen = Seen { newest: at(1_800_000_000), left_out: 2, ..Seen::default() };
        facts.tries.insert(Job::Copy, Tries { done: at(1_800_000_100), ..Tries::default() });
        let found = text("A \"B\"", &facts, &ScheduleSettings::default().rules().unwrap(), Some(5));
        let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "enamel_last_success_timestamp_seconds{source=\"A \\\"B\\\"\"} 1800000000",
                "enamel_age_limit_seconds{source=\"A \\\"B\\\"\"} 14400",
                "enamel_problems{source=\"A \\\"B\\\"\"} 2",
                "enamel_free_bytes 5",
                "enamel_copy_last_success_timestamp_seconds{copy=\"supplemental\"} 1800000100",
            ]
        );
        assert!(found.ends_with('\n') && found.contains("# TYPE enamel_free_bytes gauge\n"));
    }
}
