//! Connections: encrypted as they were asked for or not at all, and failures that say why.
//!
//! Goal: nobody takes a connection for safe that is not. Method: a server with certificates of the test's own, and one without.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::ErrorKind;
use engine::database::{
    Address, Connection, ConnectionTrouble, Credentials, Tls, Verify, connection_trouble, error_code, is_lost,
};
use engine::error::chain;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use scenario_tests::server::TestServer;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A folder with a certificate authority, and what it has signed.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        // Not the name of what it signs, which would look as if it had signed itself.
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join("ca"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    /// Writes a certificate for `name`, and its key.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let paths = (self.path(&format!("{name}.cert")), self.path(&format!("{name}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server that says it is `name`.
    fn server(&self, name: &str) -> TestServer {
        let (certificate, key) = self.sign(name);
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let options = [option("ssl-ca", &self.path("ca")), option("ssl-cert", &certificate), option("ssl-key", &key)];
        TestServer::start(&options.each_ref().map(String::as_str))
    }

    fn trusted(&self) -> Tls {
        Tls { authority: Some(self.path("ca")), ..Tls::default() }
    }
}

fn with(address: &Address, tls: Tls) -> Address {
    Address { tls: Some(tls), ..address.clone() }
}

fn version(address: &Address) -> String {
    let mut connection = Connection::open(address).unwrap_or_else(|e| panic!("{}", chain(&e)));
    connection.first("SHOW STATUS LIKE 'Ssl_version'").unwrap().unwrap()[1].clone().unwrap()
}

#[track_caller]
fn refused(address: &Address, why: &str) {
    let error = Connection::open(address).err().unwrap();
    let trouble = match why {
        _ if why.contains("certificate") || why.contains("TLS") => Some(ConnectionTrouble::Encryption),
        // The message about a silent server says it all.
        _ if why.contains("Access denied") || why.contains("sign of life") => None,
        _ => Some(ConnectionTrouble::Unreachable),
    };
    assert_eq!(connection_trouble(&error), trouble, "{}", chain(&error));
    assert!(chain(&error).contains(why), "`{why}` is not in: {}", chain(&error));
}

#[test]
fn a_server_is_trusted_only_with_a_certificate_that_fits() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1");
    let address = server.tcp_address();
    assert_eq!(version(&address), "", "nobody asked for it");
    assert!(version(&with(&address, authority.trusted())).starts_with("TLSv1."));
    refused(&with(&address, Tls::default()), "invalid peer certificate: UnknownIssuer");
    refused(&with(&address, Authority::new().trusted()), "invalid peer certificate");
    let other_name = Address { host: "localhost".to_owned(), ..address.clone() };
    refused(&with(&other_name, authority.trusted()), "certificate not valid for name \"localhost\"");
    let any_name = |authority: &Authority| Tls { verify: Verify::Authority, ..authority.trusted() };
    assert!(version(&with(&other_name, any_name(&authority))).starts_with("TLSv1."));
    refused(&with(&other_name, any_name(&Authority::new())), "invalid peer certificate");
    assert!(version(&with(&other_name, Tls { verify: Verify::Nothing, ..Tls::default() })).starts_with("TLSv1."));
}

#[test]
fn a_client_can_show_a_certificate() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1");
    server.run("CREATE USER ann@'%' IDENTIFIED BY 'pw' REQUIRE X509");
    let credentials = Credentials { user: "ann".into(), password: Some(Zeroizing::new("pw".into())) };
    let address = Address { credentials, ..server.tcp_address() };
    refused(&address, "Access denied");
    refused(&with(&address, authority.trusted()), "Access denied");
    let identity = Some(authority.sign("ann"));
    assert!(version(&with(&address, Tls { identity, ..authority.trusted() })).starts_with("TLSv1."));
    let missing = Some((authority.path("ann.cert"), authority.path("lost.key")));
    let error = Connection::open(&with(&address, Tls { identity: missing, ..authority.trusted() })).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("lost.key"), "{error}");
}

#[test]
fn failures_say_why() {
    let server = TestServer::start(&["--ssl=0"]);
    let address = server.tcp_address();
    refused(&with(&address, Tls { verify: Verify::Nothing, ..Tls::default() }), "the server offers no TLS");
    let stranger = Credentials { user: "nobody".into(), password: None };
    let error = Connection::open(&Address { credentials: stranger, ..address.clone() }).err().unwrap();
    assert_eq!((error.kind(), error_code(&error)), (ErrorKind::Database, Some(1045)));
    assert!(chain(&error).contains("using password: NO"), "{}", chain(&error));
    // A port that is nobody's: it was free, and what had it is gone.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    refused(&Address { port, ..address.clone() }, "Connection refused");
    refused(&Address { host: "no-such-host.invalid".into(), ..address.clone() }, "lookup");
    let socket = Some(server.data_folder().join("no-socket"));
    refused(&Address { socket, ..address }, "No such file");
}

/// Passes bytes on to the server, until it falls silent: then it takes connections, and says nothing.
struct Proxy {
    port: u16,
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    fn before(server: &Address) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), is_silent: Arc::default() };
        let (is_silent, to) = (Arc::clone(&proxy.is_silent), (server.host.clone(), server.port));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect((to.0.as_str(), to.1)).unwrap());
                for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    let is_silent = Arc::clone(&is_silent);
                    std::thread::spawn(move || pass_on(&mut from, &mut to, &is_silent));
                }
            }
        });
        proxy
    }
}

fn pass_on(from: &mut TcpStream, to: &mut TcpStream, is_silent: &AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !is_silent.load(Ordering::Relaxed) {
            to.write_all(&bytes[..count]).unwrap();
        }
    }
}

#[test]
fn a_server_that_falls_silent_ends_the_wait_for_it_and_a_statement_that_takes_long_goes_on() {
    let server = TestServer::start(&[]);
    let proxy = Proxy::before(&server.tcp_address());
    let silence_max = Some(Duration::from_secs(1));
    let address = Address { port: proxy.port, silence_max, ..server.tcp_address() };
    let mut connection = Connection::open(&address).unwrap();
    assert_eq!(connection.value("SELECT SLEEP(1.5)").unwrap().as_deref(), Some("0"));
    proxy.is_silent.store(true, Ordering::Relaxed);
    let error = connection.run("SELECT 1").unwrap_err();
    assert!(chain(&error).contains("no sign of life for 1 s") && is_lost(&error), "{}", chain(&error));
    assert_eq!(error.kind(), ErrorKind::Database);
    refused(&address, "no sign of life for 1 s");
    // When it is there again, it is as if nothing had been.
    proxy.is_silent.store(false, Ordering::Relaxed);
    assert_eq!(Connection::open(&address).unwrap().value("SELECT 1").unwrap().as_deref(), Some("1"));
}

#[test]
fn values_of_statements_and_of_rows_stand_in_no_error() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE s; CREATE TABLE s.t (name VARCHAR(40) PRIMARY KEY, n INT NOT NULL);\n\
         INSERT INTO s.t VALUES ('O\\'Hidden', 1); CREATE USER ann@'%'; GRANT SELECT, INSERT ON s.* TO ann@'%';",
    );
    let credentials = Credentials { user: "ann".into(), password: None };
    let mut connection = Connection::open(&Address { credentials, ..server.tcp_address() }).unwrap();
    connection.run("SET SESSION sql_mode='STRICT_ALL_TABLES'").unwrap();
    for (sql, code, shown) in [
        ("CREATE USER bob IDENTIFIED BY PASSWORD '*HIDDEN'", 1227, "CREATE USER"),
        ("INSERT INTO `s`.`t` VALUES ('O\\'Hidden', 2)", 1062, "for key 'PRIMARY'"),
        ("INSERT INTO `s`.`t` VALUES ('a', 'Hidden')", 1366, "column"),
        ("INSERT INTO `s`.`t` VALUES ('Hidden', 1, oops '*HIDDEN')", 1064, "at line 1"),
        ("SELECT * FROM `s`.`t` WHERE n = CONVERT('Hidden' USING nonsense)", 1115, "FROM `s`.`t`"),
        ("SELECT nothing FROM `s`.`t` WHERE name = 'Hidden'", 1054, "'nothing'"),
    ] {
        let error = connection.run(sql).unwrap_err();
        let all = format!("{} {error:?}", chain(&error));
        assert_eq!(error_code(&error), Some(code), "{all}");
        assert!(all.contains(shown) && !all.to_lowercase().contains("hidden"), "{all}");
    }
}
