//! /admin: every call by its exact answer, over both stores; and that what was taken away lets nobody in.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::house::{House, SERIAL, other_than};

macro_rules! over_both_stores {
    ($($promise:ident)+) => {
        mod embedded { $( #[tokio::test] async fn $promise() {
            super::$promise(&crate::house::House::with_admin().await).await;
        } )+ }
        mod redis { $( #[tokio::test] async fn $promise() {
            super::$promise(&crate::house::House::with_admin_over_redis().await).await;
        } )+ }
    };
}

over_both_stores! {
    each_call_answers_as_linotp_does
    each_mistake_has_linotps_number
    a_disabled_token_lets_nobody_in_until_it_is_enabled_again
    a_removed_token_lets_nobody_in
    an_unassigned_token_is_no_ones_and_a_new_owner_gets_new_codes
    set_sets_what_it_says
    a_reset_opens_a_lock
    a_resync_takes_two_codes_in_a_row
    show_filters_sorts_and_pages
    init_takes_the_whole_list_of_parameters
}

fn envelope(id: u32, value: &Value, detail: Option<&Value>) -> Value {
    let mut whole = json!({
        "version": concat!("mtan ", env!("CARGO_PKG_VERSION")), "jsonrpc": "2.0",
        "result": { "status": true, "value": value }, "id": id,
    });
    if let Some(detail) = detail {
        whole["detail"] = detail.clone();
    }
    whole
}

async fn answers(house: &House, call: &str, form: &str, id: u32, value: Value, detail: Option<Value>) {
    let reply = house.admin(&format!("/admin/{call}"), form).await;
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::OK, envelope(id, &value, detail.as_ref())),
        "{call} {form}"
    );
}

async fn fails(house: &House, call: &str, form: &str, id: u32, code: i32, message: &str) {
    let reply = house.admin(&format!("/admin/{call}"), form).await;
    let expected = json!({
        "version": concat!("mtan ", env!("CARGO_PKG_VERSION")), "jsonrpc": "2.0",
        "result": { "status": false, "error": { "code": code, "message": message } }, "id": id,
    });
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, expected), "{call} {form}");
}

/// A token of nobody's with the PIN 1.
async fn spare(house: &House, serial: &str) {
    let form = format!("type=sms&serial={serial}&phone=%2B491707654321&pin=1");
    assert!(house.admin("/admin/init", &form).await.value(), "{serial}");
}

async fn each_call_answers_as_linotp_does(house: &House) {
    spare(house, "A-1").await;
    spare(house, "A-2").await;
    answers(house, "assign", "serial=A-1&user=bob", 1, json!(true), None).await;
    answers(house, "assign", "serial[]=A-1&serial[]=A-2&user=bob&pin=2", 2, json!(true), None).await;
    answers(
        house,
        "getTokenOwner",
        "serial=A-1",
        1,
        json!({"username": "bob", "userid": "bob", "realm": "default"}),
        None,
    )
    .await;
    answers(house, "disable", "user=bob", 1, json!(2), None).await;
    answers(house, "enable", "user=bob", 1, json!(2), None).await;
    answers(house, "enable", "user=nobody", 1, json!(0), None).await;
    answers(house, "enable", "serial=A-1", 1, json!(1), None).await;
    let unknown = json!({"message": "No token with serial NONE"});
    answers(house, "disable", "serial=NONE", 1, json!(0), Some(unknown.clone())).await;
    answers(house, "reset", "serial=NONE", 1, json!(0), Some(unknown)).await;
    answers(house, "reset", "user=bob", 1, json!(2), None).await;
    answers(
        house,
        "set",
        "serial=A-1&pin=3&MaxFailCount=5",
        1,
        json!({"set pin": 1, "set MaxFailCount": 1}),
        None,
    )
    .await;
    answers(house, "set", "user=bob&description=x", 1, json!({"set description": 2}), None).await;
    answers(house, "resync", "serial=A-1&otp1=000000&otp2=000000", 1, json!(false), None).await;
    answers(house, "check_serial", "serial=A-1", 1, json!({"unique": false, "new_serial": "A-1_01"}), None)
        .await;
    answers(house, "check_serial", "serial=FREE", 1, json!({"unique": true, "new_serial": "FREE"}), None)
        .await;
    answers(house, "unassign", "serial=A-1", 1, json!(true), None).await;
    answers(house, "getTokenOwner", "serial=A-1", 1, json!({}), None).await;
    answers(house, "remove", "serial[]=A-1&serial[]=A-2", 1, json!(2), None).await;
    answers(house, "remove", "user=bob", 1, json!(0), None).await;
}

async fn each_mistake_has_linotps_number(house: &House) {
    for (call, form, id, code, message) in [
        ("assign", "user=bob", 0, 905, "ERR905: Missing parameter: 'serial'"),
        ("assign", "serial=LSSM0068DCD9", 0, 905, "ERR905: Missing parameter: 'user'"),
        ("assign", "serial=NONE&user=bob", 0, 1102, "ERR1102: No token with serial NONE"),
        ("unassign", "", 1, 905, "ERR905: Missing parameter: 'serial'"),
        ("unassign", "serial=NONE", 1, 1102, "ERR1102: No token with serial NONE"),
        ("enable", "serial=NONE", 1, 1102, "ERR1102: No token with serial NONE"),
        ("enable", "serial=%0Ax%1B", 1, 1102, "ERR1102: No token with this serial"),
        ("enable", "", 1, 1212, "ERR1212: user or serial is required"),
        ("disable", "", 1, 1212, "ERR1212: user or serial is required"),
        ("reset", "", 1, 1212, "ERR1212: user or serial is required"),
        ("remove", "", 1, 905, "ERR905: Missing parameter: 'serial'"),
        ("remove", "serial=NONE", 1, 1102, "ERR1102: No token with serial NONE"),
        ("remove", "serial[]=LSSM0068DCD9&serial[]=NONE", 1, 1102, "ERR1102: No token with serial NONE"),
        ("getTokenOwner", "serial=NONE", 1, 1102, "ERR1102: No token with serial NONE"),
        ("check_serial", "", 1, 905, "ERR905: Missing parameter: 'serial'"),
        (
            "set",
            "serial=LSSM0068DCD9",
            1,
            77,
            "ERR77: Usage: serial or user, and at least one of pin, MaxFailCount, SyncWindow, description, CounterWindow, OtpLen, hashlib, phone",
        ),
        ("set", "pin=1", 1, 1212, "ERR1212: user or serial is required"),
        ("set", "serial=NONE&pin=1", 1, 1102, "ERR1102: No token with serial NONE"),
        ("set", "serial=LSSM0068DCD9&OtpLen=9", 1, -311, "OtpLen: 6, 7 or 8 is expected"),
        (
            "set",
            "serial=LSSM0068DCD9&maxfailcount=0",
            1,
            -311,
            "MaxFailCount: a whole number of at least 1 is expected",
        ),
        (
            "set",
            "serial=LSSM0068DCD9&SyncWindow=x",
            1,
            -311,
            "SyncWindow: a whole number of at least 0 is expected",
        ),
        ("set", "serial=LSSM0068DCD9&hashlib=md5", 1, -311, "hashlib: sha1, sha256 or sha512 is expected"),
        (
            "set",
            "serial=LSSM0068DCD9&Description=a%0Ab",
            1,
            -311,
            "description: at most 255 characters without control characters are expected",
        ),
        (
            "set",
            "serial=LSSM0068DCD9&pin=9&validityPeriodEnd=x",
            1,
            -311,
            "validityPeriodEnd: this limit is not built, nothing was set",
        ),
        ("resync", "serial=LSSM0068DCD9&otp1=1", 1, 905, "ERR905: Missing parameter: 'otp2'"),
        ("resync", "serial=NONE&otp1=1&otp2=2", 1, 1102, "ERR1102: No token with serial NONE"),
        (
            "show",
            "sortby=secret",
            1,
            905,
            "ERR905: Invalid parameter: 'sortby': the name of a column is expected",
        ),
        (
            "show",
            "pagesize=x",
            1,
            905,
            "ERR905: Invalid parameter: 'pagesize': a whole number from 0 to 10000 is expected",
        ),
        ("show", "outform=xml", 1, 905, "ERR905: Invalid parameter: 'outform': json or csv is expected"),
        ("enable", "serial=a&serial=b", 1, 905, "ERR905: each parameter is expected once"),
    ] {
        fails(house, call, form, id, code, message).await;
    }
    let page = house.admin("/admin/enable", "serial=NONE&httperror=404").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("ERR1102: No token with serial NONE"), "{page:?}");
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value(), "nothing was changed");

    for n in 1..16 {
        spare(house, &format!("M-{n}")).await;
        assert!(house.admin("/admin/assign", &format!("serial=M-{n}&user=alice")).await.value());
    }
    spare(house, "M-16").await;
    let message = "ERR1105: M-16: the user has as many SMS tokens as one may have";
    fails(house, "assign", "serial=M-16&user=alice", 0, 1105, message).await;
}

/// Whether this PIN and code, this code for its transaction, or this PIN alone, still does anything.
async fn nobody_comes_in(house: &House, transaction: &str, code: &str) {
    for form in [
        format!("user=alice&pass=1234{code}"),
        format!("serial={SERIAL}&pass=1234{code}"),
        format!("user=alice&pass={code}&state={transaction}"),
        format!("serial={SERIAL}&pass={code}&transactionid={transaction}"),
    ] {
        for endpoint in ["check", "check_s"] {
            assert!(
                !house.post(&format!("/validate/{endpoint}"), form.clone()).await.value(),
                "{endpoint} {form}"
            );
        }
    }
    let by_transaction =
        house.post("/validate/check_t", format!("transactionid={transaction}&pass={code}")).await;
    assert_eq!(by_transaction.json()["result"]["value"], json!(false), "{by_transaction:?}");
    let sent = house.queue.count();
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value());
    assert_eq!(house.queue.count(), sent, "no SMS goes out");
}

async fn a_disabled_token_lets_nobody_in_until_it_is_enabled_again(house: &House) {
    let (transaction, code) = house.trigger().await;
    answers(house, "disable", &format!("serial={SERIAL}"), 1, json!(1), None).await;
    nobody_comes_in(house, &transaction, &code).await;
    answers(house, "enable", &format!("serial={SERIAL}"), 1, json!(1), None).await;
    assert!(
        !house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value(),
        "dead stays dead"
    );
    let (_, code) = house.trigger().await;
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
}

async fn a_removed_token_lets_nobody_in(house: &House) {
    let (transaction, code) = house.trigger().await;
    answers(house, "remove", &format!("serial={SERIAL}"), 1, json!(1), None).await;
    nobody_comes_in(house, &transaction, &code).await;
    assert_eq!(house.verifier.outbox_depth().await.unwrap(), 0, "no job waits for it");
    let shown = house.admin("/admin/show", "").await.json();
    assert_eq!(shown["result"]["value"]["data"], json!([]));
}

async fn an_unassigned_token_is_no_ones_and_a_new_owner_gets_new_codes(house: &House) {
    let (_, code) = house.trigger().await;
    answers(house, "unassign", &format!("serial={SERIAL}"), 1, json!(true), None).await;
    assert!(!house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value());
    answers(house, "assign", &format!("serial={SERIAL}&user=bob"), 1, json!(true), None).await;
    assert!(
        !house.post("/validate/check", format!("user=bob&pass=1234{code}")).await.value(),
        "Alice's code"
    );
    assert!(house.post("/validate/smspin", "user=bob&pass=1234").await.value(), "the PIN stays");
    let code = house.code();
    assert!(house.post("/validate/check", format!("user=bob&pass=1234{code}")).await.value());
    answers(house, "assign", &format!("serial={SERIAL}&user=bob&pin=77"), 1, json!(true), None).await;
    assert!(!house.post("/validate/smspin", "user=bob&pass=1234").await.value());
    assert!(house.post("/validate/smspin", "user=bob&pass=77").await.value());
}

async fn set_sets_what_it_says(house: &House) {
    let form = format!(
        "serial={SERIAL}&PIN=42&maxFailCount=3&OTPLEN=8&hashlib=sha512&phone=%2B4930123456&description=new&SyncWindow=7&CounterWindow=9"
    );
    let reply = house.admin("/admin/set", &form).await.json();
    assert_eq!(reply["result"]["value"].as_object().unwrap().len(), 8, "{reply}");
    assert!(house.post("/validate/smspin", "user=alice&pass=42").await.value());
    assert_eq!(house.queue.last().to.expose(), "+4930123456");
    let code = house.code();
    assert_eq!(code.len(), 8);
    for _ in 0..3 {
        assert!(
            !house.post("/validate/check", format!("user=alice&pass=42{}", other_than(&code))).await.value()
        );
    }
    assert!(
        !house.post("/validate/check", format!("user=alice&pass=42{code}")).await.value(),
        "three tries lock it"
    );
    answers(house, "reset", &format!("serial={SERIAL}"), 1, json!(1), None).await;
    assert!(house.post("/validate/check", format!("user=alice&pass=42{code}")).await.value());
}

async fn a_reset_opens_a_lock(house: &House) {
    for _ in 0..10 {
        assert!(!house.post("/validate/check", "user=alice&pass=wrong").await.value());
    }
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value());
    answers(house, "reset", "user=alice", 1, json!(1), None).await;
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value());
}

async fn a_resync_takes_two_codes_in_a_row(house: &House) {
    // RFC 4226 Appendix D: HOTP(1) … HOTP(9) of this seed.
    let seed = "3132333435363738393031323334353637383930";
    let init = format!("type=sms&serial=R&phone=%2B491707654321&pin=1&otpkey={seed}");
    assert!(house.admin("/admin/init", &init).await.value());
    for (codes, value) in [
        ("otp1=338314&otp2=969429", false), // the wrong way round
        ("otp1=969429&otp2=254676", false), // 3 and 5
        ("otp1=969429&otp2=338314", true),  // 3 and 4
        ("otp1=969429&otp2=338314", false), // used
    ] {
        answers(house, "resync", &format!("serial=R&{codes}"), 1, json!(value), None).await;
    }
    assert!(house.post("/validate/smspin", "serial=R&pass=1").await.value());
    assert_eq!(house.code(), "287922", "the counter stands behind the second one: HOTP(6) comes next");
}

async fn rows(house: &House, query: &str) -> Vec<String> {
    let reply = house.admin_get(&format!("/admin/show?{query}")).await.json();
    let data =
        reply["result"]["value"]["data"].as_array().unwrap_or_else(|| panic!("{query}: {reply}")).clone();
    data.iter().map(|row| row["LinOtp.TokenSerialnumber"].as_str().unwrap().to_owned()).collect()
}

async fn show_filters_sorts_and_pages(house: &House) {
    for (serial, user) in [("B-1", "user=bob&realm=work&"), ("B-2", "user=bob&"), ("C-1", "")] {
        let form =
            format!("type=sms&serial={serial}&phone=%2B491707654321&pin=1&{user}description=of%20{serial}");
        assert!(house.admin("/admin/init", &form).await.value());
    }
    house.admin("/admin/set", "serial=B-2&MaxFailCount=3").await;
    for (query, found) in [
        ("", vec!["B-1", "B-2", "C-1", SERIAL]),
        ("serial=B-*", vec!["B-1", "B-2"]),
        ("serial=*-1", vec!["B-1", "C-1"]),
        ("serial=b-1", vec!["B-1"]),
        ("serial=B", vec![]),
        ("user=bob", vec!["B-2"]),
        ("user=bob&realm=work", vec!["B-1"]),
        ("user=bob@work", vec!["B-1"]),
        ("user=b*", vec!["B-1", "B-2"]),
        ("user=/:no%20user:/", vec!["C-1"]),
        ("viewrealm=work", vec!["B-1"]),
        ("viewrealm=work,default", vec!["B-1", "B-2", SERIAL]),
        ("viewrealm=/:no%20realm:/", vec!["C-1"]),
        ("viewrealm=*", vec!["B-1", "B-2", "C-1", SERIAL]),
        ("filter=of%20B", vec!["B-1", "B-2"]),
        ("filter=alice", vec![SERIAL]),
        ("sortdir=desc", vec![SERIAL, "C-1", "B-2", "B-1"]),
        ("sortby=MaxFail", vec!["B-2", "B-1", "C-1", SERIAL]),
        ("sortby=LinOtp.TokenDesc", vec![SERIAL, "B-1", "B-2", "C-1"]),
        ("page=1&pagesize=3", vec!["B-1", "B-2", "C-1"]),
        ("page=2&pagesize=3", vec![SERIAL]),
        ("page=3&pagesize=3", vec![]),
        ("page=9999999999999999999&pagesize=3", vec![]),
    ] {
        assert_eq!(rows(house, query).await, found, "{query}");
    }
    let reply = house.admin_get("/admin/show?page=2&pagesize=3").await.json();
    assert_eq!(
        reply["result"]["value"]["resultset"],
        json!({"pages": 2, "pagesize": 3, "tokens": 4, "page": 2})
    );
    let row = house.admin_get("/admin/show?serial=B-2&tokeninfo_format=json").await.json();
    let row = &row["result"]["value"]["data"][0];
    assert_eq!(
        *row,
        json!({
            "LinOtp.TokenId": 1, "LinOtp.TokenSerialnumber": "B-2", "LinOtp.TokenType": "sms", "LinOtp.TokenDesc": "of B-2",
            "LinOtp.TokenInfo": {"phone": "+491707654321", "hashlib": "sha1"}, "LinOtp.IdResolver": "", "LinOtp.IdResClass": "",
            "LinOtp.Userid": "bob", "LinOtp.OtpLen": 6, "LinOtp.MaxFail": 3, "LinOtp.Isactive": true, "LinOtp.FailCount": 0,
            "LinOtp.Count": 0, "LinOtp.CountWindow": 1, "LinOtp.SyncWindow": 1000, "LinOtp.CreationDate": "2027-01-15 08:00:00",
            "LinOtp.LastAuthSuccess": "", "LinOtp.LastAuthMatch": "", "LinOtp.RealmNames": ["default"], "LinOtp.Locked": false,
            "User.username": "bob", "User.userid": "bob", "User.realm": "default", "User.description": "", "User.surname": "",
            "User.givenname": "", "User.email": "", "User.phone": "", "User.mobile": "",
        })
    );
    let text = house.admin("/admin/show", "serial=B-2").await.json();
    let text = text["result"]["value"]["data"][0]["LinOtp.TokenInfo"].as_str().unwrap().to_owned();
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        row["LinOtp.TokenInfo"],
        "as text unless asked for"
    );

    house.admin("/admin/set", "serial=C-1&description=%3D1%2B1;\"x\"").await;
    let csv = house.admin_get("/admin/show?serial=C-1&outform=csv").await;
    assert_eq!(csv.content_type(), "text/csv; charset=utf-8");
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"linotp-tokendata.csv\"");
    let lines: Vec<&str> = csv.body.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("\"LinOtp.TokenSerialnumber\",\"LinOtp.TokenType\","), "{csv:?}");
    assert!(lines[1].starts_with("\"C-1\",\"sms\",\"'=1+1;\"\"x\"\"\","), "a formula is none: {csv:?}");
    for reply in [csv.body, text] {
        assert!(!reply.contains("secret") && !reply.contains("pin"), "{reply}");
    }
}

async fn init_takes_the_whole_list_of_parameters(house: &House) {
    let base = "type=sms&phone=%2B491707654321&pin=1";
    let reply = house
        .admin(
            "/admin/init",
            &format!("{base}&prefix=WORK&keysize=20&rollout=true&encryptpin=true&tokenrealm=x&enable=false"),
        )
        .await;
    let serial = reply.json()["detail"]["serial"].as_str().unwrap().to_owned();
    assert!(serial.starts_with("WORK") && serial.len() == 12, "{serial}");
    assert!(!house.post("/validate/smspin", format!("serial={serial}&pass=1")).await.value(), "not enabled");
    answers(house, "enable", &format!("serial={serial}"), 1, json!(1), None).await;
    assert!(house.post("/validate/smspin", format!("serial={serial}&pass=1")).await.value());
    assert!(house.admin("/admin/init", &format!("{base}&hashlib=sha256&keysize=32")).await.value());
    for (more, code, message) in [
        ("keysize=32", 905, "ERR905: Invalid parameter: 'keysize': 20 bytes go with sha1"),
        ("keysize=x", 905, "ERR905: Invalid parameter: 'keysize': a whole number of at least 0 is expected"),
        (
            "prefix=a%20b",
            905,
            "ERR905: Invalid parameter: 'prefix': 1 to 32 characters of A-Z a-z 0-9 _ - are expected",
        ),
        ("enable=maybe", 905, "ERR905: Invalid parameter: 'enable': true or false is expected"),
        ("scope={}", -311, "scope: tokens that count on some paths only are not built, no token was made"),
        ("qr=html", -311, "qr: the seed of an SMS token is never shown, no token was made"),
    ] {
        fails(house, "init", &format!("{base}&serial=NEVER&{more}"), 1, code, message).await;
    }
    assert!(rows(house, "serial=NEVER").await.is_empty());
}
