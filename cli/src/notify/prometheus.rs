//! Figures for Prometheus, in a file that the collector of node_exporter reads.
//!
//! Times are moments, not ages: a file that nobody writes any more does not stay young.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::facts::Facts;
use crate::schedule::{Job, Rules};

/// The name of a figure, its meaning, its labels, and its value if it is known.
type Gauge = (&'static str, &'static str, String, Option<i64>);

/// The figures as text. `label` stands for the source: its folders have names of patients.
pub fn text(label: &str, facts: &Facts, rules: &Rules, free_bytes: Option<u64>) -> String {
    let mut text = String::new();
    for (name, help, labels, value) in of_source(label, facts, rules).into_iter().chain(of_all(facts, free_bytes)) {
        let Some(value) = value else { continue };
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n");
    }
    text
}

fn of_source(label: &str, facts: &Facts, rules: &Rules) -> [Gauge; 4] {
    let source = || format!("source=\"{}\"", escaped(label));
    let limit = rules.backup.max(rules.otherwise).map(|limit| whole(limit.as_secs()));
    let gauge = |name, help, value| (name, help, source(), value);
    [
        gauge("enamel_last_success_timestamp_seconds", "The moment of the newest backup.", second(facts.seen.newest)),
        gauge("enamel_age_limit_seconds", "The longest time between two backups by schedule.", limit),
        gauge("enamel_last_duration_seconds", "The time that the last backup took.", facts.backup_seconds.map(whole)),
        gauge("enamel_problems", "Things that the newest backup left out.", Some(whole(facts.seen.left_out))),
    ]
}

fn of_all(facts: &Facts, free_bytes: Option<u64>) -> [Gauge; 7] {
    let seen = &facts.seen;
    let copied = facts.tries.get(&Job::Copy).and_then(|tries| tries.done);
    let gauge = |name, help, value| (name, help, String::new(), value);
    [
        gauge("enamel_repository_bytes", "The room that the repository takes.", seen.repository_bytes.map(whole)),
        gauge("enamel_free_bytes", "The room that is left for the repository.", free_bytes.map(whole)),
        gauge(
            "enamel_verified_oldest_timestamp_seconds",
            "The moment since which some saved byte was not read again.",
            second(seen.unread_since),
        ),
        gauge(
            "enamel_drill_last_success_timestamp_seconds",
            "The moment of the last drill that succeeded.",
            second(seen.drilled),
        ),
        gauge(
            "enamel_drill_restore_seconds",
            "The time that it would take to bring everything back.",
            seen.restore_seconds.map(whole),
        ),
        gauge(
            "enamel_hold",
            "Backups that look like after an attack, and nobody has answered.",
            Some(whole(seen.held)),
        ),
        (
            "enamel_copy_last_success_timestamp_seconds",
            "The moment of the last second copy that succeeded.",
            "copy=\"supplemental\"".to_owned(),
            second(copied),
        ),
    ]
}

fn second(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.as_second())
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::facts::Seen;
    use crate::schedule::{ScheduleSettings, Tries};

    #[test]
    fn figures_that_are_known_are_written() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let mut facts = Facts::new(Timestamp::UNIX_EPOCH);
        facts.seen = Seen {
            newest: at(1_800_000_000),
            left_out: 2,
            held: 1,
            drilled: at(1_799_000_000),
            restore_seconds: Some(2700),
            repository_bytes: Some(40_000),
            unread_since: at(1_798_000_000),
            ..Seen::default()
        };
        facts.backup_seconds = Some(12);
        facts.tries.insert(Job::Copy, Tries { done: at(1_800_000_100), ..Tries::default() });
        let rules = ScheduleSettings::default().rules().unwrap();
        let found = text("A \"B\"", &facts, &rules, Some(5));
        let lines =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            lines(&found),
            [
                "enamel_last_success_timestamp_seconds{source=\"A \\\"B\\\"\"} 1800000000",
                "enamel_age_limit_seconds{source=\"A \\\"B\\\"\"} 14400",
                "enamel_last_duration_seconds{source=\"A \\\"B\\\"\"} 12",
                "enamel_problems{source=\"A \\\"B\\\"\"} 2",
                "enamel_repository_bytes 40000",
                "enamel_free_bytes 5",
                "enamel_verified_oldest_timestamp_seconds 1798000000",
                "enamel_drill_last_success_timestamp_seconds 1799000000",
                "enamel_drill_restore_seconds 2700",
                "enamel_hold 1",
                "enamel_copy_last_success_timestamp_seconds{copy=\"supplemental\"} 1800000100",
            ]
        );
        let unknown = text("B", &Facts::new(Timestamp::UNIX_EPOCH), &rules, None);
        assert_eq!(
            lines(&unknown),
            ["enamel_age_limit_seconds{source=\"B\"} 14400", "enamel_problems{source=\"B\"} 0", "enamel_hold 0"]
        );
        assert!(found.ends_with('\n') && found.contains("# TYPE enamel_free_bytes gauge\n"));
    }
}
