//! The page for other computers: only over TLS, and only with people who have passwords.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use scenario_tests::object_storage::tls::files;

use super::client::{Console, form};
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
const SETTINGS: &str = "repository = \"repo\"\nkey-file = \"key\"\nsources = [\"source\"]\nstate-dir = \"state\"\n";

/// A port that nobody has now.
fn free_port() -> u16 {
    TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

/// An answer over TLS, trusting this authority only.
fn ask(port: u16, authority: &str, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", port)).unwrap());
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    // The other side may close without saying so.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn other_computers_come_in_by_tls_with_a_password_and_never_by_a_link() {
    let [certificate, key, authority] = files();
    let machine = Machine::with_snapshot();
    machine.write("page.crt", certificate);
    machine.write("page.key", key);
    let mut console = Console::open(machine, QUIET);
    let person = [("name", "Dana"), ("role", "staff"), ("password", "correct horse"), ("again", "correct horse")];
    let port = free_port();
    let network = format!(
        "{SETTINGS}{QUIET}[console]\nlisten = \"0.0.0.0:{port}\"\nnames = [\"localhost\"]\ncertificate = \"page.crt\"\nkey = \"page.key\"\n"
    );
    let before = std::fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    console.machine.write("enamel.toml", &network);
    assert_eq!(console.end(), Some(0));
    let refused = console.run(&["console", "--no-browser"]).expect(2);
    assert!(refused.err.contains("nobody has a password yet"), "{}", refused.err);
    console.machine.write("enamel.toml", before);
    console.open_again();
    console.enter().post("/settings/people", &person).expect(303);
    console.end();
    console.machine.write("enamel.toml", &network);
    console.open_again();
    let host = format!("Host: localhost:{port}\r\nConnection: close\r\n");
    let page = ask(port, &authority, &format!("GET /login HTTP/1.1\r\n{host}\r\n"));
    assert!(page.starts_with("HTTP/1.1 200") && page.to_lowercase().contains("strict-transport-security: "), "{page}");
    let foreign =
        ask(port, &authority, &format!("GET /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"));
    assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");
    let link = console.first_link().to_owned();
    let entered = ask(port, &authority, &format!("GET {link} HTTP/1.1\r\n{host}\r\n"));
    assert!(entered.starts_with("HTTP/1.1 404"), "{entered}");
    let login = |scheme: &str| {
        let body = form(&[("name", "Dana"), ("password", "correct horse")]);
        let head = format!(
            "POST /login HTTP/1.1\r\n{host}Origin: {scheme}://localhost:{port}\r\nContent-Length: {}\r\n",
            body.len()
        );
        ask(port, &authority, &format!("{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"))
    };
    assert!(login("http").starts_with("HTTP/1.1 403"), "another scheme is another site");
    let entered = login("https");
    assert!(entered.starts_with("HTTP/1.1 303") && entered.contains("SameSite=Strict; Secure"), "{entered}");
    // Without TLS nothing is said.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.write_all(format!("GET /login HTTP/1.1\r\n{host}\r\n").as_bytes()).unwrap();
    let mut text = Vec::new();
    let _ = plain.read_to_end(&mut text);
    assert!(!text.starts_with(b"HTTP"), "{text:?}");
    assert!(console.enter().page("/").contains("Backup"), "this computer needs no TLS");
}
