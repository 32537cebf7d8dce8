//! Whether the server and its replicas have time for deletions.

use std::time::{Duration, Instant};

use mysql::prelude::Queryable;

use super::pace::PaceOptions;
use crate::database::{Address, Connection, Server, failure};
use crate::error::Result;

/// Looking takes a millisecond, so it is not done before each batch.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Looks at how busy a server is.
pub(super) struct Health {
    threads_running: u64,
    history_length: u64,
    lag: Duration,
    replicas: Vec<Replica>,
    looked: Option<Instant>,
}

/// A server that replicates the one that rows are removed from.
pub(super) struct Replica {
    name: String,
    connection: Connection,
    sql: &'static str,
}

impl Health {
    /// With the bounds of `options`.
    pub fn new(options: &PaceOptions, replicas: Vec<Replica>) -> Self {
        let PaceOptions { threads_running, history_length, lag, .. } = *options;
        Health { threads_running, history_length, lag, replicas, looked: None }
    }

    /// What there is to wait for: a clause that begins with `until` or `while`; `None` if nothing, or it was looked just now.
    ///
    /// # Errors
    /// If a server does not answer.
    pub fn trouble(&mut self, connection: &mut Connection) -> Result<Option<String>> {
        if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) {
            return Ok(None);
        }
        let found = self.look(connection)?;
        // What was busy is looked at again before the next batch.
        self.looked = found.is_none().then(Instant::now);
        Ok(found)
    }

    fn look(&mut self, connection: &mut Connection) -> Result<Option<String>> {
        if status(connection, "Threads_running")?.is_some_and(|running| running > self.threads_running) {
            return Ok(Some(format!("while more than {} threads of the server are at work", self.threads_running)));
        }
        // Only MariaDB has it here; elsewhere it is not looked at.
        let history = status(connection, "Innodb_history_list_length")?;
        if history.is_some_and(|length| length > self.history_length) {
            return Ok(Some("until InnoDB has tidied up old transactions".to_owned()));
        }
        for replica in &mut self.replicas {
            match replica.seconds_behind()? {
                Some(behind) if Duration::from_secs(behind) <= self.lag => {}
                Some(_) => return Ok(Some(format!("while the replica {} lags", replica.name))),
                None => return Ok(Some(format!("until the replica {} replicates again", replica.name))),
            }
        }
        Ok(None)
    }
}

fn status(connection: &mut Connection, name: &str) -> Result<Option<u64>> {
    let row = connection.first(&format!("SHOW GLOBAL STATUS LIKE '{name}'"))?;
    Ok(row.and_then(|row| row.into_iter().nth(1).flatten()).and_then(|value| value.parse().ok()))
}

impl Replica {
    /// Connects to the server at `address`.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn connect(address: &Address) -> Result<Self> {
        let mut connection = Connection::open(address)?;
        let server = Server::detect(&mut connection)?;
        let is_new = server.is_mysql_from((8, 0, 22));
        let sql = if is_new { "SHOW REPLICA STATUS" } else { "SHOW SLAVE STATUS" };
        Ok(Replica { name: address.public(), connection, sql })
    }

    /// Seconds by which it lags; `None` if it does not replicate.
    fn seconds_behind(&mut self) -> Result<Option<u64>> {
        let failed = |e| failure(format!("cannot ask the replica {} how far it is", self.name), e);
        let row: Option<mysql::Row> = self.connection.raw().query_first(self.sql).map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let names = ["Seconds_Behind_Master", "Seconds_Behind_Source"];
        let value = names.iter().find_map(|name| row.get_opt::<Option<u64>, _>(*name));
        Ok(value.and_then(std::result::Result::ok).flatten())
    }
}
