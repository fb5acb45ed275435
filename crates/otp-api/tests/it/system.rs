//! /system over a running face: policies that count at once, and the audit log of what administrators set.

use serde_json::{Value, json};

use crate::house::{FORM, House};

async fn call(house: &House, name: &str, form: &str) -> Value {
    let headers = [("content-type", FORM), ("authorization", "Bearer s3cret")];
    house.post_with(&format!("/system/{name}"), &headers, form.to_owned()).await.json()
}

const TEXT: &str = "name=text&scope=authentication&action=smstext%3D%27Hello%2C+%3Cotp%3E%27&realm=*&user=*&client=*&active=True";

#[tokio::test]
async fn a_policy_counts_from_the_next_request_until_it_is_removed() {
    let house = House::with_system().await;
    let reply = call(&house, "setPolicy", TEXT).await;
    let told =
        json!({ "realm": true, "active": true, "client": true, "user": true, "action": true, "scope": true });
    assert_eq!(reply["result"]["value"], json!({ "setPolicy text": told }), "{reply}");
    house.trigger().await;
    assert_eq!(house.queue.last().text.expose(), format!("Hello, {}", house.code()));

    let reply = call(&house, "getPolicy", "name=text").await;
    let policy = json!({
        "scope": "authentication", "action": "smstext='Hello, <otp>'", "realm": "*", "active": "True", "user": "*", "client": "*",
    });
    assert_eq!(reply["result"]["value"], json!({ "text": policy }));
    assert_eq!(call(&house, "getPolicy", "scope=authorization").await["result"]["value"], json!({}));

    let reply = call(&house, "delPolicy", "name=text").await;
    assert_eq!(reply["result"]["value"], json!({ "delPolicy": { "result": true } }));
    house.clock.turn(std::time::Duration::from_secs(31));
    house.trigger().await;
    assert_eq!(house.queue.last().text.expose(), house.code());
}

#[tokio::test]
async fn a_policy_of_another_realm_changes_nothing_here() {
    let house = House::with_system().await;
    let only = "name=pinless&scope=authentication&action=otppin%3Donly_otp&realm=work";
    call(&house, "setPolicy", only).await;
    assert!(!house.post("/validate/smspin", "user=alice&pass=").await.value());
    call(&house, "setPolicy", &only.replace("work", "work,Default")).await;
    assert!(house.post("/validate/smspin", "user=alice&pass=").await.value());
}

#[tokio::test]
async fn a_policy_that_means_nothing_here_is_refused_with_a_sentence() {
    let house = House::with_system().await;
    for (form, code, words) in [
        ("scope=authentication&action=smstext%3Dx&realm=*", 905, "'name'"),
        ("name=a&action=smstext%3Dx&realm=*", 905, "'scope'"),
        ("name=a&scope=authentication&realm=*", 905, "'action'"),
        ("name=a&scope=authentication&action=smstext%3Dx", 905, "'realm'"),
        ("name=a%2Fb&scope=authentication&action=smstext%3Dx&realm=*", 905, "'name'"),
        ("name=a&scope=selfservice&action=smstext%3Dx&realm=*", -311, "scope"),
        ("name=a&scope=authentication&action=autosms&realm=*", -311, "means nothing here"),
        ("name=a&scope=authentication&action=otppin%3D3&realm=*", -311, "ignore_pin"),
        ("name=a&scope=authentication&action=sms_provider%3Dgone&realm=*", -311, "there are: default"),
        ("name=a&scope=authentication&action=smstext%3Dx&realm=*&user=alice", -311, "whole realms"),
        ("name=a&scope=authentication&action=smstext%3Dx&realm=*&client=10.0.0.0/8", -311, "whole realms"),
    ] {
        let error = &call(&house, "setPolicy", form).await["result"]["error"];
        assert_eq!(error["code"], code, "{form}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{form}: {error}");
    }
    assert_eq!(call(&house, "getPolicy", "").await["result"]["value"], json!({}));
}

#[tokio::test]
async fn what_is_set_stands_in_the_audit_log_by_its_name_and_without_its_value() {
    let house = House::with_system().await;
    call(&house, "setPolicy", TEXT).await;
    let provider = "type=sms&name=backup&class=HttpSMSProvider&timeout=5\
                    &config=%7B%22URL%22%3A%22http%3A%2F%2Fx%2Fy%22%2C%22PASSWORD%22%3A%22hush-4711%22%7D";
    assert_eq!(call(&house, "setProvider", provider).await["result"]["value"], true);
    call(&house, "setConfig", "key=DefaultOtpLen&value=9").await;
    let log = house.verifier.audited(None, 10).await.unwrap();
    let told: Vec<(&str, bool, &str)> = log
        .iter()
        .map(|entry| (entry.record.action.as_str(), entry.record.success, entry.record.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("system/setConfig DefaultOtpLen", false, "ERR905"),
            ("system/setProvider backup", true, "done"),
            ("system/setPolicy text", true, "done"),
        ]
    );
    assert!(log.iter().all(|entry| entry.record.administrator.as_deref() == Some("admin")));
    assert!(!format!("{log:?}").contains("hush"), "{log:?}");
}
