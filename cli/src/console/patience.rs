//! A connection whose other side reads nothing for a while ends: else it would keep its place, and 256 of them everybody out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection that waits only so long.
pub struct Patience<S> {
    stream: S,
    longest: Duration,
    /// Runs out while the other side reads nothing.
    left: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    /// With this connection, for so long.
    pub fn with(stream: S, longest: Duration) -> Self {
        Patience { stream, longest, left: None }
    }

    fn within<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.left = None;
            return written;
        }
        let left = self.left.get_or_insert_with(|| Box::pin(sleep(self.longest)));
        left.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within(closed, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LONGEST: Duration = Duration::from_millis(200);

    /// Writes a thousand bytes to somebody who reads some first, where ten have room.
    fn written(first: usize) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (own, mut other) = duplex(10);
            let mut own = Patience::with(own, LONGEST);
            let read = async {
                let mut bytes = vec![0; first];
                other.read_exact(&mut bytes).await.unwrap();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                written = own.write_all(&[7; 1000]) => written,
                () = read => Ok(()),
            }
        })
    }

    #[test]
    fn a_connection_whose_other_side_reads_nothing_ends() {
        assert_eq!(written(0).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(written(500).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(written(1000).is_ok());
    }
}
