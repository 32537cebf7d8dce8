//! `enamel leases`: who is writing into the repository, or died doing so; and shutting such a backup out.

use engine::repository::{Repository, SnapshotObject};
use engine::session::{self, View, Writer, lease_names, writers};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::LeaseId;
use serde::Serialize;

use crate::commands::init::host_name;
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::{Ui, format};
use crate::writer;

/// Show which backups are running, or died, and shut out dead ones.
///
/// Every backup puts a lease while it runs. `enamel prune` waits for backups that began before it, because they may
/// count on data that would go. A backup that died leaves its lease behind. On the same machine Enamel notices that, by
/// the process and by when it started. It cannot tell whether a backup on another machine has died, even if both
/// machines have the same name. If you shut out a backup that is alive after all, it fails with exit status 11. Run it
/// again; it uses what it had stored.
///
/// Object storage without conditional writes cannot shut anybody out. In such a repository you remove the lease of a
/// run that died: see `enamel leases remove --help`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel leases
  enamel leases fence 3f9a12bc

Exit status: 0 done, 1 failed, 10 no repository, 12 wrong password")]
pub struct LeasesArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shut out a backup that is dead: it cannot make its snapshot any more
    #[command(after_help = "\
Exit status: 0 done; 1 failed, or there is no such lease; 2 the backup has ended meanwhile; 10 no repository, 12 wrong password")]
    Fence {
        /// The lease, or how it begins
        #[arg(value_name = "LEASE", required = true)]
        leases: Vec<String>,
    },
    /// Remove the lease of a run that is dead, where nobody can be shut out
    ///
    /// Only for repositories in object storage without conditional writes (`enamel init --help`). There a backup that died
    /// keeps prunes out, and a prune that died keeps backups out, until you remove its lease. Be sure that its process is
    /// dead: a backup that lives could make a snapshot whose data a prune has deleted. Enamel refuses while it sees the
    /// process on this machine, and for 15 minutes after the run began and after anything was stored: what the run had sent
    /// may arrive late.
    #[command(after_help = "\
Examples
  enamel leases                    name the runs, and when they began
  enamel leases remove 3f9a12bc

Exit status: 0 done; 1 failed, or the lease has to stay for now, or there is no such lease; 2 usage; 10 no repository; \
            12 wrong password")]
    Remove {
        /// The lease, or how it begins
        #[arg(value_name = "LEASE", required = true)]
        leases: Vec<String>,
    },
}

#[derive(Serialize)]
struct Fenced {
    id: String,
}

/// Shows leases, or shuts out.
///
/// # Errors
/// The repository cannot be read or written, or there is no such lease.
pub fn run(args: &LeasesArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        None => show(&context.open(Access::Read)?, context.ui),
        Some(Action::Fence { leases }) => fence(&context.open(Access::Write)?, leases, context.ui),
        Some(Action::Remove { leases }) => remove(&context.open(Access::Write)?, leases, context.ui),
    }
}

fn show(repo: &Repository, ui: &Ui) -> Result<Exit> {
    let writers = writers(repo, &host_name())?;
    if ui.is_json() {
        writers.iter().try_for_each(|found| ui.message("writer", writer::message(found)))?;
        return Ok(Exit::Done);
    }
    if writers.is_empty() {
        ui.line("no backup is running, and none has died")?;
    }
    let line = |found: &Writer| ui.prose(format_args!("{}  {}", format::short(found.id), writer::describe(found)));
    writers.iter().try_for_each(line)?;
    Ok(Exit::Done)
}

fn fence(repo: &Repository, leases: &[String], ui: &Ui) -> Result<Exit> {
    let there = lease_names(repo)?;
    // All names are understood before anything is done.
    let chosen = leases.iter().map(|prefix| choose(&there, prefix)).collect::<Result<Vec<_>>>()?;
    let mut exit = Exit::Done;
    for id in chosen {
        // A writer may have been shut out before by somebody who could not delete its lease: its lease is deleted now.
        if !session::fence(repo, id, &host_name(), "it was declared dead by hand")? && has_committed(repo, id)? {
            ui.warn(format!("lease {} belongs to a backup that has made its snapshot meanwhile", format::short(id)));
            exit = Exit::Usage;
            continue;
        }
        session::give_up_fenced(repo, id)?;
        if ui.is_json() {
            ui.message("fenced", Fenced { id: id.to_string() })?
        } else {
            ui.prose(format_args!(
                "lease {} is shut out: its backup cannot make a snapshot any more",
                format::short(id)
            ))?
        }
    }
    Ok(exit)
}

fn remove(repo: &Repository, leases: &[String], ui: &Ui) -> Result<Exit> {
    let there = lease_names(repo)?;
    let chosen = leases.iter().map(|prefix| choose(&there, prefix)).collect::<Result<Vec<_>>>()?;
    let host = host_name();
    let view = View::new(repo, &host, &engine::machine::process);
    for id in chosen {
        let removed = view.remove(repo, id)?;
        if ui.is_json() {
            ui.message("removed", writer::message(&removed))?
        } else {
            ui.prose(format_args!("removed lease {}: {}", format::short(id), writer::describe(&removed)))?
        }
    }
    Ok(Exit::Done)
}

fn has_committed(repo: &Repository, id: LeaseId) -> Result<bool> {
    Ok(matches!(repo.read_snapshot_object(id)?, SnapshotObject::Manifest(_)))
}

fn choose(there: &[LeaseId], prefix: &str) -> Result<LeaseId> {
    let fits: Vec<_> = there.iter().filter(|id| id.to_string().starts_with(prefix)).collect();
    match fits[..] {
        [one] => Ok(*one),
        [] => Err(Error::new(ErrorKind::NotFound, format!("there is no lease {prefix}"))),
        _ => Err(Error::new(ErrorKind::Usage, format!("several leases begin with {prefix}"))
            .with_hint("`enamel leases` shows the ids: give more digits.")),
    }
}
