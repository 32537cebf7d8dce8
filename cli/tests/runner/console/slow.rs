//! Browsers that are slow, or never go: nobody is kept out by them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::client::{Browser, Console};
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
/// The pace of a slow sender.
const PACE: Duration = Duration::from_millis(300);
/// A sender who is given up later has kept a place for too long.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(60);

fn console() -> Console {
    Console::open(Machine::with_snapshot(), QUIET)
}

/// Sends one byte after the other, until the other side answers or closes: what it says.
fn drip(mut stream: TcpStream) -> Vec<u8> {
    let begun = Instant::now();
    stream.set_read_timeout(Some(PACE)).unwrap();
    let mut answer = [0; 4096];
    while begun.elapsed() < GIVEN_UP_WITHIN {
        let sent = stream.write_all(b"x");
        match stream.read(&mut answer) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                sent.unwrap();
            }
            Err(_) => return Vec::new(),
            Ok(read) => return answer[..read].to_vec(),
        }
    }
    panic!("it is still listened to");
}

fn is_answered(console: &Console) {
    assert_eq!(console.ask("GET", "/login", &[], "").status, 200);
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    let console = console();
    let mut stream = console.connect();
    stream.write_all(b"GET /login HTTP/1.1\r\nX-Slow: ").unwrap();
    is_answered(&console);
    let answer = drip(stream);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    is_answered(&console);
}

#[test]
fn a_form_that_comes_byte_by_byte_is_given_up() {
    let console = console();
    let owner = console.enter();
    for (path, cookie) in [("/login", ""), ("/backup", owner.cookie())] {
        let mut stream = console.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: {}\r\nCookie: {cookie}\r\nContent-Length: 60000\r\n\r\n",
            console.port,
            console.origin()
        );
        stream.write_all(head.as_bytes()).unwrap();
        is_answered(&console);
        let answer = drip(stream);
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{path}: {}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn a_connection_that_asks_for_nothing_more_is_closed() {
    let console = console();
    let mut stream = console.connect();
    stream.write_all(format!("GET /login HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", console.port).as_bytes()).unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert!(begun.elapsed() < GIVEN_UP_WITHIN, "{:?}", begun.elapsed());
}

/// A page that is told of progress, after its first message.
fn stream(console: &Console, browser: &Browser<'_>) -> BufReader<TcpStream> {
    let mut stream = console.connect();
    let cookie = browser.cookie();
    let head = format!("GET /progress HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {cookie}\r\n\r\n", console.port);
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "no message");
    }
    lines
}

#[test]
fn a_page_that_stays_open_is_told_nothing_more_when_it_is_locked() {
    let console = console();
    let owner = console.enter();
    let mut page = stream(&console, &owner);
    owner.post("/lock", &[]).expect(303);
    let begun = Instant::now();
    let mut rest = String::new();
    // Its end, or that of the connection.
    while page.read_line(&mut rest).is_ok_and(|read| read > 0) && !rest.ends_with("\r\n0\r\n") {}
    assert!(begun.elapsed() < GIVEN_UP_WITHIN && !rest.contains("data: "), "{rest}");
}

#[test]
fn pages_that_are_closed_give_their_places_back() {
    let console = console();
    let owner = console.enter();
    for _ in 0..3 {
        let open: Vec<_> = (0..100).map(|_| stream(&console, &owner)).collect();
        is_answered(&console);
        drop(open);
    }
    owner.get("/work").expect(200);
}
