//! Answers of the server: what its status, code and message mean for an object.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService};

use super::Limits;
use super::pace::{Pace, Paced};
use crate::{StoreError, StoreErrorKind};

/// The longest document about an error that is read, in bytes.
const DOCUMENT_MAX: usize = 64 * 1024;

tokio::task_local! {
    /// The last answer to a request of this task.
    static ANSWER: RefCell<Option<Answer>>;
}

/// An answer of the server.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub status: u16,
    /// The S3 code of an error, such as `NoSuchKey`; empty without one.
    pub code: String,
    message: String,
    region: Option<String>,
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// There is no such object.
    Missing,
    /// A condition does not hold.
    ConditionFails,
    /// Another request for the same object is running: ask again at once.
    Contended,
    /// The server did nothing, and may do it later.
    Busy,
    /// No answer came, or one that does not say whether anything was done.
    Silent,
    /// The answer says nothing about the object: there is no such bucket, or somebody else answered.
    Elsewhere,
    /// The caller may not do that.
    Forbidden,
    /// The server does not have this operation.
    Unsupported,
    /// The object ends before the range.
    OutOfRange,
    /// The bucket or object has no such setting.
    Unset,
    /// No space is left, or a quota is used up.
    NoSpace,
    /// Something else.
    Other,
}

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub reply: Reply,
    why: String,
}

impl Failure {
    /// A failure in words of our own.
    pub fn new(reply: Reply, why: impl Into<String>) -> Self {
        Failure { reply, why: why.into() }
    }

    /// The same failure as the reason of another.
    pub fn because(self, reply: Reply, why: &str) -> Self {
        Failure { reply, why: format!("{why} ({})", self.why) }
    }

    /// Whether it is the failure that was made with these words.
    pub fn is(&self, why: &str) -> bool {
        self.why == why
    }

    /// Whether the server says that nothing was ever set.
    pub fn is_unset(&self) -> bool {
        self.reply == Reply::Unset
    }

    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self.reply, Reply::Contended | Reply::Busy | Reply::Silent)
    }

    /// The error of a store.
    pub fn error(self, action: &'static str, object: impl std::fmt::Display) -> StoreError {
        let kind = match self.reply {
            Reply::Missing => StoreErrorKind::NotFound,
            Reply::ConditionFails => StoreErrorKind::AlreadyExists,
            Reply::Contended | Reply::Busy | Reply::Silent | Reply::Elsewhere => StoreErrorKind::Unavailable,
            Reply::Forbidden => StoreErrorKind::PermissionDenied,
            Reply::Unsupported | Reply::Unset => StoreErrorKind::Unsupported,
            Reply::OutOfRange => StoreErrorKind::Truncated,
            Reply::NoSpace => StoreErrorKind::NoSpace,
            Reply::Other => StoreErrorKind::Io,
        };
        StoreError { kind, action, object: object.to_string(), source: Some(io::Error::other(self.why)) }
    }
}

impl Answer {
    fn reply(&self) -> Reply {
        match (self.status, self.code.as_str()) {
            (404, "NoSuchKey") => Reply::Missing,
            (
                _,
                "NoSuchLifecycleConfiguration"
                | "ObjectLockConfigurationNotFoundError"
                | "NoSuchObjectLockConfiguration",
            ) => Reply::Unset,
            (404, _) => Reply::Elsewhere,
            (412 | 304, _) => Reply::ConditionFails,
            (409, "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "BucketNotEmpty" | "InvalidBucketState") => {
                Reply::Other
            }
            // `ConditionalRequestConflict` at AWS, `ConcurrentModification` in Ceph, and others elsewhere.
            (409, _) => Reply::Contended,
            (507, _) | (_, "QuotaExceeded" | "StorageFull" | "XMinioStorageFull" | "InsufficientStorage") => {
                Reply::NoSpace
            }
            (416, _) => Reply::OutOfRange,
            (501 | 405, _) | (_, "NotImplemented") => Reply::Unsupported,
            (400, "RequestTimeout" | "SlowDown") => Reply::Busy,
            // Without a code somebody between us and the server answers, and does not know what became of the request.
            (429 | 503, code) if !code.is_empty() => Reply::Busy,
            (408 | 429 | 500..=599 | 200..=299, _) => Reply::Silent,
            (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken") => Reply::Forbidden,
            _ => Reply::Other,
        }
    }

    fn words(&self) -> String {
        let Answer { status, code, message, region } = self;
        let advice = match (code.as_str(), region) {
            ("NoSuchBucket", _) => "there is no such bucket",
            ("RequestTimeTooSkewed", _) => "the clock of this computer is wrong",
            ("InvalidObjectState", _) => "the object is in a cold storage class, and must be restored there first",
            ("ExpiredToken", _) => "the credentials have expired",
            ("InvalidAccessKeyId", _) => "the server does not know this access key",
            ("SignatureDoesNotMatch", _) => "the secret key is wrong, or the region is",
            (_, Some(region)) if (300..400).contains(status) => {
                return format!("the bucket is in another region, {region}: set the region");
            }
            _ => "",
        };
        let said = [code.as_str(), message.as_str()].into_iter().filter(|text| !text.is_empty());
        let said = said.collect::<Vec<_>>().join(": ");
        match (advice, said.is_empty()) {
            ("", true) => format!("the server answered with status {status}"),
            ("", false) => format!("the server answered {status} {said}"),
            (advice, _) => format!("{advice} ({status} {code})"),
        }
    }
}

/// Runs a request within `limit`, and says what its failure means.
pub(super) async fn answered<T>(
    limit: Duration,
    request: impl Future<Output = object_store::Result<T>>,
) -> Result<T, Failure> {
    let (result, answer) = ANSWER
        .scope(RefCell::new(None), async {
            let result = tokio::time::timeout(limit, request).await;
            (result, ANSWER.with(RefCell::take))
        })
        .await;
    match (result, answer) {
        (Ok(Ok(value)), _) => Ok(value),
        (Err(_), _) => Err(Failure::new(Reply::Silent, format!("no answer within {} s", limit.as_secs()))),
        (Ok(Err(error)), None) => Err(Failure::new(Reply::Silent, innermost(&error))),
        // The answer began well, and then it broke off or could not be read.
        (Ok(Err(error)), Some(answer)) if answer.status < 300 => Err(Failure::new(Reply::Silent, innermost(&error))),
        (Ok(Err(_)), Some(answer)) => Err(Failure { reply: answer.reply(), why: answer.words() }),
    }
}

/// The last cause of an error: those above it repeat the URL, and say less.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An HTTP client that notes each answer for the task that asks.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub client: reqwest::Client,
    pub limits: Limits,
}

impl Watched {
    /// Sends a request, no faster than allowed.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = match &self.limits.upload {
            Some(pace) if request.body().content_length() > 0 => self.send_paced(request, pace.clone()).await?,
            _ => self.client.call(request).await?,
        };
        let Some(pace) = &self.limits.download else { return Ok(response) };
        let (parts, body) = response.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(Paced::new(body, pace.clone()))))
    }

    async fn send_paced(&self, request: HttpRequest, pace: Arc<Pace>) -> Result<HttpResponse, HttpError> {
        let failed = |e: reqwest::Error| HttpError::new(HttpErrorKind::Unknown, e);
        let (parts, body) = request.into_parts();
        let body = reqwest::Body::wrap(Paced::new(body, pace));
        let request = reqwest::Request::try_from(http::Request::from_parts(parts, body)).map_err(failed)?;
        let response: http::Response<reqwest::Body> = self.client.execute(request).await.map_err(failed)?.into();
        let (parts, body) = response.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(Arriving(body))))
    }
}

/// A body of the HTTP client, with the errors of a response.
struct Arriving(reqwest::Body);

impl Body for Arriving {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(|e| HttpError::new(HttpErrorKind::Unknown, e))))
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The result of a call of an HTTP client.
type Call<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Watched {
    fn call<'s, 'a>(&'s self, request: HttpRequest) -> Call<'a>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            note(None);
            let lists = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
            let response = self.send(request).await?;
            let status = response.status().as_u16();
            if response.status().is_success() {
                note(Some(Answer { status, ..Answer::default() }));
                return if lists { with_usual_keys(response).await } else { Ok(response) };
            }
            let region = response.headers().get("x-amz-bucket-region");
            let region = region.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let (parts, body) = response.into_parts();
            let document = read(body).await?;
            let text = String::from_utf8_lossy(&document);
            let of = |tag| element(&text, tag).unwrap_or_default().to_owned();
            note(Some(Answer { status, code: of("Code"), message: of("Message"), region }));
            Ok(HttpResponse::from_parts(parts, document.into()))
        })
    }
}

/// A listing without keys that `object_store` refuses: it would refuse the whole page. Only others make such keys, so
/// they need not be told exactly.
async fn with_usual_keys(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let document = body.bytes().await?;
    let Ok(text) = std::str::from_utf8(&document) else { return Ok(HttpResponse::from_parts(parts, document.into())) };
    Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(usual_keys(text))))
}

/// The document with `%2F` and `%2E` where a key has an empty part, or one of dots.
fn usual_keys(document: &str) -> String {
    let mut pieces = document.split("<Key>");
    let mut usual = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (key, rest) = piece.split_once("</Key>").unwrap_or((piece, ""));
        let parts: Vec<&str> = key.split('/').collect();
        let last = parts.len() - 1;
        let part = |(n, part): (usize, &&str)| match *part {
            "" if n < last => "%2F".to_owned(),
            "." | ".." => part.replace('.', "%2E"),
            usual => usual.to_owned(),
        };
        let key: Vec<String> = parts.iter().enumerate().map(part).collect();
        usual.push_str(&format!("<Key>{}</Key>{rest}", key.join("/")));
    }
    usual
}

/// Notes an answer, if somebody waits for it.
fn note(answer: Option<Answer>) {
    // Nobody does when a client asks on its own.
    let _ = ANSWER.try_with(|last| *last.borrow_mut() = answer);
}

/// The beginning of a body.
async fn read(body: HttpResponseBody) -> Result<Vec<u8>, HttpError> {
    let mut stream = body.bytes_stream();
    let mut document = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        let room = DOCUMENT_MAX - document.len();
        document.extend_from_slice(&piece[..piece.len().min(room)]);
        if document.len() == DOCUMENT_MAX {
            break;
        }
    }
    Ok(document)
}

/// The text of the first element of this name in a document about an error.
fn element<'t>(document: &'t str, tag: &str) -> Option<&'t str> {
    let (_, rest) = document.split_once(&format!("<{tag}>"))?;
    let (text, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer {
        Answer { status, code: code.to_owned(), ..Answer::default() }
    }

    #[test]
    fn only_the_word_of_the_server_makes_an_object_missing() {
        assert_eq!(answer(404, "NoSuchKey").reply(), Reply::Missing);
        for code in ["", "NoSuchBucket", "NotFound"] {
            assert_eq!(answer(404, code).reply(), Reply::Elsewhere, "{code}");
        }
    }

    #[test]
    fn what_does_not_say_whether_anything_was_done_counts_as_no_answer() {
        for (status, code) in [(500, "InternalError"), (502, ""), (503, ""), (504, ""), (408, ""), (200, "")] {
            assert_eq!(answer(status, code).reply(), Reply::Silent, "{status} {code}");
        }
        for code in ["OperationAborted", "ConditionalRequestConflict", "ConcurrentModification", ""] {
            assert_eq!(answer(409, code).reply(), Reply::Contended, "{code}");
        }
        for (status, code) in [(503, "SlowDown"), (429, "TooManyRequests"), (400, "RequestTimeout")] {
            assert_eq!(answer(status, code).reply(), Reply::Busy, "{status} {code}");
        }
    }

    #[test]
    fn keys_of_others_do_not_spoil_a_listing() {
        let document = "<a><Key>packs/ok</Key><b/><Key>p/a//b</Key><Key>p/../x</Key><Key>/p/</Key></a>";
        let usual = "<a><Key>packs/ok</Key><b/><Key>p/a/%2F/b</Key><Key>p/%2E%2E/x</Key><Key>%2F/p/</Key></a>";
        assert_eq!(usual_keys(document), usual);
        assert_eq!(usual_keys("<a></a>"), "<a></a>");
    }

    #[test]
    fn code_and_message_come_from_the_document() {
        let document = "<?xml?><Error><Code>SlowDown</Code><Message> Please reduce. </Message></Error>";
        assert_eq!(element(document, "Code"), Some("SlowDown"));
        assert_eq!(element(document, "Message"), Some("Please reduce."));
        assert_eq!(element("<html>", "Code"), None);
    }
}
