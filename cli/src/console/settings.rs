//! `[console]` of enamel.toml.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The port of the console, unless another program has it.
pub const PORT: u16 = 7717;

/// `[console]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConsoleSettings {
    /// No console.
    pub off: bool,
    /// Address and port; the default is this computer only.
    pub listen: Option<SocketAddr>,
    /// Names under which other computers ask for the page.
    pub names: Vec<String>,
    /// The certificate that they are shown, with those that lead to its authority.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Folders into which staff may bring something back.
    pub restore_to: Vec<PathBuf>,
}

impl ConsoleSettings {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// The fault, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err("`certificate` and `key` belong together: one is not enough".to_owned());
        }
        let Some(listen) = self.network() else {
            return match self.certificate {
                Some(_) => {
                    Err("`certificate` is for other computers, and `listen` names no address that they reach"
                        .to_owned())
                }
                None => Ok(()),
            };
        };
        if self.certificate.is_none() {
            return Err(format!(
                "`listen` is {listen}: other computers would read pages and passwords on the way; name `certificate` and `key`, or use \
                 127.0.0.1 and reach it over SSH or a VPN"
            ));
        }
        if self.names.is_empty() {
            return Err("`names` is empty: which name of this computer stands in the certificate?".to_owned());
        }
        let is_name = |name: &String| {
            let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
            !name.is_empty() && name.bytes().all(is_fine)
        };
        match self.names.iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!("`names` holds `{name}`, which is no name of a computer")),
            None => Ok(()),
        }
    }

    /// The address for other computers, if there is one.
    pub fn network(&self) -> Option<SocketAddr> {
        self.listen.filter(|listen| !listen.ip().is_loopback())
    }

    /// Files that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.certificate.iter_mut().chain(&mut self.key)
    }

    /// The port that is asked for; none if any will do.
    pub fn port(&self) -> u16 {
        self.listen.filter(|listen| listen.ip().is_loopback()).map_or(PORT, |listen| listen.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_computers_need_a_certificate_its_key_and_a_name() {
        let settings = |listen: &str, names: &[&str], files: [bool; 2]| ConsoleSettings {
            listen: Some(listen.parse().unwrap()),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            certificate: files[0].then(|| "console.crt".into()),
            key: files[1].then(|| "console.key".into()),
            ..Default::default()
        };
        for own in ["127.0.0.1:80", "[::1]:0", "127.3.2.1:9"] {
            assert_eq!(settings(own, &[], [false; 2]).check(), Ok(()), "{own}");
            assert!(settings(own, &[], [true; 2]).check().is_err(), "{own}: nobody else reaches it");
        }
        for foreign in ["0.0.0.0:80", "[::]:80", "192.168.1.2:7717"] {
            assert!(settings(foreign, &["office"], [false; 2]).check().unwrap_err().contains(foreign), "{foreign}");
            assert_eq!(settings(foreign, &["office", "192.168.1.2"], [true; 2]).check(), Ok(()));
            for (names, files) in [
                (&["office"][..], [true, false]),
                (&["office"], [false, true]),
                (&[], [true, true]),
                (&["a b"], [true, true]),
                (&["office/"], [true, true]),
            ] {
                assert!(settings(foreign, names, files).check().is_err(), "{names:?} {files:?}");
            }
        }
    }
}
