//! Web hooks: a notice as JSON, in the form that a service likes.

use engine::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::http::{Client, Url};
use super::{Kind, Message, Sent, Transport, Way, first_line, resolve};
use crate::environment::program;
use crate::notify::settings::{Preset, WebhookSettings};

/// Longest text that Discord takes, in characters.
const DISCORD_MAX: usize = 2000;

/// A service.
pub struct Webhook {
    url: Url,
    preset: Preset,
    token: Option<String>,
    client: Client,
}

impl Webhook {
    /// The service of the settings.
    ///
    /// # Errors
    /// A file of the settings cannot be read; it is no URL.
    pub fn new(settings: &WebhookSettings, client: Client) -> Result<Self> {
        let url = settings.url().map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let token = settings.token_file.as_deref().map(first_line).transpose()?;
        let is_header = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_header(token)) {
            return Err(Error::new(ErrorKind::Usage, "the file of a token holds more than a token"));
        }
        Ok(Webhook { url: Url::new(resolve(&url)?)?, preset: settings.preset, token, client })
    }
}

impl Transport for Webhook {
    fn way(&self) -> Way {
        Way::Webhook
    }

    fn host(&self) -> &str {
        self.url.host()
    }

    fn key(&self) -> String {
        format!("webhook-{}", self.url.mark())
    }

    fn send(&self, message: &Message) -> std::result::Result<Sent, String> {
        let (base, topic) = match self.preset {
            Preset::Ntfy => topic(self.url.text()).ok_or("the URL of ntfy ends with a topic")?,
            _ => (self.url.text(), ""),
        };
        let body = body(self.preset, topic, message).to_string();
        self.client.post(base, "application/json", self.token.as_deref(), &body).map(|()| Sent::default())
    }
}

/// The server of a URL of ntfy, and its topic: JSON goes to the server, and so takes letters that a header does not.
fn topic(url: &str) -> Option<(&str, &str)> {
    let (base, topic) = url.trim_end_matches('/').rsplit_once('/')?;
    let is_topic = !topic.is_empty() && !base.ends_with('/') && !topic.contains('?');
    is_topic.then_some((base, topic))
}

fn body(preset: Preset, topic: &str, message: &Message) -> Value {
    let Message { title, text, .. } = message;
    match preset {
        Preset::Json => json!({
            "program": program(),
            "kind": word(message.kind),
            "label": message.label,
            "title": title,
            "text": text,
        }),
        Preset::Ntfy => json!({
            "topic": topic,
            "title": title,
            "message": text,
            "priority": if message.kind == Kind::Alarm { 5 } else { 3 },
            "tags": [if matches!(message.kind, Kind::Alarm | Kind::Warning) { "warning" } else { "white_check_mark" }],
        }),
        Preset::Slack => json!({ "text": format!("*{}*\n{}", for_slack(title), for_slack(text)) }),
        Preset::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [
                        { "type": "TextBlock", "text": title, "weight": "Bolder", "wrap": true },
                        { "type": "TextBlock", "text": text, "wrap": true },
                    ],
                },
            }],
        }),
        Preset::Discord => {
            let content: String = format!("**{title}**\n{text}").chars().take(DISCORD_MAX).collect();
            json!({ "content": content, "allowed_mentions": { "parse": [] } })
        }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Test => "test",
        Kind::Alarm | Kind::Failure(_) => "alarm",
        Kind::Warning => "warning",
        Kind::Well | Kind::Begin | Kind::Success => "well",
        Kind::Summary => "summary",
    }
}

/// Slack takes these letters for links and mentions.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            kind: Kind::Alarm,
            title: "Zahnärzte <Nord>: no backup".to_owned(),
            text: "x".repeat(3000),
            html: None,
            label: "Zahnärzte <Nord>".to_owned(),
        }
    }

    #[test]
    fn each_service_gets_its_form() {
        let ntfy = body(Preset::Ntfy, "practice", &message());
        assert_eq!((&ntfy["topic"], &ntfy["priority"]), (&json!("practice"), &json!(5)));
        let slack = body(Preset::Slack, "", &message());
        assert!(slack["text"].as_str().unwrap().starts_with("*Zahnärzte &lt;Nord&gt;: no backup*\n"));
        let discord = body(Preset::Discord, "", &message());
        assert_eq!(discord["content"].as_str().unwrap().chars().count(), DISCORD_MAX);
        assert_eq!(body(Preset::Json, "", &message())["kind"], "alarm");
        let teams = body(Preset::Teams, "", &message());
        assert_eq!(teams["attachments"][0]["content"]["body"][0]["text"], "Zahnärzte <Nord>: no backup");
    }

    #[test]
    fn a_topic_is_the_end_of_its_url() {
        assert_eq!(topic("https://ntfy.sh/practice/"), Some(("https://ntfy.sh", "practice")));
        assert_eq!(topic("https://e.org/ntfy/a"), Some(("https://e.org/ntfy", "a")));
        assert!(topic("https://ntfy.sh").is_none() && topic("https://ntfy.sh/").is_none());
    }
}
