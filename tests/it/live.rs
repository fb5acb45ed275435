//! Stories of an administrator who sets providers while everything runs.

use std::path::Path;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use mtan_testkit::gateway::{Behaviour, Gateway, Hold};
use mtan_testkit::wait_until;
use serde_json::Value;

use crate::house::{House, PATIENCE, Plan, client, code, gateway_json};

told_of_both!(
    the_next_sms_takes_the_provider_that_is_set_and_what_is_in_hand_ends_at_the_old_one: Plan::default(),
    the_seeds_three_keys_make_a_pool_where_there_is_none: Plan { pool: false, ..Plan::default() },
    a_deleted_provider_brings_the_files_back: Plan { blocking: 0, ..Plan::default() },
    a_provider_with_a_mistake_is_refused_and_changes_nothing: Plan { blocking: 0, ..Plan::default() },
    what_was_set_is_kept_over_a_restart: Plan { blocking: 0, ..Plan::default() },
    a_hang_up_reads_the_file_again_and_a_mistake_in_it_changes_nothing: Plan { blocking: 0, ..Plan::default() },
    a_password_of_a_provider_is_in_no_answer_no_log_and_no_store: Plan { blocking: 0, ..Plan::default() },
);

const ALICE: &str = "+491701234567";
const BOB: &str = "+491707654321";

/// Sets the pool `name` to a gateway; the answer.
async fn set(house: &House, name: &str, gateway: &Gateway, more: &[(&str, &str)]) -> Value {
    let config = gateway_json(gateway.address(), r#", "USERNAME": "mtan", "PASSWORD": "hush-7f3e""#);
    let mut form = vec![
        ("type", "sms"),
        ("name", name),
        ("class", "smsprovider.HttpSMSProvider.HttpSMSProvider"),
        ("config", config.as_str()),
        ("timeout", "5"),
    ];
    form.extend(more);
    house.administer("/system/setProvider", &form).await
}

/// Waits until the sending process has exchanged what it says in `words`.
async fn exchanged(house: &mut House, words: &str) {
    wait_until(words, PATIENCE, async || {
        let printed = house.sending().lines();
        let told = printed.iter().any(|line| line.contains("pools exchanged") && line.contains(words));
        if told { Ok(()) } else { Err(printed.join("\n")) }
    })
    .await;
}

/// Triggers for `user`, until an SMS to `phone` is with `gateway`: a sender hears of a change a little later than its maker.
async fn sms_at(house: &House, user: &str, phone: &str, gateway: &Gateway) -> String {
    let before = gateway.sms_to(phone).len();
    assert!(house.smspin(user, "4711").await);
    code(&gateway.wait_for_sms_to(phone, before + 1).await[before])
}

async fn the_next_sms_takes_the_provider_that_is_set_and_what_is_in_hand_ends_at_the_old_one(
    mut house: House,
) {
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    house.enrol("bob", BOB, "4711").await;
    let hold = Hold::new();
    house.gateway.next(1, Behaviour::accept().held_by(&hold));
    assert!(house.smspin("alice", "4711").await);
    hold.wait_for(1).await;

    let reply = set(&house, "default", &second, &[]).await;
    assert_eq!(reply["result"]["value"], true, "{reply}");
    exchanged(&mut house, "changed=\"default\"").await;
    let bobs = sms_at(&house, "bob", BOB, &second).await;
    assert!(house.check("bob", &format!("4711{bobs}")).await);

    hold.release();
    house.gateway.wait_for_answers(1).await;
    let alices = code(&house.sms_to(ALICE, 1).await[0]);
    assert!(house.check("alice", &format!("4711{alices}")).await);
    house.wait_for_metric("mtan_send_total{pool=\"default\",outcome=\"accepted\"}", "2").await;
    assert_eq!(house.gateway.requests().len(), 1, "nothing twice at the old one");
    assert_eq!(second.requests().len(), 1, "nothing twice at the new one, and none of the old one's");
}

async fn the_seeds_three_keys_make_a_pool_where_there_is_none(mut house: House) {
    house.enrol("alice", ALICE, "4711").await;
    if house.apart.is_some() {
        assert!(!house.smspin("alice", "4711").await, "there is no way out yet");
    }
    let config = gateway_json(house.gateway.address(), "");
    let keys = [
        ("SMSProvider", "smsprovider.HttpSMSProvider.HttpSMSProvider"),
        ("SMSProviderConfig", config.as_str()),
        ("SMSProviderTimeout", "120"),
    ];
    let reply = house.administer("/system/setConfig", &keys).await;
    assert_eq!(reply["result"]["value"]["setConfig SMSProviderTimeout:120"], true, "{reply}");
    assert_eq!(reply["result"]["value"]["setConfig SMSProviderConfig:***"], true, "{reply}");
    exchanged(&mut house, "default").await;
    wait_until("a pool", PATIENCE, async || {
        let ready = house.get("/readyz").await;
        if ready.0 == 200 { Ok(()) } else { Err(ready.1) }
    })
    .await;
    let code = sms_at(&house, "alice", ALICE, &house.gateway).await;
    assert!(house.check("alice", &format!("4711{code}")).await);
}

async fn a_deleted_provider_brings_the_files_back(mut house: House) {
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    set(&house, "default", &second, &[]).await;
    exchanged(&mut house, "changed=\"default\"").await;
    sms_at(&house, "alice", ALICE, &second).await;
    // another pool, which becomes the way out
    let third = Gateway::start().await;
    set(&house, "third", &third, &[("default", "true")]).await;
    exchanged(&mut house, "started=\"third\"").await;
    sms_at(&house, "alice", ALICE, &third).await;
    let refused = house.administer("/system/delProvider", &[("type", "sms"), ("name", "third")]).await;
    assert_eq!(refused["result"]["value"], false);
    assert_eq!(refused["detail"]["message"], "Default provider could not be deleted!");

    for name in ["default", "third"] {
        let reply = house.administer("/system/delProvider", &[("type", "sms"), ("name", name)]).await;
        assert_eq!(reply["result"]["value"], true, "{reply}");
    }
    exchanged(&mut house, "gone=\"third\"").await;
    let code = sms_at(&house, "alice", ALICE, &house.gateway).await;
    assert!(house.check("alice", &format!("4711{code}")).await);
    assert_eq!((second.requests().len(), third.requests().len()), (1, 1));
}

async fn a_provider_with_a_mistake_is_refused_and_changes_nothing(house: House) {
    house.enrol("alice", ALICE, "4711").await;
    for (form, words) in [
        (
            vec![("class", "HttpSMSProvider"), ("config", "{'URL': 'http://x'}"), ("timeout", "5")],
            "single quote",
        ),
        (vec![("class", "NoSuchProvider"), ("config", "{}"), ("timeout", "5")], "HttpSMSProvider"),
        (vec![("config", "{}"), ("timeout", "5")], "ERR905: Missing parameter: 'class'"),
        (vec![("class", "HttpSMSProvider"), ("config", "{}")], "ERR905: Missing parameter: 'timeout'"),
    ] {
        let common = vec![("type", "sms"), ("name", "default")];
        let reply = house.administer("/system/setProvider", &[common, form].concat()).await;
        let message = reply["result"]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{words}: {reply}");
    }
    let unknown = house.administer("/system/setConfig", &[("AutoResync", "True")]).await;
    assert_eq!(unknown["result"]["status"], false, "{unknown}");
    let shown = house.administer("/system/getProvider", &[("type", "sms")]).await;
    assert_eq!(shown["result"]["value"], serde_json::json!({}), "nothing was kept");
    sms_at(&house, "alice", ALICE, &house.gateway).await;
}

async fn what_was_set_is_kept_over_a_restart(mut house: House) {
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    set(&house, "default", &second, &[]).await;
    exchanged(&mut house, "changed=\"default\"").await;
    house.sending().kill();
    house.start_sending().await;
    exchanged(&mut house, "changed=\"default\"").await;
    sms_at(&house, "alice", ALICE, &second).await;
    assert!(house.gateway.requests().is_empty());
}

async fn a_hang_up_reads_the_file_again_and_a_mistake_in_it_changes_nothing(mut house: House) {
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    sms_at(&house, "alice", ALICE, &house.gateway).await;
    let file = house.senders_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let old = house.gateway.address().to_string();

    std::fs::write(&file, text.replace(&old, "x y").replace("max_in_flight", "max_in_fligth")).unwrap();
    house.sending().hang_up();
    house.sending().wait_for_line("the configuration stays as it was").await;
    let told = house.sending().lines().join("\n");
    assert!(told.contains("sms.max_in_fligth") && told.contains("did you mean"), "{told}");
    sms_at(&house, "alice", ALICE, &house.gateway).await;

    std::fs::write(&file, text.replace(&old, &second.address().to_string())).unwrap();
    house.sending().hang_up();
    exchanged(&mut house, "changed=\"default\"").await;
    sms_at(&house, "alice", ALICE, &second).await;
    assert_eq!(house.gateway.requests().len(), 2);
}

async fn a_password_of_a_provider_is_in_no_answer_no_log_and_no_store(mut house: House) {
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    let reply = set(&house, "default", &second, &[]).await;
    exchanged(&mut house, "changed=\"default\"").await;
    sms_at(&house, "alice", ALICE, &second).await;
    let shown = house.administer("/system/getProvider", &[("type", "sms"), ("name", "default")]).await;
    let config = shown["result"]["value"]["default"]["Config"].as_str().unwrap();
    assert!(config.contains(r#""PASSWORD":"***""#), "{config}");
    let form = [("key", "SMSProviderConfig"), ("value", r#"{"PASSWORD": "hush-7f3e"}"#)];
    let set_config = house.administer("/system/setConfig", &form).await;
    let all = house.administer("/system/getConfig", &[]).await;
    let readyz = house.get("/readyz").await.1;
    let metrics = house.get("/metrics").await.1;
    for text in [reply, shown, set_config, all] {
        assert!(!text.to_string().contains("hush"), "{text}");
    }
    let printed = house.printed();
    let line = printed.lines().find(|line| line.contains("hush"));
    assert_eq!(line, None);
    assert!(!readyz.contains("hush") && !metrics.contains("hush"));
    match &house.apart {
        Some(apart) => {
            let client = redis::Client::open(apart.redis.url()).unwrap();
            let mut redis = client.get_multiplexed_async_connection().await.unwrap();
            let kept: Vec<u8> = redis::cmd("HGET")
                .arg("{mtan}:settings")
                .arg("provider/default")
                .query_async(&mut redis)
                .await
                .unwrap();
            assert!(kept.len() > 100 && !holds(&kept, b"hush") && !holds(&kept, b"HttpSMSProvider"));
        }
        None => {
            house.api.terminate();
            assert!(house.api.wait(PATIENCE).await.success());
            assert!(!file_holds(house.folder(), b"hush-7f3e"));
        }
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a file of the data folder holds `part`.
fn file_holds(folder: &Path, part: &[u8]) -> bool {
    let files = std::fs::read_dir(folder.join("mtan-data")).unwrap();
    let mut read = 0;
    let found = files.into_iter().any(|file| {
        read += 1;
        holds(&std::fs::read(file.unwrap().path()).unwrap(), part)
    });
    assert!(read > 0);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_start_later_hear_of_it_and_so_do_all_after_the_broker_was_away() {
    let mut house = House::with_own_broker(Plan { pool: false, blocking: 0, ..Plan::default() }).await;
    house.enrol("alice", ALICE, "4711").await;
    house.apart().sender.kill();
    let form = [
        ("SMSProvider", "HttpSMSProvider"),
        ("SMSProviderConfig", &gateway_json(house.gateway.address(), "")),
    ];
    let reply = house.administer("/system/setConfig", &form).await;
    assert_eq!(reply["result"]["status"], true, "{reply}");
    house.start_sending().await;
    exchanged(&mut house, "started=\"default\"").await;
    sms_at(&house, "alice", ALICE, &house.gateway).await;

    let second = Gateway::start().await;
    house.apart().broker.as_mut().unwrap().stop().await;
    let reply = set(&house, "default", &second, &[]).await;
    assert_eq!(reply["result"]["value"], true, "the store has it, whatever the broker does: {reply}");
    house.apart().broker.as_mut().unwrap().restart().await;
    house.ready().await;
    exchanged(&mut house, "changed=\"default\"").await;
    // a broker that has just come may be too slow for a promise
    wait_until("an SMS is promised", PATIENCE, async || match house.smspin("alice", "4711").await {
        true => Ok(()),
        false => Err("no".to_owned()),
    })
    .await;
    second.wait_for_sms_to(ALICE, 1).await;
    assert_eq!(house.gateway.requests().len(), 1, "the old one gets nothing any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_with_another_provider_key_takes_nothing_and_says_so() {
    let mut house =
        House::distributed(Plan { same_provider_key: false, blocking: 0, ..Plan::default() }).await;
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    set(&house, "default", &second, &[]).await;
    house.apart().sender.wait_for_line("does not open and changes nothing").await;
    house.api.wait_for_line("does not open and changes nothing").await;
    sms_at(&house, "alice", ALICE, &house.gateway).await;
    assert!(second.requests().is_empty());
    assert!(!house.printed().contains("hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_message_at_mtan_config_changes_nothing() {
    let mut house = House::distributed(Plan { blocking: 0, ..Plan::default() }).await;
    let second = Gateway::start().await;
    house.enrol("alice", ALICE, "4711").await;
    // the sender reads the board once it has heard what is set: nothing
    house.apart().sender.wait_for_line("what administrators set has come").await;
    let url = house.apart().amqp_url.clone();
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let forged = serde_json::json!({ "revision": 99, "pools": [
        { "name": "default", "class": "HttpSMSProvider", "config": gateway_json(second.address(), "") }
    ]});
    let body = serde_json::to_vec(&forged).unwrap();
    let (exchange, key) = ("mtan.config".into(), "provider.http".into());
    let options = BasicPublishOptions::default();
    channel.basic_publish(exchange, key, options, &body, BasicProperties::default()).await.unwrap();
    house.apart().sender.wait_for_line("does not open and changes nothing").await;
    sms_at(&house, "alice", ALICE, &house.gateway).await;
    assert!(second.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sets_a_provider_without_being_the_administrator_and_nobody_by_get() {
    let house = House::all_in_one(Plan::default()).await;
    let call = "/system/setProvider?type=sms&name=x&class=HttpSMSProvider&config={}&timeout=1";
    assert_eq!(house.administer_by_get(call).await, 405);
    assert_eq!(house.administer_by_get("/system/getProvider?type=sms").await, 200);
    for path in ["getProvider?type=sms", "getConfig", "getProviderDef?type=sms"] {
        assert_eq!(house.get(&format!("/system/{path}")).await.0, 401, "{path}");
    }
    let url = house.url();
    for path in [
        "setProvider",
        "delProvider",
        "setConfig",
        "delConfig",
        "setDefault",
        "setDefaultProvider",
        "testProvider",
    ] {
        let reply =
            client().post(format!("{url}/system/{path}")).form(&[("type", "sms")]).send().await.unwrap();
        assert_eq!(reply.status(), 401, "{path}");
    }
}
