//! `[notify]` of enamel.toml: who is told, and when.

use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Time, Weekday};
use serde::Deserialize;
use ureq::http::Uri;

use crate::duration::parse_duration;
use crate::schedule::{Rules, parse_day, parse_time};

/// The word that turns a line off.
const OFF: &str = "off";
/// Office hours without a backup that are an alarm, unless the file says otherwise.
const NOTHING_FOR: Duration = Duration::from_secs(4 * 3600);
/// A schedule without backups in office hours makes them at least so often, in office hours that pass.
const OTHERWISE: Duration = Duration::from_secs(24 * 3600);
/// How long each step of sending may take, unless the file says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The agent waits while it sends, and its service manager waits for a sign of life.
const TIME_LIMIT_MAX: Duration = Duration::from_secs(30);
/// For the same reason.
const WEBHOOKS_MAX: usize = 5;
/// More are a list of the mail server's.
const RECIPIENTS_MAX: usize = 10;
/// The summary, unless the file says otherwise.
const SUMMARY: &str = "Mon 07:00";
/// Longest label, in characters.
const LABEL_MAX: usize = 60;

/// The lines of `[notify]`, as they are written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotifySettings {
    /// So many office hours without a backup are an alarm.
    pub nothing_for: Option<String>,
    /// The name of this computer or practice in notices.
    pub label: Option<String>,
    /// How long each step of sending may take.
    pub time_limit: Option<String>,
    /// When the weekly summary goes out.
    pub summary: Option<String>,
    /// The certificate authority to trust in place of those of the system.
    pub ca: Option<PathBuf>,
    /// The file with figures for Prometheus.
    pub prometheus: Option<PathBuf>,
    /// People who get mail.
    pub mail: Option<MailSettings>,
    /// The monitor that hears of each backup.
    pub ping: Option<PingSettings>,
    /// Services that get notices.
    pub webhook: Vec<WebhookSettings>,
}

/// The mail server, and to whom mail goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailSettings {
    /// Addresses.
    pub to: Vec<String>,
    /// The address that mail comes from.
    pub from: Option<String>,
    /// The server, with its port if that is another one than usual.
    pub server: String,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: MailTls,
    /// The account.
    pub user: Option<String>,
    /// Holds its password in the first line.
    pub password_file: Option<PathBuf>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the second step on; port 587.
    #[default]
    StartTls,
    /// From the first byte; port 465.
    Tls,
    /// Not at all: for a server on this computer; port 25.
    None,
}

/// The monitor: its URL, or a file that holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a URL, or { url-file = \"FILE\" }")]
pub enum PingSettings {
    /// The URL.
    Url(String),
    /// A file.
    File(PingFile),
}

/// The file that holds the URL of a monitor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PingFile {
    /// Holds the URL in its first line.
    pub url_file: PathBuf,
}

/// A service that gets notices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookSettings {
    /// Its URL.
    pub url: Option<String>,
    /// Holds the URL in its first line.
    pub url_file: Option<PathBuf>,
    /// How it likes notices.
    #[serde(default)]
    pub preset: Preset,
    /// Holds a token in its first line, which is sent as `Authorization: Bearer`.
    pub token_file: Option<PathBuf>,
}

/// How a service likes notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// An object with all that there is.
    #[default]
    Json,
    /// ntfy.
    Ntfy,
    /// Slack, and services like it.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// Discord.
    Discord,
}

/// A URL or another secret: as it is, or in the first line of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// As it is.
    Plain(String),
    /// In a file.
    File(PathBuf),
}

/// A moment of each week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekTime {
    /// The day.
    pub day: Weekday,
    /// The time.
    pub time: Time,
}

/// When somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRules {
    /// So much time at work without a backup is an alarm; none: it never is.
    pub nothing_for: Option<Duration>,
    /// When the summary goes out; none: it never does.
    pub summary: Option<WeekTime>,
    /// How long each step of sending may take.
    pub time_limit: Duration,
}

impl NotifySettings {
    /// Reads the lines. `schedule` says how often backups are made.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn rules(&self, schedule: &Rules) -> Result<NoticeRules, String> {
        let of = |name: &'static str| move |why: String| format!("`{name}`: {why}");
        self.label.as_deref().map_or(Ok(()), check_label).map_err(of("label"))?;
        self.mail.as_ref().map_or(Ok(()), MailSettings::check).map_err(of("mail"))?;
        self.ping.as_ref().map_or(Ok(()), PingSettings::check).map_err(of("ping"))?;
        self.check_webhooks().map_err(of("webhook"))?;
        Ok(NoticeRules {
            nothing_for: self.absence(schedule).map_err(of("nothing-for"))?,
            summary: self.summary_time().map_err(of("summary"))?,
            time_limit: self.time_limit().map_err(of("time-limit"))?,
        })
    }

    /// Whether there is nobody to tell.
    pub fn is_silent(&self) -> bool {
        self.mail.is_none() && self.ping.is_none() && self.webhook.is_empty() && self.prometheus.is_none()
    }

    /// All files that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let mail = self.mail.as_mut().and_then(|mail| mail.password_file.as_mut());
        let ping = match &mut self.ping {
            Some(PingSettings::File(file)) => Some(&mut file.url_file),
            _ => None,
        };
        let hooks = self.webhook.iter_mut().flat_map(|hook| hook.url_file.iter_mut().chain(&mut hook.token_file));
        self.ca.iter_mut().chain(&mut self.prometheus).chain(mail).chain(ping).chain(hooks)
    }

    fn absence(&self, schedule: &Rules) -> Result<Option<Duration>, String> {
        let interval = match (schedule.backup, schedule.otherwise) {
            (None, None) => None,
            (backup, _) => Some(backup.unwrap_or(OTHERWISE)),
        };
        let Some(text) = self.nothing_for.as_deref().map(str::trim) else {
            return Ok(interval.map(|interval| NOTHING_FOR.max(interval.saturating_mul(2))));
        };
        if text == OFF {
            return Ok(None);
        }
        let found = parse_duration(text).map_err(|why| format!("{why}, or \"{OFF}\""))?;
        match schedule.backup {
            Some(backup) if found <= backup => {
                Err("write more than `backup` of [schedule]: it would be an alarm each time".to_owned())
            }
            _ if found.is_zero() => Err(format!("write a time as \"4h\", or \"{OFF}\"")),
            _ => Ok(Some(found)),
        }
    }

    fn summary_time(&self) -> Result<Option<WeekTime>, String> {
        match (self.summary.as_deref().map(str::trim), &self.mail) {
            (Some(OFF), _) | (None, None) => Ok(None),
            (Some(_), None) => Err("it goes by mail: name `mail` as well".to_owned()),
            (text, Some(_)) => {
                let text = text.unwrap_or(SUMMARY);
                let form = || format!("write a day and a time, as \"{SUMMARY}\", or \"{OFF}\"");
                let (day, time) = text.split_once(char::is_whitespace).ok_or_else(form)?;
                let time = parse_time(time).ok_or_else(form)?;
                Ok(Some(WeekTime { day: parse_day(day).ok_or_else(form)?, time }))
            }
        }
    }

    fn time_limit(&self) -> Result<Duration, String> {
        let Some(text) = &self.time_limit else { return Ok(TIME_LIMIT) };
        let found = parse_duration(text)?;
        if found.is_zero() || found > TIME_LIMIT_MAX {
            return Err("write a time up to 30s".to_owned());
        }
        Ok(found)
    }

    fn check_webhooks(&self) -> Result<(), String> {
        if self.webhook.len() > WEBHOOKS_MAX {
            return Err(format!("name at most {WEBHOOKS_MAX}"));
        }
        self.webhook.iter().try_for_each(|hook| {
            let url = hook.url()?;
            if let Text::Plain(url) = &url {
                check_url(url)?;
            }
            Ok(())
        })
    }
}

impl MailSettings {
    fn check(&self) -> Result<(), String> {
        if self.to.is_empty() || self.to.len() > RECIPIENTS_MAX {
            return Err(format!("`to` names the people who get mail, from one to {RECIPIENTS_MAX}"));
        }
        for address in self.to.iter().chain(&self.from) {
            address.parse::<lettre::Address>().map_err(|_| format!("`{address}` is not an address of mail"))?;
        }
        self.host()?;
        match (&self.user, &self.password_file, self.tls) {
            (Some(_), None, _) => Err("name `password-file` with `user`".to_owned()),
            (None, Some(_), _) => Err("name `user` with `password-file`".to_owned()),
            (Some(_), _, MailTls::None) => {
                Err("with tls = \"none\" everybody on the way could read the password: leave `user` out".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The server and its port.
    ///
    /// # Errors
    /// A sentence, if it is no name of a server.
    pub fn host(&self) -> Result<(String, u16), String> {
        let usual = match self.tls {
            MailTls::StartTls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        };
        let wrong = || "`server` is the name of a mail server, as \"smtp.example.org\" or \"smtp.example.org:2525\"";
        let (host, port) = match self.server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong().to_owned())?),
            None => (self.server.as_str(), usual),
        };
        let is_name =
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        if is_name { Ok((host.to_owned(), port)) } else { Err(wrong().to_owned()) }
    }

    /// The address that mail comes from: the account, if it is one, or else the first that it goes to.
    pub fn sender(&self) -> &str {
        let account = self.user.as_deref().filter(|user| user.parse::<lettre::Address>().is_ok());
        let first = self.to.first().map_or("", String::as_str);
        self.from.as_deref().or(account).unwrap_or(first)
    }
}

impl PingSettings {
    /// The URL, or the file that holds it.
    pub fn url(&self) -> Text {
        match self {
            PingSettings::Url(url) => Text::Plain(url.clone()),
            PingSettings::File(file) => Text::File(file.url_file.clone()),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            PingSettings::Url(url) => check_url(url),
            PingSettings::File(_) => Ok(()),
        }
    }
}

impl WebhookSettings {
    /// The URL, or the file that holds it.
    ///
    /// # Errors
    /// A sentence, if there is none, or both.
    pub fn url(&self) -> Result<Text, String> {
        match (&self.url, &self.url_file) {
            (Some(url), None) => Ok(Text::Plain(url.clone())),
            (None, Some(path)) => Ok(Text::File(path.clone())),
            _ => Err("name either `url` or `url-file` of each".to_owned()),
        }
    }
}

/// Whether `url` is a URL of the web. The sentence about a wrong one does not show it: it may hold a secret.
///
/// # Errors
/// A sentence.
pub fn check_url(url: &str) -> Result<(), String> {
    let wrong = || "a URL begins with https:// or http://, and a host follows".to_owned();
    let found: Uri = url.parse().map_err(|_| wrong())?;
    if !matches!(found.scheme_str(), Some("http" | "https")) || found.host().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    if found.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(
            "the URL holds a user or password: use `token-file`, or `url-file` for a URL that is a secret".to_owned()
        );
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), String> {
    let is_line = !label.trim().is_empty() && !label.chars().any(char::is_control);
    if is_line && label.chars().count() <= LABEL_MAX {
        Ok(())
    } else {
        Err(format!("write a name of 1 to {LABEL_MAX} characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleSettings;

    fn rules_with(schedule: &str, text: &str) -> Result<NoticeRules, String> {
        let schedule: ScheduleSettings = toml::from_str(schedule).unwrap();
        let settings: NotifySettings = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        settings.rules(&schedule.rules().unwrap())
    }

    fn rules(text: &str) -> Result<NoticeRules, String> {
        rules_with("", text)
    }

    #[test]
    fn a_section_without_more_is_the_usual() {
        let found = rules("mail = { to = [\"dana@example.org\"], server = \"smtp.example.org\" }").unwrap();
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!((found.nothing_for, found.time_limit), (hours(4), TIME_LIMIT));
        assert_eq!(found.summary.unwrap().day, Weekday::Monday);
        assert_eq!(rules("").unwrap().summary, None);
        // Time without a backup is measured by what the schedule promises.
        assert_eq!(rules_with("backup = \"8h\"", "").unwrap().nothing_for, hours(16));
        assert_eq!(rules_with("backup = \"off\"", "").unwrap().nothing_for, hours(48));
        assert_eq!(rules_with("backup = \"off\"\notherwise = \"off\"", "").unwrap().nothing_for, None);
        assert_eq!(rules("nothing-for = \"off\"").unwrap().nothing_for, None);
    }

    #[test]
    fn a_wrong_line_is_named_and_shows_no_secret() {
        let mail =
            |more: &str| format!("mail = {{ to = [\"dana@example.org\"], server = \"smtp.example.org\"{more} }}");
        for (text, line) in [
            ("nothing-for = \"soon\"".to_owned(), "`nothing-for`: write a duration"),
            ("nothing-for = \"30min\"".to_owned(), "`nothing-for`: write more than `backup`"),
            ("label = \"\"".to_owned(), "`label`: write a name"),
            ("time-limit = \"5min\"".to_owned(), "`time-limit`: write a time up to"),
            ("summary = \"Mon 07:00\"".to_owned(), "`summary`: it goes by mail"),
            (format!("summary = \"weekly\"\n{}", mail("")), "`summary`: write a day and a time"),
            ("mail = { to = [], server = \"s\" }".to_owned(), "`mail`: `to` names the people"),
            ("mail = { to = [\"dana\"], server = \"s\" }".to_owned(), "`mail`: `dana` is not an address"),
            ("mail = { to = [\"d@e.org\"], server = \"a b\" }".to_owned(), "`mail`: `server` is the name"),
            (mail(", user = \"u\""), "`mail`: name `password-file`"),
            (mail(", user = \"u\", password-file = \"p\", tls = \"none\""), "`mail`: with tls"),
            (mail(", password = \"marked\""), "unknown field `password`"),
            ("ping = \"hc.example/marked\"".to_owned(), "`ping`: a URL begins"),
            ("ping = \"https://u:marked@hc.example\"".to_owned(), "`ping`: the URL holds a user"),
            ("ping = { url = \"https://marked\" }".to_owned(), "a URL, or {"),
            ("webhook = [{ preset = \"ntfy\" }]".to_owned(), "`webhook`: name either"),
            ("webhook = [{ url = \"ftp://marked\" }]".to_owned(), "`webhook`: a URL begins"),
            ("webhook = [{ url = \"https://e.org\", preset = \"irc\" }]".to_owned(), "unknown variant `irc`"),
        ] {
            let found = rules(&text).unwrap_err();
            assert!(found.contains(line) && !found.contains("marked"), "{text}: {found}");
        }
    }

    #[test]
    fn mail_comes_from_an_address() {
        let of = |more: &str| -> MailSettings {
            toml::from_str(&format!("to = [\"dana@example.org\"]\nserver = \"s.example\"\n{more}")).unwrap()
        };
        assert_eq!(of("").sender(), "dana@example.org");
        assert_eq!(of("user = \"office@example.org\"").sender(), "office@example.org");
        assert_eq!(of("user = \"office\"\nfrom = \"a@b.org\"").sender(), "a@b.org");
        assert_eq!(of("").host(), Ok(("s.example".to_owned(), 587)));
        assert_eq!(of("tls = \"tls\"").host().unwrap().1, 465);
    }
}
