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

/// Time that nobody used is made up by sending so much faster, in parts of a hundred.
const FASTER_PERCENT: u32 = 10;

/// At most so much time is made up.
const UNUSED_MAX: Duration = Duration::from_secs(5);

/// A limit of a rate, which many connections share. A piece passes when those before it have used up their time.
///
/// A command does not always have something to send: it opens the repository, cuts the first pack, waits for answers. It would
/// end far below the limit if that time was lost. So it goes up to a tenth faster afterwards: over any second no more passes than
/// 110 % of the limit and one piece a connection, and on the average of some seconds no more than the limit.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    began: Instant,
    line: Mutex<Line>,
}

/// The bytes that have passed so far.
#[derive(Debug, Default)]
struct Line {
    /// When the pieces that have passed have used up their time, since the limit began.
    free_at: Duration,
    /// Time that nobody used and that was not made up yet.
    unused: Duration,
}

impl Pace {
    /// A limit of so many bytes a second, at least 1.
    pub fn new(bytes_per_second: u64) -> Arc<Self> {
        let bytes_per_second = bytes_per_second.max(1);
        Arc::new(Pace { bytes_per_second, began: Instant::now(), line: Mutex::default() })
    }

    /// The limit.
    pub fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// Takes the time of `bytes` at the moment `now`; returns how long to wait before they pass.
    fn take(&self, bytes: usize, now: Duration) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.unused = UNUSED_MAX.min(line.unused + now.saturating_sub(line.free_at));
        let begins = now.max(line.free_at);
        let made_up = line.unused.min(cost * FASTER_PERCENT / (100 + FASTER_PERCENT));
        line.unused -= made_up;
        line.free_at = begins + cost - made_up;
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

    /// How long a command takes that begins to send after `late`, sends packs of `pack` bytes over `connections` at once, and has
    /// nothing to send for `gap` after each pack.
    fn command(pace: &Pace, connections: usize, pack: usize, packs: usize, late: Duration, gap: Duration) -> Duration {
        let mut ready = vec![late; connections];
        let mut end = Duration::ZERO;
        for _ in 0..packs {
            let next = (0..connections).min_by_key(|n| ready[*n]).unwrap();
            let mut now = ready[next];
            for _ in 0..pack / PIECE {
                now += pace.take(PIECE, now);
            }
            end = end.max(now);
            ready[next] = now + gap;
        }
        end
    }

    #[test]
    fn a_command_of_some_seconds_comes_within_a_tenth_of_the_limit() {
        let ms = Duration::from_millis;
        // It opens the repository and cuts the first pack: a sixth of the time of 8 MiB at 2 MiB/s.
        for (connections, late, gap) in [(1, 700, 0), (1, 300, 40), (4, 700, 100), (8, 0, 0), (1, 0, 90)] {
            let rate = 2 << 20;
            let taken = command(&Pace::new(rate), connections, 1 << 20, 8, ms(late), ms(gap)).as_secs_f64();
            let limit = (8 << 20) as f64 / rate as f64;
            assert!((0.9 * limit..=1.11 * limit).contains(&taken), "{taken} s and not {limit} s: {late} ms, {gap} ms");
        }
    }

    #[test]
    fn over_no_second_more_passes_than_a_tenth_above_the_limit() {
        let rate = 1 << 20;
        for late in [0, 1, 3, 600] {
            let pace = Pace::new(rate as u64);
            let begin = Duration::from_secs(late);
            let mut passes: Vec<Duration> = Vec::new();
            for _ in 0..20 * (rate / PIECE) {
                let now = passes.last().copied().unwrap_or(begin);
                passes.push(now + pace.take(PIECE, now));
            }
            let most = passes.iter().map(|from| {
                let second = *from..*from + Duration::from_secs(1);
                passes.iter().filter(|at| second.contains(at)).count()
            });
            let allowed = rate * 110 / 100 / PIECE + 1;
            let most = most.max().unwrap();
            assert!(most <= allowed, "{most} pieces in a second after {late} s, and not {allowed}");
            // The last piece passes before its time is used up.
            let saved = Duration::from_secs(20).saturating_sub(*passes.last().unwrap() - begin);
            assert!(saved.as_millis() <= u128::from(late.min(2)) * 1000 + 63, "{saved:?} after {late} s");
        }
    }

    #[test]
    fn time_that_nobody_used_is_made_up_slowly_and_not_for_ever() {
        let pace = Pace::new(1100);
        let second = Duration::from_secs;
        assert_eq!(pace.take(1100, second(100)), Duration::ZERO);
        // Ten seconds of data would give back one; five are remembered.
        let mut now = second(100);
        for _ in 0..100 {
            now += pace.take(1100, now);
        }
        assert_eq!((now - second(100)).as_millis(), 95_000);
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
