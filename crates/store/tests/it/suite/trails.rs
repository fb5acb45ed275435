//! The trail of an SMS: what is noted on the way, found by every name that an operator has.

use std::sync::Arc;

use jiff::Timestamp;
use mtan_jobs::Outcome;
use mtan_verifier::{Challenge, End, LedgerEntry, Opened, Store, Trail, TrailOf};

use crate::fixtures::{
    PIN, asked_of, at, challenge, desk, entry_of, job_id, of_user, report, secret_in, serial, settled, token,
    transaction, user,
};

/// Opens challenge number `n` of token A at `created`.
async fn open(store: &Arc<dyn Store>, n: u64, created: Timestamp) -> Challenge {
    let c = challenge("A", &format!("1{n:03}"), created);
    let opened = store.open_challenge(&c, n, &entry_of(&c), created, &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened));
    c
}

async fn alice_opens(store: &Arc<dyn Store>) -> Challenge {
    store.put_token(&token("A", "alice")).await.unwrap();
    open(store, 1, at(0)).await
}

async fn of_alice(store: &Arc<dyn Store>) -> Vec<Trail> {
    store.trails(&TrailOf::Serial(serial("A")), at(1), 10).await.unwrap()
}

async fn newest(store: &Arc<dyn Store>) -> Trail {
    of_alice(store).await.remove(0)
}

pub(crate) async fn a_trail_is_found_by_job_by_transaction_by_token_and_by_user(store: &Arc<dyn Store>) {
    let nothing = store.trails(&TrailOf::Serial(serial("A")), at(1), 10).await.unwrap();
    assert!(nothing.is_empty(), "an empty store");
    let c = alice_opens(store).await;
    let expected = Trail {
        job_id: c.job_id.clone(),
        asked: Some(asked_of(&c)),
        confirmed_at: None,
        in_outbox: true,
        tries: Vec::new(),
        end: None,
        reports: LedgerEntry::default(),
    };
    for of in [
        TrailOf::Job(c.job_id.clone()),
        TrailOf::Transaction(c.transaction.clone()),
        TrailOf::Serial(serial("A")),
        TrailOf::User(user("alice", "home")),
    ] {
        let found = store.trails(&of, at(1), 10).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&expected), "{of:?}");
        assert!(store.trails(&of, at(1), 0).await.unwrap().is_empty(), "{of:?}");
    }
    for of in [
        TrailOf::Job(job_id("other")),
        TrailOf::Transaction(transaction("222")),
        TrailOf::Serial(serial("B")),
        TrailOf::User(user("alice", "away")),
    ] {
        assert!(store.trails(&of, at(1), 10).await.unwrap().is_empty(), "{of:?}");
    }
}

pub(crate) async fn a_trail_without_reports_is_no_ledger_entry(store: &Arc<dyn Store>) {
    let c = alice_opens(store).await;
    assert!(store.entry(&c.job_id, at(1)).await.unwrap().is_none());
    let accepted = report(c.job_id.as_str(), Outcome::Accepted, "ID: 7");
    let delivered = report(c.job_id.as_str(), Outcome::Delivered, "");
    store.apply(&accepted, at(5)).await.unwrap();
    store.apply(&delivered, at(6)).await.unwrap();
    let both = LedgerEntry { outcome: Some(accepted), delivery: Some(delivered) };
    assert_eq!(store.entry(&c.job_id, at(1)).await.unwrap(), Some(both.clone()));
    let trail = newest(store).await;
    assert_eq!((trail.reports, trail.asked), (both, Some(asked_of(&c))), "a report ends no trail early");
}

pub(crate) async fn a_job_of_another_publisher_has_its_reports_only(store: &Arc<dyn Store>) {
    let rejected = report("theirs", Outcome::Rejected, "no credit");
    store.apply(&rejected, at(9_000)).await.unwrap();
    store.settle(&[settled(&job_id("theirs"), Some(at(1)))]).await.unwrap();
    let trails = store.trails(&TrailOf::Job(job_id("theirs")), at(1), 10).await.unwrap();
    let [trail] = trails.as_slice() else { panic!("{trails:?}") };
    assert_eq!((trail.asked.as_ref(), trail.confirmed_at, trail.in_outbox), (None, None, false));
    assert_eq!(trail.reports, LedgerEntry { outcome: Some(rejected), delivery: None });
    assert_eq!(trail.fate(at(1)), None);
}

pub(crate) async fn the_first_confirm_stays(store: &Arc<dyn Store>) {
    let c = alice_opens(store).await;
    store.settle(&[settled(&c.job_id, None)]).await.unwrap();
    assert_eq!((newest(store).await.confirmed_at, newest(store).await.in_outbox), (None, false));
    for late in [7, 9] {
        store.settle(&[settled(&c.job_id, Some(at(late)))]).await.unwrap();
        assert_eq!(newest(store).await.confirmed_at, Some(at(7)));
    }
}

pub(crate) async fn tries_show_unless_taken_back(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    let c = open(store, 1, at(0)).await;
    for n in [10, 20, 30] {
        store.begin_try(&of_user("alice"), at(n)).await.unwrap();
    }
    assert_eq!(newest(store).await.tries, [at(10), at(20), at(30)]);
    store.forgive(&serial("A")).await.unwrap();
    assert_eq!(newest(store).await.tries, [at(10), at(20)], "a right PIN is no try");
    assert!(store.consume(&serial("A"), &c.transaction, &[], at(40)).await.unwrap());
    assert_eq!(newest(store).await.tries, [at(10)], "nor is the right answer");
    store.begin_try(&of_user("alice"), at(50)).await.unwrap();
    store.forgive(&serial("A")).await.unwrap();
    assert_eq!(newest(store).await.tries, [at(10)], "what is used up is tried no more");
}

pub(crate) async fn the_last_sixteen_tries_are_noted(store: &Arc<dyn Store>) {
    let mut patient = token("A", "alice");
    patient.max_fail = 99;
    store.put_token(&patient).await.unwrap();
    open(store, 1, at(0)).await;
    for n in 1..=20 {
        let tried = store.begin_try(&of_user("alice"), at(n)).await.unwrap();
        assert_eq!(i64::from(tried[0].token.fail_count), n, "each is counted");
    }
    assert_eq!(newest(store).await.tries, (5..=20).map(at).collect::<Vec<_>>());
}

pub(crate) async fn what_ended_a_challenge_shows(store: &Arc<dyn Store>) {
    alice_opens(store).await;
    let second = open(store, 2, at(100)).await;
    assert!(store.consume(&serial("A"), &second.transaction, &[], at(200)).await.unwrap());
    open(store, 3, at(300)).await;
    let mut changed = token("A", "alice");
    changed.created_at = at(400);
    store.put_token(&changed).await.unwrap();
    let ends: Vec<_> = of_alice(store).await.into_iter().map(|t| t.end.unwrap()).collect();
    assert_eq!(ends, [(End::Changed, at(400)), (End::Used, at(200)), (End::Replaced, at(100))]);
}

pub(crate) async fn the_newest_trails_of_a_token_come_first(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let mut jobs = Vec::new();
    for n in 1..=5 {
        jobs.insert(0, open(store, n, at(0)).await.job_id);
    }
    let of = TrailOf::User(user("alice", "home"));
    for most in [1, 3, 5, 9] {
        let trails = store.trails(&of, at(1), most).await.unwrap();
        let found: Vec<_> = trails.into_iter().map(|t| t.job_id).collect();
        assert_eq!(found, jobs[..most.min(5)]);
    }
    let one = store.trails(&TrailOf::Job(jobs[1].clone()), at(1), 9).await.unwrap();
    assert_eq!(one.len(), 1, "a job is one SMS");
}

pub(crate) async fn a_changed_token_keeps_its_trails(store: &Arc<dyn Store>) {
    alice_opens(store).await;
    store.put_token(&token("A", "bob")).await.unwrap();
    open(store, 3, at(0)).await;
    assert_eq!(of_alice(store).await.len(), 2);
    let of_bob = store.trails(&TrailOf::User(user("bob", "home")), at(1), 10).await.unwrap();
    assert_eq!(of_bob.len(), 2, "whose they were stands in them");
    assert_eq!(of_bob[1].asked.as_ref().unwrap().user, Some(user("alice", "home")));
}

pub(crate) async fn a_trail_is_known_until_its_time(store: &Arc<dyn Store>) {
    let c = alice_opens(store).await;
    let until = asked_of(&c).keep_until;
    let millis = 300_000 + 3_600_000;
    assert_eq!(until, at(millis));
    for of in [TrailOf::Job(c.job_id.clone()), TrailOf::User(user("alice", "home"))] {
        assert_eq!(store.trails(&of, at(millis - 1), 10).await.unwrap().len(), 1);
        assert!(store.trails(&of, until, 10).await.unwrap().is_empty());
    }
    store.apply(&report(c.job_id.as_str(), Outcome::Delivered, ""), at(millis + 10)).await.unwrap();
    let later = store.trails(&TrailOf::Job(c.job_id.clone()), at(millis + 9), 10).await.unwrap();
    assert_eq!(later.len(), 1, "a late report prolongs it");
}

pub(crate) async fn a_trail_shows_no_secret_of_a_whole_login(store: &Arc<dyn Store>) {
    let desk = desk(store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let code = desk.publisher.last_code();
    desk.verifier.relay().await.unwrap();
    desk.clock.set(1_000);
    desk.verifier.check(Some(&of_user("alice")), &format!("{PIN}00000000"), None).await;
    desk.clock.set(2_000);
    desk.verifier.check(Some(&of_user("alice")), &format!("{PIN}{code}"), None).await;
    let trails = desk.verifier.explain(&TrailOf::User(user("alice", "home")), 10).await.unwrap();
    let [trail] = trails.as_slice() else { panic!("{trails:?}") };
    assert_eq!(trail.confirmed_at, Some(at(0)));
    assert_eq!((trail.tries.as_slice(), trail.end), ([at(1_000)].as_slice(), Some((End::Used, at(2_000)))));
    let shown = format!("{trails:?}");
    assert_eq!(secret_in(shown.as_bytes(), &code), None);
    assert!(!shown.contains("1701234567"), "{shown}");
}

pub(crate) async fn the_trails_of_several_tokens_are_told_together(store: &Arc<dyn Store>) {
    let mut jobs = std::collections::HashMap::new();
    for (name, id, created) in
        [("A", "55.01", at(0)), ("B", "55.02", at(0)), ("B", "66", at(50)), ("A", "77", at(90))]
    {
        if created == at(0) {
            store.put_token(&token(name, "alice")).await.unwrap();
        }
        let c = challenge(name, id, created);
        let counter = if created == at(0) { 1 } else { 2 };
        let opened = store.open_challenge(&c, counter, &entry_of(&c), created, &asked_of(&c)).await.unwrap();
        assert!(matches!(opened, Opened::Opened), "{id}");
        jobs.insert(c.job_id, id);
    }
    let told = async |of: TrailOf, most: usize| -> Vec<&str> {
        let trails = store.trails(&of, at(100), most).await.unwrap();
        trails.iter().map(|trail| jobs[&trail.job_id]).collect()
    };
    let alice = || TrailOf::User(user("alice", "home"));
    assert_eq!(
        told(alice(), 9).await,
        ["77", "66", "55.01", "55.02"],
        "the newest first, whichever token it was"
    );
    assert_eq!(told(alice(), 2).await, ["77", "66"]);
    assert_eq!(told(TrailOf::Transaction(transaction("55")), 9).await, ["55.01", "55.02"]);
    assert_eq!(told(TrailOf::Transaction(transaction("55.02")), 9).await, ["55.02"]);
    assert_eq!(told(TrailOf::Transaction(transaction("5")), 9).await, [""; 0]);
}
