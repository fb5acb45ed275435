//! Serving HTTP/1.1: no delay on small writes, no client that holds a connection for nothing, a stop that ends.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::unread::WriteLimit;

/// A new connection that has not sent the head of a request by then is closed.
const FIRST_HEAD: Duration = Duration::from_secs(10);

/// A connection that waits for its next request is closed after this: longer than the 60 s for which proxies keep
/// theirs, so that the proxy closes first and never sends a request into a closing connection.
const IDLE: Duration = Duration::from_secs(75);

/// A client that takes nothing of its answers for this long is cut off; else a few of them could hold every place.
const UNREAD: Duration = Duration::from_secs(10);

/// After a stop, requests in hand have this long to end.
const GRACE: Duration = Duration::from_secs(10);

/// Connections at a time; fewer where the process may open fewer files. Further ones wait in the kernel's backlog.
const CONNECTIONS: usize = 4096;

/// The head of a request: request line and headers.
const HEAD_BYTES: usize = 64 * 1024;

/// After an accept that failed for want of files or memory.
const RESPITE: Duration = Duration::from_millis(200);

/// Opens `address`, such as `127.0.0.1:8080`; the error names it.
pub async fn listen(address: &str) -> io::Result<TcpListener> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}"));
    TcpListener::bind(address).await.map_err(named)
}

/// Serves `router` until `stop`, then takes no more connections and gives requests in hand 10 seconds to end. Handlers
/// find the client's address as `ConnectInfo<SocketAddr>`. A client that goes away drops the future of its request;
/// one that reads nothing of its answers for 10 seconds is cut off.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let room = Arc::new(Semaphore::new(most_connections()));
    while let Some((stream, peer, place)) = stop.run_until_cancelled(accept(&listener, &room)).await {
        let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
        connections.spawn(async move {
            if let Some(Err(error)) = cut.run_until_cancelled(connection(stream, peer, router, stop)).await {
                debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if timeout(GRACE, connections.wait()).await.is_err() {
        warn!(connections = connections.len(), "requests did not end in time and are cut off");
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

/// The next connection for which there is room. A failure is waited out: it passes, and the process must outlive it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) if is_the_clients(&error) => debug!(%error, "a client left before it was accepted"),
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                sleep(RESPITE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> Result<(), hyper::Error> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection was lost before it was served");
        return Ok(());
    }
    let asked = AtomicBool::new(false);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(WriteLimit::new(stream, UNREAD)), service);
    let (mut served, mut first_head) = (pin!(served), pin!(sleep(FIRST_HEAD)));
    let (mut waiting, mut stopping) = (true, false);
    loop {
        tokio::select! {
            result = served.as_mut() => return result,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
            }
            () = first_head.as_mut(), if waiting => {
                waiting = false;
                if !asked.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        }
    }
}

/// A quarter of the files that the process may open is left for everything else.
fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    open_files(&limits).map_or(CONNECTIONS, |files| (files - files / 4).clamp(1, CONNECTIONS))
}

/// The soft limit of open files, from the text of `/proc/self/limits`.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_read() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax processes  9  9  processes\nMax open files            1024                 524288               files     \n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files unlimited unlimited files"), None);
        assert_eq!(open_files(""), None);
    }
}
