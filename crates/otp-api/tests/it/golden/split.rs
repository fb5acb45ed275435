//! Where the PIN ends and the code begins, and tokens and realms without a PIN.

use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_sms::PhoneNumber;
use mtan_verifier::{NewToken, OtpPin, Pin, UserRef};

use super::{SECOND, json};
use crate::house::{House, PHONE, SERIAL, code_at, code_of, on_both};

on_both!(
    the_pin_stands_before_the_code_or_behind_it
    a_token_without_a_pin_is_triggered_by_an_empty_pass
    a_realm_may_ask_for_the_code_alone
    a_pass_shorter_than_a_code_is_all_pin
    a_token_of_eight_digits_and_sha256_works_from_end_to_end
);

async fn the_pin_stands_before_the_code_or_behind_it(house: House) {
    house.trigger().await;
    let behind = format!("user=alice&pass={}1234", code_at(1));
    assert_eq!(house.post("/validate/check", behind.clone()).await.body, json(false, "0", ""));
    house.rule(|policy| policy.prepend_pin = false);
    let before = format!("user=alice&pass=1234{}", code_at(1));
    assert_eq!(house.post("/validate/check", before).await.body, json(false, "0", ""));
    assert_eq!(house.fail_count().await, 2);
    assert_eq!(house.post("/validate/check", behind).await.body, json(true, "0", ""));
}

async fn a_token_without_a_pin_is_triggered_by_an_empty_pass(house: House) {
    house.enrol(SECOND, "bob", "").await;
    let code = code_of(b"LSSM0000BEEFLSSM0000", 1);
    assert!(
        !house.post("/validate/check", format!("user=bob&pass={code}")).await.value(),
        "nothing was sent"
    );
    assert!(!house.post("/validate/smspin", "user=bob").await.value(), "a pass is asked for all the same");
    assert!(!house.post("/validate/smspin", "user=bob&pass=1234").await.value(), "any text is a wrong PIN");
    let reply = house.post("/validate/check", "user=bob&pass=").await;
    assert_eq!(reply.json()["detail"]["message"], "sms submitted");
    assert!(!house.post("/validate/check", format!("user=bob&pass=1234{code}")).await.value());
    assert_eq!(
        house.post("/validate/check", format!("user=bob&pass={code}")).await.body,
        json(true, "0", "")
    );
}

async fn a_realm_may_ask_for_the_code_alone(house: House) {
    house.rule(|policy| policy.otppin = OtpPin::OnlyOtp);
    assert!(
        !house.post("/validate/smspin", "user=alice&pass=1234").await.value(),
        "a PIN is a wrong one here"
    );
    let reply = house.post("/validate/check", "user=alice&pass=").await;
    assert_eq!(reply.json()["detail"]["message"], "sms submitted");
    let code = code_at(1);
    assert!(!house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
    assert_eq!(
        house.post("/validate/check", format!("user=alice&pass={code}")).await.body,
        json(true, "0", "")
    );
    assert!(!house.post("/validate/smspin", "user=nobody&pass=").await.value());
}

async fn a_pass_shorter_than_a_code_is_all_pin(house: House) {
    let (id, code) = house.trigger().await;
    for form in [
        format!("user=alice&pass={}&state={id}", &code[..5]),
        format!("user=alice&pass=1234{}", &code[..5]),
        "user=alice&pass=123".to_owned(),
    ] {
        assert_eq!(house.post("/validate/check", form.clone()).await.body, json(false, "0", ""), "{form}");
    }
    assert_eq!(house.token(SERIAL).await.fail_count, 3);
}

/// In LinOTP such a token can never be used: it sends with SHA-1 and checks with the token's hash.
async fn a_token_of_eight_digits_and_sha256_works_from_end_to_end(house: House) {
    let seed = [7; 32];
    let digits = Digits::new(8).unwrap();
    let token = NewToken {
        serial: Some(SECOND.parse().unwrap()),
        user: Some(UserRef::new("bob", "default").unwrap()),
        secret: Some(Secret::new(seed.to_vec()).unwrap()),
        algorithm: Algorithm::Sha256,
        digits: Some(digits),
        ..NewToken::new(PhoneNumber::parse(PHONE).unwrap(), Pin::new("abcd"))
    };
    house.enrol_as(token).await;
    assert!(house.post("/validate/smspin", "user=bob&pass=abcd").await.value());
    let secret = Secret::new(seed.to_vec()).unwrap();
    let code = mtan_hotp::generate(&secret, 1, Algorithm::Sha256, digits).expose().to_owned();
    assert_eq!((house.code(), code.len()), (code.clone(), 8));
    assert_eq!(
        house.post("/validate/check", format!("user=bob&pass=abcd{code}")).await.body,
        json(true, "0", "")
    );
}
