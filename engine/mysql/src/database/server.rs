//! A server: its program, its version, and their consequences.

use repo_format::database::Flavour;

use super::Connection;
use engine_core::error::Result;

/// A version: major, minor, patch.
pub type Version = (u32, u32, u32);

/// A server, as one connection found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Which program.
    pub flavour: Flavour,
    /// Its version.
    pub version: Version,
    /// The result of `VERSION()`.
    pub version_text: String,
}

impl Server {
    /// Asks `connection`.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn detect(connection: &mut Connection) -> Result<Self> {
        let text = connection.value("SELECT VERSION()")?.unwrap_or_default();
        Ok(Server::from_version(&text))
    }

    /// Parses a version text.
    pub fn from_version(text: &str) -> Self {
        // Some MariaDB servers put this before their version, for clients that expect MySQL.
        let plain = text.strip_prefix("5.5.5-").filter(|rest| rest.contains("MariaDB")).unwrap_or(text);
        let flavour = if text.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
        let digits = plain.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let mut parts = digits.split('.').map(|part| part.parse().unwrap_or(0));
        let mut part = || parts.next().unwrap_or(0);
        Server { flavour, version: (part(), part(), part()), version_text: text.to_owned() }
    }

    /// Identifies this server: MySQL has an id of its own, newer MariaDB one of machine and port; otherwise machine,
    /// port and data folder.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn identity(&self, connection: &mut Connection) -> Result<String> {
        let name = if self.is_mariadb() { "server_uid" } else { "server_uuid" };
        match connection.variable(name)?.filter(|id| !id.is_empty()) {
            Some(id) => Ok(id),
            None => Ok(connection.value("SELECT CONCAT(@@hostname, ':', @@port, @@datadir)")?.unwrap_or_default()),
        }
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.flavour == Flavour::MariaDb
    }

    /// Whether it takes what `other` has, and its log: the same program, and not older.
    pub fn takes_data_of(&self, other: &Server) -> bool {
        self.flavour == other.flavour && self.version >= other.version
    }

    /// Whether it is MariaDB of this version or later.
    pub fn is_mariadb_from(&self, version: Version) -> bool {
        self.is_mariadb() && self.version >= version
    }

    /// Whether it is MySQL of this version or later.
    pub fn is_mysql_from(&self, version: Version) -> bool {
        !self.is_mariadb() && self.version >= version
    }

    /// Whether it lists all foreign keys of InnoDB to a holder of PROCESS, including those of tables that the account
    /// has no right on.
    pub fn lists_foreign_keys(&self) -> bool {
        self.is_mariadb_from((10, 0, 0)) || self.is_mysql_from((5, 6, 0))
    }

    /// Whether it gives each TIMESTAMP a default unless its configuration says otherwise, and no session can change
    /// that.
    pub fn fills_times(&self) -> bool {
        !self.is_mariadb_from((10, 8, 4)) && !self.is_mysql_from((8, 0, 0))
    }

    /// Whether it has `BACKUP STAGE`.
    pub fn has_backup_stages(&self) -> bool {
        self.is_mariadb_from((10, 4, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        let of = |text| {
            let server = Server::from_version(text);
            (server.flavour, server.version)
        };
        assert_eq!(of("10.11.19-MariaDB-0+deb12u1-log"), (Flavour::MariaDb, (10, 11, 19)));
        assert_eq!(of("5.5.5-10.5.11-MariaDB"), (Flavour::MariaDb, (10, 5, 11)));
        assert_eq!(of("5.5.14"), (Flavour::MySql, (5, 5, 14)));
        assert_eq!(of("8.0.36-28"), (Flavour::MySql, (8, 0, 36)));
        assert_eq!(of("5.6.45-log"), (Flavour::MySql, (5, 6, 45)));
    }
}
