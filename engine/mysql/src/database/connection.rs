//! A connection to a server, set up so that values arrive as they are stored.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Binary, ClientIdentity, Conn, LocalInfileHandler, OptsBuilder, QueryResult, SslOpts};

use super::attendance::{Attendance, Busy};
use super::error_code;
use super::failure::{connection_failure, failure};
use super::settings::{self, Binlog, Setting, Use};
use super::silence::{Watch, connect, no_sign, silence_max};
use super::unix::with_probes;
use super::value::Value;
use super::{Address, Server, Tls, Verify, outline, quote_bytes};
use engine_core::error::{Error, ErrorKind, Result};

/// The account has as many sessions as it may have.
const OVER_LIMIT: [u16; 2] = [1203, 1226];
/// How often a session is asked for again then, and after which time.
const LIMIT_TRIES: u32 = 20;
const LIMIT_WAIT: Duration = Duration::from_millis(100);
/// The largest accepted packet; no row is larger.
const PACKET_MAX: usize = 1 << 30;
/// A server that does not answer within this time counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server's error number for a wrong user or password.
const DENIED: u16 = 1045;
const MAY_ASK_FOR_TLS: &str = "Check user and password (--defaults-file, --database-password-file or ENAMEL_DB_PASSWORD give the password). The \
                               server offers TLS, and may ask this account for it: --tls, with --tls-ca for its authority.";

/// A row of a result: the bytes of each column, or `None` for NULL.
pub type Row = Vec<Option<Vec<u8>>>;

/// A connection.
pub struct Connection {
    // Both must be dropped first, see there.
    attendance: Option<Attendance>,
    watch: Watch,
    conn: Conn,
    /// The time that the server may be silent.
    silence: Duration,
    refused: Vec<&'static Setting>,
}

impl Connection {
    /// Connects, and sets the session up for reading. A statement may take any time, but a silent server ends the wait
    /// for it.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server cannot be reached, does not answer, refuses the user, or lacks the
    /// requested TLS; [`ErrorKind::Usage`] if a file for TLS cannot be read.
    pub fn open(address: &Address) -> Result<Self> {
        Connection::open_for(address, Use::Read)
    }

    /// Keeps what this session changes out of the server's binary log, if that is wanted.
    ///
    /// # Errors
    /// If the account has no right to that.
    pub fn set_binlog(&mut self, binlog: Binlog) -> Result<()> {
        match binlog {
            Binlog::Write => Ok(()),
            Binlog::Skip => self.run("SET SESSION sql_log_bin=0"),
        }
    }

    /// Opens a connection for another use.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn open_for(address: &Address, of: Use) -> Result<Self> {
        // A server counts a session of ours until it has noticed that it ended.
        for _ in 0..LIMIT_TRIES {
            match Self::try_open_for(address, of) {
                Err(error) if error_code(&error).is_some_and(|code| OVER_LIMIT.contains(&code)) => {
                    std::thread::sleep(LIMIT_WAIT);
                }
                opened => return opened,
            }
        }
        Self::try_open_for(address, of)
    }

    fn try_open_for(address: &Address, of: Use) -> Result<Self> {
        address.tls.as_ref().map_or(Ok(()), check_files)?;
        let opts = OptsBuilder::new()
            .user(Some(address.credentials.user.clone()))
            .pass(address.credentials.password.as_ref().map(|password| password.to_string()))
            .prefer_socket(false)
            .max_allowed_packet(Some(PACKET_MAX))
            .tcp_connect_timeout(Some(CONNECT_TIMEOUT))
            .stmt_cache_size(Some(0));
        let opts = with_probes(opts);
        let opts = match &address.socket {
            Some(path) => opts.socket(Some(path.display().to_string())),
            None => opts.ip_or_hostname(Some(address.host.clone())).tcp_port(address.port).ssl_opts(
                address.tls.as_ref().map(|tls| {
                    let identity = tls.identity.clone().map(|(chain, key)| ClientIdentity::new(chain, key));
                    SslOpts::default()
                        .with_root_cert_path(tls.authority.clone())
                        .with_client_identity(identity)
                        .with_danger_accept_invalid_certs(tls.verify == Verify::Nothing)
                        .with_danger_skip_domain_validation(tls.verify != Verify::Name)
                }),
            ),
        };
        let failed = |e| connection_failure(format!("cannot connect to {}", address.public()), e);
        let conn = connect(&opts, address, &failed).map_err(|e| encryption_told(e, address, &opts))?;
        let watch = Watch::over(&conn, address, opts)?;
        let attendance = Attendance::of(address, conn.connection_id(), conn.as_raw_fd());
        let mut connection = Connection { attendance, watch, conn, silence: silence_max(address), refused: Vec::new() };
        connection.set_up(of)?;
        Ok(connection)
    }

    /// Sets the session up for another use.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server refuses a setting that is needed.
    pub fn set_up(&mut self, of: Use) -> Result<()> {
        self.refused = settings::set_up(self, of)?;
        Ok(())
    }

    /// The consequences of settings that the account may not change, in words; nothing else reports them.
    pub fn shortcomings(&self) -> impl Iterator<Item = String> {
        let said = |setting: &&Setting| {
            setting.without.map(|without| format!("the account may not set {}: {without}", setting.assignment()))
        };
        self.refused.iter().filter_map(said)
    }

    /// The server's number for this connection, for KILL.
    pub fn id(&self) -> u32 {
        self.conn.connection_id()
    }

    /// Runs a statement; ignores rows of its result.
    ///
    /// # Errors
    /// [`ErrorKind::Database`]; [`super::error_code`] returns the server's number.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        let _busy = Busy::begin(self.attendance.as_ref());
        self.conn.query_drop(sql).map_err(|e| statement_failed(sql, e)).map_err(|e| self.explained(e))
    }

    /// Runs a statement that may not be UTF-8, like a stored routine in another character set.
    ///
    /// # Errors
    /// As [`Connection::run`]; where it is not UTF-8, MySQL cannot be asked to make routines, triggers and events.
    pub fn run_bytes(&mut self, sql: &[u8]) -> Result<()> {
        let Ok(text) = std::str::from_utf8(sql) else {
            let shown = String::from_utf8_lossy(sql);
            let result = self.run_prepared(sql);
            return result.map_err(|e| statement_failed(&shown, e)).map_err(|e| self.explained(e));
        };
        self.run(text)
    }

    /// The driver sends nothing but UTF-8. In the client's own character set the server takes the bytes as they are.
    fn run_prepared(&mut self, sql: &[u8]) -> mysql::Result<()> {
        const NAME: &str = "enamel_statement";
        let _busy = Busy::begin(self.attendance.as_ref());
        let asked: Option<(String, String)> = self.conn.query_first("SELECT @@character_set_client, VERSION()")?;
        let (client, version) = asked.unwrap_or_default();
        let statement = format!("_{client} {}", quote_bytes(sql));
        if Server::from_version(&version).is_mariadb() {
            return self.conn.query_drop(format!("EXECUTE IMMEDIATE {statement}"));
        }
        self.conn.query_drop(format!("SET @{NAME}={statement}"))?;
        self.conn.query_drop(format!("PREPARE {NAME} FROM @{NAME}"))?;
        let result = self.conn.query_drop(format!("EXECUTE {NAME}"));
        self.conn.query_drop(format!("DEALLOCATE PREPARE {NAME}"))?;
        result
    }

    /// Runs a LOAD DATA LOCAL statement on the pieces of `data`; returns the number of stored rows.
    ///
    /// # Errors
    /// As [`Connection::run`]. After a lost connection the number of stored rows is unknown.
    pub fn load_local(&mut self, sql: &str, data: &Arc<Vec<Vec<u8>>>) -> Result<u64> {
        let data = Arc::clone(data);
        let handler =
            LocalInfileHandler::new(move |_, stream| data.iter().try_for_each(|piece| stream.write_all(piece)));
        self.conn.set_local_infile_handler(Some(handler));
        let result = self.run(sql);
        self.conn.set_local_infile_handler(None);
        result.map(|()| self.conn.affected_rows())
    }

    /// Runs a LOAD DATA LOCAL statement on the contents of `file`. The statement need not be UTF-8.
    ///
    /// # Errors
    /// As [`Connection::run_bytes`]; if the file cannot be read.
    pub fn load_local_file(&mut self, sql: &[u8], mut file: std::fs::File) -> Result<()> {
        let handler = LocalInfileHandler::new(move |_, stream| std::io::copy(&mut file, stream).map(drop));
        self.conn.set_local_infile_handler(Some(handler));
        let result = self.run_bytes(sql);
        self.conn.set_local_infile_handler(None);
        result
    }

    /// How many warnings the last statement gave.
    pub fn warning_count(&self) -> u16 {
        self.conn.warnings()
    }

    /// Rows that the last statement changed.
    pub fn affected_rows(&self) -> u64 {
        self.conn.affected_rows()
    }

    /// Runs a query; all rows, as text.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        let _busy = Busy::begin(self.attendance.as_ref());
        let why = Why { attendance: self.attendance.as_ref(), watch: &self.watch, silence: self.silence };
        let failed = |e| why.explain(statement_failed(sql, e));
        let rows = self.conn.query_iter(sql).map_err(failed)?;
        rows.map(|row| Ok(row.map_err(failed)?.unwrap_raw().into_iter().map(|v| v.and_then(bytes)).collect())).collect()
    }

    /// The first row of a query, as UTF-8 texts.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn first(&mut self, sql: &str) -> Result<Option<Vec<Option<String>>>> {
        Ok(self.rows(sql)?.into_iter().next().map(texts))
    }

    /// The first value of the first row; `None` for NULL and for no rows.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        Ok(self.first(sql)?.and_then(|row| row.into_iter().next().flatten()))
    }

    /// The value of the first row in the column with the first of `names` that the result has; `None` for NULL and for no rows.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn named_value(&mut self, sql: &str, names: &[&str]) -> Result<Option<String>> {
        let _busy = Busy::begin(self.attendance.as_ref());
        let why = Why { attendance: self.attendance.as_ref(), watch: &self.watch, silence: self.silence };
        let row: Option<mysql::Row> = self.conn.query_first(sql).map_err(|e| why.explain(statement_failed(sql, e)))?;
        let Some(mut row) = row else { return Ok(None) };
        let value = names.iter().find_map(|name| row.take::<mysql::Value, _>(*name));
        Ok(value.and_then(bytes).map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// A global variable as the server shows it; `None` where it has none of this name.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn variable(&mut self, name: &str) -> Result<Option<String>> {
        self.shown("GLOBAL VARIABLES", name)
    }

    /// A figure of the server's status, likewise.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn status(&mut self, name: &str) -> Result<Option<String>> {
        self.shown("GLOBAL STATUS", name)
    }

    /// A figure of this session's status, likewise.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn session_status(&mut self, name: &str) -> Result<Option<String>> {
        self.shown("SESSION STATUS", name)
    }

    fn shown(&mut self, kind: &str, name: &str) -> Result<Option<String>> {
        let row = self.first(&format!("SHOW {kind} WHERE Variable_name = '{name}'"))?;
        Ok(row.and_then(|row| row.into_iter().nth(1).flatten()))
    }

    /// Runs a query as a prepared statement, which returns exact values, row by row. Dropping the result reads it to
    /// its end.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub fn stream(&mut self, sql: &str) -> Result<RowStream<'_>> {
        let busy = Busy::begin(self.attendance.as_ref());
        let why = Why { attendance: self.attendance.as_ref(), watch: &self.watch, silence: self.silence };
        match self.conn.exec_iter(sql, ()) {
            Ok(result) => Ok(RowStream { result, why, _busy: busy }),
            Err(e) => Err(why.explain(statement_failed(sql, e))),
        }
    }

    /// `error` of a statement on this connection, with its true cause: a silent server, or the user's wish to stop.
    pub fn explained(&self, error: Error) -> Error {
        Why { attendance: self.attendance.as_ref(), watch: &self.watch, silence: self.silence }.explain(error)
    }

    /// The parts of the connection, for a caller that makes something else of it.
    pub(super) fn into_parts(self) -> ConnectionParts {
        let Connection { attendance, watch, conn, silence, .. } = self;
        ConnectionParts { attendance, watch, conn, silence }
    }
}

/// The parts of a connection. Drop everything else before `conn`.
pub(super) struct ConnectionParts {
    pub attendance: Option<Attendance>,
    pub watch: Watch,
    pub conn: Conn,
    pub silence: Duration,
}

/// The server refuses an account that must use TLS as if the password were wrong. So this tries whether the server
/// offers TLS, as an anonymous user: no password goes to a server that has not identified itself.
fn encryption_told(error: Error, address: &Address, opts: &OptsBuilder) -> Error {
    let may_be_asked_for = address.tls.is_none() && address.socket.is_none() && error_code(&error) == Some(DENIED);
    if !may_be_asked_for {
        return error;
    }
    let tls = SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
    let nobody = opts.clone().user(Some("")).pass(None::<String>).ssl_opts(Some(tls));
    match Conn::new(nobody) {
        Err(mysql::Error::DriverError(mysql::DriverError::TlsNotSupported)) => error,
        _ => error.with_hint(MAY_ASK_FOR_TLS),
    }
}

/// Rows of a statement that is still running.
pub struct RowStream<'c> {
    result: QueryResult<'c, 'c, 'c, Binary>,
    why: Why<'c>,
    _busy: Busy,
}

impl RowStream<'_> {
    /// The values of the next row; in an error, `doing` says what was being done.
    pub fn next_row(&mut self, doing: &dyn Fn() -> String) -> Option<Result<Vec<Option<Value>>>> {
        let row = self.result.next()?;
        let values = |row: mysql::Row| row.unwrap_raw().into_iter().map(|value| value.map(Value::from)).collect();
        Some(row.map(values).map_err(|e| self.why.explain(failure(doing(), e))))
    }
}

/// Possible causes of a failed statement besides the server's message.
#[derive(Clone, Copy)]
struct Why<'c> {
    attendance: Option<&'c Attendance>,
    watch: &'c Watch,
    silence: Duration,
}

impl Why<'_> {
    fn explain(&self, error: Error) -> Error {
        let error = if self.watch.found_silence() { error.context(no_sign(self.silence)) } else { error };
        match self.attendance {
            Some(attendance) => attendance.explained(error),
            None => error,
        }
    }
}

/// The driver does not name a file that it cannot read.
fn check_files(tls: &Tls) -> Result<()> {
    let identity = tls.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
    for path in tls.authority.iter().chain(identity) {
        let failed = |e| Error::io(format!("cannot read {}, which is for TLS", path.display()), e);
        std::fs::File::open(path).map_err(|e| failed(e).with_kind(ErrorKind::Usage))?;
    }
    Ok(())
}

/// A row as UTF-8 texts; what is not UTF-8 becomes replacement characters.
pub(crate) fn texts(row: Row) -> Vec<Option<String>> {
    row.into_iter().map(|value| value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())).collect()
}

fn bytes(value: mysql::Value) -> Option<Vec<u8>> {
    match value {
        mysql::Value::NULL => None,
        mysql::Value::Bytes(bytes) => Some(bytes),
        // The text protocol returns nothing else.
        other => Some(other.as_sql(true).into_bytes()),
    }
}

fn statement_failed(sql: &str, error: mysql::Error) -> Error {
    failure(format!("the server did not do `{}`", outline(sql)), error)
}
