//! The sentences of notices: all that ever leaves this computer.
//!
//! They are made of numbers, times and the label. No error, path, file, table or name of a snapshot is among them: names of
//! files are names of patients.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cause::{Cause, Condition};
use super::due::{Notice, Word};
use super::facts::Ended;
use super::send::{Kind, Message};
use crate::schedule::Job;
use crate::ui::format;

/// The zone of times, and the name of this computer or practice.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The label.
    pub label: String,
    /// The zone.
    pub zone: TimeZone,
}

impl Voice {
    /// One message with all of these notices.
    pub fn notices(&self, notices: &[Notice]) -> Message {
        let worst = notices.iter().find(|notice| !matches!(notice.word, Word::Well(_)));
        let headline = worst.or(notices.first()).map_or_else(String::new, headline);
        let kind = match worst {
            None => Kind::Well,
            Some(Notice { cause, .. }) if cause.is_warning() => Kind::Warning,
            Some(_) => Kind::Alarm,
        };
        let mut paragraphs: Vec<String> = notices.iter().map(|notice| self.paragraph(notice)).collect();
        if kind == Kind::Alarm {
            paragraphs.push("This comes again each day until it is well.".to_owned());
        }
        self.message(kind, &headline, paragraphs)
    }

    /// The message of `enamel notify test`.
    pub fn test(&self) -> Message {
        let text = "This is a test of notices. If you can read it, they arrive. There is nothing to do.".to_owned();
        self.message(Kind::Test, "a test of notices", vec![text])
    }

    /// A message with the label in its title and at its foot.
    pub fn message(&self, kind: Kind, headline: &str, mut paragraphs: Vec<String>) -> Message {
        paragraphs.push(format!("Enamel, {}", self.label));
        Message {
            kind,
            title: format!("{}: {headline}", self.label),
            text: paragraphs.join("\n\n"),
            html: None,
            label: self.label.clone(),
        }
    }

    fn paragraph(&self, notice: &Notice) -> String {
        let (begins, condition) = match &notice.word {
            Word::Well(since) => return format!("{} It began {}.", well(notice.cause), self.time(*since)),
            Word::New(condition) => ("", condition),
            Word::Again(condition) => ("Still: ", condition),
        };
        format!("{begins}{}\n{}", self.sentence(notice.cause, condition), remedy(notice.cause))
    }

    /// The cause in one sentence.
    pub fn sentence(&self, cause: Cause, condition: &Condition) -> String {
        let (since, count) = (self.time(condition.since), condition.count);
        match cause {
            Cause::Damage(job) => damage(job).to_owned(),
            Cause::Lost => format!("{} data that is lost.", needs(count)),
            Cause::Held => format!(
                "{} as if somebody had attacked what is saved. Backups go on, and nothing is deleted until a person has answered.",
                if count == 1 { "1 backup looks".to_owned() } else { format!("{} backups look", format::count(count)) }
            ),
            Cause::Nothing => {
                format!(
                    "No backup was made for {} in which people work. The time is counted from {since}.",
                    hours(count)
                )
            }
            Cause::Closed => {
                format!("The repository cannot be opened since {since}: {}. No backup is made.", why(condition))
            }
            Cause::Failed(job) => format!(
                "{} failed {} since {since}. The last time {}.",
                subject(job),
                if count == 1 { "once".to_owned() } else { format!("{} times", format::count(count)) },
                why(condition)
            ),
            Cause::RemovalFailed => format!(
                "The removal of old data that was ordered for {since} did not do all of it: {}. It is not tried again by itself.",
                why(condition)
            ),
            Cause::RemovalNotBegun => {
                format!("The removal of old data that was ordered for {since} has not begun. Nothing was removed.")
            }
            Cause::Untried => {
                format!("No trial has brought a backup back for {}.", format::counted(count, "day"))
            }
            Cause::LeftOut => {
                format!("Backups are made, but the newest one left out {}.", format::counted(count, "thing"))
            }
        }
    }

    /// A time, as people say it.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%A, %-d %B %Y, %H:%M").to_string()
    }
}

/// The cause in a few words.
fn headline(notice: &Notice) -> String {
    match (notice.cause, &notice.word) {
        (_, Word::Well(_)) => "it is well again".to_owned(),
        (Cause::Damage(_), _) => "damage was found".to_owned(),
        (Cause::Lost, _) => "data of backups is lost".to_owned(),
        (Cause::Held, _) => "a backup looks like after an attack".to_owned(),
        (Cause::Nothing, Word::New(found) | Word::Again(found)) => format!("no backup for {}", hours(found.count)),
        (Cause::Closed, _) => "the repository cannot be opened".to_owned(),
        (Cause::Failed(job), _) => format!("{} fails", subject(job).to_lowercase()),
        (Cause::RemovalFailed, _) => "a removal of old data failed".to_owned(),
        (Cause::RemovalNotBegun, _) => "a removal of old data has not begun".to_owned(),
        (Cause::Untried, _) => "no trial has brought a backup back for long".to_owned(),
        (Cause::LeftOut, _) => "backups leave something out".to_owned(),
    }
}

fn hours(count: u64) -> String {
    format::counted(count, "hour")
}

fn needs(count: u64) -> String {
    if count == 1 { "1 snapshot needs".to_owned() } else { format!("{} snapshots need", format::count(count)) }
}

/// A job as the subject of a sentence.
pub fn subject(job: Job) -> &'static str {
    match job {
        Job::Backup => "The backup",
        Job::Copy => "The second copy",
        Job::Drill => "The drill",
        Job::Verify => "The check of the repository",
        Job::Forget => "Removing old snapshots",
    }
}

fn damage(job: Job) -> &'static str {
    match job {
        Job::Backup => "A backup found that something in the repository has disappeared or is damaged.",
        Job::Copy => "The second copy found damage.",
        Job::Drill => "A drill found that what is restored is not what was saved.",
        Job::Verify => "The check of the repository found damage.",
        Job::Forget => "Removing old snapshots found that something in the repository has disappeared or is damaged.",
    }
}

/// Why it failed, as far as the exit status says it.
pub fn why(condition: &Condition) -> &'static str {
    match condition.exit {
        None => "it was killed",
        Some(3) => "something was left out",
        Some(2) => "the settings made no sense to it",
        Some(10) => "there was no repository: its disk or share may not be connected",
        Some(11) => "another run held what it needs",
        Some(12) => "the password or key did not open the repository",
        Some(130) => "it was interrupted",
        Some(_) => "it failed for a reason that the log of the agent names",
    }
}

fn remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::Damage(Job::Drill) => {
            "On this computer `enamel drill list` says what was tried, and `enamel verify --read-data` finds damage."
        }
        Cause::Damage(_) | Cause::Lost => {
            "Do something today, while the live data still has what was lost: on this computer `enamel verify --read-data` \
             says what is affected, and `enamel repair --read-data` repairs what can be repaired."
        }
        Cause::Held => {
            "On this computer `enamel hold list` says what was seen. If it was you, `enamel hold answer` says so. If it was \
             not, take the computers off the network, and ask for help before anything is deleted."
        }
        Cause::Nothing => {
            "See that this computer is on and that the backup disk is connected. `enamel status` says what there is, \
             `enamel backup` makes one now, and `enamel schedule status` says whether the agent runs."
        }
        Cause::Closed => {
            "See that the backup disk or share is connected. `enamel status` says whether the repository is there."
        }
        Cause::Failed(Job::Backup) => {
            "It is tried again by itself. `enamel backup` on this computer says what is in the way."
        }
        Cause::Failed(_) => "It is tried again. The log of the agent names the reason.",
        Cause::RemovalFailed | Cause::RemovalNotBegun => {
            "The page \"Remove old data\" on this computer says why, and takes a new order. Backups go on as before."
        }
        Cause::Untried => "On this computer `enamel drill` tries it now, and says what is in the way.",
        Cause::LeftOut => "On this computer `enamel status` names it. Everything else is saved.",
    }
}

fn well(cause: Cause) -> String {
    match cause {
        Cause::Damage(job) => format!("{} finds no damage any more.", subject(job)),
        Cause::Failed(Job::Backup) => format!("{} works again.", subject(Job::Backup)),
        Cause::Failed(job) => format!("{} works again, or is switched off.", subject(job)),
        Cause::Lost => "No snapshot needs data that is lost.".to_owned(),
        Cause::Held => "Somebody has answered for the backup that looked like after an attack.".to_owned(),
        Cause::Nothing => "Backups are made again.".to_owned(),
        Cause::Closed => "The repository can be opened again.".to_owned(),
        Cause::RemovalFailed => {
            "Somebody has seen that a removal of old data failed, or has ordered it anew.".to_owned()
        }
        Cause::RemovalNotBegun => {
            "Somebody has seen that a removal of old data has not begun, or has ordered it anew.".to_owned()
        }
        Cause::Untried => "A trial has brought a backup back.".to_owned(),
        Cause::LeftOut => "The newest backup left nothing out.".to_owned(),
    }
}

/// The status and the words that a monitor hears of a job; none if it is not about backups.
pub fn ping(ended: &Ended, is_damaged: bool) -> Option<(u8, &'static str)> {
    let status = ended.exit.and_then(|exit| u8::try_from(exit).ok()).unwrap_or(1);
    match (ended.job, status) {
        (_, 4) => Some((4, "damage was found")),
        (Job::Backup, 0 | 3) if is_damaged => Some((4, "a backup was made, but damage that was found is still there")),
        (Job::Backup, 0) => Some((0, "a backup was made")),
        (Job::Backup, 3) => Some((0, "a backup was made, but something was left out")),
        (Job::Backup, status) => Some((status, "the backup failed")),
        _ => None,
    }
}
