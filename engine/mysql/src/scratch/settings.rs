//! The command line of a scratch server: fast, alone, and with what changes the meaning of definitions and statements as the source had it.

use repo_format::database::ServerRecord;

use super::folder::Folder;
use super::unix::User;
use crate::database::Server;

/// No statement and no row of an event is larger.
const PACKET_MAX: &str = "1073741824";
/// Nothing of it must survive the machine's power, nobody connects but this process, and nothing runs by itself.
const ALONE: [&str; 8] = [
    "--skip-networking",
    "--skip-name-resolve",
    "--event-scheduler=OFF",
    "--local-infile=ON",
    "--sync-binlog=0",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=256M",
    "--key-buffer-size=64M",
];
const ALONE_MARIADB: [&str; 2] = ["--performance-schema=OFF", "--aria-pagecache-buffer-size=64M"];
const ALONE_MYSQL: [&str; 3] = ["--mysqlx=OFF", "--innodb-doublewrite=OFF", "--log-bin-trust-function-creators=ON"];
/// The same options of both, while data are made and later.
const INNODB: [&str; 1] = ["--innodb-flush-method=nosync"];
/// Variables of the source that the scratch server takes over, when both know them.
const TAKEN: [&str; 10] = [
    "block_encryption_mode",
    "character_set_server",
    "collation_server",
    "default_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "explicit_defaults_for_timestamp",
    "innodb_file_per_table",
    "lc_time_names",
    "sql_mode",
];
/// Settings that a data folder has from its beginning.
const INITIAL: [&str; 2] = ["innodb_page_size", "lower_case_table_names"];

/// A log of its own, with everything from which a moment comes back.
const LOGGING: [&str; 3] = ["--log-bin=binlog", "--server-id=1", "--binlog-format=ROW"];

/// The use of a scratch server.
#[derive(Clone, Copy)]
pub(super) enum Use<'u> {
    /// It stands in for the server of this record.
    StandIn(&'u ServerRecord),
    /// It is a server of its own, which keeps a log.
    Own,
}

/// Everything that the command line follows from.
pub(super) struct Settings<'s> {
    pub purpose: Use<'s>,
    pub server: &'s Server,
    pub folder: &'s Folder,
    pub user: Option<&'s User>,
}

impl Settings<'_> {
    /// Arguments for the program that makes the data folder.
    pub fn initial(&self) -> Vec<String> {
        let mut arguments = self.common();
        if !self.server.is_mariadb() {
            arguments.extend(["--skip-log-bin", "--innodb-doublewrite=OFF"].map(str::to_owned));
        }
        arguments
    }

    /// Arguments for the server.
    pub fn running(&self) -> Vec<String> {
        let mut arguments = self.common();
        arguments.push(format!("--socket={}", self.folder.socket().display()));
        arguments.push(format!("--pid-file={}", self.folder.process_id().display()));
        arguments.push(format!("--max-allowed-packet={PACKET_MAX}"));
        arguments.extend(ALONE.map(str::to_owned));
        let of_flavour: &[&str] = if self.server.is_mariadb() { &ALONE_MARIADB } else { &ALONE_MYSQL };
        arguments.extend(of_flavour.iter().copied().map(str::to_owned));
        match self.purpose {
            Use::StandIn(_) if self.server.is_mariadb() => {}
            Use::StandIn(_) => arguments.push("--skip-log-bin".to_owned()),
            Use::Own => arguments.extend(LOGGING.map(str::to_owned)),
        }
        arguments.extend(TAKEN.iter().filter_map(|name| self.taken(name)));
        arguments.extend(self.default_time_zone().map(|zone| format!("--default-time-zone={zone}")));
        arguments
    }

    /// The time zone of the process; none: this process's.
    pub fn time_zone_of_process(&self) -> Option<&'static str> {
        self.record().and_then(zone_of_scratch_server)
    }

    fn record(&self) -> Option<&ServerRecord> {
        match self.purpose {
            Use::StandIn(record) => Some(record),
            Use::Own => None,
        }
    }

    fn common(&self) -> Vec<String> {
        let (data, temporary) = (self.folder.data(), self.folder.temporary());
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--tmpdir={}", temporary.display()),
            // No statement reads or writes files elsewhere.
            format!("--secure-file-priv={}", temporary.display()),
        ];
        arguments.extend(INNODB.map(str::to_owned));
        arguments.extend(self.user.map(|user| format!("--user={}", user.name)));
        arguments.extend(INITIAL.iter().filter_map(|name| self.taken(name)));
        arguments
    }

    fn taken(&self, name: &str) -> Option<String> {
        // Servers refuse 2 on a disk that tells upper from lower case. 1 compares names likewise.
        let value = self.variable(name)?;
        let value = if name == "lower_case_table_names" && value == "2" { "1" } else { value };
        Some(format!("--{}={value}", name.replace('_', "-")))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.record()?.variables.iter().find(|variable| variable.name.eq_ignore_ascii_case(name));
        found.map(|variable| variable.value.as_str())
    }

    /// The zone of sessions, if the server can know it when it starts: a name needs tables that are not filled yet.
    fn default_time_zone(&self) -> Option<&str> {
        let (zone, _) = self.record()?.time_zone.split_once('/')?;
        zone.starts_with(['+', '-']).then_some(zone)
    }
}

/// The time zone of a scratch server's process, where that of the source's machine is known: the source's name for it is of use only for UTC, as
/// others are the same in many places.
pub(crate) fn zone_of_scratch_server(source: &ServerRecord) -> Option<&'static str> {
    let (_, system) = source.time_zone.split_once('/')?;
    (system == "UTC").then_some("UTC")
}
