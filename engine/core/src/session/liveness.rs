//! Decides whether a writer is alive (FORMAT.md, section 12). Only this module decides it.
//!
//! No program can know for certain that a writer on another machine is dead. A wrong guess costs that writer a repeated
//! run, never data. So a doubtful writer counts as alive until a user says otherwise or [`LONGEST_RUN`] has passed.

use std::fmt;

use repo_format::id::{Bytes32, LeaseId};
use repo_format::lease::Lease;

use crate::error::Result;
use crate::machine::{self, Process};
use crate::repository::{Announcement, Repository, Torn, lease_names, read_lease};

/// A writer counts as dead after this many seconds if its process cannot be seen: 7 days.
pub const LONGEST_RUN: i64 = 7 * DAY;
const DAY: i64 = 24 * 60 * 60;

/// A writer, as its lease announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The id of its lease.
    pub id: LeaseId,
    /// The contents under that name.
    pub announcement: Announcement,
    /// Whether it is alive, as far as this machine can tell.
    pub life: Life,
}

/// Whether a writer is alive, as far as this machine can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Its process exists.
    Running,
    /// It is dead.
    Dead(Death),
    /// It may be alive: it is on another machine, or its process cannot be told from another with the same id.
    Unknown,
}

/// The reason why a writer must be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// No process has its id.
    ProcessGone,
    /// Another process, which started at another time, has its id now.
    ProcessReplaced,
    /// Its machine was booted after it began.
    Restarted,
    /// It began this many days ago.
    TooOld(i64),
    /// Its lease is of a closed epoch, and did not exist when the epoch was closed.
    NotBelieved,
    /// A power loss destroyed its lease.
    Torn(Torn),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::ProcessGone => f.write_str("its process is gone"),
            Death::ProcessReplaced => f.write_str("its process is gone, and another one has its id now"),
            Death::Restarted => f.write_str("its machine has been restarted since"),
            Death::TooOld(days) => write!(f, "it began {days} days ago"),
            Death::NotBelieved => f.write_str("its lease is from before a key was removed, and did not exist then"),
            Death::Torn(torn) => write!(f, "its lease {torn}"),
        }
    }
}

/// Looks up a process of this machine: [`machine::process`], or in tests a function of their own.
pub type ProcessLookup<'a> = &'a (dyn Fn(u64) -> Process + Sync);

/// This machine and this boot, from which writers are judged.
pub struct View<'a> {
    host: &'a str,
    machine: Option<Bytes32>,
    boot_id: String,
    booted: Option<i64>,
    process_space: String,
    process: ProcessLookup<'a>,
}

/// All writers of `repository`, judged from this machine, whose name is `host`.
///
/// # Errors
/// If the store cannot be listed.
pub fn writers(repository: &Repository, host: &str) -> Result<Vec<Writer>> {
    View::new(repository, host, &machine::process).writers(repository)
}

impl<'a> View<'a> {
    /// The view of this machine, whose name is `host`; `process` looks up its processes.
    pub fn new(repository: &Repository, host: &'a str, process: ProcessLookup<'a>) -> Self {
        View {
            host,
            machine: machine::identity(repository.id()),
            boot_id: machine::boot_id(),
            booted: machine::booted(),
            process_space: machine::process_space(),
            process,
        }
    }

    /// All writers of `repository`, without the holder of its own lone lease.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn writers(&self, repository: &Repository) -> Result<Vec<Writer>> {
        let mut writers = Vec::new();
        let own = repository.lone_lease();
        for id in lease_names(repository)?.into_iter().filter(|id| Some(*id) != own) {
            // A writer that has ended meanwhile is of no interest.
            if let Some(announcement) = read_lease(repository, id)? {
                let life = self.life(&announcement);
                writers.push(Writer { id, announcement, life });
            }
        }
        Ok(writers)
    }

    fn life(&self, announcement: &Announcement) -> Life {
        match announcement {
            Announcement::Torn(torn) => Life::Dead(Death::Torn(*torn)),
            Announcement::NotBelieved(_) => Life::Dead(Death::NotBelieved),
            Announcement::NoLease(_) | Announcement::Unreadable(_) => Life::Unknown,
            Announcement::Lease(lease) => self.life_of(lease),
        }
    }

    fn life_of(&self, lease: &Lease) -> Life {
        if self.shares_processes(lease) {
            match ((self.process)(lease.process), lease.process_start) {
                (Process::Gone, _) => return Life::Dead(Death::ProcessGone),
                (Process::There(Some(start)), Some(began)) if start == began => return Life::Running,
                (Process::There(Some(_)), Some(_)) => return Life::Dead(Death::ProcessReplaced),
                // It is the writer's process, or another one that has its id by now.
                (Process::There(_), _) => {}
            }
        } else if self.was_restarted_since(lease) {
            return Life::Dead(Death::Restarted);
        }
        let age = machine::now().seconds.saturating_sub(lease.started);
        if age >= LONGEST_RUN { Life::Dead(Death::TooOld(age / DAY)) } else { Life::Unknown }
    }

    /// Whether a process id means the same process to the writer and to this program.
    fn shares_processes(&self, lease: &Lease) -> bool {
        let has_space = |space: &String| *space == self.process_space;
        let is_same_machine = match (lease.machine, self.machine) {
            (Some(its), Some(own)) => its == own && lease.process_space.as_ref().is_some_and(has_space),
            // Containers share the boot id, and may share the name.
            _ => lease.host == self.host && lease.process_space.as_ref().is_none_or(has_space),
        };
        is_same_machine && !self.boot_id.is_empty() && lease.boot_id == self.boot_id
    }

    /// Whether the writer ran on this machine before its last boot. A different boot id proves it only if no copy of
    /// this machine can have that id. A run on a copy that began after this boot shows by its time.
    fn was_restarted_since(&self, lease: &Lease) -> bool {
        let is_same_machine = lease.machine.is_some() && lease.machine == self.machine && lease.host == self.host;
        let has_rebooted = ![&lease.boot_id, &self.boot_id].iter().any(|id| id.is_empty());
        is_same_machine
            && has_rebooted
            && lease.boot_id != self.boot_id
            && self.booted.is_some_and(|booted| lease.started < booted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTED: i64 = 1_800_000_000;

    fn view<'a>(process: ProcessLookup<'a>) -> View<'a> {
        View {
            host: "server",
            machine: Some(Bytes32([1; 32])),
            boot_id: "boot".to_owned(),
            booted: Some(BOOTED),
            process_space: "pid:[1]".to_owned(),
            process,
        }
    }

    /// The lease of process 7, which started at tick 70.
    fn lease() -> Lease {
        Lease {
            id: LeaseId([1; 16]),
            host: "server".to_owned(),
            boot_id: "boot".to_owned(),
            process: 7,
            started: BOOTED + 60,
            seen: 0,
            program: String::new(),
            machine: Some(Bytes32([1; 32])),
            process_start: Some(70),
            process_space: Some("pid:[1]".to_owned()),
            purpose: None,
        }
    }

    fn life(process: Process, lease: &Lease) -> Life {
        let time = repo_format::entry::Time { seconds: BOOTED + 120, nanoseconds: 0 };
        machine::standing::at(time, || view(&move |_| process).life_of(lease))
    }

    const GONE: Process = Process::Gone;

    #[test]
    fn a_writer_is_its_process_and_when_that_started() {
        assert_eq!(life(Process::There(Some(70)), &lease()), Life::Running);
        assert_eq!(life(Process::There(Some(71)), &lease()), Life::Dead(Death::ProcessReplaced));
        assert_eq!(life(GONE, &lease()), Life::Dead(Death::ProcessGone));
        assert_eq!(life(Process::There(None), &lease()), Life::Unknown, "it cannot be told from another");
        let silent = Lease { process_start: None, ..lease() };
        assert_eq!(life(Process::There(Some(70)), &silent), Life::Unknown);
    }

    #[test]
    fn the_name_of_a_machine_may_change_and_two_machines_may_share_it() {
        let renamed = Lease { host: "other".to_owned(), ..lease() };
        assert_eq!(life(GONE, &renamed), Life::Dead(Death::ProcessGone));
        let namesake = Lease { machine: Some(Bytes32([2; 32])), ..lease() };
        assert_eq!(life(GONE, &namesake), Life::Unknown);
        let restarted = Lease { boot_id: "before".to_owned(), started: BOOTED - 60, ..namesake };
        assert_eq!(life(GONE, &restarted), Life::Unknown);
    }

    #[test]
    fn containers_of_one_machine_have_processes_of_their_own() {
        let contained = Lease { process_space: Some("pid:[2]".to_owned()), ..lease() };
        assert_eq!(life(GONE, &contained), Life::Unknown);
        assert_eq!(life(GONE, &Lease { machine: None, ..contained }), Life::Unknown);
        assert_eq!(life(GONE, &Lease { process_space: None, ..lease() }), Life::Unknown);
    }

    #[test]
    fn a_writer_from_before_the_machine_was_booted_is_dead_and_one_of_a_copy_is_not() {
        let before = Lease { boot_id: "before".to_owned(), started: BOOTED - 1, ..lease() };
        assert_eq!(life(GONE, &before), Life::Dead(Death::Restarted));
        let copy = Lease { started: BOOTED + 1, ..before.clone() };
        assert_eq!(life(GONE, &copy), Life::Unknown, "this machine was running then, under its own boot id");
        assert_eq!(life(GONE, &Lease { host: "other".to_owned(), ..before.clone() }), Life::Unknown);
        assert_eq!(life(GONE, &Lease { machine: None, ..before.clone() }), Life::Unknown);
        assert_eq!(life(GONE, &Lease { boot_id: String::new(), ..before }), Life::Unknown);
    }

    #[test]
    fn a_lease_without_a_machine_is_of_this_one_if_name_and_boot_are() {
        let older = Lease { machine: None, process_start: None, process_space: None, ..lease() };
        assert_eq!(life(GONE, &older), Life::Dead(Death::ProcessGone));
        assert_eq!(life(Process::There(Some(70)), &older), Life::Unknown);
        assert_eq!(life(GONE, &Lease { host: "other".to_owned(), ..older.clone() }), Life::Unknown);
        assert_eq!(life(GONE, &Lease { boot_id: "before".to_owned(), ..older }), Life::Unknown);
    }

    #[test]
    fn nobody_runs_for_seven_days_unseen() {
        let old = Lease { started: BOOTED + 120 - LONGEST_RUN, ..lease() };
        assert_eq!(life(Process::There(Some(70)), &old), Life::Running, "its process is there");
        assert_eq!(life(Process::There(None), &old), Life::Dead(Death::TooOld(7)));
        let elsewhere = Lease { machine: Some(Bytes32([2; 32])), ..old };
        assert_eq!(life(GONE, &elsewhere), Life::Dead(Death::TooOld(7)));
        let younger = Lease { started: elsewhere.started + 1, ..elsewhere };
        assert_eq!(life(GONE, &younger), Life::Unknown);
    }

    #[test]
    fn a_torn_lease_is_of_a_dead_writer_and_what_is_no_lease_tells_nothing() {
        let view = view(&|_| GONE);
        let torn = Announcement::Torn(Torn::Empty);
        assert_eq!(view.life(&torn), Life::Dead(Death::Torn(Torn::Empty)));
        assert_eq!(view.life(&Announcement::NoLease("its checksum is wrong".to_owned())), Life::Unknown);
    }
}
