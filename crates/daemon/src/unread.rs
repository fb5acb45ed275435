//! A stream whose writes fail when the peer has taken nothing for too long: who does not read, holds no connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Passes everything on to `stream`. A write, flush or shutdown that stays pending for `limit` ends with
/// `ErrorKind::TimedOut`; each one that completes starts the time anew. Reads have no limit here.
pub(crate) struct WriteLimit<S> {
    stream: S,
    limit: Duration,
    /// Runs while a write is pending, so that a stream that flows needs no timer.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteLimit<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> WriteLimit<S> {
        WriteLimit { stream, limit, overdue: None }
    }

    /// What the stream answered, or the error once it has been pending for too long.
    fn limited<T>(&mut self, cx: &mut Context<'_>, answered: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if answered.is_ready() {
            self.overdue = None;
            return answered;
        }
        let limit = self.limit;
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(overdue.as_mut().poll(cx));
        // a sleep that has ended must not be polled again
        self.overdue = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answers")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteLimit<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteLimit<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let answered = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limited(cx, answered)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answered = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limited(cx, answered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answered = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(cx, answered)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answered = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limited(cx, answered)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_the_limit() {
        let (near, _far) = duplex(8);
        let (mut near, begun) = (WriteLimit::new(near, LIMIT), Instant::now());
        let error = near.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let took = begun.elapsed();
        assert!((10.0..10.1).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_something_in_time_is_waited_for_and_each_time_anew() {
        let (near, mut far) = duplex(8);
        let (mut near, begun) = (WriteLimit::new(near, LIMIT), Instant::now());
        let slow = async {
            for _ in 0..3 {
                sleep(Duration::from_secs(9)).await;
                far.read_u8().await.expect("the connection is open");
            }
        };
        let ((), written) = tokio::join!(slow, near.write_all(&[0; 12]));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut, "eleven of twelve were taken");
        let took = begun.elapsed();
        assert!((37.0..37.1).contains(&took.as_secs_f64()), "27 s and the limit: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_is_no_concern_of_the_limit() {
        let (near, mut far) = duplex(8);
        let mut near = WriteLimit::new(near, LIMIT);
        let late = async {
            sleep(LIMIT * 6).await;
            far.write_u8(7).await.expect("the connection is open");
        };
        let ((), read) = tokio::join!(late, near.read_u8());
        assert_eq!(read.unwrap(), 7);
    }
}
