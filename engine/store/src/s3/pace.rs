//! Limits of the rate at which bodies are sent and received: one for each direction, for all stores of the process that
//! share it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// The largest piece of a body that passes at once, in bytes.
const PIECE: usize = 64 * 1024;

/// A limit of a rate, which many connections share. A piece passes when those before it have used up their time, so
/// over any second no more passes than the limit and one piece a connection.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    began: Instant,
    /// When the pieces that have passed have used up their time, since `began`.
    free_at: Mutex<Duration>,
}

impl Pace {
    /// A limit of so many bytes a second, at least 1.
    pub fn new(bytes_per_second: u64) -> Arc<Self> {
        let bytes_per_second = bytes_per_second.max(1);
        Arc::new(Pace { bytes_per_second, began: Instant::now(), free_at: Mutex::default() })
    }

    /// The limit.
    pub fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// Takes the time of `bytes` at the moment `now`; returns how long to wait before they pass.
    fn take(&self, bytes: usize, now: Duration) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = now.max(*free_at);
        *free_at = begins + cost;
        begins.saturating_sub(now)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A body whose pieces wait for their time.
pub(super) struct Paced<B> {
    inner: B,
    pace: Arc<Pace>,
    /// The part of a frame that has not passed.
    left: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
    has_paid: bool,
}

impl<B> Paced<B> {
    pub fn new(inner: B, pace: Arc<Pace>) -> Self {
        Paced { inner, pace, left: Bytes::new(), pause: None, has_paid: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            if self.has_paid {
                self.has_paid = false;
                let most = PIECE.min(self.left.len());
                return Poll::Ready(Some(Ok(Frame::data(self.left.split_to(most)))));
            }
            if self.left.is_empty() {
                match Pin::new(&mut self.inner).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => self.left = data,
                        Err(frame) => return Poll::Ready(Some(Ok(frame))),
                    },
                    other => return other,
                }
                continue;
            }
            let wait = self.pace.take(PIECE.min(self.left.len()), self.pace.now());
            self.has_paid = true;
            self.pause = (!wait.is_zero()).then(|| Box::pin(tokio::time::sleep(wait)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.left.len() as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + left);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + left);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets `connections` send pieces as fast as they may for `seconds`; returns the bytes that passed.
    fn passed(pace: &Pace, connections: usize, seconds: u64) -> u64 {
        let end = Duration::from_secs(seconds);
        let mut ready = vec![Duration::ZERO; connections];
        let mut bytes = 0;
        loop {
            let next = (0..connections).min_by_key(|n| ready[*n]).unwrap();
            let now = ready[next];
            let passes = now + pace.take(PIECE, now);
            if passes >= end {
                return bytes;
            }
            bytes += PIECE as u64;
            ready[next] = passes;
        }
    }

    #[test]
    fn all_connections_together_keep_to_the_limit() {
        for (rate, connections) in [(1_000_000, 1), (1_000_000, 8), (12_500_000, 4), (100_000, 8)] {
            let (pace, seconds) = (Pace::new(rate), 20);
            let bytes = passed(&pace, connections, seconds);
            let wanted = rate * seconds;
            assert!(bytes.abs_diff(wanted) <= wanted / 10, "{bytes} of {wanted} with {connections} connections");
        }
    }

    #[test]
    fn time_that_nobody_used_is_gone() {
        let pace = Pace::new(1000);
        assert_eq!(pace.take(500, Duration::from_secs(100)), Duration::ZERO);
        assert_eq!(pace.take(500, Duration::from_secs(100)), Duration::from_millis(500));
        assert_eq!(pace.take(500, Duration::from_secs(200)), Duration::ZERO);
    }

    #[test]
    fn a_body_arrives_whole_in_pieces() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let body = object_store::client::HttpRequestBody::from(vec![7; 3 * PIECE + 1]);
        let mut paced = Paced::new(body, Pace::new(1 << 40));
        assert_eq!(paced.size_hint().exact(), Some(3 * PIECE as u64 + 1));
        let mut pieces = Vec::new();
        runtime.block_on(async {
            while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut paced).poll_frame(cx)).await {
                pieces.push(frame.unwrap().into_data().unwrap().len());
            }
        });
        assert_eq!(pieces, [PIECE, PIECE, PIECE, 1]);
    }
}
