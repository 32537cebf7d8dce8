//! TLS for other computers: the certificate and its key, and by which names the page is asked for.

use std::sync::Arc;

use engine::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::settings::ConsoleSettings;
use crate::context::Context;
use crate::secret::warn_if_others_read;

/// Which way a connection came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// Names with the port, as browsers ask for them.
    pub names: Vec<String>,
    /// `http` or `https`.
    pub scheme: &'static str,
}

impl Entrance {
    /// That of this computer.
    pub fn of_this_computer(port: u16) -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
        Entrance { names: names.into(), scheme: "http" }
    }

    /// That of other computers, by names that the certificate has.
    pub fn of_others(names: &[String], port: u16) -> Self {
        let with_port = names.iter().map(|name| format!("{}:{port}", name.to_ascii_lowercase()));
        // A browser leaves the usual port out.
        let usual = names.iter().filter(|_| port == 443).map(|name| name.to_ascii_lowercase());
        Entrance { names: with_port.chain(usual).collect(), scheme: "https" }
    }

    /// Whether the connection is from this computer.
    pub fn is_here(&self) -> bool {
        self.scheme == "http"
    }
}

/// Reads certificate and key.
///
/// # Errors
/// They cannot be read, or do not belong together.
pub fn acceptor(settings: &ConsoleSettings, context: &Context<'_>) -> Result<TlsAcceptor> {
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
        return Err(Error::new(ErrorKind::Usage, "`[console]` names no `certificate` and `key`"));
    };
    warn_if_others_read(key, "key of the page", context.ui);
    let unusable = |path: &std::path::Path, why: String| {
        Error::caused(ErrorKind::Usage, format!("cannot use {} for the page", path.display()), why)
    };
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| unusable(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(certificates, private))
        .map_err(|error| unusable(certificate, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
