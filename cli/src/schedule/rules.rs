//! `[schedule]` of enamel.toml.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Weekday;
use serde::Deserialize;

use super::{Job, OfficeHours, Window};
use crate::duration::parse_duration;

/// The shortest time between two backups: a run takes some seconds, and each snapshot is kept for a while.
const BACKUP_MIN: Duration = Duration::from_secs(60);
/// The longest time between two backups: a grid of such steps has a step in each week.
const BACKUP_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// The word that turns a job off.
const OFF: &str = "off";

/// The lines of `[schedule]`, as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScheduleSettings {
    /// The times of the week in which people work.
    pub office_hours: String,
    /// How often a backup is made in these.
    pub backup: String,
    /// How often at other times.
    pub otherwise: String,
    /// When the second copy is brought up to date.
    pub copy: String,
    /// How much is read again, and how often.
    pub verify: String,
    /// How often a drill is made.
    pub drill: String,
    /// How often old snapshots are forgotten.
    pub forget: String,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        ScheduleSettings {
            office_hours: "Mon-Sat 07:00-19:00".to_owned(),
            backup: "1h".to_owned(),
            otherwise: "4h".to_owned(),
            copy: "after-backup".to_owned(),
            verify: "5% daily".to_owned(),
            drill: "weekly".to_owned(),
            forget: "weekly".to_owned(),
        }
    }
}

/// How often a job is done that is not bound to hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Each day.
    Daily,
    /// Each week, on this day.
    Weekly(Weekday),
    /// On the first day of each month.
    Monthly,
}

/// When the second copy is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRule {
    /// After each backup.
    AfterBackup,
    /// In the quiet hour.
    Each(Period),
}

/// How much of the repository is read again, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRule {
    /// The part of each run, as `verify --read-data` takes it; none: contents are not read.
    pub share: Option<String>,
    /// How often.
    pub period: Period,
}

/// How often each job is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The times of the week in which people work.
    pub office_hours: OfficeHours,
    /// The time between backups in office hours; none: no backup is made on schedule.
    pub backup: Option<Duration>,
    /// The time between backups at other times; none: no backup is made then.
    pub otherwise: Option<Duration>,
    /// The second copy; none: it is not brought up to date on schedule.
    pub copy: Option<CopyRule>,
    /// The hours of the day in which it is; none: at any time.
    pub copy_window: Option<Window>,
    /// Reading again; none: it is not done on schedule.
    pub verify: Option<VerifyRule>,
    /// Drills; none: they are not made on schedule.
    pub drill: Option<Period>,
    /// Forgetting; none: it is not done on schedule.
    pub forget: Option<Period>,
}

impl ScheduleSettings {
    /// Reads the lines.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn rules(&self) -> Result<Rules, String> {
        let of = |name: &'static str| move |why: String| format!("`{name}`: {why}");
        Ok(Rules {
            office_hours: self.office_hours.parse().map_err(of("office-hours"))?,
            backup: unless_off(&self.backup, interval).map_err(of("backup"))?,
            otherwise: unless_off(&self.otherwise, interval).map_err(of("otherwise"))?,
            copy: unless_off(&self.copy, copy_rule).map_err(of("copy"))?,
            copy_window: None,
            verify: unless_off(&self.verify, verify_rule).map_err(of("verify"))?,
            drill: unless_off(&self.drill, |text| period(text, Weekday::Saturday)).map_err(of("drill"))?,
            forget: unless_off(&self.forget, |text| period(text, Weekday::Sunday)).map_err(of("forget"))?,
        })
    }
}

impl Rules {
    /// The jobs that are on schedule.
    pub fn jobs(&self) -> impl Iterator<Item = Job> {
        let is_on = [
            (Job::Backup, self.has_backups()),
            (Job::Copy, self.copy.is_some()),
            (Job::Drill, self.drill.is_some()),
            (Job::Verify, self.verify.is_some()),
            (Job::Forget, self.forget.is_some()),
        ];
        is_on.into_iter().filter_map(|(job, is_on)| is_on.then_some(job))
    }

    /// Whether backups are made on schedule, at any time.
    pub fn has_backups(&self) -> bool {
        self.backup.is_some() || self.otherwise.is_some()
    }
}

fn unless_off<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    let text = text.trim();
    if text == OFF { Ok(None) } else { read(text).map(Some) }
}

fn interval(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).map_err(|why| format!("{why}, or \"{OFF}\""))?;
    if (BACKUP_MIN..=BACKUP_MAX).contains(&found) {
        Ok(found)
    } else {
        Err(format!("write a time from 1min to 7d, or \"{OFF}\""))
    }
}

fn copy_rule(text: &str) -> Result<CopyRule, String> {
    if text == "after-backup" {
        return Ok(CopyRule::AfterBackup);
    }
    let found = period(text, Weekday::Sunday).map(CopyRule::Each);
    found.map_err(|_| format!("write \"after-backup\", \"daily\", \"weekly\", \"monthly\" or \"{OFF}\""))
}

/// `5% daily`, `1GB weekly`, or only how often.
fn verify_rule(text: &str) -> Result<VerifyRule, String> {
    let (share, often) = match text.rsplit_once(char::is_whitespace) {
        Some((share, often)) => (Some(share.trim()), often),
        None => (None, text),
    };
    let is_share = |share: &str| {
        let percent = share.strip_suffix('%').and_then(|number| f64::from_str(number).ok());
        percent.is_some_and(|percent| percent > 0.0 && percent <= 100.0)
    };
    if share.is_some_and(|share| !is_share(share)) {
        return Err("write how much is read and how often: \"5% daily\", \"20% weekly\"".to_owned());
    }
    Ok(VerifyRule { share: share.map(str::to_owned), period: period(often, Weekday::Sunday)? })
}

fn period(text: &str, weekday: Weekday) -> Result<Period, String> {
    match text {
        "daily" => Ok(Period::Daily),
        "weekly" => Ok(Period::Weekly(weekday)),
        "monthly" => Ok(Period::Monthly),
        _ => Err(format!("write \"daily\", \"weekly\", \"monthly\" or \"{OFF}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_schedule_needs_no_line() {
        let rules = ScheduleSettings::default().rules().unwrap();
        assert_eq!((rules.backup.unwrap().as_secs(), rules.otherwise.unwrap().as_secs()), (3600, 14_400));
        assert_eq!(rules.verify.unwrap(), VerifyRule { share: Some("5%".to_owned()), period: Period::Daily });
        assert_eq!(rules.drill, Some(Period::Weekly(Weekday::Saturday)));
    }

    #[test]
    fn each_job_can_be_switched_off() {
        let off = || OFF.to_owned();
        let settings = ScheduleSettings {
            backup: off(),
            otherwise: off(),
            copy: off(),
            verify: off(),
            drill: off(),
            forget: off(),
            ..ScheduleSettings::default()
        };
        let rules = settings.rules().unwrap();
        assert!(rules.backup.is_none() && rules.otherwise.is_none() && rules.copy.is_none());
        assert!(rules.verify.is_none() && rules.drill.is_none() && rules.forget.is_none());
    }

    #[test]
    fn a_wrong_line_is_named_and_says_what_is_right() {
        let wrong = |change: fn(&mut ScheduleSettings)| {
            let mut settings = ScheduleSettings::default();
            change(&mut settings);
            settings.rules().unwrap_err()
        };
        for (found, line) in [
            (wrong(|s| s.backup = "10s".to_owned()), "`backup`"),
            (wrong(|s| s.otherwise = "8d".to_owned()), "`otherwise`"),
            (wrong(|s| s.office_hours = "all day".to_owned()), "`office-hours`"),
            (wrong(|s| s.verify = "500% daily".to_owned()), "`verify`"),
            (wrong(|s| s.verify = "5 daily".to_owned()), "`verify`"),
            (wrong(|s| s.copy = "sometimes".to_owned()), "`copy`"),
            (wrong(|s| s.drill = "fortnightly".to_owned()), "`drill`"),
        ] {
            assert!(found.starts_with(line) && found.contains("write"), "{found}");
        }
    }
}
