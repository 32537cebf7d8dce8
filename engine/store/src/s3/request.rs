//! Requests about buckets and versions of objects, which `object_store` has no calls for.

use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequest, HttpService};
use object_store::path::Path;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::answer::{Failure, Reply, Watched};
use super::{Limits, S3Options, UrlStyle};

/// The region that requests are signed for when none is set.
pub(super) const REGION: &str = "us-east-1";

/// The thing that a request is about, with its query and headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// `None` for the bucket itself.
    object: Option<&'a Path>,
    /// An empty value stands for none.
    query: &'a [(&'a str, &'a str)],
    headers: &'a [(&'static str, &'a str)],
}

impl<'a> Subject<'a> {
    /// The bucket.
    pub fn bucket(query: &'a [(&'a str, &'a str)]) -> Self {
        Subject { object: None, query, headers: &[] }
    }

    /// An object.
    pub fn object(object: &'a Path, query: &'a [(&'a str, &'a str)]) -> Self {
        Subject { object: Some(object), query, headers: &[] }
    }

    /// The same with headers.
    #[cfg(any(test, feature = "test-support"))]
    pub fn with(self, headers: &'a [(&'static str, &'a str)]) -> Self {
        Subject { headers, ..self }
    }
}

/// Signs and sends such requests.
#[derive(Debug)]
pub(super) struct Requests {
    http: Watched,
    /// The URL of the bucket, without a slash at its end.
    bucket: String,
    region: String,
}

impl Requests {
    pub fn new(options: &S3Options, http: reqwest::Client) -> Self {
        let region = options.region.clone().unwrap_or_else(|| REGION.to_owned());
        Requests {
            http: Watched { client: http, limits: Limits::default() },
            bucket: bucket_url(options, &region),
            region,
        }
    }

    /// The body of the answer to a request; `body` is empty where there is none to send.
    pub async fn send(
        &self,
        credential: &object_store::aws::AwsCredential,
        method: &str,
        subject: Subject<'_>,
        body: Vec<u8>,
    ) -> object_store::Result<Vec<u8>> {
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
        let checksum = crc32fast::hash(&body);
        let has_body = !body.is_empty();
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = method.parse().map_err(|e| failed(Box::new(e)))?;
        *request.uri_mut() = self.url(subject).parse().map_err(|e| failed(Box::new(e)))?;
        if has_body {
            // Servers refuse to change what guards an object if they cannot tell that all of the request has come.
            let value = base64_of(checksum).parse().map_err(|e| failed(Box::new(e)))?;
            request.headers_mut().insert("x-amz-checksum-crc32", value);
        }
        for (name, value) in subject.headers {
            request.headers_mut().insert(*name, value.parse().map_err(|e| failed(Box::new(e)))?);
        }
        AwsAuthorizer::new(credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let response = self.http.call(request).await.map_err(|e| failed(Box::new(e)))?;
        if !response.status().is_success() {
            return Err(failed("the server refuses".into()));
        }
        let body = response.into_body().bytes().await.map_err(|e| failed(Box::new(e)))?;
        Ok(body.into())
    }

    fn url(&self, subject: Subject<'_>) -> String {
        let mut url = self.bucket.clone();
        url.push('/');
        if let Some(object) = subject.object {
            let folders: Vec<_> = object.as_ref().split('/').map(|part| encoded(part).to_string()).collect();
            url.push_str(&folders.join("/"));
        }
        for (n, (name, value)) in subject.query.iter().enumerate() {
            url.push(if n == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(encoded(value));
        }
        url
    }
}

/// CRC-32 as a header wants it.
fn base64_of(checksum: u32) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(checksum.to_be_bytes())
}

/// The bytes of a part of a URL that signatures want as their numbers: all but those of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

fn bucket_url(options: &S3Options, region: &str) -> String {
    let bucket = options.address.bucket();
    match (&options.endpoint, options.style) {
        (None, UrlStyle::Path) => format!("https://s3.{region}.amazonaws.com/{bucket}"),
        (None, _) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        (Some(endpoint), UrlStyle::Host) => super::client::in_host(endpoint, bucket),
        (Some(endpoint), _) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
    }
}

/// The document of an answer.
///
/// # Errors
/// [`Reply::Other`] if it cannot be read: this server says it in another way.
pub(super) fn parse<'d, T: serde::Deserialize<'d>>(document: &'d str, what: &str) -> Result<T, Failure> {
    quick_xml::de::from_str(document).map_err(|error| {
        Failure::new(Reply::Other, format!("the server's answer about {what} cannot be read: {error}"))
    })
}
