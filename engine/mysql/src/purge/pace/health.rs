//! Whether the server and its replicas have time for deletions.

use std::time::{Duration, Instant};

use super::options::PaceOptions;
use crate::database::{Address, Connection, Server};
use engine_core::error::{Result, chain};

/// Looking takes a millisecond, so it is not done before each batch.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Looks at how busy a server is.
pub(in crate::purge) struct Health {
    threads_running: u64,
    history_length: u64,
    lag: Duration,
    replicas: Vec<Replica>,
    looked: Option<Instant>,
}

/// A server that replicates the one that rows are removed from.
pub(in crate::purge) struct Replica {
    address: Address,
    /// None after it was lost.
    connection: Option<Connection>,
}

impl Health {
    /// With the bounds of `options`.
    pub fn new(options: &PaceOptions, replicas: Vec<Replica>) -> Self {
        let PaceOptions { threads_running, history_length, lag, .. } = *options;
        Health { threads_running, history_length, lag, replicas, looked: None }
    }

    /// The reason to wait, as a clause that begins with `until` or `while`; `None` if there is none, or the last look was just now.
    ///
    /// # Errors
    /// If the server does not answer; a replica that does not is waited for.
    pub fn trouble(&mut self, connection: &mut Connection) -> Result<Option<String>> {
        if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) {
            return Ok(None);
        }
        let found = self.look(connection)?;
        // A busy server is looked at again before the next batch.
        self.looked = found.is_none().then(Instant::now);
        Ok(found)
    }

    fn look(&mut self, connection: &mut Connection) -> Result<Option<String>> {
        if status(connection, "Threads_running")?.is_some_and(|running| running > self.threads_running) {
            return Ok(Some(format!("while more than {} threads of the server are at work", self.threads_running)));
        }
        if history_length(connection)?.is_some_and(|length| length > self.history_length) {
            return Ok(Some("until InnoDB has tidied up old transactions".to_owned()));
        }
        Ok(self.replicas.iter_mut().find_map(|replica| match replica.seconds_behind() {
            Ok(Some(behind)) if Duration::from_secs(behind) <= self.lag => None,
            Ok(Some(_)) => Some(format!("while the replica {} lags", replica.name())),
            Ok(None) => Some(format!("until the replica {} replicates again", replica.name())),
            Err(error) => Some(format!("until the replica {} answers ({})", replica.name(), chain(&error))),
        }))
    }
}

/// How many old transactions InnoDB has to tidy up, where the server says it: MariaDB in its status, MySQL among its metrics.
fn history_length(connection: &mut Connection) -> Result<Option<u64>> {
    if let Some(length) = status(connection, "Innodb_history_list_length")? {
        return Ok(Some(length));
    }
    let sql = "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'";
    Ok(connection.value(sql)?.and_then(|value| value.parse().ok()))
}

fn status(connection: &mut Connection, name: &str) -> Result<Option<u64>> {
    Ok(connection.status(name)?.and_then(|value| value.parse().ok()))
}

impl Replica {
    /// Connects to the server at `address`.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn connect(address: &Address) -> Result<Self> {
        Ok(Replica { address: address.clone(), connection: Some(Connection::open(address)?) })
    }

    fn name(&self) -> String {
        self.address.public()
    }

    /// Seconds by which it lags; `None` if it does not replicate. A connection that was lost is made anew the next time.
    fn seconds_behind(&mut self) -> Result<Option<u64>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.address)?,
        };
        let behind = seconds_behind(&mut connection)?;
        self.connection = Some(connection);
        Ok(behind)
    }
}

fn seconds_behind(connection: &mut Connection) -> Result<Option<u64>> {
    let is_new = Server::detect(connection)?.is_mysql_from((8, 0, 22));
    let sql = if is_new { "SHOW REPLICA STATUS" } else { "SHOW SLAVE STATUS" };
    let names = ["Seconds_Behind_Master", "Seconds_Behind_Source"];
    let behind = connection.named_value(sql, &names).map_err(|e| e.context("it does not say how far it is"))?;
    Ok(behind.and_then(|seconds| seconds.parse().ok()))
}
