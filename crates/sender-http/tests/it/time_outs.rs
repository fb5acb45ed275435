//! No send outlives its time-out, whatever the gateway does.

use std::time::{Duration, Instant};

use mtan_sender::Provider;
use mtan_testkit::gateway::{Behaviour, Gateway, Hold};
use serde_json::json;

use crate::support::{provider, send, word};

/// Room for a loaded machine: what the loop itself allows before it cuts a call off.
const ROOM: Duration = Duration::from_secs(1);

#[tokio::test]
async fn no_send_outlives_its_time_out() {
    let hold = Hold::new();
    let dribble = |text: &str| Behaviour::dribble(text.repeat(100), Duration::from_secs(1));
    let challenge =
        Behaviour::answer(401, "").header("WWW-Authenticate", "Digest realm=r, nonce=n, qop=auth");
    for (behaviours, expected) in [
        (vec![Behaviour::silence()], "unknown no_answer"),
        (vec![dribble("ID: 1 ")], "unknown no_answer"),
        (vec![dribble("ERR ")], "unknown no_answer"),
        (vec![Behaviour::accept().held_by(&hold)], "unknown no_answer"),
        (vec![challenge.clone(), Behaviour::silence()], "unknown no_answer"),
        (vec![challenge.clone(), dribble("ID: 1 ")], "unknown no_answer"),
        (vec![challenge.clone(), challenge], "rejected gateway_auth_failed"),
    ] {
        let gateway = Gateway::start().await;
        for behaviour in &behaviours {
            gateway.next(1, behaviour.clone());
        }
        let keys = json!({ "TIMEOUT": "0.9,1", "AUTH_TYPE": "digest", "USERNAME": "u", "PASSWORD": "p" });
        let provider = provider(&gateway, keys);
        let started = Instant::now();
        let verdict = send(&provider).await;
        assert!(started.elapsed() < provider.time_out() + ROOM, "{behaviours:?}: {:?}", started.elapsed());
        assert_eq!(word(&verdict), expected, "{behaviours:?}: {verdict:?}");
    }
}
