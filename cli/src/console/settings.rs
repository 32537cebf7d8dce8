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
    /// Folders into which staff may bring something back.
    pub restore_to: Vec<PathBuf>,
}

impl ConsoleSettings {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// The fault, in words.
    pub fn check(&self) -> Result<(), String> {
        match self.listen {
            Some(listen) if !listen.ip().is_loopback() => Err(format!(
                "`listen` is {listen}: other computers would read pages and passwords on the way; use 127.0.0.1 and reach it over SSH or a VPN"
            )),
            _ => Ok(()),
        }
    }

    /// The port that is asked for; none if any will do.
    pub fn port(&self) -> u16 {
        self.listen.map_or(PORT, |listen| listen.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_computer_may_be_listened_on() {
        let settings = |listen: &str| ConsoleSettings { listen: Some(listen.parse().unwrap()), ..Default::default() };
        for own in ["127.0.0.1:80", "[::1]:0", "127.3.2.1:9"] {
            assert_eq!(settings(own).check(), Ok(()), "{own}");
        }
        for foreign in ["0.0.0.0:80", "[::]:80", "192.168.1.2:7717"] {
            assert!(settings(foreign).check().unwrap_err().contains(foreign), "{foreign}");
        }
    }
}
