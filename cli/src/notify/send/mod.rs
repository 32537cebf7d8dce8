//! The ways in which a message leaves this computer.
//!
//! Errors are sentences of a closed set, too: they name the host, and neither the rest of a URL nor what a server answered.

mod http;
mod mail;
mod ping;
mod webhook;

use std::path::Path;
use std::time::Duration;

use engine::Result;

use super::settings::{NotifySettings, Text};
use crate::secret::read_password_file;

/// A message that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its kind.
    pub kind: Kind,
    /// One line.
    pub title: String,
    /// Paragraphs.
    pub text: String,
    /// The same for readers of mail that show pages.
    pub html: Option<String>,
    /// The name of this computer or practice.
    pub label: String,
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user tries whether messages arrive.
    Test,
    /// Somebody has to do something.
    Alarm,
    /// Somebody should look.
    Warning,
    /// Something is well again.
    Well,
    /// The weekly summary.
    Summary,
    /// A backup begins.
    Begin,
    /// A backup was made.
    Success,
    /// A backup failed with this status.
    Failure(u8),
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// The number of people who did not get it.
    pub refused: usize,
}

/// The way to one place.
pub trait Transport {
    /// Its kind: `mail`, `ping` or `webhook`.
    fn way(&self) -> Way;

    /// The host, and nothing that may be a secret.
    fn host(&self) -> &str;

    /// Tells this place from others, and is no secret.
    fn key(&self) -> String;

    /// Sends the message. Each step has a time limit.
    ///
    /// # Errors
    /// A sentence without secrets.
    fn send(&self, message: &Message) -> std::result::Result<Sent, String>;
}

/// The kind of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// Mail to people.
    Mail,
    /// A monitor.
    Ping,
    /// A service.
    Webhook,
}

impl Way {
    /// It in one word.
    pub fn name(self) -> &'static str {
        match self {
            Way::Mail => "mail",
            Way::Ping => "ping",
            Way::Webhook => "webhook",
        }
    }
}

/// A transport, or why it cannot be used.
pub struct Prepared {
    /// Its kind.
    pub way: Way,
    /// It.
    pub transport: Result<Box<dyn Transport>>,
}

/// All transports of the settings.
pub fn transports(settings: &NotifySettings, limit: Duration) -> Vec<Prepared> {
    let mail = settings.mail.iter().map(|mail| Prepared {
        way: Way::Mail,
        transport: mail::Mail::new(mail, settings.ca.as_deref(), limit).map(boxed),
    });
    let client = || http::Client::new(settings.ca.as_deref(), limit);
    let ping = settings.ping.iter().map(|ping| Prepared {
        way: Way::Ping,
        transport: client().and_then(|client| ping::Ping::new(ping, client)).map(boxed),
    });
    let hooks = settings.webhook.iter().map(|hook| Prepared {
        way: Way::Webhook,
        transport: client().and_then(|client| webhook::Webhook::new(hook, client)).map(boxed),
    });
    mail.chain(ping).chain(hooks).collect()
}

fn boxed<T: Transport + 'static>(transport: T) -> Box<dyn Transport> {
    Box::new(transport)
}

/// The text, or the first line of its file.
fn resolve(text: &Text) -> Result<String> {
    match text {
        Text::Plain(text) => Ok(text.clone()),
        Text::File(path) => first_line(path),
    }
}

fn first_line(path: &Path) -> Result<String> {
    read_password_file(path).map(|line| line.trim().to_owned())
}
