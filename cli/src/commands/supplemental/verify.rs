//! `enamel supplemental verify`: whether the copies are whole, by reading them.

use engine::copy::{Checked, Recorded};
use engine::error::chain;
use engine::machine;
use engine::upkeep::verify::{Depth, Part, VerifyOptions, verify};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use serde::Serialize;

use super::office::Office;
use super::parts::Parts;
use crate::commands::copy::note;
use crate::context::Context;
use crate::environment::program;
use crate::exit::Exit;
use crate::ui::format;

/// The part of the packs that one run reads whole, unless the user says otherwise.
const PERCENT: u8 = 5;
/// The level on the card of a verification that reads.
const LEVEL_READ: u8 = 3;

/// Read copies back, and check them.
///
/// Enamel reads all objects, and every byte of the packs that were not read for the longest time: 5 % of them, so that
/// twenty runs read everything. The card tells the host when that was.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental verify
  enamel supplemental verify --percent 100

Exit status: 0 whole, 1 failed, 2 usage, 4 damage, 10 no repository, 12 wrong password")]
pub struct VerifyArgs {
    /// How much of the packs to read whole
    #[arg(long, value_name = "N", default_value_t = PERCENT, value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
}

#[derive(Serialize)]
struct Finding {
    object: String,
    message: String,
}

#[derive(Serialize)]
struct Summary {
    findings: usize,
}

/// Verifies.
///
/// # Errors
/// The second repository cannot be read.
pub fn run(args: &VerifyArgs, context: &Context<'_>) -> Result<Exit> {
    let target = Office::of(context)?.open(context, Access::Write)?;
    let depth = if args.percent == 100 { Depth::ReadData } else { Depth::ReadPart(Part::Percent(args.percent)) };
    let report = verify(&target, &VerifyOptions { depth }, context.ui)?;
    let ui = context.ui;
    for finding in &report.findings {
        let (object, message) = (finding.object.to_string(), finding.message.clone());
        if ui.is_json() {
            ui.message("finding", Finding { object, message })?;
        } else {
            ui.prose(format_args!("{}: {}", format::path(object.as_bytes()), format::message(&message)))?;
        }
    }
    if ui.is_json() {
        ui.message("summary", Summary { findings: report.findings.len() })?;
    }
    if !report.findings.is_empty() {
        return Ok(Exit::Damage);
    }
    let now = machine::now().seconds;
    target
        .update_card(&program(), &|card| (card.verified, card.level) = (Some(now), Some(LEVEL_READ)))
        .map_err(|e| Error::caused(ErrorKind::Io, "the copies are whole, but the card was not changed", e))?;
    let parts = Parts::of(&context.settings.file.supplemental);
    let recorded = Recorded { only: parts.names, checked: Checked::Data(Some(args.percent)) };
    match context.open(Access::Write) {
        Ok(source) => note(&source, &target, &recorded, context),
        Err(error) => context.tell_incomplete(format_args!(
            "the copies are whole, but no record of it could be put into the practice's own repository: {}",
            chain(&error)
        )),
    }
    if !ui.is_json() && !ui.is_quiet() {
        ui.prose(format_args!("no damage; {} % of the copies were read", args.percent))?;
    }
    Ok(Exit::Done)
}
