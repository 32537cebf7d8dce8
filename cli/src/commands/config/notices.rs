//! The ways to tell people, and whether the files that they name can be read.

use std::fs::File;

use engine::{Error, Result};

use crate::notify::NotifySettings;

/// The ways that the settings name.
pub fn ways(settings: &NotifySettings) -> Vec<&'static str> {
    let named = [
        ("mail", settings.mail.is_some()),
        ("ping", settings.ping.is_some()),
        ("webhook", !settings.webhook.is_empty()),
        ("prometheus", settings.prometheus.is_some()),
    ];
    named.into_iter().filter_map(|(way, is_named)| is_named.then_some(way)).collect()
}

/// Tries to read what they name, and sends nothing; `None` if they name no way.
pub fn check(settings: &NotifySettings) -> Option<Result<String>> {
    let ways = ways(settings);
    // The figures are written, and nobody has to read them before.
    let mut read = NotifySettings { prometheus: None, ..settings.clone() };
    let unread = read.paths().find_map(|path| {
        let what = || format!("cannot read {}", path.display());
        File::open(&*path).err().map(|error| Error::io(what(), error))
    });
    match unread {
        _ if ways.is_empty() => None,
        Some(error) => Some(Err(error)),
        None => Some(Ok(format!("{}: `enamel notify test` tries them", ways.join(", ")))),
    }
}
