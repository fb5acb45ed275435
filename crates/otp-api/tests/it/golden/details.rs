//! What a yes or a no tells beside itself, where a policy or the request wants it.

use super::json;
use crate::house::{House, on_both, other_than};

on_both!(details_are_told_where_a_policy_wants_them);

async fn details_are_told_where_a_policy_wants_them(house: House) {
    house.rule(|policy| {
        policy.detail_on_success = true;
        policy.detail_on_fail = true;
    });
    let no = |why: &str| json(false, "0", &format!(r#","detail":{{"error":"{why}"}}"#));
    assert_eq!(house.post("/validate/check", "user=alice&pass=1").await.body, no("wrong otp pin -1"));
    assert_eq!(
        house.post("/validate/check", "user=nobody&pass=1").await.body,
        no("User has no tokens assigned")
    );
    let (_, code) = house.trigger().await;
    let wrong = format!("user=alice&pass=1234{}", other_than(&code));
    assert_eq!(house.post("/validate/check", wrong).await.body, no("wrong otp value"));
    let yes =
        house.post("/validate/check", format!("user=alice&pass=1234{code}&auth_info=true")).await.json();
    let detail = &yes["detail"];
    assert_eq!(yes["result"]["value"], true);
    assert_eq!((&detail["user"]["username"], &detail["realm"]), (&"alice".into(), &"default".into()));
    assert_eq!((&detail["serial"], &detail["tokentype"]), (&"LSSM0068DCD9".into(), &"sms".into()));
    assert_eq!(detail["auth_info"], serde_json::json!([["pin_length", 4], ["otp_length", 6]]));
}
