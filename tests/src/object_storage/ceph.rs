//! A real cluster of object storage: Ceph, which `tests/servers.sh get ceph-20 ceph-16` fetches.
//!
//! One monitor, three daemons that hold the objects in memory, each of which has a copy of everything, and a gateway. No daemon
//! needs root.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::store::s3::{Credentials, Keeps, S3Options, S3Store};
use tempfile::TempDir;

use super::KEY;
use super::seaweed::{end, free_ports};
use crate::server::fetched;

/// A slow machine starts it in less.
const PATIENCE: Duration = Duration::from_secs(180);
const SECRET: &str = "secret";
/// Daemons that hold objects.
const DAEMONS: usize = 3;

/// A running cluster; dropping it ends it.
pub struct Ceph {
    program: PathBuf,
    folder: TempDir,
    gateway_port: u16,
    /// The monitor, the daemons, and the gateway.
    processes: Vec<Option<Child>>,
}

impl Ceph {
    /// A cluster of this version, `ceph-20` or `ceph-16`, that answers.
    ///
    /// # Panics
    /// If it was not fetched: this is asked for by name.
    pub fn start(version: &str) -> Self {
        let program = fetched(&format!("{version}/run"));
        let program = program.unwrap_or_else(|| panic!("{version} is missing: run `tests/servers.sh get {version}`"));
        let ports = free_ports(2);
        let folder = TempDir::new().unwrap();
        let mut cluster = Ceph { program, folder, gateway_port: ports[1], processes: Vec::new() };
        let id = format!("00000000-0000-4000-8000-{:012}", ports[0]);
        cluster.configure(&id, ports[0]);
        let monitor = format!("[v1:127.0.0.1:{}]", ports[0]);
        cluster.finish("monmaptool", &["--create", "--clobber", "--fsid", &id, "--addv", "a", &monitor, "map"]);
        cluster.finish("ceph-mon", &["--mkfs", "-i", "a", "--monmap", "map"]);
        cluster.spawn("ceph-mon", &["-i", "a", "-f"]);
        for n in 0..DAEMONS {
            let own = format!("00000000-0000-4000-9000-{n:012}");
            let (number, name, host) = (n.to_string(), format!("osd.{n}"), format!("host=h{n}"));
            fs::create_dir(cluster.folder.path().join(&name)).unwrap();
            cluster.ask(&["osd", "new", &own, &number]);
            cluster.finish("ceph-osd", &["-i", &number, "--mkfs", "--osd-uuid", &own, "--no-mon-config"]);
            cluster.ask(&["osd", "crush", "add", &name, "1.0", "root=default", &host]);
            cluster.spawn("ceph-osd", &["-i", &number, "-f"]);
        }
        cluster.spawn("radosgw", &["-n", "client.rgw", "-f"]);
        let user =
            ["user", "create", "--uid=enamel", "--display-name=enamel", "--access-key=TESTKEY", "--secret-key=secret"];
        assert_eq!(KEY, "TESTKEY");
        cluster
            .insist(|cluster| cluster.command("radosgw-admin").args(["-n", "client.rgw"]).args(user).output().unwrap());
        cluster
    }

    /// Makes a bucket, once the gateway answers.
    pub fn make_bucket(&self, bucket: &str, keeps: Keeps) {
        let began = Instant::now();
        while let Err(error) = self.store(bucket, "").make_bucket(keeps) {
            assert!(began.elapsed() < PATIENCE, "{error}");
        }
    }

    /// A store with this prefix in a bucket.
    pub fn store(&self, bucket: &str, prefix: &str) -> S3Store {
        S3Store::new(&self.options(bucket, prefix)).unwrap()
    }

    /// The options of such a store.
    pub fn options(&self, bucket: &str, prefix: &str) -> S3Options {
        let address = format!("s3://{bucket}/{prefix}").parse().unwrap();
        let credentials = Credentials::Key { id: KEY.to_owned(), secret: SECRET.to_owned(), token: None };
        let endpoint = format!("http://127.0.0.1:{}", self.gateway_port);
        S3Options { endpoint: Some(endpoint), ..S3Options::new(address, credentials) }
    }

    /// Kills one of the three daemons.
    pub fn kill_daemon(&mut self, number: usize) {
        end(&mut self.processes[1 + number]);
    }

    /// Starts it again; it has lost what it held, as a disk that was replaced.
    pub fn start_daemon(&mut self, number: usize) {
        let (own, name) = (format!("00000000-0000-4000-9000-{number:012}"), number.to_string());
        self.finish("ceph-osd", &["-i", &name, "--mkfs", "--osd-uuid", &own, "--no-mon-config"]);
        self.processes[1 + number] = Some(self.start_process("ceph-osd", &["-i", &name, "-f"]));
    }

    /// Kills the gateway.
    pub fn kill_gateway(&mut self) {
        end(&mut self.processes[1 + DAEMONS]);
    }

    /// Starts the gateway again.
    pub fn start_gateway(&mut self) {
        self.processes[1 + DAEMONS] = Some(self.start_process("radosgw", &["-n", "client.rgw", "-f"]));
    }

    fn configure(&self, id: &str, monitor_port: u16) {
        let root = self.program.parent().unwrap();
        let library = |part: &str| {
            let found = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib"];
            let found = found.iter().map(|folder| root.join(folder).join(part)).find(|folder| folder.exists());
            found.unwrap_or_else(|| panic!("{} has no {part}", root.display()))
        };
        let text = format!(
            "[global]\nfsid = {id}\nmon host = v1:127.0.0.1:{monitor_port}\nms bind msgr2 = false\n\
             auth cluster required = none\nauth service required = none\nauth client required = none\n\
             osd objectstore = memstore\nmemstore device bytes = 2147483648\n\
             osd pool default size = 3\nosd pool default min size = 2\nosd pool default pg num = 8\nosd pool default pgp num = 8\n\
             osd pool default pg autoscale mode = off\nosd crush chooseleaf type = 0\nmon max pg per osd = 1000\n\
             mon data avail crit = 1\nosd heartbeat interval = 1\nosd heartbeat grace = 4\nmon osd min down reporters = 1\n\
             run dir = {here}\nadmin socket = {here}/$name.$pid.asok\npid file = {here}/$name.pid\nlog file = {here}/$name.log\n\
             mon data = {here}/mon\nosd data = {here}/osd.$id\ncrash dir = {here}\nkeyring = {here}/keyring\n\
             mon cluster log file = {here}/cluster.log\nosd class dir = {classes}\nerasure code dir = {codes}\n\
             [client.rgw]\nrgw data = {here}/rgw\nrgw thread pool size = 32\n\
             rgw frontends = beast endpoint=127.0.0.1:{gateway_port} tcp_nodelay=1\n",
            here = self.folder.path().display(),
            classes = library("rados-classes").display(),
            codes = library("ceph/erasure-code").display(),
            gateway_port = self.gateway_port,
        );
        fs::write(self.folder.path().join("ceph.conf"), text).unwrap();
        for name in ["mon", "rgw"] {
            fs::create_dir(self.folder.path().join(name)).unwrap();
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).env("CEPH_CONF", self.folder.path().join("ceph.conf"));
        command.arg(program).stdin(Stdio::null());
        command
    }

    fn spawn(&mut self, program: &str, args: &[&str]) {
        let process = self.start_process(program, args);
        self.processes.push(Some(process));
    }

    fn start_process(&self, program: &str, args: &[&str]) -> Child {
        self.command(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn finish(&self, program: &str, args: &[&str]) {
        let output = self.command(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks the monitor, whose client is a program in Python.
    fn ask(&self, args: &[&str]) {
        let root = self.program.parent().unwrap();
        let ask = |cluster: &Ceph| {
            let mut command = cluster.command("python3");
            command.env("PYTHONHOME", root.join("usr")).env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"));
            command.arg(root.join("usr/bin/ceph")).args(["--connect-timeout", "20"]).args(args).output().unwrap()
        };
        self.insist(ask);
    }

    /// Runs something until it succeeds: a cluster that has just started refuses some requests.
    fn insist(&self, run: impl Fn(&Self) -> std::process::Output) {
        let began = Instant::now();
        loop {
            let output = run(self);
            if output.status.success() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

impl Drop for Ceph {
    fn drop(&mut self) {
        self.processes.iter_mut().rev().for_each(end);
    }
}
