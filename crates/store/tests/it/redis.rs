//! The Redis store: the suite, and what only a server on the other side of a socket can do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{FromRedisValue, aio::MultiplexedConnection, cmd};
use mtan_jobs::Outcome;
use mtan_store::RedisStore;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::wait_until;
use mtan_verifier::{Admission, Answer, Opened, Store, StoreError, TokenStore};

use crate::fixtures::{
    Desk, PIN, asked_of, at, challenge, desk, entry_of, job_id, of_serial, of_user, report, secret_in,
    serial, settled, together, token, transaction,
};
use crate::suite::{Place, conformance};

conformance!(crate::redis::start);

/// Long enough for a loaded machine: what is tested there is what a store does, not how fast.
const PATIENT: &str = "?timeout_ms=20000";

/// Far above what a call may take, far below what would be felt as hanging.
const SOON: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_secs(20);

async fn start() -> Place {
    let server = RedisServer::start().await;
    let store = patient(&server);
    Place { store, _keep: Box::new(server) }
}

fn patient(server: &RedisServer) -> Arc<dyn Store> {
    mtan_store::redis(&format!("{}{PATIENT}", server.url())).unwrap()
}

/// A store with the usual time-out, for what must fail in time.
fn usual(server: &RedisServer) -> Arc<dyn Store> {
    mtan_store::redis(&server.url()).unwrap()
}

/// A server, a patient store, and Alice's token with challenge 111.
async fn prepared() -> (RedisServer, Arc<dyn Store>) {
    let server = RedisServer::start().await;
    let store = patient(&server);
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = challenge("A", "111", at(0));
    store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    (server, store)
}

async fn works(store: &Arc<dyn Store>) {
    wait_until("the store to work", LONG, async || store.ping().await.map_err(|e| e.to_string())).await;
}

async fn raw(server: &RedisServer) -> MultiplexedConnection {
    ::redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn ask<T: FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let mut words = cmd(command[0]);
    words.arg(&command[1..]);
    words.query_async(&mut raw(server).await).await.unwrap()
}

/// Every method answers with an error, and soon.
async fn fails_soon(store: &Arc<dyn Store>, words: &str) {
    let c = challenge("A", "999", at(0));
    let began = Instant::now();
    let errors: [StoreError; 7] = [
        store.ping().await.unwrap_err(),
        store.begin_try(&of_user("alice"), at(0)).await.unwrap_err(),
        store.open_challenge(&c, 2, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap_err(),
        store.consume(&serial("A"), &transaction("111"), &[], at(0)).await.unwrap_err(),
        store.token(&serial("A")).await.unwrap_err(),
        store.lease(at(0), at(1), 1).await.unwrap_err(),
        store.entry(&job_id("j"), at(0)).await.unwrap_err(),
    ];
    assert!(began.elapsed() < 7 * SOON, "{:?}", began.elapsed());
    for StoreError(text) in errors {
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn a_killed_server_is_an_error_soon_and_works_again_with_its_data() {
    let (mut server, store) = prepared().await;
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    store.begin_try(&of_user("alice"), at(1)).await.unwrap();

    let usual = usual(&server);
    works(&usual).await;
    server.kill();
    fails_soon(&usual, "Redis").await;
    server.restart().await;
    works(&usual).await;
    works(&store).await;

    let kept = store.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 1));
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap(), "used stays used");
    assert_eq!(store.depth().await.unwrap(), 1);
    assert_eq!(store.begin_try(&of_user("alice"), at(1)).await.unwrap()[0].token.fail_count, 2);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_many_answers_lets_one_through_at_most() {
    let (mut server, store) = prepared().await;
    let answers = tokio::spawn({
        let store = store.clone();
        together(500, move |_| {
            let store = store.clone();
            async move { store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.is_ok_and(|won| won) }
        })
    });
    server.kill();
    let before = answers.await.unwrap().into_iter().filter(|won| *won).count();
    server.restart().await;
    works(&store).await;
    let after = usize::from(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    assert!(before + after <= 1, "{before} before, {after} after");
}

#[tokio::test]
async fn a_server_away_at_the_start_is_no_error_and_is_found_when_it_comes() {
    let mut server = RedisServer::start().await;
    server.kill();
    let store = usual(&server);
    fails_soon(&store, "Redis").await;
    server.restart().await;
    works(&store).await;
}

#[tokio::test]
async fn a_frozen_server_is_an_error_soon_and_works_again() {
    let (mut server, store) = prepared().await;
    let usual = usual(&server);
    works(&usual).await;
    server.freeze();
    fails_soon(&usual, "Redis did not answer").await;
    let began = Instant::now();
    let many = together(100, |_| {
        let store = usual.clone();
        async move { store.begin_try(&of_user("alice"), at(0)).await.is_err() }
    })
    .await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(many.into_iter().all(|failed| failed));

    server.thaw();
    works(&usual).await;
    // What timed out may have run: at most that, and never more than allowed.
    let tried = store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    assert!(tried[0].token.fail_count <= tried[0].token.max_fail);
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let (server, store) = prepared().await;
    for n in 1..=3 {
        let () = ask(&server, &["SCRIPT", "FLUSH"]).await;
        let tried = store.begin_try(&of_user("alice"), at(0)).await.unwrap();
        assert_eq!(tried[0].token.fail_count, n, "counted once each");
    }
    let () = ask(&server, &["SCRIPT", "FLUSH"]).await;
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
}

#[tokio::test]
async fn a_key_of_a_wrong_type_is_an_error_and_nothing_is_half_done() {
    let (server, store) = prepared().await;
    store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    for key in ["{mtan}:outbox", "{mtan}:job:job-222", "{mtan}:challenge:222"] {
        let _: u32 = ask(&server, &["DEL", "{mtan}:outbox"]).await;
        let () = ask(&server, &["SET", key, "not ours"]).await;
        let c = challenge("A", "222", at(0));
        let StoreError(text) =
            store.open_challenge(&c, 2, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap_err();
        assert!(text.contains("WRONGTYPE") || text.contains("wrong kind"), "{text}");
        let kept = store.token(&serial("A")).await.unwrap().unwrap();
        assert_eq!((kept.counter, kept.fail_count), (1, 1), "{key}");
        let tried = store.begin_try(&of_serial("A"), at(0)).await.unwrap();
        assert_eq!(tried[0].challenge.as_ref().unwrap().transaction, transaction("111"));
        store.forgive(&serial("A")).await.unwrap();
        let _: u32 = ask(&server, &["DEL", key]).await;
    }
    let () = ask(&server, &["SET", "{mtan}:report:j", "not ours"]).await;
    store.apply(&report("j", Outcome::Accepted, ""), at(9)).await.unwrap_err();
    let () = ask(&server, &["SET", "{mtan}:token:A", "not ours"]).await;
    store.begin_try(&of_user("alice"), at(0)).await.unwrap_err();
    store.consume(&serial("A"), &transaction("111"), &[], at(0)).await.unwrap_err();
    store.put_token(&token("A", "alice")).await.unwrap_err();
    // The others go on.
    assert!(store.put_token(&token("B", "bob")).await.unwrap());
    assert_eq!(store.begin_try(&of_user("bob"), at(0)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_that_does_not_show_it() {
    let (server, store) = prepared().await;
    for (body, words) in [("geheim", "cannot be read"), (r#"{"v":2,"x":"geheim"}"#, "newer mtan")] {
        let _: u32 = ask(&server, &["HSET", "{mtan}:token:A", "record", body]).await;
        for StoreError(text) in [
            store.begin_try(&of_user("alice"), at(0)).await.unwrap_err(),
            store.token(&serial("A")).await.unwrap_err(),
        ] {
            assert!(text.contains(words) && !text.contains("geheim"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_show_it() {
    let server = RedisServer::start().await;
    let () = ask(&server, &["CONFIG", "SET", "requirepass", "richtig-geheim"]).await;
    let url =
        |login: &str| format!("{}{PATIENT}", server.url().replace("redis://", &format!("redis://{login}@")));
    for wrong in [":falsch-geheim", "nobody:falsch-geheim"] {
        let store = RedisStore::new(&url(wrong)).unwrap();
        assert!(!format!("{store:?}").contains("geheim"), "{store:?}");
        let StoreError(text) = store.ping().await.unwrap_err();
        assert!(text.to_lowercase().contains("auth") || text.contains("password"), "{text}");
        assert!(!text.contains("geheim"), "{text}");
    }
    let none = patient(&server);
    let StoreError(text) = none.ping().await.unwrap_err();
    assert!(text.to_lowercase().contains("auth"), "{text}");
    works(&mtan_store::redis(&url(":richtig-geheim")).unwrap()).await;
    works(&mtan_store::redis(&url("default:richtig-geheim")).unwrap()).await;
}

/// The rights that the README names for the store's user.
const RIGHTS: &str = "~{mtan}:* +@read +@write +@connection -@dangerous +evalsha +script|load +wait";

#[tokio::test]
async fn a_user_with_the_named_rights_and_no_more_is_enough() {
    let server = RedisServer::start().await;
    assert!(include_str!("../../README.md").contains(RIGHTS), "the README names other rights");
    let mut rights = vec!["ACL", "SETUSER", "mtan", "on", ">geheim"];
    rights.extend(RIGHTS.split(' '));
    let () = ask(&server, &rights).await;
    let url = format!("{}{PATIENT}", server.url().replace("redis://", "redis://mtan:geheim@"));
    let store = mtan_store::redis(&url).unwrap();
    store.ping().await.unwrap();
    let desk = desk(&store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let pass = format!("{PIN}{}", desk.publisher.last_code());
    let answer = desk.verifier.check(Some(&of_user("alice")), &pass, None).await;
    assert_eq!(answer, Answer::Accepted(serial("LSSM0001")));
    desk.verifier.relay().await.unwrap();
    store.apply(&report("j", Outcome::Accepted, ""), at(9_000)).await.unwrap();
    assert!(store.entry(&job_id("j"), at(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_redis_that_evicts_is_named_until_it_is_mended() {
    let (server, store) = prepared().await;
    let () = ask(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let fresh = patient(&server);
    let said = wait_until("the complaint", LONG, async || match fresh.ping().await {
        Err(StoreError(text)) if text.contains("allkeys-lru") => Ok(text),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(said.contains("noeviction is expected"), "{said}");
    // Its calls work all the same: readiness tells the operator, nobody is locked out.
    assert_eq!(fresh.begin_try(&of_user("alice"), at(0)).await.unwrap().len(), 1);
    let () = ask(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    works(&fresh).await;
    works(&store).await;
}

/// A second server that follows the first.
async fn replica_of(primary: &RedisServer) -> RedisServer {
    let replica = RedisServer::start().await;
    let () = ask(&replica, &["REPLICAOF", "127.0.0.1", &primary.port().to_string()]).await;
    wait_until("the replica to be in step", LONG, async || {
        let info: String = ask(&replica, &["INFO", "replication"]).await;
        if info.contains("master_link_status:up") { Ok(()) } else { Err(info) }
    })
    .await;
    replica
}

#[tokio::test]
async fn a_read_only_replica_is_an_honest_error() {
    let (primary, _store) = prepared().await;
    let replica = replica_of(&primary).await;
    let store = patient(&replica);
    for StoreError(text) in [
        store.ping().await.unwrap_err(),
        store.begin_try(&of_user("alice"), at(0)).await.unwrap_err(),
        store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap_err(),
    ] {
        assert!(text.contains("read-only replica"), "{text}");
    }
    // Promoted, it takes over without a restart of ours.
    let () = ask(&replica, &["REPLICAOF", "NO", "ONE"]).await;
    works(&store).await;
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
}

#[tokio::test]
async fn with_wait_replicas_a_failover_brings_no_used_code_back() {
    let (primary, _store) = prepared().await;
    let replica = replica_of(&primary).await;
    let url = format!("{}{PATIENT}&wait_replicas=1", primary.url());
    let store = mtan_store::redis(&url).unwrap();
    // On a loaded machine 50 ms may be too short for the replica: then it is an error, which is what it should be.
    wait_until("a replica that keeps up", LONG, async || store.ping().await.map_err(|e| e.to_string())).await;
    let counted = wait_until("a try that is certain", LONG, async || {
        store.begin_try(&of_user("alice"), at(1)).await.map_err(|e| e.to_string())
    })
    .await;
    assert_eq!(counted[0].admission, Admission::Counted);
    let won = store.consume(&serial("A"), &transaction("111"), &[], at(1)).await;

    drop(primary);
    let () = ask(&replica, &["REPLICAOF", "NO", "ONE"]).await;
    let after = patient(&replica);
    if won == Ok(true) {
        assert!(!after.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
        assert_eq!(after.token(&serial("A")).await.unwrap().unwrap().fail_count, 0);
    }
}

#[tokio::test]
async fn with_wait_replicas_and_no_replica_the_answer_is_no() {
    let (primary, _store) = prepared().await;
    let store = mtan_store::redis(&format!("{}{PATIENT}&wait_replicas=1", primary.url())).unwrap();
    for StoreError(text) in [
        store.ping().await.unwrap_err(),
        store.begin_try(&of_user("alice"), at(1)).await.unwrap_err(),
        store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap_err(),
    ] {
        assert!(text.contains("0 of 1 replicas"), "{text}");
    }
    assert!(!patient(&primary).consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
}

/// All keys with all that is in them.
async fn dump(server: &RedisServer) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let keys: Vec<String> = ask(server, &["KEYS", "*"]).await;
    for key in keys {
        let kind: String = ask(server, &["TYPE", &key]).await;
        let command: &[&str] = match kind.as_str() {
            "string" => &["GET", &key],
            "hash" => &["HGETALL", &key],
            "zset" => &["ZRANGE", &key, "0", "-1", "WITHSCORES"],
            "set" => &["SMEMBERS", &key],
            other => panic!("{key} is a {other}"),
        };
        let value: ::redis::Value = ask(server, command).await;
        all.push((key, readable(&value)));
    }
    all
}

fn readable(value: &::redis::Value) -> String {
    use ::redis::Value;
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(values) => values.iter().map(readable).collect::<Vec<_>>().join(" "),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(k, v)| format!("{} {}", readable(k), readable(v)))
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_database_shows_no_secret_and_every_key_lies_in_one_slot() {
    let server = RedisServer::start().await;
    let store = patient(&server);
    let desk = desk(&store, 10).await;
    let Answer::Challenged(sent) = desk.verifier.smspin(Some(&of_user("alice")), PIN).await else { panic!() };
    desk.verifier.apply_report(&report(sent.sms[0].job_id.as_str(), Outcome::Accepted, "")).await.unwrap();

    let code = desk.publisher.last_code();
    let all = dump(&server).await;
    for kind in ["token", "owner", "challenge", "outbox", "job", "report"] {
        assert!(all.iter().any(|(key, _)| key.starts_with(&format!("{{mtan}}:{kind}"))), "{kind} in {all:?}");
    }
    for (key, value) in &all {
        assert!(key.starts_with("{mtan}:"), "{key}");
        assert_eq!(secret_in(format!("{key} {value}").as_bytes(), &code), None, "{key}");
    }
}

#[tokio::test]
async fn what_expires_has_a_time_to_live_and_what_does_not_has_none() {
    let (server, store) = prepared().await;
    store.apply(&report("j", Outcome::Accepted, ""), at(86_400_000)).await.unwrap();
    store.apply(&report("k", Outcome::Accepted, ""), at(5_000)).await.unwrap();
    store.apply(&report("k", Outcome::Delivered, ""), at(86_400_000)).await.unwrap();
    // The fixtures' clock stands years ago: the time to live is a duration and does not care.
    let minutes = 60_000..=60 * 60_000;
    let day = 86_400_000..=2 * 86_400_000;
    let hours = 4_400_000..=4_500_000;
    let week = 7 * 86_400_000..=8 * 86_400_000;
    for (key, expected) in [
        ("{mtan}:challenge:111", minutes),
        ("{mtan}:job:job-111", week),
        ("{mtan}:report:j", day.clone()),
        ("{mtan}:report:k", day),
        ("{mtan}:report:job-111", hours.clone()),
        ("{mtan}:transaction:111", hours),
        ("{mtan}:token:A", -1..=-1),
        ("{mtan}:owner:4:home:alice", -1..=-1),
    ] {
        let ttl: i64 = ask(&server, &["PTTL", key]).await;
        assert!(expected.contains(&ttl), "{key}: {ttl}");
    }
}

#[tokio::test]
async fn a_challenge_that_redis_collected_is_merely_unknown() {
    let (server, store) = prepared().await;
    let _: u32 = ask(&server, &["DEL", "{mtan}:challenge:111", "{mtan}:job:job-111"]).await;
    let tried = store.begin_try(&of_user("alice"), at(1)).await.unwrap();
    assert_eq!((tried[0].admission, tried[0].challenge.is_none()), (Admission::Counted, true));
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    assert!(store.lease(at(1), at(2), 10).await.unwrap().is_empty());
    assert_eq!(store.depth().await.unwrap(), 0, "nothing is left of its job either");
    let c = challenge("A", "222", at(2));
    let opened = store.open_challenge(&c, 2, &entry_of(&c), at(2), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened));
}

#[tokio::test]
async fn a_trail_that_is_none_keeps_nobody_from_logging_in() {
    let (server, store) = prepared().await;
    for key in ["{mtan}:report:job-111", "{mtan}:transaction:111"] {
        let _: u32 = ask(&server, &["DEL", key]).await;
        let _: u32 = ask(&server, &["SADD", key, "not ours"]).await;
    }
    store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    store.forgive(&serial("A")).await.unwrap();
    store.settle(&[settled(&job_id("job-111"), Some(at(1)))]).await.unwrap();
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    let () = ask(&server, &["SET", "{mtan}:report:job-222", "not ours"]).await;
    let c = challenge("A", "222", at(2));
    let opened = store.open_challenge(&c, 2, &entry_of(&c), at(2), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened));
    let ttl: i64 = ask(&server, &["PTTL", "{mtan}:report:job-222"]).await;
    assert_eq!(ttl, -1, "what is not ours is left alone");
}

/// The numbers of the README; the sizes of names are those of real ones.
#[tokio::test]
async fn a_trail_is_small() {
    let server = RedisServer::start().await;
    let store = patient(&server);
    let Desk { verifier, .. } = desk(&store, 10).await;
    let answer = verifier.smspin(Some(&of_user("alice")), PIN).await;
    let Answer::Challenged(sent) = answer else { panic!("{answer:?}") };
    let report_key = format!("{{mtan}}:report:{}", sent.sms[0].job_id);
    let transaction_key = format!("{{mtan}}:transaction:{}", sent.transaction);
    let usage = async |key: &str| -> u64 { ask(&server, &["MEMORY", "USAGE", key, "SAMPLES", "0"]).await };
    let waiting = usage(&report_key).await + usage(&transaction_key).await;
    let id = sent.sms[0].job_id.as_str();
    store.apply(&report(id, Outcome::Accepted, "ID: 4711"), at(0)).await.unwrap();
    store.apply(&report(id, Outcome::Delivered, "DELIVRD"), at(0)).await.unwrap();
    verifier.relay().await.unwrap();
    let whole = usage(&report_key).await + usage(&transaction_key).await;
    let reports = report("alone", Outcome::Accepted, "ID: 4711");
    store.apply(&reports, at(0)).await.unwrap();
    store.apply(&report("alone", Outcome::Delivered, "DELIVRD"), at(0)).await.unwrap();
    let before = usage("{mtan}:report:alone").await;
    assert!(waiting <= 800 && whole <= 1_600 && whole - before <= 750, "{waiting} {whole} {before}");
}

/// Redis waits for the disk and for replicas only where something was written: a try without a write would be answered sooner.
#[tokio::test]
async fn every_try_is_a_write_whether_it_counts_or_not() {
    let server = RedisServer::start().await;
    let store = patient(&server);
    for (name, user, max_fail, active) in
        [("A", "alice", 9, true), ("L", "lena", 0, true), ("D", "dora", 9, false)]
    {
        let token = mtan_verifier::Token { max_fail, active, ..token(name, user) };
        assert!(store.put_token(&token).await.unwrap());
    }
    for user in ["alice", "nobody", "lena", "dora"] {
        let info: String = ask(&server, &["INFO", "persistence"]).await;
        let before = changes(&info);
        store.begin_try(&of_user(user), at(0)).await.unwrap();
        let info: String = ask(&server, &["INFO", "persistence"]).await;
        assert_eq!(changes(&info), before + 1, "{user}");
    }
}

fn changes(info: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    line.unwrap().trim().parse().unwrap()
}
