//! A stream of events that is cut anywhere: no event is lost, and none comes twice.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use engine::binlog::archive::{WatchOptions, archive, watch};
use engine::database::Address;
use engine::monitor::{Monitor, NullMonitor};
use engine::session::WriterOptions;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{assert_chain, assert_closed_files_are_whole, logged};
use crate::support::Fixture;

on_each_server!(a_stream_that_is_cut_anywhere_is_read_on_without_loss_or_repetition,);

/// The command that makes a stream of a connection, behind the length and the number of its packet.
const DUMP: u8 = 0x12;
const COMMAND_AT: usize = 4;

/// Stops at the first failure.
#[derive(Default)]
struct UntilFailure(AtomicBool);

impl Monitor for UntilFailure {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self, _: &str) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Passes connections on to the server at `port`, and cuts a stream of events after so many bytes; gives its own port.
fn cutting_proxy(port: u16, after: &Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let after = Arc::clone(after);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // The server is gone when the test ends.
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
            pass_on(client, server, after.load(Ordering::SeqCst));
        }
    });
    own
}

fn pass_on(mut client: TcpStream, mut server: TcpStream, after: usize) {
    let is_stream = Arc::new(AtomicBool::new(false));
    let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let streams = Arc::clone(&is_stream);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = client.read(&mut bytes) {
            if read > COMMAND_AT && bytes[COMMAND_AT] == DUMP && bytes[3] == 0 {
                streams.store(true, Ordering::SeqCst);
            }
            if server.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let (mut bytes, mut sent) = ([0; 4096], 0);
        while let Ok(read @ 1..) = from_server.read(&mut bytes) {
            let most = if is_stream.load(Ordering::SeqCst) { after - sent } else { read };
            let passed = read.min(most);
            if is_stream.load(Ordering::SeqCst) {
                sent += passed;
            }
            if to_client.write_all(&bytes[..passed]).is_err() || passed < read {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
}

fn a_stream_that_is_cut_anywhere_is_read_on_without_loss_or_repetition(version: Version) {
    let (server, fixture, after) = (logged(version), Fixture::new(), Arc::new(AtomicUsize::new(usize::MAX)));
    let direct = server.tcp_address();
    let address = Address { port: cutting_proxy(direct.port, &after), ..direct };
    let fetch_all = || archive(&fixture.open(), &address, &WriterOptions::default(), &NullMonitor).unwrap();
    fetch_all();
    for (round, bytes) in (0..1800).step_by(31).enumerate() {
        server.script(format!(
            "INSERT INTO shop.visit VALUES ({round}, 'a'); BEGIN; UPDATE shop.visit SET note = 'b' WHERE id = {round};
             DELETE FROM shop.visit WHERE id = {round} - 1; COMMIT; FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (-{round} - 1, 'c');"
        ));
        after.store(bytes, Ordering::SeqCst);
        let options = WatchOptions { every: Duration::ZERO, writer: WriterOptions::default() };
        watch(&fixture.open(), &address, &options, &UntilFailure::default(), &mut |_| ()).unwrap();
    }
    after.store(usize::MAX, Ordering::SeqCst);
    server.run("FLUSH BINARY LOGS");
    fetch_all();
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
}
