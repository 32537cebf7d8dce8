//! Servers of mail and of the web, of the tests' own: they take what comes, refuse it, hang, or close half-way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use scenario_tests::object_storage::tls;

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Accepts,
    /// It says no.
    Refuses,
    /// A server of mail that knows everybody but `nobody`.
    KnowsSome,
    /// It takes the connection, and says nothing.
    Hangs,
    /// It closes the connection in the middle.
    Closes,
}

/// How the connections of a server of mail are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// From the second step on.
    StartTls,
    /// From the first byte.
    Tls,
}

/// Bytes both ways.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// The server's side of encryption.
type Encrypt = Box<dyn Fn(TcpStream) -> Box<dyn Stream> + Send>;

/// A server, and every byte that it was sent, one text for each connection.
pub struct Fake {
    port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Fake {
    /// A server of the web.
    pub fn web(mood: Mood) -> Self {
        Fake::start(move |connection| web(mood, connection), mood)
    }

    /// A server of mail.
    pub fn mail(mood: Mood) -> Self {
        Fake::start(move |connection| mail(mood, None, connection), mood)
    }

    /// A server of mail for `localhost` that takes what comes, and the authority that vouches for it, as PEM.
    pub fn encrypted_mail(security: Security) -> (Self, String) {
        let (identity, authority) = tls::identity();
        let encrypt: Encrypt = Box::new(move |stream| Box::new(tls::accept(identity.clone(), stream)));
        let talk = move |connection: &mut Connection| {
            if security == Security::Tls {
                connection.encrypt(&encrypt);
            }
            mail(Mood::Accepts, Some(&encrypt), connection);
        };
        (Fake::start(talk, Mood::Accepts), authority)
    }

    fn start(talk: impl Fn(&mut Connection) + Send + 'static, mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut connection = Connection::new(stream.unwrap());
                if mood == Mood::Hangs {
                    held.push(connection);
                    continue;
                }
                talk(&mut connection);
                if !connection.heard.is_empty() {
                    all.lock().unwrap().push(std::mem::take(&mut connection.heard));
                }
            }
        });
        Fake { port, heard }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The texts of all connections until now.
    pub fn heard(&self) -> Vec<String> {
        // Connections are served one after the other: when this one ends, all before it have ended.
        let mut last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        last.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = last.read_to_end(&mut Vec::new());
        let heard = self.heard.lock().unwrap();
        // Long lines of mail are cut by this.
        heard.iter().map(|bytes| String::from_utf8_lossy(bytes).replace("=\r\n", "")).collect()
    }
}

/// A connection, and what came over it.
struct Connection {
    reader: BufReader<Box<dyn Stream>>,
    tcp: TcpStream,
    heard: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let tcp = stream.try_clone().unwrap();
        Connection { reader: BufReader::new(Box::new(stream)), tcp, heard: Vec::new() }
    }

    fn encrypt(&mut self, encrypt: &Encrypt) {
        self.reader = BufReader::new(encrypt(self.tcp.try_clone().unwrap()));
    }

    /// The next line; none at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).ok()?;
        self.heard.extend(&line);
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn bytes(&mut self, count: usize) {
        let mut bytes = vec![0; count];
        let _ = self.reader.read_exact(&mut bytes);
        self.heard.extend(bytes);
    }

    fn say(&mut self, text: &str) {
        let _ = self.reader.get_mut().write_all(text.as_bytes());
        let _ = self.reader.get_mut().flush();
    }
}

fn web(mood: Mood, connection: &mut Connection) {
    let mut length = 0;
    while let Some(line) = connection.line().filter(|line| !line.is_empty()) {
        if let Some(count) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = count.trim().parse().unwrap();
        }
    }
    connection.bytes(length);
    match mood {
        Mood::Closes => connection.say("HTTP/1.1 20"),
        Mood::Refuses => connection.say("HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        _ => connection.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"),
    }
}

/// A server that can be `encrypted` takes passwords.
fn mail(mood: Mood, encrypted: Option<&Encrypt>, connection: &mut Connection) {
    connection.say("220 fake\r\n");
    while let Some(line) = connection.line() {
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if encrypted.is_some() => {
                connection.say("250-fake\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n");
            }
            "EHLO" => connection.say("250-fake\r\n250 8BITMIME\r\n"),
            "STARTTLS" => {
                connection.say("220 go on\r\n");
                encrypted.into_iter().for_each(|encrypt| connection.encrypt(encrypt));
            }
            "AUTH" => connection.say("235 welcome\r\n"),
            "RCPT" if mood == Mood::Refuses => connection.say("550 no\r\n"),
            "RCPT" if mood == Mood::KnowsSome && line.contains("nobody@") => connection.say("550 no\r\n"),
            "DATA" if mood == Mood::Closes => return connection.say("354 g"),
            "DATA" => {
                connection.say("354 go on\r\n");
                while connection.line().is_some_and(|line| line != ".") {}
                connection.say("250 taken\r\n");
            }
            "QUIT" => return connection.say("221 bye\r\n"),
            _ => connection.say("250 yes\r\n"),
        }
    }
}
