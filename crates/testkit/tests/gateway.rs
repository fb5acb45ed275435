//! The gateway, seen by a raw client: what it records, and each way in which it misbehaves.

mod raw;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use mtan_testkit::gateway::{Behaviour, Gateway, Hold};
use mtan_testkit::wait_until;
use raw::{Client, ask, get, get_and_close, post};
use tokio::io::AsyncReadExt;

const RESET: Result<(), ErrorKind> = Err(ErrorKind::ConnectionReset);

#[tokio::test]
async fn a_request_is_recorded_as_it_came_and_accepted() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.url(), format!("http://{}/send", gateway.address()));

    let before = Instant::now();
    let (answer, end) =
        ask(gateway.address(), &get_and_close("/send%20now?text=Your+code+%C3%A4&to=%2B4912&to=2")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nID: 1"), "{answer}");
    assert_eq!(end, Ok(()));

    let requests = gateway.requests();
    let [request] = requests.as_slice() else { panic!("one request: {requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/send now"));
    let expected = [("text", "Your code ä"), ("to", "+4912"), ("to", "2")];
    assert_eq!(request.parameters().collect::<Vec<_>>(), expected);
    assert_eq!(request.header("HOST"), Some("gateway"));
    assert_eq!((request.sequence, request.connection), (1, 1));
    assert!(request.arrived > before && request.arrived < Instant::now());
}

#[tokio::test]
async fn one_connection_takes_many_requests_of_every_framing() {
    let gateway = Gateway::start().await;
    let mut client = Client::connect(gateway.address()).await;
    client.send(&post("to=1&text=a%26b")).await;
    assert_eq!(client.response().await.1, "ID: 1");
    client
        .send(
            "POST http://elsewhere/x?q=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(client.response().await.1, "ID: 2");
    client.send(&(get("/3") + &get("/4"))).await;
    assert_eq!((client.response().await.1, client.response().await.1), ("ID: 3".into(), "ID: 4".into()));

    let requests = gateway.requests();
    assert_eq!(requests[0].parameter("text"), Some("a&b"));
    assert_eq!(requests[0].body, b"to=1&text=a%26b");
    assert_eq!((requests[1].target.as_str(), requests[1].path.as_str()), ("http://elsewhere/x?q=1", "/x"));
    assert_eq!((requests[1].parameter("q"), requests[1].body.as_slice()), (Some("1"), b"abc".as_slice()));
    assert!(requests.iter().all(|request| request.connection == 1));
    gateway.wait_for_answers(4).await;
    assert_eq!((gateway.connections(), gateway.attempts(), gateway.answers()), (1, 4, 4));
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_asked_for_its_body() {
    let gateway = Gateway::start().await;
    let mut client = Client::connect(gateway.address()).await;
    client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
    assert_eq!(client.read(25).await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi").await;
    assert_eq!(client.response().await.1, "ID: 1");
    assert_eq!(gateway.requests()[0].body, b"hi");
}

#[tokio::test]
async fn an_http_1_0_client_gets_its_answer_and_the_end() {
    let gateway = Gateway::start().await;
    let (answer, end) = ask(gateway.address(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains("Connection: close") && answer.ends_with("ID: 1"), "{answer}");
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn what_is_no_http_is_answered_400_and_not_recorded() {
    let gateway = Gateway::start().await;
    for nonsense in ["EHLO gateway\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
        let (answer, end) = ask(gateway.address(), nonsense).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(end, Ok(()));
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn requests_are_found_by_number_and_by_parameter() {
    let gateway = Gateway::start().await;
    let mut client = Client::connect(gateway.address()).await;
    for (request, id) in [(get("/?to=%2B491&text=x"), 1), (get("/?to=%2B492"), 2), (post("dest=%2B491"), 3)] {
        client.send(&request).await;
        assert_eq!(client.response().await.1, format!("ID: {id}"));
    }
    let sequences = |requests: Vec<mtan_testkit::gateway::Request>| -> Vec<usize> {
        requests.iter().map(|request| request.sequence).collect()
    };
    assert_eq!(sequences(gateway.sms_to("+491")), [1, 3]);
    assert_eq!(sequences(gateway.requests_with("to", "+491")), [1]);
    assert_eq!(sequences(gateway.wait_for_requests(3).await), [1, 2, 3]);
    assert_eq!(sequences(gateway.wait_for_sms_to("+492", 1).await), [2]);
}

#[tokio::test]
async fn the_next_requests_go_wrong_as_planned_and_then_it_is_well_again() {
    let gateway = Gateway::start().await;
    gateway.next(2, Behaviour::answer(503, "busy <n>"));
    gateway.next(1, Behaviour::throttle(Duration::from_secs(7)));
    gateway.next(1, Behaviour::answer(200, "ERROR: no credit").header("X-Code", "42"));
    gateway.next(1, Behaviour::redirect(307, "http://elsewhere/"));
    let mut client = Client::connect(gateway.address()).await;
    let mut ask = async || {
        client.send(&post("to=1")).await;
        client.response().await
    };

    let (head, body) = ask().await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "busy 1");
    assert_eq!(ask().await.1, "busy 2");
    let (head, _) = ask().await;
    assert!(head.starts_with("HTTP/1.1 429 ") && head.contains("\r\nRetry-After: 7\r\n"), "{head}");
    let (head, body) = ask().await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("\r\nX-Code: 42\r\n"), "{head}");
    assert_eq!(body, "ERROR: no credit");
    let (head, _) = ask().await;
    assert!(
        head.starts_with("HTTP/1.1 307 ") && head.contains("\r\nLocation: http://elsewhere/\r\n"),
        "{head}"
    );
    assert_eq!(ask().await.1, "ID: 6");
}

#[tokio::test]
async fn a_rule_for_all_lasts_until_it_recovers() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::answer(500, "down"));
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..3 {
        client.send(&get("/")).await;
        assert_eq!(client.response().await.1, "down");
    }
    gateway.next(9, Behaviour::answer(404, "gone"));
    gateway.recover();
    client.send(&get("/")).await;
    assert_eq!(client.response().await.1, "ID: 4");
}

#[tokio::test]
async fn one_bad_number_uses_up_nobody_elses_turn() {
    let gateway = Gateway::start().await;
    gateway.for_number("+49666", Behaviour::answer(400, "bad number"));
    gateway.next(1, Behaviour::answer(503, "busy"));
    let mut client = Client::connect(gateway.address()).await;
    for (request, expected) in [
        (get("/?to=%2B49666"), "bad number"),
        (get("/?to=%2B49777"), "busy"),
        (post("to=%2B49666"), "bad number"),
        (post("to=%2B49777"), "ID: 4"),
    ] {
        client.send(&request).await;
        assert_eq!(client.response().await.1, expected);
    }
}

#[tokio::test]
async fn a_reset_before_the_body_takes_nothing() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::reset_before_body());
    let head_only = "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n";
    assert_eq!(ask(gateway.address(), head_only).await, (String::new(), RESET));
    assert_eq!((gateway.attempts(), gateway.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_reset_before_the_answer_has_taken_the_request() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::reset_before_answer());
    assert_eq!(ask(gateway.address(), &post("to=1")).await, (String::new(), RESET));
    assert_eq!(gateway.sms_to("1").len(), 1);
    assert_eq!(gateway.answers(), 0);
}

#[tokio::test]
async fn a_reset_inside_the_answer_shows_half_of_it() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::reset_inside_answer());
    let (answer, end) = ask(gateway.address(), &post("to=1")).await;
    assert!(answer.contains("Content-Length: 5\r\n") && answer.ends_with("\r\n\r\nID"), "{answer}");
    assert_eq!(end, RESET);
    assert_eq!((gateway.sms_to("1").len(), gateway.answers()), (1, 0));
}

#[tokio::test]
async fn a_close_without_an_answer_is_no_reset() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::close());
    assert_eq!(ask(gateway.address(), &post("to=1")).await, (String::new(), Ok(())));
    assert_eq!(gateway.sms_to("1").len(), 1);
}

#[tokio::test]
async fn a_close_after_the_answer_comes_without_warning() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::accept().then_close());
    let (answer, end) = ask(gateway.address(), &post("to=1")).await;
    assert!(answer.ends_with("ID: 1") && !answer.contains("Connection:"), "{answer}");
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::silence());
    let mut client = Client::connect(gateway.address()).await;
    client.send(&get("/?to=1")).await;
    gateway.wait_for_sms_to("1", 1).await;
    assert!(client.hears_nothing().await);
    assert_eq!(gateway.in_flight(), 1);
    drop(client);
    wait_until("the gateway to notice", Duration::from_secs(20), async || match gateway.in_flight() {
        0 => Ok(()),
        n => Err(format!("{n} in flight")),
    })
    .await;
}

#[tokio::test]
async fn an_endless_body_goes_on_as_long_as_the_client_reads() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::endless("ID: and so on "));
    let mut client = Client::connect(gateway.address()).await;
    client.send(&get("/")).await;
    let start = client.read(4_000_000).await;
    assert!(!start.contains("Content-Length"), "no end is promised");
    assert!(start.contains("\r\n\r\nID: and so on ID: and so on "));
    drop(client);
    wait_until("the gateway to notice", Duration::from_secs(20), async || match gateway.in_flight() {
        0 => Ok(()),
        n => Err(format!("{n} in flight")),
    })
    .await;
}

#[tokio::test]
async fn a_dribbled_body_comes_byte_by_byte() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::dribble("ID: slow", Duration::from_millis(10)));
    let mut client = Client::connect(gateway.address()).await;
    let start = Instant::now();
    client.send(&get("/")).await;
    assert_eq!(client.response().await.1, "ID: slow");
    assert!(start.elapsed() >= Duration::from_millis(80), "8 bytes, 10 ms before each");
    client.send(&get("/")).await;
    assert_eq!(client.response().await.1, "ID: 2");
}

#[tokio::test]
async fn a_late_answer_comes_not_before_its_time() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::accept().after(Duration::from_millis(60)));
    let start = Instant::now();
    assert!(ask(gateway.address(), &get_and_close("/")).await.0.ends_with("ID: 1"));
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn held_answers_go_when_the_test_says_so() {
    let gateway = Gateway::start().await;
    let hold = Hold::new();
    gateway.always(Behaviour::accept().held_by(&hold));
    let mut clients = Vec::new();
    for number in 1..=3 {
        let mut client = Client::connect(gateway.address()).await;
        client.send(&get("/")).await;
        hold.wait_for(number).await;
        clients.push(client);
    }
    assert_eq!((gateway.in_flight(), gateway.requests().len(), gateway.answers()), (3, 3, 0));
    assert!(clients[0].hears_nothing().await);

    hold.release_next(1);
    assert_eq!(clients[0].response().await.1, "ID: 1");
    hold.wait_for(2).await;
    drop(clients.remove(1)); // gives up
    hold.wait_for(1).await;
    hold.release();
    assert_eq!(clients[1].response().await.1, "ID: 3");
    clients[1].send(&get("/")).await;
    assert_eq!(clients[1].response().await.1, "ID: 4", "released once is released for good");
    assert_eq!(gateway.peak_in_flight(), 3);
}

#[tokio::test]
async fn a_gateway_that_refuses_comes_back_on_the_same_port() {
    let gateway = Gateway::start().await;
    let address = gateway.address();
    let mut idle = Client::connect(address).await;
    idle.send(&get("/")).await;
    assert_eq!(idle.response().await.1, "ID: 1");
    let hold = Hold::new();
    gateway.next(1, Behaviour::accept().held_by(&hold));
    let mut busy = Client::connect(address).await;
    busy.send(&get("/")).await;
    hold.wait_for(1).await;

    gateway.refuse().await;
    let refused = Client::try_connect(address).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
    assert_eq!(idle.until_the_end().await, (String::new(), Ok(())));
    hold.release();
    assert_eq!(busy.response().await.1, "ID: 2", "what is in flight is answered");
    assert_eq!(busy.until_the_end().await, (String::new(), Ok(())));

    gateway.listen();
    assert!(ask(address, &get_and_close("/")).await.0.ends_with("ID: 3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_get_an_answer_and_a_number_each() {
    let gateway = Gateway::start().await;
    let address = gateway.address();
    let clients: Vec<_> =
        (0..200).map(|_| tokio::spawn(async move { ask(address, &get_and_close("/")).await.0 })).collect();
    let mut ids = Vec::new();
    for client in clients {
        let answer = client.await.unwrap();
        ids.push(answer.rsplit_once("ID: ").expect("accepted").1.parse::<usize>().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
    assert_eq!(gateway.connections(), 200);
}

#[tokio::test]
async fn a_dropped_gateway_is_gone() {
    let gateway = Gateway::start().await;
    let address = gateway.address();
    gateway.always(Behaviour::silence());
    let mut client = Client::connect(address).await;
    client.send(&get("/")).await;
    gateway.wait_for_requests(1).await;
    drop(gateway);
    assert!(Client::try_connect(address).await.is_err());
    let mut end = Vec::new();
    assert!(client.0.read_to_end(&mut end).await.map_or(true, |length| length == 0));
}
