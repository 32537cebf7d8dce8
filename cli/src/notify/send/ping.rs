//! Pings: a monitor hears of each backup, and raises the alarm itself when it hears nothing.
//!
//! The protocol is that of Healthchecks: `/start`, nothing, `/fail` or the exit status behind the URL, and a text as body.
//! A URL with `/api/push/` is one of Uptime Kuma, which takes `?status=up` or `down`.

use engine::Result;
use ureq::http::Uri;

use super::http::{Client, Url};
use super::{Kind, Message, Sent, Transport, Way, resolve};
use crate::notify::settings::PingSettings;
use crate::percent::escaped;

/// Longest body, bytes: servers cut longer ones.
const BODY_MAX: usize = 100_000;
/// A part of the path of each push URL of Uptime Kuma.
const KUMA: &str = "/api/push/";

/// A monitor.
pub struct Ping {
    url: Url,
    client: Client,
}

impl Ping {
    /// The monitor of the settings.
    ///
    /// # Errors
    /// The file of the URL cannot be read, or it is no URL.
    pub fn new(settings: &PingSettings, client: Client) -> Result<Self> {
        Ok(Ping { url: Url::new(resolve(&settings.url())?)?, client })
    }
}

impl Transport for Ping {
    fn way(&self) -> Way {
        Way::Ping
    }

    fn host(&self) -> &str {
        self.url.host()
    }

    fn key(&self) -> String {
        format!("ping-{}", self.url.mark())
    }

    fn send(&self, message: &Message) -> std::result::Result<Sent, String> {
        let url = self.url.text();
        if is_kuma(url) {
            let Some(url) = kuma(url, message) else { return Ok(Sent::default()) };
            return self.client.get(&url).map(|()| Sent::default());
        }
        let url = healthchecks(url, message.kind);
        let text = shortened(&message.text, BODY_MAX);
        self.client.post(&url, "text/plain; charset=utf-8", None, text).map(|()| Sent::default())
    }
}

fn is_kuma(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.path().contains(KUMA))
}

/// `text`, or as much of it as fits.
fn shortened(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// The URL for a kind of message; a query stays at its end.
fn healthchecks(url: &str, kind: Kind) -> String {
    let end = match kind {
        Kind::Begin => "/start".to_owned(),
        Kind::Failure(status) => format!("/{status}"),
        Kind::Alarm => "/fail".to_owned(),
        // A test must neither begin nor end a run of the monitor.
        Kind::Test => "/log".to_owned(),
        Kind::Success | Kind::Warning | Kind::Well | Kind::Summary => String::new(),
    };
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{end}{query}", path.trim_end_matches('/'))
}

/// The URL for a message; none if Uptime Kuma has no word for it. The query of the settings is replaced.
fn kuma(url: &str, message: &Message) -> Option<String> {
    let state = match message.kind {
        Kind::Begin => return None,
        Kind::Failure(_) | Kind::Alarm => "down",
        Kind::Test | Kind::Success | Kind::Warning | Kind::Well | Kind::Summary => "up",
    };
    let base = url.split('?').next().unwrap_or_default();
    Some(format!("{base}?status={state}&msg={}", escaped(message.title.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_url_says_how_it_went() {
        for (kind, url) in [
            (Kind::Begin, "https://hc.example/id/start?rid=1"),
            (Kind::Success, "https://hc.example/id?rid=1"),
            (Kind::Failure(12), "https://hc.example/id/12?rid=1"),
            (Kind::Alarm, "https://hc.example/id/fail?rid=1"),
            (Kind::Test, "https://hc.example/id/log?rid=1"),
        ] {
            assert_eq!(healthchecks("https://hc.example/id/?rid=1", kind), url);
        }
    }

    #[test]
    fn a_push_monitor_hears_up_or_down_and_a_sentence() {
        let message = |kind| Message {
            kind,
            title: "Practice: 2 & ü".to_owned(),
            text: String::new(),
            html: None,
            label: String::new(),
        };
        let url = "https://kuma.example/api/push/id?status=up&msg=OK";
        assert!(is_kuma(url) && !is_kuma("https://hc.example/id"));
        assert_eq!(
            kuma(url, &message(Kind::Failure(1))).unwrap(),
            "https://kuma.example/api/push/id?status=down&msg=Practice%3A%202%20%26%20%C3%BC"
        );
        assert_eq!(kuma(url, &message(Kind::Begin)), None);
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!((shortened("aü", 2), shortened("aü", 3), shortened("", 9)), ("a", "aü", ""));
    }
}
