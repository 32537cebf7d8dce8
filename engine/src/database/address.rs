//! Where a server is, and who asks.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// Where a server listens, and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// Name or IP address of the machine; ignored when there is a socket.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a socket on this machine.
    pub socket: Option<PathBuf>,
    /// Who asks.
    pub credentials: Credentials,
    /// How a TCP connection is encrypted.
    pub tls: Option<Tls>,
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
    /// The certificate authority, PEM; without one the well-known ones are trusted.
    pub authority: Option<PathBuf>,
    /// This client's certificate and key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Accept any certificate: what is sent could be read by who answers in the server's place.
    pub accept_any: bool,
}

impl Address {
    /// The server without its user, as snapshots name it: `mysql://host:port`, or `mysql://localhost/?socket=path`.
    pub fn public(&self) -> String {
        match &self.socket {
            Some(path) => format!("mysql://localhost/?socket={}", path.display()),
            None if self.host.contains(':') => format!("mysql://[{}]:{}", self.host, self.port),
            None => format!("mysql://{}:{}", self.host, self.port),
        }
    }
}
