//! Mail by SMTP.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use engine::{Error, ErrorKind, Result, machine};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, SmtpTransport, Transport as _};

use super::http::io_words;
use super::{Message, Sent, Transport, Way};
use crate::notify::settings::{MailSettings, MailTls};
use crate::secret::read_password_file;

/// People, and the server that takes mail for them.
pub struct Mail {
    from: Address,
    to: Vec<Address>,
    host: String,
    server: SmtpTransport,
}

impl Mail {
    /// The people and server of the settings. It trusts the system's authorities, or only those of the file `ca`.
    ///
    /// # Errors
    /// A file cannot be read; an address is none.
    pub fn new(settings: &MailSettings, ca: Option<&Path>, limit: Duration) -> Result<Self> {
        let usage = |why: String| Error::new(ErrorKind::Usage, why);
        let (host, port) = settings.host().map_err(usage)?;
        let tls = match settings.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(parameters(&host, ca)?),
            MailTls::Tls => Tls::Wrapper(parameters(&host, ca)?),
        };
        let mut server = SmtpTransport::builder_dangerous(host.as_str()).port(port).tls(tls).timeout(Some(limit));
        if let (Some(user), Some(path)) = (&settings.user, &settings.password_file) {
            let password = read_password_file(path)?;
            server = server.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        let to = settings.to.iter().map(|to| address(to)).collect::<Result<_>>()?;
        Ok(Mail { from: address(settings.sender())?, to, host, server: server.build() })
    }

    fn letter(&self, message: &Message) -> std::result::Result<lettre::Message, String> {
        let unlikely = |_| "the mail cannot be put into words".to_owned();
        let boxed = |address: &Address| Mailbox::new(None, address.clone());
        let from = Mailbox::new(Some(format!("Enamel, {}", message.label)), self.from.clone());
        let mut letter =
            lettre::Message::builder().from(from).subject(message.title.as_str()).message_id(Some(self.id()));
        for to in &self.to {
            letter = letter.to(boxed(to));
        }
        // Nobody's machine answers that they are on holiday.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        let letter = letter.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
        match &message.html {
            None => letter.header(ContentType::TEXT_PLAIN).body(message.text.clone()).map_err(unlikely),
            Some(html) => letter
                .multipart(MultiPart::alternative_plain_html(message.text.clone(), html.clone()))
                .map_err(unlikely),
        }
    }

    /// A name that no other mail has.
    fn id(&self) -> String {
        let now = machine::now();
        format!("<{}.{}.{}.enamel@{}>", now.seconds, now.nanoseconds, std::process::id(), self.from.domain())
    }
}

impl Transport for Mail {
    fn way(&self) -> Way {
        Way::Mail
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn key(&self) -> String {
        "mail".to_owned()
    }

    fn send(&self, message: &Message) -> std::result::Result<Sent, String> {
        let letter = self.letter(message)?;
        let error = match self.server.send(&letter) {
            Ok(_) => return Ok(Sent::default()),
            Err(error) if error.is_permanent() && self.to.len() > 1 => error,
            Err(error) => return Err(words(&error)),
        };
        // One wrong address keeps nobody else from getting it.
        let bytes = letter.formatted();
        let refused = self.to.iter().filter(|to| {
            let envelope = lettre::address::Envelope::new(Some(self.from.clone()), vec![(*to).clone()]);
            !envelope.is_ok_and(|envelope| self.server.send_raw(&envelope, &bytes).is_ok())
        });
        let refused = refused.count();
        if refused == self.to.len() { Err(words(&error)) } else { Ok(Sent { refused }) }
    }
}

fn parameters(host: &str, ca: Option<&Path>) -> Result<TlsParameters> {
    let failed =
        |error| Error::caused(ErrorKind::Usage, "cannot prepare an encrypted connection to a mail server", error);
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca {
        let what = format!("cannot read the certificate authority {}", path.display());
        let text = std::fs::read(path).map_err(|error| Error::caused(ErrorKind::Usage, what.as_str(), error))?;
        let found = Certificate::from_pem(&text).map_err(|error| Error::caused(ErrorKind::Usage, what, error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(found);
    }
    builder.build_rustls().map_err(failed)
}

fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|_| Error::new(ErrorKind::Usage, format!("`{text}` is not an address of mail")))
}

/// Why the server did not take it. Its own words are left out: they may repeat what it was told.
fn words(error: &lettre::transport::smtp::Error) -> String {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        let hint = match code {
            421 | 450..=452 => ": it takes it later",
            530 | 534 | 535 => ": user or password is wrong, or it wants another way to log in",
            550..=554 => ": it does not take mail from or to such an address",
            _ => "",
        };
        return format!("the mail server answered with {code}{hint}");
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return io_words(error).to_owned();
        }
        source = cause.source();
    }
    if error.is_timeout() {
        "the server did not answer in time".to_owned()
    } else if error.is_tls() {
        "the mail server does not encrypt, or its certificate is not accepted".to_owned()
    } else if error.is_response() {
        "the server closed the connection before it had answered, or does not speak SMTP".to_owned()
    } else {
        "the mail server cannot be used as the settings say: it may not encrypt, or not take passwords".to_owned()
    }
}
