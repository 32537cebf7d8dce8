//! The clients and their runtime: requests that block the caller's thread.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientOptions, RetryConfig};
use rustls::crypto::ring as provider;
use tokio::runtime::{Handle, Runtime};

use super::answer::{Failure, Reply, Watched, answered, innermost};
use super::pauses::ASKED;
use super::request::{REGION, Requests};
use super::{Credentials, S3Options, Stop, UrlStyle};
use crate::{StoreError, StoreErrorKind};

/// Threads that move bytes between sockets and memory.
const THREADS: usize = 2;
/// Connections that stay open for the next read.
const IDLE_MAX: usize = 10;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a connection may stand still: no byte arrives, or nothing of what was sent is acknowledged.
const STANDSTILL: Duration = Duration::from_secs(60);
/// How long the service that gives a role may take.
const ROLE: Duration = Duration::from_secs(5);
/// How often it is asked.
const ROLE_TRIES: u32 = 2;
/// The services of a cloud that give a machine or a container its role: no proxy leads there.
const ROLES: &str = "169.254.169.254,169.254.170.2,169.254.170.23,localhost,127.0.0.1";

/// The clients of one bucket.
pub(super) struct Client {
    runtime: Option<Runtime>,
    /// For what may be sent twice.
    pub reads: AmazonS3,
    /// For puts. Each has a connection of its own: on one that was open before, a client may send a request again on
    /// its own, and then nobody knows how many are on their way.
    pub puts: AmazonS3,
    /// For what those have no calls for.
    pub requests: Requests,
    stop: Stop,
}

impl Client {
    /// # Errors
    /// The options make no sense, or the system has no more threads.
    pub fn new(options: &S3Options) -> crate::Result<Self> {
        let failed = |why: String| StoreError {
            kind: StoreErrorKind::Io,
            action: "use",
            object: options.address.to_string(),
            source: Some(std::io::Error::other(why)),
        };
        // Another part of the program may have installed it; they are the same.
        let _ = provider::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("object storage")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|e| failed(e.to_string()))?;
        let reads = http(options, Connections::Kept).map_err(&failed)?;
        let puts = http(options, Connections::Fresh).map_err(&failed)?;
        let requests = Requests::new(options, reads.clone());
        let build = |client| {
            let watched = Watched { client, limits: options.limits.clone() };
            builder(options).with_http_connector(Connector(watched)).build()
        };
        let client = Client {
            reads: build(reads).map_err(|e| failed(e.to_string()))?,
            puts: build(puts).map_err(|e| failed(e.to_string()))?,
            requests,
            runtime: Some(runtime),
            stop: options.stop.clone(),
        };
        match options.credentials {
            Credentials::Key { .. } => Ok(client),
            _ => client.ask_for_role().map(|()| client).map_err(|failure| failure.error("use", &options.address)),
        }
    }

    /// Asks for the role once: a machine without one has no such service, and each request would wait for it.
    fn ask_for_role(&self) -> Result<(), Failure> {
        let mut asked = Ok(());
        for _ in 0..ROLE_TRIES {
            asked = self.wait(ROLE, async { self.reads.credentials().get_credential().await.map(drop) });
            if asked.is_ok() {
                return asked;
            }
        }
        asked.map_err(|failure| {
            failure.because(Reply::Forbidden, "there are no credentials, and no role of this machine")
        })
    }

    /// Waits for a request, unless the user wishes to stop.
    pub fn wait<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        let stopped = async {
            while !self.stop.is_wished() {
                tokio::time::sleep(ASKED).await;
            }
            Err(Failure::new(Reply::Silent, "stopped while it waited for the storage"))
        };
        self.block_on(async {
            match select(pin!(answered(limit, request)), pin!(stopped)).await {
                Either::Left((answer, _)) => answer,
                Either::Right((stopped, _)) => stopped,
            }
        })
    }

    /// Waits for a request whose answer must not be missing if there is one.
    pub fn wait_for_answer<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        self.block_on(answered(limit, request))
    }

    fn block_on<T>(&self, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match &self.runtime {
            Some(runtime) if Handle::try_current().is_err() => runtime.block_on(request),
            _ => Err(Failure::new(Reply::Other, "the engine blocks: it cannot be called from an asynchronous task")),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether connections are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connections {
    Kept,
    Fresh,
}

fn http(options: &S3Options, connections: Connections) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT)
        .tcp_nodelay(true);
    builder = match connections {
        // A put sends for long without reading anything.
        Connections::Fresh => builder.pool_max_idle_per_host(0),
        Connections::Kept => builder.pool_max_idle_per_host(IDLE_MAX).read_timeout(STANDSTILL),
    };
    #[cfg(target_os = "linux")]
    {
        builder = builder.tcp_user_timeout(STANDSTILL);
    }
    if let Some(authority) = &options.authority {
        let certificates = reqwest::Certificate::from_pem_bundle(authority);
        let certificates = certificates.map_err(|e| format!("the certificates to trust cannot be used: {e}"))?;
        if certificates.is_empty() {
            return Err("the file with certificates to trust has none".to_owned());
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(proxy) = &options.proxy {
        let proxy = reqwest::Proxy::all(proxy).map_err(|e| format!("the proxy cannot be used: {e}"))?;
        let exceptions = format!("{ROLES},{}", options.proxy_exceptions);
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&exceptions)));
    }
    // The certificates that were added are looked into only here.
    builder.build().map_err(|e| format!("the certificates to trust, or the proxy, cannot be used: {}", innermost(&e)))
}

fn builder(options: &S3Options) -> AmazonS3Builder {
    // The store has its own loop: it must know whether an answer was missing.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let builder = AmazonS3Builder::new()
        .with_bucket_name(options.address.bucket())
        .with_region(options.region.as_deref().unwrap_or(REGION))
        .with_retry(retry)
        .with_disable_bulk_delete(true)
        .with_client_options(ClientOptions::new().with_allow_http(true));
    let builder = with_credentials(builder, &options.credentials);
    match (&options.endpoint, options.style) {
        (None, UrlStyle::Path) => builder,
        (None, _) => builder.with_virtual_hosted_style_request(true),
        (Some(endpoint), UrlStyle::Host) => {
            let endpoint = in_host(endpoint, options.address.bucket());
            builder.with_endpoint(endpoint).with_virtual_hosted_style_request(true)
        }
        (Some(endpoint), _) => builder.with_endpoint(endpoint),
    }
}

/// The endpoint with the bucket before its host.
pub(super) fn in_host(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{}", host.trim_end_matches('/')),
        None => format!("https://{bucket}.{endpoint}"),
    }
}

fn with_credentials(builder: AmazonS3Builder, credentials: &Credentials) -> AmazonS3Builder {
    use object_store::aws::AmazonS3ConfigKey as Key;
    match credentials.clone() {
        Credentials::Key { id, secret, token } => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            match token {
                Some(token) => builder.with_token(token),
                None => builder,
            }
        }
        Credentials::Container(path) => builder.with_config(Key::ContainerCredentialsRelativeUri, path),
        Credentials::Pod { uri, token_file } => builder
            .with_config(Key::ContainerCredentialsFullUri, uri)
            .with_config(Key::ContainerAuthorizationTokenFile, token_file),
        Credentials::WebIdentity { token_file, role } => {
            builder.with_config(Key::WebIdentityTokenFile, token_file).with_config(Key::RoleArn, role)
        }
        Credentials::Instance => builder,
    }
}

/// Gives all parts of a client the same HTTP client.
#[derive(Debug)]
struct Connector(Watched);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_goes_before_the_host() {
        assert_eq!(in_host("https://s3.example.org/", "practice"), "https://practice.s3.example.org");
        assert_eq!(in_host("http://127.0.0.1:9000", "practice"), "http://practice.127.0.0.1:9000");
    }
}
