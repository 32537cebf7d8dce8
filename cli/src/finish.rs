//! How the program ends: what is said when something failed, what to try next, and the exit code.

use std::process::ExitCode;

use engine::store::StoreError;
use engine::{Error, ErrorKind, Result};

use crate::args::Command;
use crate::exec::is_of_program;
use crate::exit::{Exit, is_broken_pipe};
use crate::server_hint::{grants_hint, server_hint};
use crate::ui::Ui;
use crate::usage_hint::usage_hint;

/// Prints what failed, if anything did, and turns it into the program's exit code.
pub fn finish(command: &Command, ui: &Ui, result: Result<Exit>) -> ExitCode {
    let result = result.and_then(|exit| ui.flush().map(|()| exit));
    let exit = match result {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            let error = if ui.is_interrupted() { Error::cancelled() } else { error };
            let exit = match (command, error.kind()) {
                (Command::Verify(_) | Command::Repair(_), ErrorKind::Damaged) => Exit::Damage,
                (_, kind) => Exit::of(kind),
            };
            // Output before the failure still counts. If flushing fails too, this error is the one to report.
            let _ = ui.flush();
            ui.error(&error, exit, hint(command, &error));
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// The hint for `error` in `command`: the one at the error itself, otherwise one that fits the kind and the cause.
fn hint(command: &Command, error: &Error) -> Option<&'static str> {
    error.hint().or_else(|| match error.kind() {
        ErrorKind::NotFound => Some(not_found_hint(command, error)),
        ErrorKind::PermissionDenied => Some(permission_hint(command, error)),
        ErrorKind::Refused => refused_hint(command),
        ErrorKind::Database => server_hint(command, error),
        ErrorKind::Usage => Some(usage_hint(command)),
        ErrorKind::Io if is_of_program(error) => {
            Some("No snapshot was made. Run the program by itself: it must be found, and end with status 0.")
        }
        kind => Some(hint_of_kind(kind)),
    })
}

/// The hint for an error whose kind says enough.
fn hint_of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NoRepository => {
            "Check --repo (or ENAMEL_REPO); `enamel init --repo REPO` makes a new repository there."
        }
        ErrorKind::RepositoryExists => "Use the repository that is there, or choose another folder with --repo.",
        ErrorKind::WrongPassword => {
            "Try again with the right password, or name the key file of this repository with --key-file."
        }
        ErrorKind::NotBelieved => {
            "`enamel verify` names the snapshots that are not believed; `enamel forget ID` removes one."
        }
        ErrorKind::TooNew => "Install the newest version of Enamel; this repository was written by one.",
        ErrorKind::Conflict => "Run this command again; `enamel leases` shows other runs.",
        ErrorKind::Fenced => "Wait until the other run of Enamel has finished, then run this command again.",
        ErrorKind::NotEmpty => {
            "Restore under another name, with --schema NAME=OTHER, or replace and keep the old schema, with --overwrite."
        }
        ErrorKind::Damaged => {
            "Run `enamel verify --read-data` to see the affected files; `enamel repair` repairs what can be repaired."
        }
        ErrorKind::Disappeared => {
            "`enamel accept --help` says what this may be. If you know why, answer with `enamel accept`; otherwise look for the disk or copy that has the snapshots."
        }
        ErrorKind::NoSpace => {
            "Make room on that disk, then run this command again; earlier snapshots are not affected."
        }
        ErrorKind::Unavailable => {
            "Nothing is damaged. Check the address and the network, and run this command again; it uses what has arrived."
        }
        ErrorKind::Cancelled => "Nothing is half-done; run this command again whenever you like.",
        ErrorKind::Cache => {
            "Run this command again: Enamel rebuilds a damaged cache. If that does not help, choose a folder on a local disk with --cache-dir."
        }
        _ => "Check the name, and that the disk or network share is there, then run this command again.",
    }
}

/// The storage, a file of this machine, or something in the repository is not there.
fn not_found_hint(command: &Command, error: &Error) -> &'static str {
    if error.cause::<StoreError>().is_some() {
        return "Check that the disk or network share of the repository is there, then run this command again.";
    }
    if error.cause::<std::io::Error>().is_some() {
        return "Check the path: it is not there, or the folder in which it should be is not.";
    }
    match command {
        Command::Key(_) => "`enamel key list` lists the keys.",
        Command::Leases(_) => "`enamel leases` lists the running backups.",
        _ if names_receipt(command) => "`enamel purge history` lists the receipts.",
        _ => "`enamel snapshots` lists the snapshots, `enamel ls SNAP [PATH]` the contents of one.",
    }
}

/// The storage, a file of this machine, or a database server forbids it.
fn permission_hint(command: &Command, error: &Error) -> &'static str {
    let is_of_store = error.cause::<StoreError>().is_some();
    if !is_of_store && error.cause::<std::io::Error>().is_some() {
        return "Run this as a user who may read and write these files, or give this user the rights.";
    }
    match command {
        _ if works_on_rows(command) && !is_of_store => grants_hint(command),
        Command::Backup(_) if !is_of_store => grants_hint(command),
        Command::Forget(_) => {
            "If nobody may delete there, snapshots stay, and backups work as before. Otherwise run this as the user who made the repository."
        }
        _ => {
            "Run this as the user who made the repository, or let this user read and write there; if it is used as append-only, delete from elsewhere."
        }
    }
}

/// The hint for a command that would do harm; `None` where only the error itself can give one.
fn refused_hint(command: &Command) -> Option<&'static str> {
    match command {
        Command::Purge(_) => {
            Some("Every removed row is still kept. `enamel purge --help` says what is kept, and for how long.")
        }
        Command::Restore(args) if args.is_of_receipt() => Some(
            "Bring the rows back into another table, which has no triggers: `--table SCHEMA.TABLE=SCHEMA.OTHER`, for each table of the receipt.",
        ),
        Command::Restore(_) => Some("Restore into a new folder, or without --delete, and delete the rest yourself."),
        _ => None,
    }
}

/// Whether a command is about a receipt that the user has named.
fn names_receipt(command: &Command) -> bool {
    match command {
        Command::Purge(args) => !args.is_on_server(),
        Command::Restore(args) => args.is_of_receipt(),
        _ => false,
    }
}

/// Whether a command removes rows of a server, or brings them back.
fn works_on_rows(command: &Command) -> bool {
    match command {
        Command::Purge(args) => args.is_on_server(),
        Command::Restore(args) => args.is_of_receipt(),
        _ => false,
    }
}
