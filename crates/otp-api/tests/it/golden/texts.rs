//! What the SMS says.

use mtan_verifier::Template;

use crate::house::{House, code_at, on_both};

on_both!(
    a_text_without_a_place_for_the_code_gets_it_in_front
    challenge_is_a_base_text_and_smstext_wins_over_it
    the_text_of_the_realm_fills_in_its_tags
    callers_say_what_the_sms_says_only_where_they_may
);

async fn callers_say_what_the_sms_says_only_where_they_may(house: House) {
    let form = "user=alice&pass=1234&data=Hello%20%3Cotp%3E";
    assert!(house.post("/validate/smspin", form).await.value());
    assert_eq!(house.queue.last().text.expose(), house.code());
    house.later(31);
    house.rule(|policy| policy.caller_text = true);
    assert!(house.post("/validate/smspin", form).await.value());
    assert_eq!(house.queue.last().text.expose(), format!("Hello {}", house.code()));
    house.later(31);
    let long = format!("user=alice&pass=1234&message={}", "x".repeat(2000));
    assert!(!house.post("/validate/smspin", long).await.value(), "no SMS can be made of it");
    assert_eq!(house.fail_count().await, 0);
}

async fn a_text_without_a_place_for_the_code_gets_it_in_front(house: House) {
    house.rule(|policy| policy.caller_text = true);
    for (key, round) in [("data", 1), ("message", 2), ("challenge", 3)] {
        assert!(house.post("/validate/smspin", format!("user=alice&pass=1234&{key}=Hello")).await.value());
        assert_eq!(house.queue.last().text.expose(), format!("{} Hello", code_at(round)), "{key}");
        house.later(31);
    }
}

async fn challenge_is_a_base_text_and_smstext_wins_over_it(house: House) {
    house.rule(|policy| {
        policy.caller_text = true;
        policy.sms_text = Template::new("House: <otp>").unwrap();
    });
    for (form, text) in [
        ("challenge=Hello", format!("House: {}", code_at(1))),
        ("data=%3Cotp%3E+Hi&challenge=Hello", format!("{} Hi", code_at(2))),
        ("data=&message=", format!("House: {}", code_at(3))),
    ] {
        assert!(house.post("/validate/smspin", format!("user=alice&pass=1234&{form}")).await.value());
        assert_eq!(house.queue.last().text.expose(), text, "{form}");
        house.later(31);
    }
}

async fn the_text_of_the_realm_fills_in_its_tags(house: House) {
    house.rule(|policy| {
        policy.sms_text = Template::new("<user> <serial> <transactionid>: <otp> <b>").unwrap();
    });
    let id = house.trigger().await.0;
    let text = format!("alice LSSM0068DCD9 {id}: {} <b>", code_at(1));
    assert_eq!(house.queue.last().text.expose(), text);
}
