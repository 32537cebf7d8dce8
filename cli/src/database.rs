//! The options that name a database server, and what the settings add to them.

use std::path::{Path, PathBuf};

use engine::database::{Address, AddressParts, Password, TlsParts, Verify, read_option_file};
use engine::monitor::Monitor;
use engine::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::secret::{read_password_file, warn_if_others_read};
use crate::settings::parse_url;

/// A server, and which of its schemas are meant.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DatabaseArgs {
    /// The database server, as `mysql://USER@HOST[:PORT]` or `mysql://USER@localhost/?socket=PATH`
    #[arg(long, value_name = "URL", help_heading = "Database options")]
    pub database: Option<String>,
    /// Only this schema; can be given several times [default: all but the server's own]
    #[arg(long = "schema", value_name = "NAME", help_heading = "Database options")]
    pub schemas: Vec<String>,
    /// How to get in.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// How to get in to a server that is named elsewhere.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Database options")]
pub struct ServerArgs {
    /// Take everything that the URL does not say from this option file of MySQL or MariaDB (my.cnf), group `[client]`
    #[arg(long, value_name = "FILE")]
    defaults_file: Option<PathBuf>,
    /// The password of the database is the first line of this file [or ENAMEL_DB_PASSWORD: the password itself]
    #[arg(long, value_name = "FILE")]
    database_password_file: Option<PathBuf>,
    /// Encrypt the connection, by TLS 1.2 or newer, and check the server's certificate
    #[arg(long)]
    tls: bool,
    /// Trust this certificate authority, PEM; means --tls
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Show the server this certificate, PEM; means --tls
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of this certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Check only who signed the server's certificate, --tls-ca or a well-known authority, and not the name in it:
    /// MySQL's own have no names
    #[arg(long, conflicts_with = "tls_skip_verify")]
    tls_any_name: bool,
    /// Encrypt, but accept any certificate: somebody who answers in the server's place could read along
    #[arg(long)]
    tls_skip_verify: bool,
}

impl DatabaseArgs {
    /// The server that the options or enamel.toml name; `None` if neither does.
    ///
    /// # Errors
    /// See [`ServerArgs::address`].
    pub fn address(&self, context: &Context<'_>) -> Result<Option<Address>> {
        let url = self.database.as_ref().or(context.settings.file.database.as_ref());
        match url {
            Some(url) => self.server.address(url, context).map(Some),
            None if self.server.is_empty() && self.schemas.is_empty() => Ok(None),
            None => Err(Error::new(
                ErrorKind::Usage,
                "an option needs a database, and no database is named: use --database",
            ).with_hint("`--database mysql://USER@HOST` names the server; without it the options of a database have no meaning.")),
        }
    }

    /// The server, which must be named.
    ///
    /// # Errors
    /// No server is named; otherwise see [`ServerArgs::address`].
    pub fn required_address(&self, context: &Context<'_>) -> Result<Address> {
        self.address(context)?.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "no database is named: use --database URL, or `database` in enamel.toml")
                .with_hint(
                    "As `--database mysql://enamel@localhost`; `mysql://USER@localhost/?socket=PATH` names a socket.",
                )
        })
    }

    /// The schemas that the options or enamel.toml name; empty means all.
    pub fn schemas(&self, context: &Context<'_>) -> Vec<String> {
        if self.schemas.is_empty() { context.settings.file.schemas.clone() } else { self.schemas.clone() }
    }
}

impl ServerArgs {
    /// The server of `url`, with password and encryption from options, environment and files.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if `url` makes no sense or holds a password, or a file cannot be read.
    pub fn address(&self, url: &str, context: &Context<'_>) -> Result<Address> {
        let named = parse_url(url)?;
        let file = &context.settings.file;
        let option_file = self.defaults_file.as_ref().or(file.defaults_file.as_ref());
        let fallback =
            option_file.map_or_else(|| Ok(AddressParts::default()), |path| private(path, context, read_option_file))?;
        let (own_tls, file_tls) = (self.tls(), file.tls());
        let asks_for_tls = own_tls != TlsParts::default();
        let parts = AddressParts { tls: own_tls.or(file_tls), password: self.password(context)?, ..named };
        let address = parts.or(fallback).complete()?;
        if asks_for_tls && address.socket.is_some() {
            let why = "TLS is for TCP: data through a socket does not leave this machine";
            return Err(Error::new(ErrorKind::Usage, why).with_hint("Leave --tls out, or name a host and port."));
        }
        if address.tls.is_none() && !address.is_local() {
            let name = address.public();
            context.ui.note(&format!(
                "the connection to {name} is not encrypted: somebody in between can read along (--tls)"
            ));
        }
        Ok(address)
    }

    /// The password that options, environment or enamel.toml give.
    fn password(&self, context: &Context<'_>) -> Result<Option<Password>> {
        let read = |path: &Path| private(path, context, read_password_file).map(|password| Some(Password(password)));
        if let Some(path) = &self.database_password_file {
            return read(path);
        }
        if let Some(password) = &context.settings.database_password {
            return Ok(Some(Password(password.clone())));
        }
        context.settings.file.database_password_file.as_deref().map_or(Ok(None), read)
    }

    fn tls(&self) -> TlsParts {
        let verify = match (self.tls_skip_verify, self.tls_any_name) {
            (true, _) => Some(Verify::Nothing),
            (false, true) => Some(Verify::Authority),
            (false, false) => None,
        };
        TlsParts {
            wanted: (self.tls || self.tls_any_name || self.tls_skip_verify).then_some(true),
            authority: self.tls_ca.clone(),
            certificate: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            verify,
        }
    }

    /// Whether no option is given.
    pub fn is_empty(&self) -> bool {
        self.defaults_file.is_none() && self.database_password_file.is_none() && self.tls() == TlsParts::default()
    }
}

/// Reads a file, and notes if other users can read it, too.
fn private<T>(path: &Path, context: &Context<'_>, read: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let value = read(path)?;
    warn_if_others_read(path, "file", context.ui);
    Ok(value)
}
