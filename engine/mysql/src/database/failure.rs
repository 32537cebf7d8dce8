//! Errors of the server or the driver, in words that help a user.

use std::fmt;

use mysql::DriverError as D;

use super::said::without_values;
use engine_core::error::{Error, ErrorKind};

/// The cause of an error: the server's message, or why the driver gave up.
struct Failure(mysql::Error, Step);

/// The step that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    Talking,
}

/// The reason why a connection failed, if the server itself did not report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionTrouble {
    /// Nobody answered, or something that is not a database server.
    Unreachable,
    /// Server and client do not agree on TLS.
    Encryption,
    /// The connection existed, and is gone.
    Lost,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_error(&self.0, f)
    }
}

fn fmt_error(error: &mysql::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        mysql::Error::MySqlError(e) => {
            let said = without_values(e.code, &e.message);
            write!(f, "{said} (error {}, SQLSTATE {})", e.code, e.state)
        }
        mysql::Error::IoError(e) => fmt_io_error(e, f),
        mysql::Error::CodecError(e) => fmt_codec_error(e, f),
        mysql::Error::TlsError(e) => write!(f, "TLS: {e}"),
        mysql::Error::DriverError(e) => fmt_driver_error(e, f),
        // These messages would repeat a row of the server.
        mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_) => {
            f.write_str("the server gave a value of another kind than was asked for")
        }
        other => write!(f, "{other}"),
    }
}

/// The driver wraps its own error while it sends rows.
fn fmt_io_error(error: &std::io::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<mysql::Error>()) {
        Some(inner) => fmt_error(inner, f),
        None if is_closed(error) => f.write_str(CLOSED),
        None => write!(f, "{error}"),
    }
}

/// The TLS handshake fails while the first packet is sent, so its reason is inside such an error.
fn fmt_codec_error(error: &dyn std::error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(e) => fmt_io_error(e, f),
        None => write!(f, "{error}"),
    }
}

fn fmt_driver_error(error: &D, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        D::ConnectTimeout => f.write_str("nothing answered in time"),
        D::CouldNotConnect(Some((_, why, _))) => f.write_str(why),
        D::TlsNotSupported => f.write_str("the server offers no TLS"),
        D::OldMysqlPasswordDisabled => {
            f.write_str("the account's password is stored as MySQL 4.0 did it, which is not safe to use")
        }
        D::CleartextPluginDisabled => {
            f.write_str("the server wants the password in clear text, as PAM and LDAP do, which is not supported")
        }
        D::UnknownAuthPlugin(name) => write!(f, "the server authenticates by `{name}`, which is not supported"),
        other => write!(f, "{other}"),
    }
}

// The messages above rephrase the driver's own errors, so these are not separate causes.
impl std::error::Error for Failure {}

/// The message for a connection that ends in the middle.
const CLOSED: &str = "the server closed the connection: it was stopped, or somebody ended the connection";

/// Whether the other side is gone: the driver also reports that as missing bytes.
fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    let is_gone = matches!(
        error.kind(),
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected | K::WriteZero
    );
    is_gone || error.to_string().contains("bytes remaining on stream")
}

/// An error of the driver or the server while doing `action`.
pub(crate) fn failure(action: impl Into<String>, error: mysql::Error) -> Error {
    Error::caused(ErrorKind::Database, action, Failure(error, Step::Talking))
}

/// An error of making a connection, while doing `action`.
pub(super) fn connection_failure(action: impl Into<String>, error: mysql::Error) -> Error {
    Error::caused(ErrorKind::Database, action, Failure(error, Step::Connecting))
}

/// The trouble with the connection of `error`; `None` if the server answered, or the error is of another kind.
pub fn connection_trouble(error: &Error) -> Option<ConnectionTrouble> {
    let Failure(cause, step) = cause(error)?;
    match (cause, step) {
        (mysql::Error::MySqlError(_), _) => None,
        (mysql::Error::TlsError(_) | mysql::Error::DriverError(D::TlsNotSupported), _) => {
            Some(ConnectionTrouble::Encryption)
        }
        (error, Step::Connecting) if is_refused_certificate(error) => Some(ConnectionTrouble::Encryption),
        (_, Step::Connecting) => Some(ConnectionTrouble::Unreachable),
        (_, Step::Talking) => is_lost(error).then_some(ConnectionTrouble::Lost),
    }
}

/// A certificate that is not trusted shows as invalid data, within another error or alone.
fn is_refused_certificate(error: &mysql::Error) -> bool {
    let is_nonsense = |error: &std::io::Error| error.kind() == std::io::ErrorKind::InvalidData;
    match error {
        mysql::Error::IoError(e) => is_nonsense(e),
        mysql::Error::CodecError(e) => {
            std::error::Error::source(e).and_then(|e| e.downcast_ref::<std::io::Error>()).is_some_and(is_nonsense)
        }
        _ => false,
    }
}

/// The server's number of an error, if the server reported it.
pub fn error_code(error: &Error) -> Option<u16> {
    match driver_error(error)? {
        mysql::Error::MySqlError(error) => Some(error.code),
        _ => None,
    }
}

/// Whether a file of the server's binary log ends inside an event. The server has one number for all that is wrong with its log.
pub fn is_cut_file(error: &Error) -> bool {
    match driver_error(error) {
        Some(mysql::Error::MySqlError(error)) => {
            error.code == 1236 && error.message.contains("truncated in the middle")
        }
        _ => false,
    }
}

/// Whether the server refuses a value: by SQLSTATE, a data exception or a broken constraint.
pub fn is_of_value(error: &Error) -> bool {
    match driver_error(error) {
        Some(mysql::Error::MySqlError(error)) => error.state.starts_with("22") || error.state.starts_with("23"),
        _ => false,
    }
}

/// Whether the connection is gone, or the user wishes to stop: nothing more can be done.
pub fn is_lost(error: &Error) -> bool {
    /// The server is shutting down; the connection was killed.
    const GONE: [u16; 2] = [1053, 1927];
    error.kind() == ErrorKind::Cancelled
        || driver_error(error).is_some_and(|e| e.is_connectivity_error())
        || error_code(error).is_some_and(|c| GONE.contains(&c))
}

fn driver_error(error: &Error) -> Option<&mysql::Error> {
    cause(error).map(|failure| &failure.0)
}

fn cause(error: &Error) -> Option<&Failure> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Failure>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_the_driver_wraps_is_said_as_what_it_is() {
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let refused = mysql::MySqlError { state: "HY000".to_owned(), message: "no".to_owned(), code: 1105 };
        for (error, words) in [
            (mysql::Error::IoError(reset()), CLOSED),
            (mysql::Error::IoError(io::Error::other(mysql::Error::IoError(reset()))), CLOSED),
            (mysql::Error::IoError(io::Error::other(mysql::Error::CodecError(reset().into()))), CLOSED),
            (
                mysql::Error::IoError(io::Error::other(mysql::Error::MySqlError(refused))),
                "no (error 1105, SQLSTATE HY000)",
            ),
        ] {
            assert_eq!(Failure(error, Step::Talking).to_string(), words);
        }
    }
}
