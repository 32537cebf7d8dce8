//! A stream that is damaged on its way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::ErrorKind;
use engine::binlog::archive::archive;
use engine::database::Address;
use engine::monitor::NullMonitor;
use engine::session::WriterOptions;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{assert_chain, assert_closed_files_are_whole, logged, stored};
use crate::support::Fixture;

on_each_server!(a_bit_that_flips_on_the_way_is_never_kept,);

/// The bytes of a row, in which a bit is turned.
const ROW: &[u8] = b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";

/// A way to a server that turns one bit of each row of [`ROW`] on it, as long as it is bad.
struct Way {
    port: u16,
    is_bad: Arc<AtomicBool>,
}

impl Way {
    fn to(server: &Address) -> Self {
        let (listener, to) = (TcpListener::bind("127.0.0.1:0").unwrap(), (server.host.clone(), server.port));
        let port = listener.local_addr().unwrap().port();
        let is_bad = Arc::new(AtomicBool::new(true));
        let shared = Arc::clone(&is_bad);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (to, is_bad) = (to.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let server = TcpStream::connect(to).unwrap();
                    let (client_in, server_in) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    let back = std::thread::spawn(move || pass(server_in, client, Some(&is_bad)));
                    pass(client_in, server, None);
                    back.join().unwrap();
                });
            }
        });
        Way { port, is_bad }
    }
}

/// Passes bytes on until one side ends.
fn pass(mut from: TcpStream, mut to: TcpStream, is_bad: Option<&AtomicBool>) {
    let mut bytes = [0; 16 << 10];
    while let Ok(length) = from.read(&mut bytes) {
        let part = &mut bytes[..length];
        if is_bad.is_some_and(|bad| bad.load(Ordering::Relaxed))
            && let Some(at) = part.windows(ROW.len()).position(|window| window == ROW)
        {
            part[at + 7] ^= 0x10;
        }
        if length == 0 || to.write_all(part).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}

fn a_bit_that_flips_on_the_way_is_never_kept(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    let way = Way::to(&server.tcp_address());
    let address = Address { port: way.port, ..server.tcp_address() };
    let fetched = || archive(&fixture.open(), &address, &WriterOptions::default(), &NullMonitor);
    server.run("INSERT INTO shop.visit VALUES (1, 'x')");
    fetched().unwrap();
    server.run("INSERT INTO shop.visit VALUES (2, REPEAT('y', 100000))");
    server.run("FLUSH BINARY LOGS");
    for _ in 0..2 {
        let error = fetched().unwrap_err();
        let said = engine::error::chain(&error);
        assert_eq!(error.kind(), ErrorKind::Database, "{said}");
        assert!(said.contains("checksum"), "{said}");
        assert_eq!(stored(&fixture).len(), 1, "what was there stays, and nothing is added");
    }
    way.is_bad.store(false, Ordering::Relaxed);
    fetched().unwrap();
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
}
