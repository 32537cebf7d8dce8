//! A server behind TLS whose authority no system trusts, and a proxy on the way.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::store::conformance::check;
use engine::store::s3::{S3Options, S3Store};
use engine::store::{ObjectName, Store, StoreErrorKind};
use scenario_tests::object_storage::{Manner, ObjectStorage};

fn encrypted() -> (ObjectStorage, S3Options) {
    let (server, authority) = ObjectStorage::start_encrypted(Manner { page: 50, ..Manner::default() });
    let options = S3Options { authority: Some(authority.into_bytes()), ..server.options("office/enamel") };
    (server, options)
}

#[test]
fn a_server_whose_authority_is_named_is_trusted() {
    let (_server, options) = encrypted();
    check(&S3Store::new(&options).unwrap()).unwrap();
}

#[test]
fn a_server_whose_authority_nobody_named_is_refused_in_words() {
    let (server, options) = encrypted();
    let (_other, other) = encrypted();
    for authority in [None, other.authority] {
        let store = S3Store::new(&S3Options { authority, ..options.clone() }).unwrap();
        let error = store.stat(&ObjectName::Config).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unavailable, "{error}");
        assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
    assert_eq!(server.asked(), []);
}

#[test]
fn what_is_no_certificate_is_refused_before_anything_is_asked() {
    let (_server, options) = encrypted();
    for authority in [&b""[..], b"a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = S3Store::new(&S3Options { authority: Some(authority.to_vec()), ..options.clone() }).err().unwrap();
        assert!(error.to_string().contains("certificates"), "{error}");
    }
}

#[test]
fn a_proxy_carries_every_request_but_those_to_excepted_hosts() {
    let (server, options) = encrypted();
    let (proxy, connections) = proxy();
    // The usual exceptions name this machine, so the server gets another name, which only the proxy knows.
    let port = server.endpoint().rsplit(':').next().unwrap().to_owned();
    let through = S3Options {
        proxy: Some(proxy.clone()),
        endpoint: Some(format!("https://storage.invalid:{port}")),
        ..options.clone()
    };
    let error = S3Store::new(&through).unwrap().stat(&ObjectName::Config).unwrap_err();
    assert!(error.to_string().contains("certificate"), "the certificate is for another name: {error}");
    assert!(connections.load(Ordering::SeqCst) > 0);
    let before = connections.load(Ordering::SeqCst);
    let excepted = S3Options { proxy: Some(proxy), ..options };
    check(&S3Store::new(&excepted).unwrap()).unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), before, "localhost needs no proxy");
}

/// A proxy that leads every `CONNECT` to the port that it names on this machine, and counts them.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            // A connection that breaks is the client's affair.
            std::thread::spawn(move || tunnel(client));
        }
    });
    (address, connections)
}

fn tunnel(client: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let port = line.split([' ', ':']).nth(2).and_then(|port| port.parse::<u16>().ok()).unwrap();
    while reader.read_line(&mut line)? > 2 {}
    let server = TcpStream::connect(("127.0.0.1", port))?;
    (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut to_server, mut to_client, mut from_server) = (server.try_clone()?, client, server);
    std::thread::spawn(move || {
        let copied = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
        copied
    });
    std::io::copy(&mut reader, &mut to_server)?;
    to_server.shutdown(Shutdown::Write)
}
