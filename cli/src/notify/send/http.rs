//! Requests of pings and web hooks.

use std::io::{self, ErrorKind as IoErrorKind};
use std::path::Path;
use std::time::Duration;

use engine::{Error, ErrorKind, Result};
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use crate::environment::program;
use crate::fnv;
use crate::notify::settings::check_url;

/// A client for one place: no redirects, no cookies, a time limit for each step and for all together.
pub struct Client {
    agent: Agent,
}

/// A URL that may be a secret.
pub struct Url {
    text: String,
    host: String,
}

impl Client {
    /// A client that trusts the system's authorities, or only those of the file `ca`.
    ///
    /// # Errors
    /// The file cannot be read, or has no certificate.
    pub fn new(ca: Option<&Path>, limit: Duration) -> Result<Self> {
        let roots = ca.map_or(Ok(RootCerts::PlatformVerifier), authorities)?;
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(limit))
            .timeout_connect(Some(limit))
            .timeout_send_request(Some(limit))
            .timeout_send_body(Some(limit))
            .timeout_recv_response(Some(limit))
            .timeout_global(Some(limit.saturating_mul(2)))
            .user_agent(program().replace(' ', "/"))
            .build();
        Ok(Client { agent: config.new_agent() })
    }

    /// Asks for `url`.
    ///
    /// # Errors
    /// A sentence without secrets.
    pub fn get(&self, url: &str) -> std::result::Result<(), String> {
        answer(self.agent.get(url).call())
    }

    /// Sends `body` to `url`, with a token if there is one.
    ///
    /// # Errors
    /// A sentence without secrets.
    pub fn post(&self, url: &str, kind: &str, token: Option<&str>, body: &str) -> std::result::Result<(), String> {
        let mut request = self.agent.post(url).header("Content-Type", kind);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        answer(request.send(body))
    }
}

impl Url {
    /// A URL of the web.
    ///
    /// # Errors
    /// It is none; the message does not show it.
    pub fn new(text: String) -> Result<Self> {
        check_url(&text).map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let host = text.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
        Ok(Url { text, host: host.unwrap_or_default() })
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The host, and the port if one is named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Tells it from others, and does not show it.
    pub fn mark(&self) -> String {
        fnv::hash(self.text.bytes()).to_string()
    }
}

fn authorities(path: &Path) -> Result<RootCerts> {
    let what = format!("cannot read the certificate authority {}", path.display());
    let text = std::fs::read(path).map_err(|error| Error::caused(ErrorKind::Usage, what.as_str(), error))?;
    let certificates = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<Certificate<'static>> = certificates.collect();
    if certificates.is_empty() {
        return Err(Error::new(ErrorKind::Usage, format!("{what}: it has no certificate in PEM form")));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Whether the server took it. Its answer is not read: nothing of it is needed, and it may be long.
fn answer(
    response: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> std::result::Result<(), String> {
    match response {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(refusal(response.status().as_u16())),
        Err(error) => Err(words(&error)),
    }
}

fn refusal(status: u16) -> String {
    let hint = match status {
        300..=399 => ": its address has changed",
        401 | 403 => ": the token or the secret part of the URL is wrong",
        404 | 410 => ": there is nothing at this URL",
        429 => ": it gets too many messages",
        500.. => ": it has a problem of its own",
        _ => "",
    };
    format!("the server answered with status {status}{hint}")
}

fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => "nobody said in time where the server is".to_owned(),
        ureq::Error::Timeout(Timeout::Connect) => "the server did not take the connection in time".to_owned(),
        ureq::Error::Timeout(_) => "the server did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "the name of the server is not known".to_owned(),
        ureq::Error::ConnectionFailed => "there is no connection to the server".to_owned(),
        ureq::Error::Io(error) => io_words(error).to_owned(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            "the certificate of the server is not accepted, or it does not encrypt".to_owned()
        }
        ureq::Error::InvalidProxyUrl => "the proxy of the environment is no URL".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "the server does not speak HTTP as it should".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}

/// A failure of the network, in words.
pub fn io_words(error: &io::Error) -> &'static str {
    match error.kind() {
        IoErrorKind::ConnectionRefused => "the server refuses connections",
        IoErrorKind::TimedOut | IoErrorKind::WouldBlock => "the server did not answer in time",
        IoErrorKind::ConnectionReset
        | IoErrorKind::ConnectionAborted
        | IoErrorKind::BrokenPipe
        | IoErrorKind::UnexpectedEof => "the server closed the connection before it had answered",
        IoErrorKind::InvalidData => "the certificate of the server is not accepted, or it does not encrypt",
        // The standard library has no kind for it.
        _ if error.to_string().starts_with("failed to lookup address") => {
            "the name of the server is not known, or this computer has no network"
        }
        _ => "the network failed",
    }
}
