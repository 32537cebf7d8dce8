//! A real server of object storage: SeaweedFS, which `tests/servers.sh storage` fetches.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::store::Store;
use engine::store::s3::{Credentials, S3Options, S3Store};
use engine::store::{Folder, StoreErrorKind};
use tempfile::TempDir;

use super::{BUCKET, KEY};
use crate::server::fetched;

/// A slow machine starts it in less.
const PATIENCE: Duration = Duration::from_secs(120);
const SECRET: &str = "secret";
/// A bucket that keeps versions, and can lock them.
pub const LOCKED: &str = "locked";
/// Processes that hold objects, if there are several.
const VOLUMES: usize = 3;

/// A running server with two empty buckets; dropping it ends it.
pub struct Seaweed {
    program: PathBuf,
    endpoint: String,
    /// The address of its master.
    master: String,
    /// The ports of the processes that hold objects, if there are several.
    volumes: Vec<Ports>,
    /// These processes, then the others.
    processes: Vec<Option<Child>>,
    folder: TempDir,
}

/// The ports of a process.
#[derive(Debug, Clone, Copy)]
struct Ports {
    http: u16,
    grpc: u16,
}

impl Seaweed {
    /// A server that answers, in one process; `None` if the program was not fetched.
    pub fn start() -> Option<Self> {
        let mut server = Self::new()?;
        let parts = ["master", "volume", "filer", "s3"];
        let ports = some_ports(parts.len());
        let mut command =
            server.command(&["server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.args(["-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.args(["-volume.max=40", "-master.volumeSizeLimitMB=64"]);
        command.args(["-filer.localSocket=f.sock", "-s3.localSocket=s.sock"]);
        for (part, Ports { http, grpc }) in parts.iter().zip(&ports) {
            command.arg(format!("-{part}.port={http}")).arg(format!("-{part}.port.grpc={grpc}"));
        }
        server.processes.push(Some(command.spawn().unwrap()));
        server.answer_at(ports[0], ports[3]);
        Some(server)
    }

    /// A server whose objects are held by three processes, each object by two of them.
    pub fn start_with_three_volumes() -> Option<Self> {
        let mut server = Self::new()?;
        server.volumes = some_ports(VOLUMES);
        let ports = some_ports(3);
        let [master, filer, s3] = ports[..] else { unreachable!("three were asked for") };
        server.master = master.address();
        for number in 0..VOLUMES {
            std::fs::create_dir(server.folder.path().join(format!("v{number}"))).unwrap();
            server.processes.push(None);
            server.start_volume(number);
        }
        let (master_address, filer_address) =
            (format!("-master={}", master.address()), format!("-filer={}", filer.address()));
        let parts: [(&str, Ports, &[&str]); 3] = [
            ("master", master, &["-mdir=data", "-defaultReplication=001", "-volumeSizeLimitMB=64", "-telemetry=false"]),
            ("filer", filer, &[&master_address, "-defaultStoreDir=data", "-localSocket=f.sock"]),
            ("s3", s3, &[&filer_address, "-config=s3.json", "-localSocket=s.sock", "-port.iceberg=0", "-port.lance=0"]),
        ];
        for (part, ports, options) in parts {
            let ip = if part == "s3" { "-ip.bind=127.0.0.1" } else { "-ip=127.0.0.1" };
            let process = server.command(&[part, ip]).args(ports.options()).args(options).spawn().unwrap();
            server.processes.push(Some(process));
        }
        server.answer_at(master, s3);
        Some(server)
    }

    fn new() -> Option<Self> {
        let program = fetched("seaweedfs/weed")?;
        let folder = TempDir::new().unwrap();
        let identity = format!(
            r#"{{"identities":[{{"name":"tests","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List"]}}]}}"#
        );
        std::fs::write(folder.path().join("s3.json"), identity).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let (endpoint, master) = (String::new(), String::new());
        Some(Seaweed { program, endpoint, master, volumes: Vec::new(), processes: Vec::new(), folder })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).env("TMPDIR", self.folder.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Makes the buckets, and waits until they are there.
    fn answer_at(&mut self, master: Ports, s3: Ports) {
        (self.endpoint, self.master) = (format!("http://127.0.0.1:{}", s3.http), master.address());
        self.make_buckets();
    }

    /// Kills one of the three processes that hold objects.
    pub fn kill_volume(&mut self, number: usize) {
        assert!(number < self.volumes.len());
        end(&mut self.processes[number]);
    }

    /// Starts it again, with what it held.
    pub fn start_volume(&mut self, number: usize) {
        let (folder, master) = (format!("-dir=v{number}"), format!("-master={}", self.master));
        let args = ["volume", "-ip=127.0.0.1", "-max=40", "-dataCenter=d", "-rack=r", &folder, &master];
        let process = self.command(&args).args(self.volumes[number].options()).spawn().unwrap();
        self.processes[number] = Some(process);
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A store with this prefix.
    pub fn store(&self, prefix: &str) -> S3Store {
        self.store_in(BUCKET, prefix)
    }

    /// A store with this prefix in one of the buckets.
    pub fn store_in(&self, bucket: &str, prefix: &str) -> S3Store {
        S3Store::new(&self.options(bucket, prefix)).unwrap()
    }

    /// The options of such a store.
    pub fn options(&self, bucket: &str, prefix: &str) -> S3Options {
        let address = format!("s3://{bucket}/{prefix}").parse().unwrap();
        let credentials = Credentials::Key { id: KEY.to_owned(), secret: SECRET.to_owned(), token: None };
        S3Options { endpoint: Some(self.endpoint.clone()), ..S3Options::new(address, credentials) }
    }

    fn make_buckets(&self) {
        let began = Instant::now();
        let commands = format!("s3.bucket.create -name {BUCKET}\\ns3.bucket.create -name {LOCKED} -withLock\\n");
        let line = format!("printf '{commands}' | exec \"$0\" shell -master={}", self.master);
        loop {
            let made = Command::new("timeout").args(["10", "sh", "-c", &line]).arg(&self.program).output().unwrap();
            let list = |bucket| self.store_in(bucket, "").list(Folder::Top, &mut |_| Ok(()), &mut |_| {});
            let listed = list(BUCKET).and_then(|()| list(LOCKED));
            match listed {
                Ok(()) => return,
                Err(error) if error.kind == StoreErrorKind::Unavailable && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&made.stderr)),
            }
        }
    }
}

impl Ports {
    fn options(self) -> [String; 2] {
        [format!("-port={}", self.http), format!("-port.grpc={}", self.grpc)]
    }

    fn address(self) -> String {
        format!("127.0.0.1:{}.{}", self.http, self.grpc)
    }
}

/// Kills a process.
pub(super) fn end(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        // It may have ended already.
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        self.processes.iter_mut().rev().for_each(end);
    }
}

fn some_ports(count: usize) -> Vec<Ports> {
    free_ports(2 * count).chunks(2).map(|pair| Ports { http: pair[0], grpc: pair[1] }).collect()
}

/// Ports that nobody uses now.
pub(super) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}
