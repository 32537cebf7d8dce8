//! An S3 server of the tests' own, within the test's process: objects in memory, and every fault that a network and a
//! server can have.
//!
//! It speaks the part of S3 that a store uses: PUT with conditions, GET with ranges, HEAD, DELETE and ListObjectsV2, with
//! the bucket in the path. Conditions are decided under one lock, so races are right, unless its [`Manner`] says
//! otherwise.

mod bucket;
mod ceph;
mod fault;
mod http;
mod seaweed;
pub mod tls;
mod versions;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::store::s3::{Credentials, Patience, S3Options};

use bucket::Bucket;
pub use ceph::Ceph;
pub use fault::{Fault, Trouble};
use http::{Reply, Request};
use rustls::ServerConfig;
pub use seaweed::{LOCKED, Seaweed};

/// The only bucket.
pub const BUCKET: &str = "practice";
/// The only access key.
pub const KEY: &str = "TESTKEY";

/// How the server decides and lists.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How it treats conditions of a PUT.
    pub conditions: Conditions,
    /// Whether it compares tags only without their quotes.
    pub bare_tags: bool,
    /// Whether new objects are missing in listings until [`ObjectStorage::settle`].
    pub lists_late: bool,
    /// Keys on one page of a listing.
    pub page: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Manner { conditions: Conditions::Kept, bare_tags: false, lists_late: false, page: 3 }
    }
}

/// How a server treats conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// It keeps them.
    Kept,
    /// It does as if there were none, and says nothing.
    Ignored,
    /// It answers that it does not have them.
    Refused,
    /// It looks first, and writes a moment later.
    Raced,
}

/// A request that was answered, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `PUT`, `HEAD`, `DELETE`, or `LIST`.
    pub verb: &'static str,
    /// The key, or the prefix of a listing.
    pub key: String,
    /// The bytes of its body, or of the answer.
    pub bytes: u64,
    /// The status; 0 if there was no answer.
    pub status: u16,
}

/// A running server; dropping it ends it.
pub struct ObjectStorage {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    /// The certificate, and its key, if it speaks TLS.
    identity: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
    is_over: AtomicBool,
    over: Condvar,
    /// A request was answered, or hangs.
    news: Condvar,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    faults: Vec<Fault>,
    asked: Vec<Asked>,
    late: Vec<Request>,
    /// Requests that hang now.
    hanging: usize,
    /// From now on none hangs.
    is_released: bool,
}

impl ObjectStorage {
    /// A server with an empty bucket.
    pub fn start(manner: Manner) -> Self {
        Self::start_as(manner, None)
    }

    /// The same behind TLS, with a certificate for `localhost`, and the authority that signed that, as PEM.
    pub fn start_encrypted(manner: Manner) -> (Self, String) {
        let (identity, authority) = tls::identity();
        (Self::start_as(manner, Some(identity)), authority)
    }

    fn start_as(manner: Manner, identity: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (is_over, over, news) = (AtomicBool::new(false), Condvar::new(), Condvar::new());
        let shared = Shared { manner, identity, state: Mutex::default(), is_over, over, news };
        let shared = Arc::new(shared);
        let serving = shared.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let shared = serving.clone();
                // A connection that breaks is the client's affair.
                std::thread::spawn(move || connection.map(|connection| shared.serve(connection)));
            }
        });
        ObjectStorage { address, shared }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        match self.shared.identity {
            None => format!("http://{}", self.address),
            Some(_) => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// Options of a store with this prefix, which tries again at once and not for long.
    pub fn options(&self, prefix: &str) -> S3Options {
        let address = format!("s3://{BUCKET}/{prefix}").parse().unwrap();
        let secret = "secret".to_owned();
        let credentials = Credentials::Key { id: KEY.to_owned(), secret, token: None };
        let patience = Patience {
            answer: std::time::Duration::from_secs(20),
            outage: std::time::Duration::from_millis(300),
            first_pause: std::time::Duration::from_millis(1),
            longest_pause: std::time::Duration::from_millis(10),
            ..Patience::default()
        };
        S3Options { endpoint: Some(self.endpoint()), patience, ..S3Options::new(address, credentials) }
    }

    /// From now on requests fail as `fault` says, besides those of earlier faults.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// From now on no request fails.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Waits until a request hangs.
    pub fn wait_for_hanging(&self) {
        self.wait_while(|state| state.hanging == 0);
    }

    /// Waits until a request with this verb, and `part` in its key, was answered, or ended without an answer.
    pub fn wait_for(&self, verb: &str, part: &str) {
        self.wait_while(|state| !state.asked.iter().any(|asked| asked.verb == verb && asked.key.contains(part)));
    }

    /// Ends the requests that hang, without an answer; none hangs from now on.
    pub fn release(&self) {
        self.state().is_released = true;
        self.shared.over.notify_all();
    }

    fn wait_while(&self, condition: impl Fn(&mut State) -> bool) {
        let patience = std::time::Duration::from_secs(120);
        let waited = self.shared.news.wait_timeout_while(self.state(), patience, condition);
        assert!(!waited.unwrap_or_else(PoisonError::into_inner).1.timed_out(), "nothing of the kind happened");
    }

    /// Carries out the requests that were late, in the order in which they came.
    pub fn let_arrive(&self) {
        let late = std::mem::take(&mut self.state().late);
        for request in late {
            self.shared.perform(&request);
        }
    }

    /// Shows all objects in listings.
    pub fn settle(&self) {
        self.state().bucket.settle();
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Forgets the requests so far, and returns them.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.state().bucket.objects.keys().cloned().collect()
    }

    /// The object with this key.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.state().bucket.objects.get(key).cloned()
    }

    /// Removes an object as if somebody else had.
    pub fn remove(&self, key: &str) {
        self.state().bucket.objects.remove(key);
    }

    /// Puts an object as if somebody else had.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let mut state = self.state();
        state.bucket.versions.note(key, Some(bytes.to_vec()));
        state.bucket.objects.insert(key.to_owned(), bytes.to_vec());
    }

    /// Sets a part of the bucket's configuration: `versioning`, `object-lock` or `lifecycle`. Without the first the bucket
    /// says that it keeps no versions.
    pub fn configure(&self, part: &'static str, document: &str) {
        self.state().bucket.versions.configuration.insert(part, document.to_owned());
    }

    /// The server's clock, in seconds since 1970: the time at which what comes now is written.
    pub fn now(&self) -> i64 {
        self.state().bucket.versions.now()
    }

    /// Moves the server's clock on.
    pub fn pass(&self, seconds: i64) {
        self.state().bucket.versions.clock += seconds;
    }

    /// The second until which each version of a key is locked, the oldest version first.
    pub fn locks(&self, key: &str) -> Vec<Option<i64>> {
        self.state().bucket.versions.locks(key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for ObjectStorage {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.over.notify_all();
        // Wakes the thread that waits for connections; if that fails, it ends with the process.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, connection: TcpStream) {
        // Otherwise small answers wait for the client's acknowledgement.
        let _ = connection.set_nodelay(true);
        let mut connection = http::Connection::new(match &self.identity {
            None => Box::new(connection),
            Some(identity) => Box::new(tls::accept(identity.clone(), connection)),
        });
        while let Some(mut head) = connection.head() {
            let trouble = self.trouble(&head);
            if trouble == Some(Trouble::CutRequest) {
                connection.body(&mut head, 2);
                return self.note(&head, None);
            }
            let is_whole = match trouble {
                Some(Trouble::SlowRequest(pause)) => connection.body_slowly(&mut head, pause),
                _ => connection.body(&mut head, 1),
            };
            if !is_whole {
                return self.note(&head, None);
            }
            let reply = self.reply(&head, trouble);
            self.note(&head, reply.as_ref());
            match reply {
                Some(reply) if connection.answer(&head, &reply) => {}
                _ => return,
            }
        }
    }

    fn trouble(&self, request: &Request) -> Option<Trouble> {
        self.state().faults.iter_mut().find_map(|fault| fault.strikes(request.verb(), &request.subject()))
    }

    /// The answer to a request; `None` for none.
    fn reply(&self, request: &Request, trouble: Option<Trouble>) -> Option<Reply> {
        match trouble {
            None | Some(Trouble::SlowRequest(_)) => Some(self.perform(request)),
            Some(Trouble::OtherRegion(region)) => {
                Some(Reply::error(301, "PermanentRedirect").with("x-amz-bucket-region", region))
            }
            Some(Trouble::Status(status, code)) => Some(Reply::error(status, code)),
            Some(Trouble::Page(status)) => Some(Reply::page(status)),
            Some(Trouble::StatusAfter(status, code)) => {
                self.perform(request);
                Some(Reply::error(status, code))
            }
            Some(Trouble::LostAnswer) => {
                self.perform(request);
                None
            }
            Some(Trouble::NoAnswer | Trouble::CutRequest) => None,
            Some(Trouble::Late) => {
                self.state().late.push(request.clone());
                None
            }
            Some(Trouble::Hang) => {
                let hangs = |state: &mut State| !self.is_over.load(Ordering::SeqCst) && !state.is_released;
                let patience = std::time::Duration::from_secs(60);
                self.state().hanging += 1;
                self.news.notify_all();
                drop(self.over.wait_timeout_while(self.state(), patience, hangs));
                self.state().hanging -= 1;
                None
            }
            Some(Trouble::CutBody) => Some(self.perform(request).cut()),
            Some(Trouble::Shorter) => Some(self.perform(request).shorter()),
            Some(Trouble::FlippedBit) => Some(self.perform(request).flipped()),
            Some(Trouble::WrongTag) => Some(self.perform(request).with_tag("\"0123456789abcdef\"")),
        }
    }

    fn note(&self, request: &Request, reply: Option<&Reply>) {
        let bytes = match request.verb() {
            "PUT" => request.body.len(),
            _ => reply.map_or(0, |reply| reply.body.len()),
        };
        let status = reply.map_or(0, |reply| reply.status);
        let asked = Asked { verb: request.verb(), key: request.subject(), bytes: bytes as u64, status };
        self.state().asked.push(asked);
        self.news.notify_all();
    }

    fn perform(&self, request: &Request) -> Reply {
        if !request.header("authorization").is_some_and(|header| header.contains(&format!("Credential={KEY}/"))) {
            return Reply::error(403, "InvalidAccessKeyId");
        }
        if request.bucket() != BUCKET {
            return Reply::error(404, "NoSuchBucket");
        }
        if self.manner.conditions == Conditions::Raced && request.is_conditional() {
            return self.race(request);
        }
        self.state().bucket.perform(request, &self.manner)
    }

    /// Looks whether the condition holds, and puts the object a moment later whatever has happened.
    fn race(&self, request: &Request) -> Reply {
        if let Some(refused) = self.state().bucket.refuses(request, &self.manner) {
            return refused;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        let ignoring = Manner { conditions: Conditions::Ignored, ..self.manner };
        self.state().bucket.perform(request, &ignoring)
    }
}
