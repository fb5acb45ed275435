//! Routes across kinds: what an HTTP gateway does not take goes out as a mail.

use mtan_testkit::gateway::Behaviour;
use mtan_testkit::smtp::{Mail, Offer, SmtpSink};

use crate::house::{House, Plan};

const ALICE: &str = "+491701234567";
const BOB: &str = "+491707654321";

/// The code in the text of a mail.
fn code(mail: &Mail) -> String {
    let data = String::from_utf8(mail.data.clone()).unwrap();
    let (_, body) = data.split_once("\r\n\r\n").unwrap();
    let code: String = body.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "{body}");
    code
}

async fn told(house: House, sink: SmtpSink) {
    house.enrol("alice", ALICE, "4711").await;
    house.enrol("bob", BOB, "0815").await;
    house.gateway.always(Behaviour::answer(503, "down"));
    assert!(house.smspin("alice", "4711").await);
    let mail = sink.wait_for_mails(1).await.remove(0);
    assert_eq!(mail.recipients, ["+491701234567@gw.example"]);
    assert_eq!(house.gateway.sms_to(ALICE).len(), 2, "the second failure moves it on");
    assert!(house.check("alice", &format!("4711{}", code(&mail))).await);

    house.gateway.always(Behaviour::answer(403, "no credit"));
    assert!(house.smspin("bob", "0815").await);
    let mail = sink.wait_for_mails(2).await.remove(1);
    assert_eq!(
        house.gateway.sms_to(BOB).len(),
        1,
        "a refusal that is not about the number moves it on at once"
    );
    assert!(house.check("bob", &format!("0815{}", code(&mail))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_what_a_gateway_does_not_take_goes_out_as_a_mail() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let plan = Plan { mail: Some(sink.address()), ..Plan::default() };
    told(House::all_in_one(plan).await, sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn distributed_what_a_gateway_does_not_take_goes_out_as_a_mail() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let plan = Plan { mail: Some(sink.address()), ..Plan::default() };
    told(House::distributed(plan).await, sink).await;
}
