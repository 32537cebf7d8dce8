//! The server's process: its command line, and waiting until it answers.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use engine::database::{Address, Connection, Credentials};

use super::Version;
use super::version::user;

/// A start takes half a second; on a machine that is busy with other tests much longer.
const START_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// Between choosing a port and binding it another process can take it.
const TRIES: usize = 3;
/// Small and fast: nothing of a test must survive the machine's power.
const SMALL: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--sync-binlog=0",
    "--key-buffer-size=8M",
    "--max-connections=100",
    "--character-set-server=utf8mb4",
];
const SMALL_MARIADB: &[&str] =
    &["--performance-schema=off", "--innodb-log-file-size=8M", "--aria-pagecache-buffer-size=8M"];
/// As MariaDB, it writes no binary log unless a test asks for it. The caches bound the memory of its performance schema.
const SMALL_MYSQL: &[&str] = &[
    "--mysqlx=OFF",
    "--skip-log-bin",
    "--innodb-redo-log-capacity=8M",
    "--innodb-doublewrite=OFF",
    "--table-open-cache=400",
    "--table-definition-cache=400",
    "--secure-file-priv=",
    // As many numbers as a script asks for.
    "--cte-max-recursion-depth=4294967295",
];

/// How a server of a test is started.
pub struct Launch {
    version: Version,
    folder: PathBuf,
    options: Vec<String>,
    port: u16,
}

impl Launch {
    pub fn new(version: Version, folder: &Path, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Launch { version, folder: folder.to_owned(), options, port: free_port() }
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The options that the test asks for.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    pub fn add(&mut self, options: &[&str]) {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// Starts the server for the first time, on a free port.
    pub fn begin(&mut self) -> Child {
        for _ in 1..TRIES {
            if let Some(child) = self.attempt() {
                return child;
            }
            self.port = free_port();
        }
        self.again()
    }

    /// Starts the server where it was.
    pub fn again(&self) -> Child {
        self.attempt().unwrap_or_else(|| panic!("the server did not start:\n{}", self.log()))
    }

    /// Nothing if the server ends before it answers.
    fn attempt(&self) -> Option<Child> {
        let mut child = self.spawn();
        let began = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            if self.answers() {
                return Some(child);
            }
            if began.elapsed() > START_MAX {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not answer in {} s:\n{}", START_MAX.as_secs(), self.log());
            }
            std::thread::sleep(POLL);
        }
        None
    }

    fn spawn(&self) -> Child {
        let log = File::create(self.log_path()).expect("a folder that can be written");
        let mut command = self.version.server();
        command.arg(format!("--datadir={}", self.data().display())).args(user());
        command.arg(format!("--socket={}", self.socket().display()));
        command.arg(format!("--pid-file={}", self.folder.join("pid").display()));
        command.arg(format!("--tmpdir={}", self.folder.display()));
        command.arg(format!("--port={}", self.port));
        let small = if self.version.is_mysql() { SMALL_MYSQL } else { SMALL_MARIADB };
        command.args(SMALL).args(small).args(&self.options);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"))
    }

    fn answers(&self) -> bool {
        let credentials = Credentials { user: "root".to_owned(), password: None };
        let address = Address { socket: Some(self.socket()), credentials, ..Address::default() };
        self.socket().exists() && Connection::open(&address).is_ok()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
