//! Realms whose users stand in a file: who is not there is nobody, also with a token and a right code.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use mtan_daemon::Config;
use mtan_otp_api::{Credentials, PasswdFile, Settings, Users};
use mtan_verifier::{Policy, UserRef};
use serde_json::{Value, json};

use crate::house::{FORM, House};

const PEOPLE: &str = "alice:x:1001:100:Alice de Vries,12,+491701234567,+4930123,alice@corp.example:/:/bin/sh\n\
    bob:x:1002:100:Bob Özil,,,:/:/bin/sh\n";

/// The house of Alice, with the default realm's users in a file, and an administrator.
async fn house(people: &str) -> (House, tempfile::TempDir) {
    house_with(people, Policy::default()).await
}

async fn house_with(people: &str, policy: Policy) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    std::fs::write(&path, people).unwrap();
    let mut users = Users::default();
    users.set(&UserRef::new("x", "default").unwrap(), Arc::new(PasswdFile::open(path).unwrap()));
    let admin = Credentials { username: "admin".into(), password: "s3cret".into() };
    let settings = Settings { users, admin: Some(admin), policies: policy.into(), ..Settings::default() };
    (House::with(settings).await, folder)
}

async fn listed(house: &House, form: &str) -> Value {
    let headers = [("authorization", "Bearer s3cret"), ("content-type", FORM)];
    let reply = house.post_with("/admin/userlist", &headers, form.to_owned()).await;
    assert_eq!(reply.status, StatusCode::OK);
    reply.json()["result"]["value"].clone()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_user_of_the_file_logs_in_as_ever() {
    let (house, _folder) = house(PEOPLE).await;
    let (_, code) = house.trigger().await;
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
}

#[tokio::test]
async fn a_yes_tells_who_it_is_where_a_policy_wants_that() {
    let (house, _folder) = house_with(PEOPLE, Policy { detail_on_success: true, ..Policy::default() }).await;
    let (_, code) = house.trigger().await;
    let reply = house.post("/validate/check", format!("user=alice&pass=1234{code}")).await;
    let user = &reply.json()["detail"]["user"];
    for (member, expected) in
        [("username", "alice"), ("userid", "1001"), ("surname", "de Vries"), ("mobile", "+491701234567")]
    {
        assert_eq!(user[member], expected, "{user}");
    }
}

#[tokio::test]
async fn who_is_not_in_the_file_is_nobody_on_every_way_in() {
    let (house, _folder) = house("bob:x:1:1:\n").await;
    for path in ["/validate/check", "/validate/smspin", "/validate/check_s"] {
        let reply = house.post(path, "user=alice&pass=1234").await;
        assert!(!reply.value(), "{path}");
        assert_eq!(reply.body, house.post(path, "user=never-seen&pass=1234").await.body, "{path}");
    }
    assert_eq!(house.post("/validate/simplecheck", "user=alice&pass=1234").await.body, ":-(");
    assert_eq!(
        house.post("/validate/httpcheck", "user=alice&pass=1234").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(house.post("/auth/requestsms", "user=alice&pin=1234").await.body.contains("That did not work."));
    assert_eq!(house.queue.count(), 0, "no SMS for nobody");
    assert_eq!(house.fail_count().await, 0, "nobody's tries are not hers");
}

#[tokio::test]
async fn a_realm_without_a_file_knows_every_name() {
    let (house, _folder) = house("bob:x:1:1:\n").await;
    let reply = house.post("/validate/check", "user=alice@elsewhere&pass=1234").await;
    assert!(!reply.value(), "she has no token there");
    assert!(
        house
            .post("/validate/check", format!("serial={}&pass=1234", crate::house::SERIAL))
            .await
            .body
            .contains("sms submitted"),
        "a serial names a token, not a user"
    );
}

#[tokio::test]
async fn users_are_listed_and_filtered() {
    let (house, _folder) = house(PEOPLE).await;
    let all = listed(&house, "").await;
    assert_eq!(names(&all), ["alice", "bob"]);
    assert_eq!(
        all[0],
        json!({
            "username": "alice", "userid": "1001", "email": "alice@corp.example", "givenname": "Alice", "surname": "de Vries",
            "description": "Alice de Vries,12,+491701234567,+4930123,alice@corp.example", "phone": "+4930123",
            "mobile": "+491701234567", "realm": "default"
        })
    );
    for (form, expected) in [
        ("username=a*", &["alice"][..]),
        ("username=*", &["alice", "bob"]),
        ("surname=*%C3%96zil*", &["bob"]),
        ("username=ALICE&email=*@corp.example", &["alice"]),
        ("username=alice&userid=1002", &[]),
        ("realm=Default&userid=1002", &["bob"]),
        ("realm=*", &["alice", "bob"]),
        ("realm=other", &[]),
    ] {
        assert_eq!(names(&listed(&house, form).await), expected, "{form}");
    }
    let nobody = house.post("/admin/userlist", "username=*").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "a list of people is for administrators");
}

#[tokio::test]
async fn a_new_token_takes_the_number_of_its_user() {
    let (house, _folder) = house(PEOPLE).await;
    let headers = [("authorization", "Bearer s3cret"), ("content-type", FORM)];
    let call = async |path, form: &str| house.post_with(path, &headers, form.to_owned()).await.json();
    let made = call("/admin/init", "type=sms&user=alice&pin=77&serial=LSSMALICE").await;
    assert_eq!(made["result"]["value"], true, "{made}");
    assert!(house.post("/validate/smspin", "user=alice&pass=77").await.value());
    assert_eq!(house.queue.last().to.expose(), "+491701234567");
    let error = async |path, form: &str| call(path, form).await["result"]["error"]["code"].clone();
    assert_eq!(error("/admin/init", "type=sms&user=bob&pin=1").await, 905, "Bob's number is not known");
    assert_eq!(error("/admin/init", "type=sms&user=eve&pin=1&phone=%2B491701234568").await, 1112);
    assert_eq!(error("/admin/assign", "serial=LSSMALICE&user=eve").await, 1205);
    assert_eq!(error("/admin/assign", "serial=LSSMALICE&user=bob").await, Value::Null);
    assert_eq!(error("/admin/assign", "serial=LSSMALICE&user=eve@elsewhere").await, Value::Null, "any name");
}

#[test]
fn a_realm_names_its_file_and_every_mistake_has_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good"), PEOPLE).unwrap();
    std::fs::write(folder.path().join("bad"), "alice\n\nbob:x::1:\n").unwrap();
    let read = |text: &str| {
        let mut config = Config::parse(text, folder.path(), []).unwrap();
        let settings = Settings::read(&mut config);
        (settings, config.finish().err().map(|faults| faults.to_string()).unwrap_or_default())
    };
    let (settings, faults) = read("[realms.Work]\npasswd = \"good\"\n");
    assert_eq!(faults, "");
    assert_eq!(format!("{:?}", settings.users), "{\"work\"}");
    let (_, faults) = read("[realms.work]\npasswd = \"bad\"\n[realms.home]\npasswd = \"gone\"\n");
    let path = |name: &str| Path::new(folder.path()).join(name).display().to_string();
    for expected in [
        format!("realms.work.passwd: {}: line 1: at least five fields", path("bad")),
        format!("; {}: line 3: an id is expected", path("bad")),
        format!("realms.home.passwd: {} cannot be read", path("gone")),
    ] {
        assert!(faults.contains(&expected), "{expected} in {faults}");
    }
}
