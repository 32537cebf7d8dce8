//! As much of HTTP/1.1 as the clients of S3 use.

use std::io::{BufRead, BufReader, Read, Write};

/// The largest body of a request.
const BODY_MAX: usize = 512 << 20;

/// The bytes that a slow server takes at once.
const PIECE: usize = 64 * 1024;

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value.as_str())
    }

    /// The method, or `LIST` for the listing of a bucket.
    pub fn verb(&self) -> &'static str {
        match (self.method.as_str(), self.key()) {
            ("GET", "") => "LIST",
            ("GET", _) => "GET",
            ("PUT", _) => "PUT",
            ("HEAD", _) => "HEAD",
            ("DELETE", _) => "DELETE",
            _ => "OTHER",
        }
    }

    pub fn bucket(&self) -> &str {
        self.path.trim_start_matches('/').split('/').next().unwrap_or_default()
    }

    /// The key of the object; empty for the bucket itself.
    pub fn key(&self) -> &str {
        self.path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key)
    }

    /// The key, or the prefix of a listing.
    pub fn subject(&self) -> String {
        match self.verb() {
            "LIST" => self.parameter("prefix").unwrap_or_default().to_owned(),
            _ => self.key().to_owned(),
        }
    }

    pub fn is_conditional(&self) -> bool {
        self.header("if-none-match").or(self.header("if-match")).is_some()
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// How many bytes of the body are sent before the connection ends.
    cut_at: Option<usize>,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Reply { status, ..Reply::default() }
    }

    /// An error with its document.
    pub fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>said by the test</Message></Error>").into_bytes();
        Reply { body, ..Reply::new(status) }
    }

    /// A page of somebody who is no S3 server.
    pub fn page(status: u16) -> Self {
        Reply { body: b"<html><body>try later</body></html>".to_vec(), ..Reply::new(status) }
    }

    pub fn with_body(self, body: Vec<u8>) -> Self {
        Reply { body, ..self }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn with_tag(mut self, tag: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "ETag");
        self.with("ETag", tag)
    }

    pub fn cut(self) -> Self {
        Reply { cut_at: Some(self.body.len() / 2), ..self }
    }

    pub fn shorter(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        let end = self.body.len().saturating_sub(1);
        for (name, value) in &mut self.headers {
            if *name == "Content-Range" {
                *value = format!("bytes 0-{end}/{}", self.body.len());
            }
        }
        self
    }

    pub fn flipped(mut self) -> Self {
        let middle = self.body.len() / 2;
        if let Some(byte) = self.body.get_mut(middle) {
            *byte ^= 1;
        }
        self
    }
}

/// Bytes in both directions.
pub(super) trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

/// A connection with a client.
pub(super) struct Connection(BufReader<Box<dyn Duplex>>);

impl Connection {
    pub fn new(stream: Box<dyn Duplex>) -> Self {
        Connection(BufReader::new(stream))
    }

    /// The next request without its body; `None` at the end.
    pub fn head(&mut self) -> Option<Request> {
        let line = self.line()?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
        let mut request = Request { method, path: decoded(path), query, ..Request::default() };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some(request);
            }
            let (name, value) = line.split_once(':')?;
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.by_ref().take(64 * 1024).read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Reads the body, or its first part when it is divided by `divisor`. Whether all of that came.
    pub fn body(&mut self, request: &mut Request, divisor: usize) -> bool {
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        assert!(length <= BODY_MAX, "a request with {length} bytes");
        request.body = vec![0; length / divisor];
        self.0.read_exact(&mut request.body).is_ok()
    }

    /// Reads the body in small pieces, with a pause before each. Whether all of it came.
    pub fn body_slowly(&mut self, request: &mut Request, milliseconds: u64) -> bool {
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        request.body = vec![0; length];
        request.body.chunks_mut(PIECE).all(|piece| {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            self.0.read_exact(piece).is_ok()
        })
    }

    /// Sends an answer. Whether the connection is still good.
    pub fn answer(&mut self, request: &Request, reply: &Reply) -> bool {
        let mut head = format!("HTTP/1.1 {} Answer\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if request.method != "HEAD" {
            bytes.extend_from_slice(&reply.body[..reply.cut_at.unwrap_or(reply.body.len())]);
        }
        let stream = self.0.get_mut();
        stream.write_all(&bytes).is_ok() && stream.flush().is_ok() && reply.cut_at.is_none()
    }
}

/// The text for its form in a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
