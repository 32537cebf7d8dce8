//! Notices: somebody is told when backups are not made, and nobody when they are.
//!
//! ```text
//! settings    [notify] of enamel.toml
//! facts       what is known of the backups  ->  causes that are there
//! due         causes, what was told, time   ->  notices that are due: a pure function
//! words       notices                       ->  sentences of a closed set
//! send        messages                      ->  mail, pings, web hooks
//! week, summary, prometheus                     what goes out besides
//! memory      what was told to whom, in a file that outlives the agent
//! ```
//!
//! The agent calls a [`Notifier`] after each job and each look. A way that fails is a warning and is tried again; it
//! changes neither a job nor an exit status.

mod cause;
mod due;
mod facts;
mod memory;
mod prometheus;
mod send;
mod settings;
mod summary;
#[cfg(test)]
mod tests;
mod week;
mod words;

use std::path::PathBuf;

use engine::error::chain;
use engine::{Error, ErrorKind, Result};
use jiff::Zoned;

use crate::commands::init::host_name;
use crate::context::Context;
use crate::exit::Exit;
use crate::schedule::{History, Rules};
use crate::secret::warn_if_others_read;
use crate::settings::Place;
use crate::ui::Ui;
use crate::whole_file::{Readers, Unusable, write};

use facts::{Absence, Closed};
use memory::{NoticeFile, NoticeMemory, Pending};
use send::{Kind, Message, Prepared, Transport};
use settings::{NoticeRules, NotifySettings as Settings, Text};
use summary::Summary;
use words::Voice;

pub use facts::{Answer, Ended, Seen, UndoneEnd, UndoneRemoval};
pub use send::Way;
pub use settings::NotifySettings;

/// Tells somebody, in the ways that the settings name.
pub struct Notifier<'a> {
    ui: &'a Ui,
    rules: NoticeRules,
    schedule: Rules,
    voice: Voice,
    transports: Vec<Prepared>,
    prometheus: Option<PathBuf>,
    /// The folder of the repository, if it is one.
    folder: Option<PathBuf>,
    file: Option<NoticeFile>,
    memory: NoticeMemory,
    kept: Option<NoticeMemory>,
    figures: String,
}

/// How a test of one way went.
pub struct Tested {
    /// The way.
    pub way: Way,
    /// The host, if it is known.
    pub host: Option<String>,
    /// Why it does not work.
    pub problem: Option<String>,
}

impl<'a> Notifier<'a> {
    /// Reads what was told before, and prepares each way. A way that cannot be used is a warning.
    ///
    /// # Errors
    /// The settings are wrong.
    pub fn new(context: &Context<'a>, now: &Zoned) -> Result<Self> {
        let file = &context.settings.file;
        let usage = |why: String| Error::new(ErrorKind::Usage, why);
        let schedule = file.schedule_rules().map_err(usage)?;
        let rules = file.notify.rules(&schedule).map_err(usage)?;
        let place = context.settings.repository.as_ref().map(|setting| &setting.value);
        let name = place.map_or_else(String::new, ToString::to_string);
        let is_silent = file.notify.is_silent();
        let notices = context.state_dir().filter(|_| !is_silent).map(|folder| NoticeFile::of(&folder, &name));
        let memory = notices.as_ref().and_then(|notices| read(notices, context.ui));
        warn_of_readers(&file.notify, context.ui);
        Ok(Notifier {
            ui: context.ui,
            transports: send::transports(&file.notify, rules.time_limit),
            rules,
            schedule,
            voice: Voice { label: file.notify.label.clone().unwrap_or_else(host_name), zone: now.time_zone().clone() },
            prometheus: file.notify.prometheus.clone(),
            folder: place.and_then(Place::folder).map(ToOwned::to_owned),
            file: notices,
            memory: memory.clone().unwrap_or_else(|| NoticeMemory::new(now.timestamp())),
            kept: memory,
            figures: String::new(),
        })
    }

    /// Whether there is nobody to tell.
    pub fn is_silent(&self) -> bool {
        self.transports.is_empty() && self.prometheus.is_none()
    }

    /// A backup begins: monitors start their clock.
    pub fn begins(&mut self, now: &Zoned) {
        let message = self.voice.message(Kind::Begin, "the backup begins", Vec::new());
        for prepared in &self.transports {
            let Some(transport) = usable(prepared, Way::Ping, self.ui) else { continue };
            let channel = self.memory.channels.entry(transport.key()).or_default();
            if channel.pending.is_none() && !channel.waits(now.timestamp()) {
                deliver(transport, &message, channel, now, self.ui);
            }
        }
    }

    /// A job has ended by itself.
    pub fn ended(&mut self, ended: &Ended) {
        self.memory.facts.note(ended);
        self.memory.week.count(ended.job, ended.exit);
        let damaged = self.memory.facts.is_damaged();
        if let Some((exit, title)) = words::ping(ended, damaged) {
            self.signal(exit, title);
        }
    }

    /// The repository could not be opened, which ends the agent with this exit.
    pub fn closed(&mut self, exit: Exit, now: &Zoned) {
        let exit = exit.code();
        let since = self.memory.facts.closed.map_or(now.timestamp(), |closed| closed.since);
        self.memory.facts.closed = Some(Closed { since, exit: i32::from(exit) });
        self.signal(exit, "the repository cannot be opened");
        self.tell(now);
    }

    /// The removal of the night that nobody has seen, if it did not do what was ordered.
    pub fn note_undone(&mut self, undone: Option<UndoneRemoval>) {
        self.memory.facts.undone = undone;
    }

    /// Looks at what is known now, and tells what is due.
    pub fn look(&mut self, history: &History, seen: &Seen, now: &Zoned) {
        let facts = &mut self.memory.facts;
        (facts.begun, facts.closed) = (history.begun, None);
        facts.tries.clone_from(&history.jobs);
        facts.seen = Seen { newest: history.newest, ..seen.clone() };
        self.tell(now);
    }

    /// Sends a test in each of the ways, or only in one.
    pub fn test(&self, only: Option<Way>) -> Vec<Tested> {
        let message = self.voice.test();
        let chosen = self.transports.iter().filter(|prepared| only.is_none_or(|only| only == prepared.way));
        let tested = chosen.map(|prepared| match &prepared.transport {
            Err(error) => Tested { way: prepared.way, host: None, problem: Some(chain(error)) },
            Ok(transport) => {
                let problem = match transport.send(&message) {
                    Ok(sent) if sent.refused > 0 => Some(refused(sent.refused)),
                    Ok(_) => None,
                    Err(why) => Some(why),
                };
                Tested { way: prepared.way, host: Some(transport.host().to_owned()), problem }
            }
        });
        tested.collect()
    }

    /// Monitors have something to hear.
    fn signal(&mut self, exit: u8, title: &str) {
        let message = self.voice.message(Kind::Failure(exit), title, Vec::new());
        for prepared in self.transports.iter().filter(|prepared| prepared.way == Way::Ping) {
            let Ok(transport) = &prepared.transport else { continue };
            let channel = self.memory.channels.entry(transport.key()).or_default();
            channel.pending = Some(Pending { exit, title: message.title.clone(), text: message.text.clone() });
        }
    }

    fn tell(&mut self, now: &Zoned) {
        self.write_figures();
        if self.file.is_none() {
            return;
        }
        let absence = Absence {
            limit: self.rules.nothing_for,
            hours: self.schedule.office_hours.clone(),
            zone: self.voice.zone.clone(),
            jobs: self.schedule.jobs().collect(),
        };
        let at = now.timestamp();
        let conditions = self.memory.facts.conditions(&absence, at);
        for prepared in &self.transports {
            let Some(transport) = usable(prepared, prepared.way, self.ui) else { continue };
            let channel = self.memory.channels.entry(transport.key()).or_default();
            if channel.waits(at) {
                continue;
            }
            if prepared.way == Way::Ping {
                let Some(message) = channel.pending.clone().map(|pending| pending.message(&self.voice)) else {
                    continue;
                };
                if deliver(transport, &message, channel, now, self.ui) {
                    channel.pending = None;
                }
                continue;
            }
            let notices = due::due(&conditions, &channel.told, at);
            if !notices.is_empty() && deliver(transport, &self.voice.notices(&notices), channel, now, self.ui) {
                due::note(&mut channel.told, &notices, at);
            }
        }
        self.sum_up(&conditions, now);
        self.keep();
    }

    fn sum_up(&mut self, conditions: &std::collections::BTreeMap<cause::Cause, cause::Condition>, now: &Zoned) {
        if !self.rules.summary.is_some_and(|time| self.memory.week.is_over(time, now)) {
            return;
        }
        let summary = Summary {
            conditions,
            facts: &self.memory.facts,
            week: &self.memory.week,
            rules: &self.schedule,
            free_bytes: self.free_bytes(),
        };
        let message = summary.message(&self.voice, now);
        for prepared in &self.transports {
            let Some(transport) = usable(prepared, Way::Mail, self.ui) else { continue };
            let channel = self.memory.channels.entry(transport.key()).or_default();
            if !channel.waits(now.timestamp()) && deliver(transport, &message, channel, now, self.ui) {
                self.memory.week = week::Week::new(now.timestamp());
            }
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(self.folder.as_ref()?).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Writes the file for Prometheus, if it would differ.
    fn write_figures(&mut self) {
        let Some(path) = &self.prometheus else { return };
        let text = prometheus::text(&self.voice.label, &self.memory.facts, &self.schedule, self.free_bytes());
        if text == self.figures {
            return;
        }
        match write(path, text.as_bytes(), Readers::All) {
            Ok(()) => self.figures = text,
            Err(error) => self.ui.warn(format_args!("cannot write {}: {error}", path.display())),
        }
    }

    fn keep(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.kept.as_ref() != Some(&self.memory)) else { return };
        match file.write(&self.memory) {
            Ok(()) => self.kept = Some(self.memory.clone()),
            Err(error) => self.ui.warn(format_args!(
                "cannot write {}: {error}; after a restart somebody may be told the same again",
                file.path().display()
            )),
        }
    }
}

impl Pending {
    fn message(&self, voice: &Voice) -> Message {
        let kind = if self.exit == 0 { Kind::Success } else { Kind::Failure(self.exit) };
        Message { kind, title: self.title.clone(), text: self.text.clone(), html: None, label: voice.label.clone() }
    }
}

/// The transport, if it is of this kind and can be used.
fn usable<'p>(prepared: &'p Prepared, way: Way, ui: &Ui) -> Option<&'p dyn Transport> {
    if prepared.way != way {
        return None;
    }
    match &prepared.transport {
        Ok(transport) => Some(transport.as_ref()),
        Err(error) => {
            ui.warn(format_args!("notices by {} cannot be sent: {}", way.name(), chain(error)));
            None
        }
    }
}

/// Sends a message, and says so if that fails. Gives whether it was sent.
fn deliver(transport: &dyn Transport, message: &Message, channel: &mut memory::Channel, now: &Zoned, ui: &Ui) -> bool {
    let (way, host) = (transport.way().name(), transport.host());
    match transport.send(message) {
        Ok(sent) => {
            if sent.refused > 0 {
                ui.warn(format_args!("notices by {way} to {host}: {}", refused(sent.refused)));
            }
            channel.sent(now.timestamp());
            true
        }
        Err(why) => {
            ui.warn(format_args!("a notice by {way} to {host} was not sent, and is tried again: {why}"));
            channel.failed(now.timestamp());
            false
        }
    }
}

fn refused(count: usize) -> String {
    format!("the server refused {}", crate::ui::format::counted(count as u64, "recipient"))
}

/// The memory, or none: then somebody may be told the same again, which is better than nobody.
fn read(file: &NoticeFile, ui: &Ui) -> Option<NoticeMemory> {
    let why = match file.read() {
        Ok(memory) => return memory,
        Err(Unusable::Io(error)) => error.to_string(),
        Err(Unusable::Other(why)) => why,
    };
    ui.warn(format_args!("cannot use {}: {why}; somebody may be told the same again", file.path().display()));
    None
}

fn warn_of_readers(settings: &Settings, ui: &Ui) {
    let password = settings.mail.iter().filter_map(|mail| mail.password_file.as_deref());
    password.for_each(|path| warn_if_others_read(path, "password file", ui));
    let of_ping = settings.ping.as_ref().map(|ping| ping.url());
    let of_hooks = settings.webhook.iter().filter_map(|hook| hook.url().ok());
    let files = of_ping.into_iter().chain(of_hooks).filter_map(|text| match text {
        Text::File(path) => Some(path),
        Text::Plain(_) => None,
    });
    let tokens = settings.webhook.iter().filter_map(|hook| hook.token_file.clone());
    files.chain(tokens).for_each(|path| warn_if_others_read(&path, "file of a secret", ui));
}
