//! The address of a server and the user's credentials: from a URL, from option files, and complete.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::attendance::Attended;
use engine_core::error::{Error, ErrorKind, Result};

/// The port of a server if nothing names one.
pub const PORT_DEFAULT: u16 = 3306;
/// The host of a server if nothing names one.
const HOST_DEFAULT: &str = "localhost";
/// Said of one of the two.
const BOTH: &str = "--tls-cert and --tls-key belong together.";

/// The address of a server, and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// Name or IP address of the machine; ignored when there is a socket.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a socket on this machine.
    pub socket: Option<PathBuf>,
    /// The user and the password.
    pub credentials: Credentials,
    /// The encryption of a TCP connection; `None` means none. The server must support everything that is set here.
    pub tls: Option<Tls>,
    /// A server that gives no sign of life for this long is given up; the default is ten minutes. Statements may take
    /// longer.
    pub silence_max: Option<Duration>,
    /// The attendant of the statements on its connections, see [`attended`](super::attended).
    pub attended: Option<Arc<Attended>>,
}

/// A user and a password.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Encryption of a connection. Certificates are verified unless told otherwise.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// A certificate authority (PEM) that is trusted in addition to the well-known ones.
    pub authority: Option<PathBuf>,
    /// This client's certificate and key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The checks of the server's certificate.
    pub verify: Verify,
}

/// The checks of a server's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verify {
    /// Its signature, and the name in it.
    #[default]
    Name,
    /// Its signature, by the named authority or a well-known one.
    Authority,
    /// Nothing: anyone who answers in the server's place could read the data.
    Nothing,
}

impl Address {
    /// The server without its user, as snapshots name it: `mysql://host:port`, or `mysql://localhost/?socket=path`.
    /// Does not depend on the user's spelling: the host is in lower case, the port is always present, IP addresses have
    /// their short form.
    pub fn public(&self) -> String {
        if let Some(path) = &self.socket {
            return format!("mysql://localhost/?socket={}", encode(path.as_os_str().as_encoded_bytes()));
        }
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => format!("mysql://[{ip}]:{}", self.port),
            Err(_) => format!("mysql://{}:{}", self.host.to_lowercase(), self.port),
        }
    }

    /// Whether the connection stays on this machine.
    pub fn is_local(&self) -> bool {
        self.socket.is_some()
            || self.host.eq_ignore_ascii_case(HOST_DEFAULT)
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// The parts of an address from one source: a URL, an option file, the options of a command. Other sources may fill the
/// gaps.
#[derive(Debug, Clone, Default)]
pub struct AddressParts {
    /// Name or IP address of the machine.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Path of a socket on this machine.
    pub socket: Option<PathBuf>,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Password>,
    /// Encryption.
    pub tls: TlsParts,
}

/// A password. It is wiped when dropped, and no `Debug` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// The settings of encryption from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsParts {
    /// Whether to encrypt. If nothing says so, a file named below means yes.
    pub wanted: Option<bool>,
    /// The certificate authority.
    pub authority: Option<PathBuf>,
    /// This client's certificate.
    pub certificate: Option<PathBuf>,
    /// The key of this certificate.
    pub key: Option<PathBuf>,
    /// How much of the server's certificate is verified.
    pub verify: Option<Verify>,
}

impl AddressParts {
    /// Reads `mysql://user@host:port/?socket=path`, in which only the scheme is required; `mariadb://` is the same.
    /// Names are percent-decoded; IPv6 addresses are in brackets.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`]; the message does not contain the password.
    pub fn from_url(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://"));
        let rest = rest.ok_or_else(|| wrong("it begins with neither mysql:// nor mariadb://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        if !path.is_empty() {
            return Err(wrong(format_args!("it names a server, and no schema as `{path}`")));
        }
        let mut parts = AddressParts::default();
        let at_host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                parts.set_user(user)?;
                host
            }
            None => authority,
        };
        parts.set_host(at_host)?;
        query.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| parts.set_parameter(pair))?;
        Ok(parts)
    }

    fn set_user(&mut self, text: &str) -> Result<()> {
        let (user, password) = match text.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (text, None),
        };
        self.user = Some(decode(user, "the user")?).filter(|user| !user.is_empty());
        self.password = password.map(|p| decode(p, "the password").map(|p| Password(Zeroizing::new(p)))).transpose()?;
        Ok(())
    }

    fn set_host(&mut self, text: &str) -> Result<()> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (ip, after) = rest.split_once(']').ok_or_else(|| wrong("a bracket is not closed"))?;
                let ip: Ipv6Addr = ip.parse().map_err(|_| wrong(format_args!("`[{ip}]` is not an IPv6 address")))?;
                let port = after.strip_prefix(':');
                if port.is_none() && !after.is_empty() {
                    return Err(wrong(format_args!("`{after}` follows the host")));
                }
                (ip.to_string(), port)
            }
            None => {
                let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                (check_host(&decode(host, "the host")?)?, port)
            }
        };
        self.host = Some(host).filter(|host| !host.is_empty());
        self.port = port.filter(|port| !port.is_empty()).map(parse_port).transpose()?;
        Ok(())
    }

    fn set_parameter(&mut self, pair: &str) -> Result<()> {
        match pair.split_once('=') {
            Some(("socket", path)) if self.socket.is_none() && !path.is_empty() => {
                self.socket = Some(decode(path, "the path of the socket")?.into());
                Ok(())
            }
            Some(("socket", _)) => Err(wrong("`socket` is empty or given twice")),
            // The message omits the value: it may be a password.
            _ => {
                let name = pair.split('=').next().unwrap_or_default();
                Err(wrong(format_args!("it has the parameter `{name}`, and there is none but `socket`")))
            }
        }
    }

    /// The parts of `self`, with gaps filled from `fallback`. Host, port and socket belong together: if `self` names a
    /// port, or a host that is not this machine, the socket of `fallback` is ignored.
    #[must_use]
    pub fn or(self, fallback: AddressParts) -> Self {
        let elsewhere = self.port.is_some() || self.host.as_deref().is_some_and(|host| host != HOST_DEFAULT);
        let socket = self.socket.or(fallback.socket.filter(|_| !elsewhere));
        AddressParts {
            host: self.host.or(fallback.host),
            port: self.port.or(fallback.port),
            socket,
            user: self.user.or(fallback.user),
            password: self.password.or(fallback.password),
            tls: self.tls.or(fallback.tls),
        }
    }

    /// The address. The defaults are localhost, port 3306, no TLS.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a certificate has no key, or a key no certificate.
    pub fn complete(self) -> Result<Address> {
        let tls = self.tls.complete()?;
        Ok(Address {
            host: self.host.unwrap_or_else(|| HOST_DEFAULT.to_owned()),
            port: self.port.unwrap_or(PORT_DEFAULT),
            // Data in a socket does not leave this machine.
            tls: tls.filter(|_| self.socket.is_none()),
            socket: self.socket,
            credentials: Credentials {
                user: self.user.unwrap_or_default(),
                password: self.password.map(|password| password.0),
            },
            silence_max: None,
            attended: None,
        })
    }
}

impl TlsParts {
    /// The settings of `self`, with gaps filled from `fallback`.
    #[must_use]
    pub fn or(self, fallback: TlsParts) -> Self {
        let own_identity = self.certificate.is_some() || self.key.is_some();
        TlsParts {
            wanted: self.wanted.or(self.names_a_file().then_some(true)).or(fallback.wanted),
            authority: self.authority.or(fallback.authority),
            certificate: self.certificate.or(fallback.certificate.filter(|_| !own_identity)),
            key: self.key.or(fallback.key.filter(|_| !own_identity)),
            verify: self.verify.or(fallback.verify),
        }
    }

    fn names_a_file(&self) -> bool {
        self.authority.is_some() || self.certificate.is_some() || self.key.is_some()
    }

    fn complete(self) -> Result<Option<Tls>> {
        if !self.wanted.unwrap_or_else(|| self.names_a_file()) {
            return Ok(None);
        }
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Error::new(ErrorKind::Usage, "the client certificate for TLS has no key").with_hint(BOTH));
            }
            (None, Some(_)) => {
                return Err(Error::new(ErrorKind::Usage, "the client key for TLS has no certificate").with_hint(BOTH));
            }
        };
        let verify = self.verify.unwrap_or_default();
        if verify == Verify::Authority && self.authority.is_none() {
            let why = "the name in the server's certificate is not to be checked, and no authority is named that has signed it";
            return Err(Error::new(ErrorKind::Usage, why)
                .with_hint("Name the authority with --tls-ca, or leave --tls-any-name out."));
        }
        Ok(Some(Tls { authority: self.authority, identity, verify }))
    }
}

/// Reads a port.
///
/// # Errors
/// [`ErrorKind::Usage`]
pub fn parse_port(text: &str) -> Result<u16> {
    let port = text.parse().ok().filter(|port| *port != 0 && text.bytes().all(|b| b.is_ascii_digit()));
    port.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("`{text}` is not a TCP port"))
            .with_hint("A port is a number from 1 to 65535, as in mysql://USER@HOST:3306.")
    })
}

fn check_host(host: &str) -> Result<String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = host.strip_suffix('.').unwrap_or(host);
    if host.chars().all(fits) && name.is_empty() == host.is_empty() {
        Ok(name.to_lowercase())
    } else {
        Err(wrong(format_args!("`{}` is not a host name", host.escape_debug())))
    }
}

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Usage, format!("cannot use the URL of the database: {why}"))
        .with_hint("As mysql://USER@HOST:PORT; `%` and two digits stand for letters that have a meaning there.")
}

/// `%2F` as `/`, and so on.
fn decode(text: &str, what: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|two| Some((hex(two[0])?, hex(two[1])?)));
        let (high, low) = digits.ok_or_else(|| wrong(format_args!("{what} holds a `%` without two digits")))?;
        bytes.push(high << 4 | low);
        rest = &after[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong(format_args!("{what} is not UTF-8 text")))?;
    if text.contains('\0') { Err(wrong(format_args!("{what} holds a zero byte"))) } else { Ok(text) }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Bytes of a path for a URL.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => text.push((*byte).into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(url: &str) -> String {
        AddressParts::from_url(url).unwrap().complete().unwrap().public()
    }

    #[test]
    fn a_server_has_one_name_however_it_is_written() {
        for url in ["mysql://db", "mysql://root@DB:3306/", "mariadb://ann:secret@db.", "mysql://db:"] {
            assert_eq!(public(url), "mysql://db:3306", "{url}");
        }
        assert_eq!(public("mysql://"), "mysql://localhost:3306");
        assert_eq!(public("mysql://root@[0:0:0::1]:3307"), "mysql://[::1]:3307");
        assert_eq!(public("mysql://u@localhost/?socket=/run/my.sock"), "mysql://localhost/?socket=/run/my.sock");
        assert_eq!(public("mysql://u@other/?socket=/run/a%20b"), "mysql://localhost/?socket=/run/a%20b");
    }

    #[test]
    fn names_are_percent_decoded() {
        let parts = AddressParts::from_url("mysql://o%40k:p%3Aw@h%2Dx").unwrap();
        assert_eq!((parts.user.as_deref(), parts.host.as_deref()), (Some("o@k"), Some("h-x")));
        assert_eq!(*parts.password.unwrap().0, "p:w");
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_the_password() {
        let cases = [
            "postgres://x",
            "mysql://h/opendental",
            "mysql://h:0",
            "mysql://h:+1",
            "mysql://h:70000",
            "mysql://a b",
            "mysql://.",
            "mysql://[::1",
            "mysql://[::1]x",
            "mysql://[1.2.3.4]",
            "mysql://u%@h",
            "mysql://u%ff@h",
            "mysql://u%00@h",
            "mysql://h/?socket=",
            "mysql://h/?socket=/a&socket=/b",
            "mysql://h/?password=secret",
            "mysql://u:secret%@h",
            "mysql://u:secret@h:x",
        ];
        for url in cases {
            let error = AddressParts::from_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_socket_of_the_option_file_is_for_this_machine_only() {
        let file =
            || AddressParts { socket: Some("/run/my.sock".into()), user: Some("ann".into()), ..Default::default() };
        let merged = |url| AddressParts::from_url(url).unwrap().or(file());
        assert!(merged("mysql://").socket.is_some());
        assert!(merged("mysql://root@localhost").socket.is_some());
        assert!(merged("mysql://localhost:3307").socket.is_none());
        assert!(merged("mysql://db").socket.is_none());
        assert_eq!(merged("mysql://db").user.as_deref(), Some("ann"));
    }

    #[test]
    fn a_file_for_tls_means_that_tls_is_wanted() {
        let tls = |parts| AddressParts { tls: parts, ..Default::default() }.complete().map(|address| address.tls);
        assert!(tls(TlsParts::default()).unwrap().is_none());
        assert!(tls(TlsParts { authority: Some("ca".into()), ..Default::default() }).unwrap().is_some());
        let off = TlsParts { wanted: Some(false), authority: Some("ca".into()), ..Default::default() };
        assert!(tls(off.clone()).unwrap().is_none());
        let on = TlsParts { authority: Some("other".into()), ..Default::default() };
        assert_eq!(tls(on.or(off)).unwrap().unwrap().authority, Some("other".into()));
        assert!(tls(TlsParts { key: Some("key".into()), ..Default::default() }).is_err());
    }

    #[test]
    fn no_password_is_shown() {
        let parts = AddressParts::from_url("mysql://u:secret@h").unwrap();
        assert!(!format!("{parts:?}").contains("secret"));
        assert!(!format!("{:?}", parts.complete().unwrap()).contains("secret"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(rest in "\\PC{0,40}") {
            let _ = AddressParts::from_url(&rest);
            let _ = AddressParts::from_url(&format!("mysql://{rest}"));
        }

        #[test]
        fn the_public_name_means_the_same_server(host in "[a-z0-9-]{1,12}(\\.[a-z]{1,3})?", port in 1..u16::MAX, socket in proptest::option::of("/\\PC{1,20}")) {
            let address = Address { host, port, socket: socket.map(PathBuf::from), ..Default::default() };
            let again = AddressParts::from_url(&address.public()).unwrap().complete().unwrap();
            prop_assert_eq!(&again.socket, &address.socket);
            if address.socket.is_none() {
                prop_assert_eq!(again.host.as_str(), address.host.as_str());
            }
        }
    }
}
