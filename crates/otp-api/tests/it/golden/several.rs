//! A user with several tokens of one PIN.

use mtan_hotp::Secret;
use mtan_sms::PhoneNumber;
use mtan_verifier::{NewToken, Pin, UserRef};

use super::{ALREADY, SECOND, challenge, json};
use crate::house::{House, PHONE, SEED, code_at, code_of, on_both};

on_both!(
    what_fits_two_tokens_is_no_yes
    tokens_of_other_pins_are_not_challenged_and_not_told
    a_sub_transaction_takes_the_code_of_its_own_token_alone
    one_locked_token_holds_up_no_other
    several_tokens_of_one_pin_are_challenged_together_and_answered_once
);

async fn several_tokens_of_one_pin_are_challenged_together_and_answered_once(house: House) {
    house.enrol(SECOND, "alice", "1234").await;
    let reply = house.post("/validate/check", "user=alice&pass=1234").await;
    let id = reply.transaction();
    assert_eq!(id.len(), 14, "{id}");
    let one = |serial: &str, place: &str, description: &str| {
        let id = format!("{id}.{place}");
        format!(
            r#""{serial}":{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"sms submitted","linotp_tokenserial":"{serial}","linotp_tokentype":"sms","linotp_tokendescription":"{description}"}}"#
        )
    };
    let detail = |message: &str, info: &str| {
        format!(
            r#"{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"{message}","challenges":{{{},{}}}{info}}}"#,
            one("LSSM0000BEEF", "01", ""),
            one("LSSM0068DCD9", "02", "Alice's phone")
        )
    };
    let expected = format!(r#","detail":{}"#, detail("Multiple challenges submitted.", ""));
    assert_eq!(reply.body, json(false, "0", &expected));
    assert_eq!(house.queue.count(), 2);

    let again = house.post("/validate/simplecheck", "user=alice&pass=1234").await;
    assert_eq!(again.body, format!(":-( {id} sms with otp already submitted"));
    let smspin = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let again = detail("sms with otp already submitted", ALREADY);
    assert_eq!(smspin.body, json(true, &again, &format!(r#","detail":{again}"#)), "LinOTP says no here");

    let form = format!("user=alice&state={id}&pass={}", house.code());
    assert_eq!(house.post("/validate/check", form.clone()).await.body, json(true, "0", ""));
    assert_eq!(house.post("/validate/check", form).await.body, json(false, "0", ""));
}

async fn what_fits_two_tokens_is_no_yes(house: House) {
    let same = NewToken {
        serial: Some(SECOND.parse().unwrap()),
        user: Some(UserRef::new("alice", "default").unwrap()),
        secret: Some(Secret::new(SEED.to_vec()).unwrap()),
        ..NewToken::new(PhoneNumber::parse(PHONE).unwrap(), Pin::new("1234"))
    };
    house.enrol_as(same).await;
    house.post("/validate/check", "user=alice&pass=1234").await;
    let form = format!("user=alice&pass=1234{}", code_at(1));
    assert_eq!(house.post("/validate/check", form).await.body, json(false, "0", ""));
    assert_eq!((house.fail_count().await, house.token(SECOND).await.fail_count), (1, 1));
}

async fn tokens_of_other_pins_are_not_challenged_and_not_told(house: House) {
    house.enrol(SECOND, "alice", "anders").await;
    let reply = house.post("/validate/check", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms submitted", "");
    assert_eq!(reply.body, json(false, "0", &format!(r#","detail":{detail}"#)));
    assert_eq!((house.fail_count().await, house.token(SECOND).await.fail_count), (0, 0));
    house.post("/validate/check", "user=alice&pass=falsch").await;
    assert_eq!((house.fail_count().await, house.token(SECOND).await.fail_count), (1, 1));
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{}", code_at(1))).await.value());
    assert_eq!((house.fail_count().await, house.token(SECOND).await.fail_count), (0, 0));
}

async fn a_sub_transaction_takes_the_code_of_its_own_token_alone(house: House) {
    house.enrol(SECOND, "alice", "1234").await;
    let root = house.post("/validate/check", "user=alice&pass=1234").await.transaction();
    let form = |place: &str, code: &str| format!("user=alice&pass={code}&transactionid={root}.{place}");
    for place in ["01", "03", "2", "002"] {
        let reply = house.post("/validate/check", form(place, &code_at(1))).await;
        assert_eq!(reply.body, json(false, "0", ""), "{place}");
    }
    assert_eq!(house.post("/validate/check", form("02", &code_at(1))).await.body, json(true, "0", ""));
    let other = code_of(b"LSSM0000BEEFLSSM0000", 1);
    assert_eq!(house.post("/validate/check", form("01", &other)).await.body, json(false, "0", ""), "closed");
}

async fn one_locked_token_holds_up_no_other(house: House) {
    house.enrol(SECOND, "alice", "1234").await;
    for _ in 0..10 {
        house.post("/validate/check", format!("serial={SECOND}&pass=falsch")).await;
    }
    let reply = house.post("/validate/check", "user=alice&pass=1234").await;
    assert_eq!(reply.transaction().len(), 17, "one challenge is a plain one: {reply:?}");
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{}", code_at(1))).await.value());
    assert_eq!(house.token(SECOND).await.fail_count, 10, "a lock stays");
}
