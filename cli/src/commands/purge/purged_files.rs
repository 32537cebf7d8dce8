//! `enamel restore --purged --target`: files that a purge removed, back in a folder.

use std::path::Path;

use engine::Result;
use engine::purge::files::{FilesOptions, RestoredFiles, restore_files};
use engine::upkeep::receipt::find;
use repo_format::config::Access;
use serde::Serialize;

use crate::context::Context;
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::ui::{Ui, format};

#[derive(Serialize)]
struct Summary {
    receipt: String,
    dry_run: bool,
    files: u64,
    restored_files: u64,
    restored_bytes: u64,
    files_there: u64,
    problems: u64,
}

/// Restores the files of a receipt into the folder `target`.
///
/// # Errors
/// See [`engine::purge::files::restore_files`].
pub fn run(receipt: &str, target: &Path, effect: Effect, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    repo.sync_catalog(context.ui)?;
    let purge = find(&repo, receipt)?;
    let manifest = &purge.named(receipt)?.manifest;
    let outcome = restore_files(&repo, manifest, target, FilesOptions { dry_run: effect.is_dry() }, context.ui)?;
    let summary = Summary {
        receipt: manifest.id.to_string(),
        dry_run: effect.is_dry(),
        files: outcome.files,
        restored_files: outcome.restored,
        restored_bytes: outcome.bytes,
        files_there: outcome.there,
        problems: outcome.problems.count,
    };
    let exit = if summary.problems > 0 { Exit::Incomplete } else { Exit::Done };
    after_printing(exit, print(context.ui, target, &outcome, &summary))
}

fn print(ui: &Ui, target: &Path, outcome: &RestoredFiles, summary: &Summary) -> Result<()> {
    ui.problems(&outcome.problems.problems, outcome.problems.count)?;
    if ui.is_json() {
        return ui.message("summary", summary);
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let (id, target) = (format::short(&summary.receipt), target.display());
    if summary.dry_run {
        ui.prose(format_args!("dry run: nothing was written to {target} from receipt {id}"))?
    } else {
        ui.prose(format_args!("purged files of receipt {id} restored to {target}"))?
    }
    let there = match outcome.there {
        0 => String::new(),
        there => format!(", {} were there already", format::count(there)),
    };
    ui.fields(&[
        ("files", format!("{}{there}", format::count(outcome.restored))),
        (if summary.dry_run { "to write" } else { "written" }, format::bytes(outcome.bytes)),
    ])
}
