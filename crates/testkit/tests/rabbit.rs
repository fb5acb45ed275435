//! The real RabbitMQ: one boot for a whole life, so that the test stays affordable.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use mtan_testkit::rabbit::RabbitServer;
use mtan_testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The first bytes that a broker answers to a client's protocol header.
async fn greeting(port: u16) -> std::io::Result<[u8; 3]> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
    let mut frame = [0; 3];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Processes whose environment or working folder is in `folder`: all that a broker has started.
fn processes_of(folder: &str) -> Vec<(String, String)> {
    fs::read_dir("/proc")
        .expect("a Linux /proc")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .map(|path| (path.display().to_string(), fs::read_to_string(path.join("comm")).unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_broker_serves_freezes_dies_comes_back_and_leaves_nothing() {
    let mut rabbit = RabbitServer::start().await;
    let method_frame_on_channel_0 = [1, 0, 0];
    assert_eq!(greeting(rabbit.port()).await.unwrap(), method_frame_on_channel_0);

    let vhost = rabbit.vhost();
    assert_eq!(vhost.url, format!("amqp://guest:guest@127.0.0.1:{}/{}", rabbit.port(), vhost.name));
    assert_ne!(rabbit.vhost(), vhost, "a vhost is given out once");

    rabbit.freeze();
    assert!(timeout(Duration::from_millis(300), greeting(rabbit.port())).await.is_err());
    rabbit.thaw();
    assert_eq!(greeting(rabbit.port()).await.unwrap(), method_frame_on_channel_0);

    let comm = fs::read_to_string(format!("/proc/{}/comm", rabbit.pid())).unwrap();
    assert!(comm.starts_with("beam"), "the handle is the Erlang VM itself, not a shell: {comm}");
    let (pid, port) = (rabbit.pid(), rabbit.port());
    rabbit.kill();
    assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
    assert!(greeting(port).await.is_err(), "a killed broker refuses connections");

    rabbit.restart().await;
    assert_eq!(rabbit.port(), port);
    assert_eq!(greeting(port).await.unwrap(), method_frame_on_channel_0);

    let folder = rabbit.folder().display().to_string();
    assert!(!processes_of(&folder).is_empty());
    drop(rabbit);
    wait_until("all of the broker's processes to end", Duration::from_secs(10), async || {
        let left = processes_of(&folder);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    assert!(!PathBuf::from(folder).exists());
}
