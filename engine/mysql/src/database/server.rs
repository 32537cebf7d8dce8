//! A server: its program, its version, and their consequences.

use repo_format::database::{Flavour, ServerRecord};

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

    /// The server of a snapshot.
    pub fn of_record(record: &ServerRecord) -> Self {
        Server { flavour: record.flavour, ..Server::from_version(&record.version) }
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

    /// Whether it takes what `other` has, and its log: the same program, of the same series or a newer one. Within a series the
    /// releases of a server mend it, and what one has written another can read.
    pub fn takes_data_of(&self, other: &Server) -> bool {
        self.flavour == other.flavour && self.series() >= other.series()
    }

    /// The versions that differ in their last number only.
    pub fn series(&self) -> (u32, u32) {
        (self.version.0, self.version.1)
    }

    /// Program and version, as people say them.
    pub fn title(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{} {major}.{minor}.{patch}", self.program())
    }

    /// Program and series, as people say them.
    pub fn title_of_series(&self) -> String {
        let (major, minor) = self.series();
        format!("{} {major}.{minor}", self.program())
    }

    /// Its title; where `saved`, whose data it has, is of another version, that as well.
    pub fn in_place_of(&self, saved: &Server) -> String {
        match (self.title(), saved.title()) {
            (own, other) if own == other => own,
            (own, other) => format!("{own}, for a database of {other}"),
        }
    }

    fn program(&self) -> &'static str {
        match self.flavour {
            Flavour::MariaDb => "MariaDB",
            Flavour::MySql => "MySQL",
        }
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

    #[test]
    fn a_server_takes_the_data_of_its_series_and_of_older_ones() {
        let takes = |server, source| Server::from_version(server).takes_data_of(&Server::from_version(source));
        for (server, source) in [
            ("10.11.18-MariaDB", "10.11.19-MariaDB-log"),
            ("10.11.1-MariaDB", "5.5.5-10.11.19-MariaDB"),
            ("10.11.19-MariaDB", "10.11.18-MariaDB"),
            ("11.4.2-MariaDB", "10.11.19-MariaDB"),
            ("8.0.30", "8.0.36-28"),
            ("8.4.0", "8.0.36"),
        ] {
            assert!(takes(server, source), "{server} for {source}");
        }
        for (server, source) in [
            ("10.6.22-MariaDB", "10.11.1-MariaDB"),
            ("10.11.19-MariaDB", "11.0.1-MariaDB"),
            ("8.0.36", "8.4.0"),
            ("8.0.36", "10.11.19-MariaDB"),
            ("10.11.19-MariaDB", "8.0.36"),
        ] {
            assert!(!takes(server, source), "{server} for {source}");
        }
    }

    #[test]
    fn both_versions_are_named_if_they_differ() {
        let [used, saved] = ["10.11.18-MariaDB", "10.11.19-MariaDB-log"].map(Server::from_version);
        assert_eq!(used.in_place_of(&saved), "MariaDB 10.11.18, for a database of MariaDB 10.11.19");
        assert_eq!(saved.in_place_of(&saved), "MariaDB 10.11.19");
    }
}
