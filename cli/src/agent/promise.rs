//! The promise of the schedule: how old a backup and a copy may become before somebody should look.

use engine::Result;
use engine::repository::Repository;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use repo_format::entry::Time;

use super::timetable::{memory_of, rules_of};
use crate::commands::init::host_name;
use crate::context::Context;
use crate::schedule::{CopyRule, Jitter, Period, Rules, backup_after};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// A backup that is due may take so long, and be tried again after a failure.
const GRACE: u64 = HOUR / 2;

/// The promise of the schedule of one repository.
pub struct Promise {
    rules: Rules,
    jitter: Jitter,
    zone: TimeZone,
}

/// The schedule of one repository on this computer.
pub enum Schedule {
    /// No agent has worked for it, as far as this user can tell.
    None,
    /// The schedule was removed.
    Removed,
    /// It promises this.
    Promised(Promise),
}

/// The schedule of `repository`.
///
/// # Errors
/// The settings are wrong.
pub fn schedule(repository: &Repository, context: &Context<'_>) -> Result<Schedule> {
    let memory = memory_of(context, repository).map_or(Ok(None), |file| file.read());
    if matches!(memory, Ok(None)) {
        return Ok(Schedule::None);
    }
    let rules = rules_of(context)?;
    // The agent itself says that its memory cannot be read. It has one, so somebody relies on it.
    if memory.is_ok_and(|memory| memory.is_some_and(|memory| memory.is_schedule_removed())) {
        // Somebody who makes backups by hand says so in the settings.
        return Ok(if rules.has_backups() { Schedule::Removed } else { Schedule::None });
    }
    let jitter = Jitter::of(&repository.id().to_string(), &host_name());
    Ok(Schedule::Promised(Promise { rules, jitter, zone: TimeZone::system() }))
}

impl Promise {
    /// The age in seconds from which a newest snapshot of this time is late; `None` if no backup is on schedule.
    pub fn backup_seconds(&self, newest: Time) -> Option<u64> {
        let newest = Timestamp::from_second(newest.seconds).ok()?;
        let due = backup_after(&self.rules, self.jitter, &self.zone, newest)?;
        Some(due.duration_since(newest).unsigned_abs().as_secs() + GRACE)
    }

    /// The age in seconds from which the second copy is late; `None` if no copy is on schedule.
    pub fn copy_seconds(&self) -> Option<u64> {
        Some(match self.rules.copy? {
            // A night without network needs nobody.
            CopyRule::AfterBackup | CopyRule::Each(Period::Daily) => 2 * DAY,
            CopyRule::Each(Period::Weekly(_)) => 8 * DAY,
            CopyRule::Each(Period::Monthly) => 33 * DAY,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleSettings;

    fn promise(change: impl FnOnce(&mut ScheduleSettings)) -> Promise {
        let mut settings = ScheduleSettings::default();
        change(&mut settings);
        Promise {
            rules: settings.rules().unwrap(),
            jitter: Jitter::default(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    fn late_after(promise: &Promise, newest: &str) -> Option<u64> {
        let newest: jiff::Zoned = format!("{newest}[Europe/Berlin]").parse().unwrap();
        promise.backup_seconds(Time { seconds: newest.timestamp().as_second(), nanoseconds: 0 })
    }

    #[test]
    fn a_backup_is_late_half_an_hour_after_the_next_one_was_due() {
        let usual = promise(|_| {});
        assert_eq!(late_after(&usual, "2026-11-30T09:00:00"), Some(HOUR + GRACE));
        assert_eq!(late_after(&usual, "2026-11-30T21:00:00"), Some(4 * HOUR + GRACE), "at night each four hours");
        let only_in_hours = promise(|s| s.otherwise = "off".to_owned());
        assert_eq!(late_after(&only_in_hours, "2026-11-28T18:00:00"), Some(37 * HOUR + GRACE), "until Monday at seven");
        let by_hand = promise(|s| (s.backup, s.otherwise) = ("off".to_owned(), "off".to_owned()));
        assert_eq!(late_after(&by_hand, "2026-11-28T18:00:00"), None);
    }

    #[test]
    fn a_copy_is_late_a_day_after_it_was_due() {
        let of = |rule: &str| promise(|s| s.copy = rule.to_owned()).copy_seconds();
        assert_eq!(
            [of("after-backup"), of("daily"), of("weekly"), of("monthly"), of("off")],
            [Some(2 * DAY), Some(2 * DAY), Some(8 * DAY), Some(33 * DAY), None]
        );
    }
}
