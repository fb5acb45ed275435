//! The same over a real socket.

use std::time::Duration;

use mtan_testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::hand::Mood;
use crate::house::House;

async fn serve(house: &House) -> (String, CancellationToken) {
    let listener = mtan_daemon::listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::spawn(mtan_daemon::serve(listener, house.router.clone(), stop.clone()));
    (address, stop)
}

/// One connection: sends `bytes`, says that nothing more comes, and reads all there is.
async fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_login_over_http_is_trigger_code_yes_and_then_no() {
    let house = House::new().await;
    let (address, stop) = serve(&house).await;
    // reqwest is built without a TLS provider of its own and wants one even for plain HTTP.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let check = async |form: &[(&str, &str)]| {
        let response =
            client.post(format!("http://{address}/validate/check")).form(form).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json::<serde_json::Value>().await.unwrap()
    };
    let challenge = check(&[("user", "alice"), ("pass", "1234")]).await;
    let (id, code) = (challenge["detail"]["state"].as_str().unwrap(), house.code());
    let answer = [("user", "alice"), ("pass", code.as_str()), ("state", id)];
    assert_eq!(check(&answer).await["result"]["value"], true);
    assert_eq!(check(&answer).await["result"]["value"], false);
    stop.cancel();
}

#[tokio::test]
async fn the_c_module_gets_its_three_bytes_and_nothing_behind_them() {
    let house = House::new().await;
    let (address, stop) = serve(&house).await;
    house.trigger().await;
    let body = format!("user=alice&pass=1234{}", house.code());
    let request = format!(
        "POST /validate/simplecheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(&address, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\ncontent-length: 3\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n:-)"), "{answer}");
    stop.cancel();
}

#[tokio::test]
async fn a_body_too_large_is_answered_and_does_not_hang() {
    let house = House::new().await;
    let (address, stop) = serve(&house).await;
    let body = format!("user=alice&pass=1234&x={}", "y".repeat(20_000));
    for framing in [
        "Content-Length: 20023\r\n\r\n".to_owned(),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()),
    ] {
        let end = if framing.starts_with('T') { "\r\n0\r\n\r\n" } else { "" };
        let request =
            format!("POST /validate/smspin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}{body}{end}");
        let answer = exchange(&address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"value\":false"), "{answer}");
    }
    assert_eq!(house.queue.count(), 0);
    stop.cancel();
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_leaves_no_half_done_trigger() {
    let house = House::new().await;
    let (address, stop) = serve(&house).await;
    house.queue.mood.set(Mood::Silent);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(b"GET /validate/smspin?user=alice&pass=1234 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    wait_until("the challenge", Duration::from_secs(5), async || {
        match house.verifier.outbox_depth().await.unwrap() {
            1 => Ok(()),
            depth => Err(format!("outbox {depth}")),
        }
    })
    .await;
    drop(stream);
    assert_eq!(house.fail_count().await, 0, "the right PIN was taken back");
    house.queue.mood.set(Mood::Well);
    let again = house.post("/validate/smspin", "user=alice&pass=1234").await;
    assert_eq!(again.json()["detail"]["info"], "challenge already submitted");
    stop.cancel();
}
