//! The real Redis: its data outlives a kill, a freeze is silence, and nothing outlives the handle.

use std::path::PathBuf;
use std::time::Duration;

use mtan_testkit::redis::RedisServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn an_answered_write_outlives_a_kill() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    assert!(ask(redis.port(), "SET colour blue").await.unwrap().starts_with("+OK"));

    redis.kill();
    assert!(ask(redis.port(), "PING").await.is_err(), "a killed server refuses connections");

    redis.restart().await;
    assert_eq!(redis.url(), url);
    assert!(ask(redis.port(), "GET colour").await.unwrap().contains("blue"));
}

#[tokio::test]
async fn a_frozen_server_is_silent_until_it_thaws() {
    let mut redis = RedisServer::start().await;
    redis.freeze();
    assert!(timeout(Duration::from_millis(150), ask(redis.port(), "PING")).await.is_err());
    redis.thaw();
    assert!(ask(redis.port(), "PING").await.unwrap().starts_with("+PONG"));
}

#[tokio::test]
async fn two_servers_run_side_by_side_and_nothing_outlives_the_handle() {
    let one = RedisServer::start().await;
    let other = RedisServer::start().await;
    assert_ne!(one.port(), other.port());
    assert!(ask(one.port(), "CONFIG GET maxmemory-policy").await.unwrap().contains("noeviction"));

    let process = PathBuf::from(format!("/proc/{}", one.pid()));
    assert!(process.exists());
    drop(one);
    assert!(!process.exists());
    assert!(ask(other.port(), "PING").await.unwrap().starts_with("+PONG"));
}
