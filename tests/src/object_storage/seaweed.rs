//! A real server of object storage: SeaweedFS, which `tests/servers.sh storage` fetches.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::store::Store;
use engine::store::s3::{Credentials, S3Options, S3Store};
use engine::store::{Folder, StoreErrorKind};
use tempfile::TempDir;

use super::{BUCKET, KEY, fetched};

/// A slow machine starts it in less.
const PATIENCE: Duration = Duration::from_secs(120);
const SECRET: &str = "secret";
/// A bucket that keeps versions, and can lock them.
pub const LOCKED: &str = "locked";

/// A running server with two empty buckets; dropping it ends it.
pub struct Seaweed {
    endpoint: String,
    process: Child,
    _folder: TempDir,
}

impl Seaweed {
    /// A server that answers; `None` if the program was not fetched.
    pub fn start() -> Option<Self> {
        let program = fetched("seaweedfs/weed")?;
        let folder = TempDir::new().unwrap();
        let identity = format!(
            r#"{{"identities":[{{"name":"tests","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List"]}}]}}"#
        );
        std::fs::write(folder.path().join("s3.json"), identity).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let parts = ["master", "volume", "filer", "s3"];
        let ports = free_ports(parts.len() * 2);
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).env("TMPDIR", folder.path());
        command.args(["server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.args(["-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.args(["-volume.max=40", "-master.volumeSizeLimitMB=64"]);
        command.args(["-filer.localSocket=f.sock", "-s3.localSocket=s.sock"]);
        for (part, port) in parts.iter().zip(ports.chunks(2)) {
            command.arg(format!("-{part}.port={}", port[0])).arg(format!("-{part}.port.grpc={}", port[1]));
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let endpoint = format!("http://127.0.0.1:{}", ports[6]);
        let server = Seaweed { endpoint, process, _folder: folder };
        server.make_buckets(&program, &format!("127.0.0.1:{}.{}", ports[0], ports[1]));
        Some(server)
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
        let address = format!("s3://{bucket}/{prefix}").parse().unwrap();
        let credentials = Credentials::Key { id: KEY.to_owned(), secret: SECRET.to_owned(), token: None };
        let options = S3Options { endpoint: Some(self.endpoint.clone()), ..S3Options::new(address, credentials) };
        S3Store::new(&options).unwrap()
    }

    /// Makes the buckets, and waits until they are there.
    fn make_buckets(&self, program: &PathBuf, master: &str) {
        let began = Instant::now();
        let commands = format!("s3.bucket.create -name {BUCKET}\\ns3.bucket.create -name {LOCKED} -withLock\\n");
        let line = format!("printf '{commands}' | exec \"$0\" shell -master={master}");
        loop {
            let made = Command::new("timeout").args(["10", "sh", "-c", &line]).arg(program).output().unwrap();
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

impl Drop for Seaweed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ports that nobody uses now.
pub(super) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}
