//! A database server of a test's own: its data folder, socket and port are nobody else's, and gone when the value is dropped.
//!
//! Start: a template of a data folder is made once, copied, and a server started on the copy: half a second, a second for
//! MySQL.

mod fingerprint;
mod guard;
mod launch;
mod numbers;
mod portable;
mod template;
mod version;

use std::borrow::Cow;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use engine::database::{Address, Connection, Credentials};
use tempfile::TempDir;

use guard::Guard;
use launch::Launch;
pub use version::{Version, fetched, schemas_of_programs};

/// A running server. Its administrator is `root`, without a password.
pub struct TestServer {
    launch: Launch,
    running: Option<Running>,
    folder: TempDir,
}

/// A server's process, and what ends it if this process cannot.
struct Running {
    server: Child,
    guard: Guard,
}

impl TestServer {
    /// Starts the installed server with further `options` of its command line, as `--log-bin`. Returns when it answers.
    ///
    /// # Panics
    /// If there is no server program, or it does not start: what it said is in the message.
    pub fn start(options: &[&str]) -> Self {
        Self::of(Version::Installed, options)
    }

    /// Starts a server of a version with further `options` of its command line. Returns when it answers.
    ///
    /// # Panics
    /// If there is no server program, or it does not start: what it said is in the message.
    pub fn of(version: Version, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut launch = Launch::new(version, folder.path(), options);
        template::copy_folder(&template::of(version, launch.options()), &launch.data());
        let server = launch.begin();
        let guard = Guard::over(&server, folder.path());
        TestServer { launch, running: Some(Running { server, guard }), folder }
    }

    /// The version that it was started as.
    pub fn version(&self) -> Version {
        self.launch.version()
    }

    /// Stops the server as its administrator would, and starts it again: same data, socket and port.
    pub fn restart(&mut self) {
        self.stop();
        let server = self.launch.again();
        let guard = Guard::over(&server, self.folder.path());
        self.running = Some(Running { server, guard });
    }

    /// Does the same with further options, which count more than the earlier ones.
    pub fn restart_with(&mut self, options: &[&str]) {
        self.stop();
        self.launch.add(options);
        self.restart();
    }

    /// Stops the server as its administrator would.
    pub fn stop(&mut self) {
        if let Some(Running { mut server, guard }) = self.running.take() {
            self.run("SHUTDOWN");
            guard.dismiss();
            server.wait().expect("a server that ends");
        }
    }

    /// Ends the server as a power failure would. [`TestServer::restart`] starts it again.
    pub fn kill(&mut self) {
        if let Some(Running { mut server, guard }) = self.running.take() {
            guard.dismiss();
            server.kill().expect("a server that runs");
            server.wait().expect("a server that ends");
        }
    }

    /// Its socket, and its administrator.
    pub fn address(&self) -> Address {
        Address { socket: Some(self.launch.socket()), credentials: administrator(), ..Address::default() }
    }

    /// Its TCP port, and its administrator.
    pub fn tcp_address(&self) -> Address {
        let host = "127.0.0.1".to_owned();
        Address { host, port: self.launch.port(), credentials: administrator(), ..Address::default() }
    }

    /// Its TCP port and its administrator, as a user types it.
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.launch.port())
    }

    /// Where its tables lie: one folder for each schema.
    pub fn data_folder(&self) -> PathBuf {
        self.launch.data()
    }

    /// Its log so far, for a message of a test.
    pub fn log(&self) -> String {
        self.launch.log()
    }

    /// A new connection of the administrator.
    pub fn connect(&self) -> Connection {
        Connection::open(&self.address()).unwrap_or_else(|e| panic!("{e:?}\n{}", self.log()))
    }

    /// Runs one statement on a connection of its own. As in [`TestServer::script`], numbers are tables.
    pub fn run(&self, sql: &str) {
        let sql = String::from_utf8_lossy(&self.translated(sql.as_bytes())).into_owned();
        self.connect().run(&sql).unwrap_or_else(|e| panic!("{e:?}"));
    }

    /// The rows of one query, as texts; what is not UTF-8 becomes replacement characters.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let rows = self.connect().rows(sql).unwrap_or_else(|e| panic!("{e:?}"));
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        rows.into_iter().map(|row| row.into_iter().map(|value| value.map(text)).collect()).collect()
    }

    /// The only value of a query; nothing for NULL and for no rows.
    pub fn value(&self, sql: &str) -> Option<String> {
        self.rows(sql).into_iter().next()?.into_iter().next()?
    }

    /// The client that comes with the server, as its administrator.
    pub fn client(&self) -> Command {
        let mut command = self.version().client();
        command.args(["--user=root", &format!("--socket={}", self.launch.socket().display())]);
        command
    }

    /// The program that comes with the server and shows a binary log as statements.
    pub fn log_reader(&self) -> Command {
        self.version().log_reader()
    }

    /// Gives the server the rules of a time zone, by its own tool.
    ///
    /// # Panics
    /// If the machine does not know the zone.
    pub fn load_time_zone(&self, name: &str) {
        let mut tool = self.version().zone_reader();
        let output =
            tool.args([&format!("/usr/share/zoneinfo/{name}"), name]).output().expect("the tool of the server");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = self.folder.path().join("zone.sql");
        std::fs::write(&path, output.stdout).expect("a folder that can be written");
        let script = Stdio::from(File::open(&path).expect("the script"));
        let output = self.client().arg("mysql").stdin(script).output().expect("the client of the server");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a script as the server's client does, which knows `DELIMITER`. The bytes of the script are UTF-8 to it. The
    /// numbers from 1 to 50 are the table `seq_1_to_50` with the column `seq`, on MySQL too, where it takes no alias.
    ///
    /// # Panics
    /// At the first statement that fails.
    pub fn script(&self, text: impl AsRef<[u8]>) {
        let output = self.script_with(text, &[]);
        assert!(output.status.success(), "the script failed: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a script with further options of the client, as `--force`, and gives what it said.
    pub fn script_with(&self, text: impl AsRef<[u8]>, options: &[&str]) -> Output {
        let path = self.folder.path().join("script.sql");
        std::fs::write(&path, self.translated(text.as_ref())).expect("a folder that can be written");
        self.client()
            .args(["--default-character-set=utf8mb4", "--binary-mode"])
            .args(options)
            .stdin(Stdio::from(File::open(&path).expect("the script")))
            .output()
            .unwrap_or_else(|e| panic!("cannot run the client: {e}; on Debian it is in the package mariadb-client"))
    }

    fn translated<'a>(&self, script: &'a [u8]) -> Cow<'a, [u8]> {
        if self.version().is_mysql() { numbers::with_queries(script) } else { Cow::Borrowed(script) }
    }
}

impl Drop for TestServer {
    /// Also when a test panics. Nothing of the data is needed any more, so it is not shut down.
    fn drop(&mut self) {
        self.kill();
    }
}

fn administrator() -> Credentials {
    Credentials { user: "root".to_owned(), password: None }
}
