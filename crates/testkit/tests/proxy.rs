//! The TCP proxy between a raw client and a gateway: passing, cut, paused, and the HTTP forward proxy.

mod raw;

use std::io::ErrorKind;
use std::time::Duration;

use mtan_testkit::gateway::{Behaviour, Gateway};
use mtan_testkit::proxy::Proxy;
use mtan_testkit::{free_port, wait_until};
use raw::{Client, ask, get, get_and_close, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const RESET: Result<(), ErrorKind> = Err(ErrorKind::ConnectionReset);

async fn wait_for_connections(proxy: &Proxy, n: usize) {
    wait_until("connections", Duration::from_secs(20), async || match proxy.open_connections() {
        open if open == n => Ok(()),
        open => Err(format!("{open} open")),
    })
    .await;
}

#[tokio::test]
async fn bytes_pass_both_ways_and_ends_too() {
    let gateway = Gateway::start().await;
    let proxy = Proxy::start(gateway.address()).await;
    let mut client = Client::connect(proxy.address()).await;
    for id in 1..=3 {
        client.send(&post("to=1")).await;
        assert_eq!(client.response().await.1, format!("ID: {id}"));
    }
    drop(client);
    wait_for_connections(&proxy, 0).await;
    assert_eq!(ask(proxy.address(), &get_and_close("/")).await.1, Ok(()));
    assert_eq!((proxy.connections(), gateway.connections()), (2, 2));
}

#[tokio::test]
async fn one_side_may_end_before_the_other() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await;
    let mut client = Client::connect(proxy.address()).await;
    let (mut served, _) = server.accept().await.unwrap();
    client.send("question").await;
    client.0.shutdown().await.unwrap();
    let mut question = String::new();
    served.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "question");
    served.write_all(b"answer").await.unwrap();
    drop(served);
    assert_eq!(client.until_the_end().await, ("answer".to_owned(), Ok(())));
}

#[tokio::test]
async fn a_reset_passes_as_a_reset() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::reset_before_answer());
    let proxy = Proxy::start(gateway.address()).await;
    assert_eq!(ask(proxy.address(), &get("/")).await, (String::new(), RESET));
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_refuses_what_comes() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::silence());
    let proxy = Proxy::start(gateway.address()).await;
    let mut client = Client::connect(proxy.address()).await;
    client.send(&get("/")).await;
    gateway.wait_for_requests(1).await;

    proxy.cut().await;
    assert_eq!(proxy.open_connections(), 0);
    assert_eq!(client.until_the_end().await, (String::new(), RESET));
    wait_until("the gateway to notice", Duration::from_secs(20), async || match gateway.in_flight() {
        0 => Ok(()),
        n => Err(format!("{n} in flight")),
    })
    .await;
    let refused = Client::try_connect(proxy.address()).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));

    proxy.resume();
    assert!(ask(proxy.address(), &get_and_close("/")).await.0.ends_with("ID: 2"));
}

#[tokio::test]
async fn a_blip_resets_what_is_open_and_takes_what_comes() {
    let gateway = Gateway::start().await;
    let proxy = Proxy::start(gateway.address()).await;
    let mut client = Client::connect(proxy.address()).await;
    client.send(&get("/")).await;
    client.response().await;
    proxy.reset();
    assert!(ask(proxy.address(), &get_and_close("/")).await.0.ends_with("ID: 2"));
    assert_eq!(client.until_the_end().await, (String::new(), RESET));
}

#[tokio::test]
async fn a_pause_keeps_every_byte_until_it_ends() {
    let gateway = Gateway::start().await;
    let proxy = Proxy::start(("127.0.0.1", gateway.address().port())).await;
    let mut client = Client::connect(proxy.address()).await;
    client.send(&get("/")).await;
    assert_eq!(client.response().await.1, "ID: 1");

    proxy.pause();
    client.send(&get("/")).await;
    let mut newcomer = Client::connect(proxy.address()).await;
    newcomer.send(&get_and_close("/")).await;
    assert!(client.hears_nothing().await && newcomer.hears_nothing().await);
    assert_eq!(gateway.attempts(), 1);

    proxy.resume();
    assert!(client.response().await.1.starts_with("ID: "));
    assert!(newcomer.until_the_end().await.0.contains("ID: "));
    assert_eq!(gateway.attempts(), 3);
}

#[tokio::test]
async fn a_pause_keeps_answers_and_ends_back() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await;
    let mut client = Client::connect(proxy.address()).await;
    let (mut served, _) = server.accept().await.unwrap();
    proxy.pause();
    let long = "x".repeat(200_000);
    let sent = long.clone();
    let server = tokio::spawn(async move {
        served.write_all(sent.as_bytes()).await.unwrap();
    });
    assert!(client.hears_nothing().await);
    proxy.resume();
    let (came, end) = client.until_the_end().await;
    assert!(came == long, "{} bytes came", came.len());
    assert_eq!(end, Ok(()));
    server.await.unwrap();
}

#[tokio::test]
async fn a_pause_can_end_in_a_cut() {
    let gateway = Gateway::start().await;
    let proxy = Proxy::start(gateway.address()).await;
    let mut client = Client::connect(proxy.address()).await;
    client.send(&get("/")).await;
    client.response().await;
    proxy.pause();
    client.send(&get("/")).await;
    proxy.cut().await;
    assert_eq!(client.until_the_end().await, (String::new(), RESET));
    proxy.resume();
    assert!(ask(proxy.address(), &get_and_close("/")).await.0.contains("ID: 2"), "what was kept is lost");
}

#[tokio::test]
async fn a_target_that_is_away_looks_like_a_reset() {
    let proxy = Proxy::start(("127.0.0.1", free_port())).await;
    let mut client = Client::connect(proxy.address()).await;
    assert_eq!(client.until_the_end().await, (String::new(), RESET));
}

#[tokio::test]
async fn a_dropped_proxy_is_gone() {
    let gateway = Gateway::start().await;
    let proxy = Proxy::start(gateway.address()).await;
    let address = proxy.address();
    drop(proxy);
    assert!(Client::try_connect(address).await.is_err());
}
