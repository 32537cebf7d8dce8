//! `enamel check --explain-log`: how to switch a binary log on.

use engine::Result;
use engine::database::Address;
use engine::survey::{LogAdvice, log_advice};
use serde::Serialize;

use crate::exit::Exit;
use crate::ui::{Ui, format};

#[derive(Serialize)]
struct AdviceMessage<'a> {
    binary_log: bool,
    server: &'a str,
    settings: Vec<SettingMessage<'a>>,
    bytes_a_day: Option<u64>,
    folder: &'a str,
}

#[derive(Serialize)]
struct SettingMessage<'a> {
    line: &'a str,
    why: &'a str,
    is_set: bool,
}

/// Prints the advice. Nothing is changed.
///
/// # Errors
/// The server cannot be reached.
pub fn explain(address: &Address, ui: &Ui) -> Result<Exit> {
    let advice = log_advice(address)?;
    if ui.is_json() {
        let settings = advice.settings.iter();
        let settings = settings.map(|set| SettingMessage { line: &set.line, why: set.why, is_set: set.is_set });
        let message = AdviceMessage {
            binary_log: advice.is_on,
            server: &advice.server.version_text,
            settings: settings.collect(),
            bytes_a_day: advice.bytes_a_day,
            folder: &advice.folder,
        };
        ui.message("log_advice", message)?;
    } else {
        print(ui, &advice)?;
    }
    Ok(Exit::Done)
}

fn print(ui: &Ui, advice: &LogAdvice) -> Result<()> {
    let state = if advice.is_on { "This server keeps a binary log." } else { "This server keeps no binary log." };
    ui.line(state)?;
    let missing: Vec<_> = advice.settings.iter().filter(|setting| !setting.is_set).collect();
    if missing.is_empty() {
        return ui.line("All settings are as a restore to any moment wants them.");
    }
    ui.prose(format_args!(
        "Enamel changes nothing. Add these lines to the server's option file (my.cnf, on Windows my.ini) below [mysqld]:\n"
    ))?;
    let width = missing.iter().map(|setting| setting.line.len()).max().unwrap_or(0);
    for setting in &missing {
        ui.line(format_args!("  {:width$}   # {}", setting.line, setting.why))?;
    }
    if !advice.is_on {
        ui.line(format_args!("  {:width$}   # any number that no other server of yours has", "server_id = 1"))?;
    }
    ui.prose("\nThen restart the server: the log cannot be switched on while it runs.")?;
    let size = advice.bytes_a_day.map_or_else(
        || "How much it writes cannot be told before the server has run for a day.".to_owned(),
        |bytes| {
            format!("By what has changed since the server was started, it writes about {} a day.", format::bytes(bytes))
        },
    );
    ui.prose(size)?;
    ui.prose(format_args!(
        "The files lie in {} unless log_bin names a path. A full disk there stops all writing.",
        advice.folder
    ))?;
    ui.prose("Functions that are not DETERMINISTIC need log_bin_trust_function_creators = 1 to be made then.")?;
    ui.prose("To undo it, take the lines out and restart the server.")
}
