//! The binary log of the database server, kept when the snapshot is there.

use engine::Result;
use engine::binlog::archive::{Archived, archive};
use engine::database::Address;
use engine::error::chain;
use engine::repository::Repository;
use engine::session::WriterOptions;

use crate::binlog::{break_words, coverage_words, message, not_kept, words};
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::Ui;

/// The letters of the longest name in the summary of a backup, which stands above.
const SUMMARY_WIDTH: usize = "repository".len();

/// Keeps what the server of `address` has in its log. The snapshot is there: whatever fails is told, and changes the exit status.
///
/// # Errors
/// Standard output cannot be written.
pub fn keep(repository: &Repository, address: &Address, writer: &WriterOptions, context: &Context<'_>) -> Result<Exit> {
    match archive(repository, address, writer, context.ui) {
        Ok(archived) => print(context.ui, &archived),
        Err(error) => {
            context.ui.warn(format_args!("the snapshot is saved, but the binary log is not kept: {}", chain(&error)));
            Ok(Exit::Incomplete)
        }
    }
}

fn print(ui: &Ui, archived: &Archived) -> Result<Exit> {
    let saved = match archived {
        Archived::Done(saved) => &saved[..],
        _ => &[],
    };
    let mut exit = Exit::Done;
    for one in saved {
        for warning in break_words(&one.record).into_iter().chain(coverage_words(&one.record)) {
            ui.warn(warning);
            exit = Exit::Incomplete;
        }
    }
    if ui.is_json() {
        saved.iter().try_for_each(|one| ui.message("log", message(one)))?;
    } else if !ui.is_quiet() {
        let mut fields: Vec<(&str, String)> = saved.iter().map(|one| ("log", words(one))).collect();
        fields.extend(not_kept(archived).map(|why| ("log", why)));
        ui.fields_below(&fields, SUMMARY_WIDTH)?;
    }
    Ok(exit)
}
