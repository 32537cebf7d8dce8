//! The options of a store in object storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Pace, S3Address};

/// Where object storage is, and how it is reached.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// The bucket, and the prefix in it.
    pub address: S3Address,
    /// The address of the server, as `https://host:port`; `None` is AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for; `None` is `us-east-1`.
    pub region: Option<String>,
    /// Where the bucket stands in a URL.
    pub style: UrlStyle,
    /// The account that asks.
    pub credentials: Credentials,
    /// Certificates to trust besides those of the system, as PEM.
    pub authority: Option<Vec<u8>>,
    /// The proxy that requests go through.
    pub proxy: Option<String>,
    /// Hosts that are reached without it, with commas between them.
    pub proxy_exceptions: String,
    /// How long to wait, and how often to try.
    pub patience: Patience,
    /// The limits of the rates.
    pub limits: Limits,
    /// The user's wish to stop: it ends the patience.
    pub stop: Stop,
}

/// Asks whether the user wishes to stop. Then nothing is sent again, and nobody waits for an answer but that to the put
/// of a manifest.
#[derive(Clone)]
pub struct Stop(Arc<dyn Fn() -> bool + Send + Sync>);

impl Stop {
    /// Asks `is_wished`, often and from many threads.
    pub fn when(is_wished: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Stop(Arc::new(is_wished))
    }

    pub(super) fn is_wished(&self) -> bool {
        (self.0)()
    }
}

impl Default for Stop {
    /// Nobody wishes to stop.
    fn default() -> Self {
        Stop::when(|| false)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stop")
    }
}

/// How fast bodies are sent and received at most, by all connections together. Several stores may share a limit.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// For what is sent.
    pub upload: Option<Arc<Pace>>,
    /// For what is received.
    pub download: Option<Arc<Pace>>,
}

impl S3Options {
    /// The usual options for `address`.
    pub fn new(address: S3Address, credentials: Credentials) -> Self {
        S3Options {
            address,
            endpoint: None,
            region: None,
            style: UrlStyle::Automatic,
            credentials,
            authority: None,
            proxy: None,
            proxy_exceptions: String::new(),
            patience: Patience::default(),
            limits: Limits::default(),
            stop: Stop::default(),
        }
    }
}

/// Where the bucket stands in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UrlStyle {
    /// In the name of the host at AWS, and in the path elsewhere.
    #[default]
    Automatic,
    /// In the path.
    Path,
    /// In the name of the host.
    Host,
}

/// The account that asks.
#[derive(Clone)]
pub enum Credentials {
    /// An access key.
    Key {
        /// Its id.
        id: String,
        /// The secret.
        secret: String,
        /// The token of a session.
        token: Option<String>,
    },
    /// The role of a container, from this path of its service (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).
    Container(String),
    /// The role of a pod.
    Pod {
        /// The URL of its service (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).
        uri: String,
        /// The file with the token for it.
        token_file: String,
    },
    /// A role for a token of somebody else.
    WebIdentity {
        /// The file with the token.
        token_file: String,
        /// The role.
        role: String,
    },
    /// The role of the machine that this runs on.
    Instance,
}

impl fmt::Debug for Credentials {
    /// Names the kind; no secret is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::Key { .. } => "Key",
            Credentials::Container(_) => "Container",
            Credentials::Pod { .. } => "Pod",
            Credentials::WebIdentity { .. } => "WebIdentity",
            Credentials::Instance => "Instance",
        })
    }
}

/// How long a store waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a request without contents may take; contents have more time by their size.
    pub answer: Duration,
    /// The slowest line that works, in bytes a second.
    pub bytes_per_second: u64,
    /// How long the storage may fail before an operation gives up.
    pub outage: Duration,
    /// The first pause before a request is sent again; each is twice as long as the one before.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

/// Connections that may share a limit: more than are used at once.
const CONNECTIONS: u64 = 16;

impl Default for Patience {
    fn default() -> Self {
        Patience {
            answer: Duration::from_secs(30),
            bytes_per_second: 32 * 1024,
            outage: Duration::from_secs(180),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// The same where a limit makes the line slower: all connections share it.
    pub(super) fn within(self, limits: &Limits) -> Self {
        let slowest = [&limits.upload, &limits.download].into_iter().flatten().map(|pace| pace.bytes_per_second());
        let share = slowest.min().map_or(u64::MAX, |rate| rate / CONNECTIONS);
        Patience { bytes_per_second: self.bytes_per_second.min(share), ..self }
    }

    /// How long a request with so many bytes of contents may take.
    pub(super) fn limit(&self, bytes: u64) -> Duration {
        self.answer + Duration::from_secs(bytes / self.bytes_per_second.max(1))
    }
}
