//! The HTTP forward proxy between a raw client and a gateway.

mod raw;

use std::io::ErrorKind;

use mtan_testkit::free_port;
use mtan_testkit::gateway::{Behaviour, Gateway};
use mtan_testkit::proxy::ForwardProxy;
use raw::{Client, ask, get, get_and_close};

/// `user:p@ss` in base64.
const CREDENTIALS: &str = "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n";

#[tokio::test]
async fn a_request_in_absolute_form_reaches_the_gateway_in_origin_form() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start().await;
    let request = format!(
        "POST {}?a=b HTTP/1.1\r\nHost: x\r\nX-Mine: 1\r\n{CREDENTIALS}Transfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\n\r\n",
        gateway.url()
    );
    let (answer, end) = ask(proxy.address(), &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ID: 1"), "{answer}");
    assert_eq!(end, Ok(()));

    let request = &gateway.requests()[0];
    assert_eq!((request.target.as_str(), request.body.as_slice()), ("/send?a=b", b"abc".as_slice()));
    assert_eq!((request.header("x-mine"), request.header("proxy-authorization")), (Some("1"), None));
    let seen = &proxy.requests()[0];
    assert_eq!(seen.target, format!("{}?a=b", gateway.url()));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"));
    assert_eq!((proxy.passed(), proxy.refused()), (1, 0));
}

#[tokio::test]
async fn credentials_are_demanded_and_the_next_try_may_bring_them() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start_with_credentials("user", "p@ss").await;
    let mut client = Client::connect(proxy.address()).await;
    let url = gateway.url();
    for wrong in ["", "Proxy-Authorization: Basic dXNlcjp3cm9uZw==\r\n"] {
        client.send(&format!("GET {url} HTTP/1.1\r\n{wrong}\r\n")).await;
        let (head, _) = client.response().await;
        assert!(head.starts_with("HTTP/1.1 407 "), "{head}");
        assert!(head.contains("Proxy-Authenticate: Basic realm="), "{head}");
    }
    assert!(gateway.requests().is_empty());
    client.send(&format!("GET {url} HTTP/1.1\r\n{CREDENTIALS}\r\n")).await;
    assert_eq!(client.response().await.1, "ID: 1");
    assert_eq!((proxy.passed(), proxy.refused()), (1, 2));
}

#[tokio::test]
async fn a_tunnel_carries_whatever_it_is() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start_with_credentials("user", "p@ss").await;
    let address = gateway.address();
    let mut client = Client::connect(proxy.address()).await;
    client.send(&format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
    assert!(client.response().await.0.starts_with("HTTP/1.1 407 "));
    client.send(&format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{CREDENTIALS}\r\n")).await;
    let established = "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(client.read(established.len()).await, established);
    for id in 1..=2 {
        client.send(&get("/")).await;
        assert_eq!(client.response().await.1, format!("ID: {id}"));
    }
    assert_eq!(proxy.requests()[1].method, "CONNECT");
    assert_eq!((proxy.passed(), proxy.refused()), (1, 1));
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_led_to_the_gateway() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start().await;
    proxy.lead_to(gateway.address());
    let (answer, _) = ask(proxy.address(), &get("http://gateway.invalid/x")).await;
    assert!(answer.ends_with("ID: 1"), "{answer}");
    let (answer, _) = ask(
        proxy.address(),
        &format!("CONNECT gateway.invalid:443 HTTP/1.1\r\n\r\n{}", get_and_close("/early")),
    )
    .await;
    assert!(answer.ends_with("ID: 2"), "{answer}");
    assert_eq!(gateway.requests()[1].path, "/early");
}

#[tokio::test]
async fn what_the_gateway_breaks_is_broken_for_the_client() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::reset_before_answer());
    let proxy = ForwardProxy::start().await;
    let (answer, end) = ask(proxy.address(), &get(&gateway.url())).await;
    assert_eq!((answer.as_str(), end), ("", Err(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_gateway_that_is_away_is_a_502_and_origin_form_a_400() {
    let proxy = ForwardProxy::start().await;
    let away = format!("127.0.0.1:{}", free_port());
    let start = async |request: String| ask(proxy.address(), &request).await.0[..13].to_owned();
    assert_eq!(start(get(&format!("http://{away}/"))).await, "HTTP/1.1 502 ");
    assert_eq!(start(format!("CONNECT {away} HTTP/1.1\r\n\r\n")).await, "HTTP/1.1 502 ");
    assert_eq!(start(get("/origin")).await, "HTTP/1.1 400 ");
}
