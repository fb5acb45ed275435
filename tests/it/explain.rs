//! `mtan explain`, as an operator meets it: what became of one SMS.

use mtan_testkit::gateway::Behaviour;
use mtan_testkit::process::Process;
use mtan_testkit::wait_until;
use serde_json::{Value, json};

use crate::house::{House, PATIENCE, Plan, binary, client, code};
use crate::reports::Onlooker;

told_of_both!(
    a_delivered_sms_is_told_from_the_request_to_its_use: Plan { delivery: true, ..Plan::default() },
    what_went_wrong_is_told_with_what_to_do: Plan::default(),
);

const PHONE: &str = "+491701234567";
const PIN: &str = "pin-4711-secret";

/// Runs `mtan explain`: its exit code, and what it printed.
async fn explain(house: &mut House, arguments: &[&str]) -> (Option<i32>, String) {
    let line = house.api.wait_for_line("address=127.0.0.1:").await;
    let address = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let server = format!("http://{address}");
    let config = if house.apart.is_some() { "api.toml" } else { "mtan.toml" };
    let common = ["--config", config, "explain", "--server", &server];
    let all = [common.as_slice(), arguments].concat();
    let mut process = Process::start_in(house.api.folder(), binary("mtan"), &all, &[("TZ", "Europe/Berlin")]);
    let status = process.wait(PATIENCE).await;
    (status.code(), process.lines().join("\n"))
}

/// The timeline as soon as `words` are in it.
async fn explained(house: &mut House, id: &str, words: &str) -> String {
    wait_until(words, PATIENCE, async || match explain(house, &[id]).await {
        (Some(0), text) if text.contains(words) => Ok(text),
        (code, text) => Err(format!("{code:?} {text}")),
    })
    .await
}

fn stand_in_this_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("{word:?} is not where it should be:\n{text}"));
        rest = &rest[at + word.len()..];
    }
}

async fn a_delivered_sms_is_told_from_the_request_to_its_use(mut house: House) {
    let serial = house.enrol("alice", PHONE, PIN).await;
    let reply = house.post("/validate/check", &[("user", "alice"), ("pass", PIN)]).await;
    let transaction = reply["detail"]["transactionid"].as_str().unwrap().to_owned();
    let sms = house.sms_to(PHONE, 1).await;
    let (code, url) = (code(&sms[0]), sms[0].header("X-Report-To").unwrap().to_owned());
    house.api.wait_for_line("outcome=accepted").await;
    assert_eq!(client().get(format!("{url}?id=7&state=DELIVRD")).send().await.unwrap().status(), 200);
    house.api.wait_for_line("outcome=delivered").await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert!(!house.check("alice", &format!("{PIN}{wrong}")).await);
    assert!(house.check("alice", &format!("{PIN}{code}")).await);

    let text = explained(&mut house, "alice", "delivered:").await;
    stand_in_this_order(
        &text,
        &[
            "SMS to +49",
            "for alice@default: token ",
            &serial,
            &transaction,
            "asked for; by pool default",
            "accepted: the gateway took the SMS",
            "1 try, 1 segment",
            "delivered: the SMS reached the phone",
            "a wrong answer",
            "the right answer: the code is used up",
        ],
    );
    // A sender may be faster with its SMS than the broker with its confirm to the other process.
    assert!(text.contains("the queue confirmed the job"), "{text}");
    assert!(text.contains("+01:00") || text.contains("+02:00"), "local time and its offset: {text}");

    let (_, answer) = explain(&mut house, &["alice", "--json"]).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let told = &answer["timelines"][0];
    assert_eq!((told["state"].as_str(), &told["in_outbox"]), (Some("used"), &json!(false)));
    let job = told["job_id"].as_str().unwrap().to_owned();
    for id in [job.as_str(), &transaction, &serial, "alice@default"] {
        assert_eq!(explain(&mut house, &[id]).await, (Some(0), text.clone()), "{id}");
    }
    for secret in [code.as_str(), PIN, "1701234567", "Your code"] {
        // the fractions and ids are no codes, but six digits of them may look like one
        let shown = text.replace(&transaction, "").replace(&job, "");
        assert!(!shown.contains(secret), "{secret:?}: {shown}");
    }
}

async fn what_went_wrong_is_told_with_what_to_do(mut house: House) {
    for (user, phone) in [("alice", PHONE), ("bob", "+491709999999"), ("carol", "+491708888888")] {
        house.enrol(user, phone, PIN).await;
    }
    house.gateway.next(1, Behaviour::answer(503, "busy"));
    assert!(house.smspin("alice", PIN).await);
    house.api.wait_for_line("outcome=accepted").await;
    let text = explained(&mut house, "alice", "accepted:").await;
    stand_in_this_order(
        &text,
        &["accepted: the gateway took the SMS", "2 tries", "waits for its answer until"],
    );

    house.gateway.always(Behaviour::answer(200, "NO CREDIT"));
    assert!(house.smspin("bob", PIN).await);
    house.api.wait_for_line("outcome=rejected").await;
    let text = explained(&mut house, "bob", "rejected:").await;
    stand_in_this_order(
        &text,
        &["rejected: the gateway refused the SMS", "NO CREDIT", "what to do: check account"],
    );

    house.gateway.always(Behaviour::reset_before_answer());
    assert!(house.smspin("carol", PIN).await);
    house.api.wait_for_line("outcome=unknown").await;
    let text = explained(&mut house, "carol", "unknown:").await;
    stand_in_this_order(
        &text,
        &["unknown: the SMS was handed over", "code no_answer", "what to do: compare"],
    );

    let (code, text) = explain(&mut house, &["dave"]).await;
    assert_ne!(code, Some(0));
    assert!(text.contains("no SMS is known under \"dave\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_publisher_is_told_by_its_reports() {
    let mut house = House::distributed(Plan::default()).await;
    let amqp_url = house.apart().amqp_url.clone();
    let mut onlooker = Onlooker::start(&amqp_url).await;
    let job = json!({"v": 1, "id": "invoice:7", "to": PHONE, "text": "a text for one pair of eyes", "reference": "order 7"});
    onlooker.publish("default", job.to_string().as_bytes()).await;
    assert_eq!(onlooker.next().await["outcome"], "accepted");
    house.api.wait_for_line("outcome=accepted").await;
    let text = explained(&mut house, "invoice:7", "accepted:").await;
    stand_in_this_order(
        &text,
        &["SMS of another publisher: job invoice:7, reference order 7", "accepted: the gateway"],
    );
    assert!(!text.contains("pair of eyes") && !text.contains("1701234567"), "{text}");
}
