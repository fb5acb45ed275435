//! Tries and challenges, one after the other.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mtan_verifier::{Admission, Challenge, Opened, Store, Subject, Token, Tried};

use crate::fixtures::{
    asked_of, at, challenge, entry_of, of_serial, of_transaction, of_user, serial, token, transaction,
};

async fn one_try(store: &Arc<dyn Store>, subject: &Subject, now: Timestamp) -> Tried {
    let mut tried = store.begin_try(subject, now).await.unwrap();
    assert_eq!(tried.len(), 1, "{subject:?}");
    tried.remove(0)
}

async fn fail_count(store: &Arc<dyn Store>, name: &str) -> u32 {
    store.token(&serial(name)).await.unwrap().unwrap().fail_count
}

/// Opens challenge number `counter` of a token.
async fn open(store: &Arc<dyn Store>, name: &str, id: &str, counter: u64, now: Timestamp) -> Challenge {
    let c = challenge(name, id, now);
    let opened = store.open_challenge(&c, counter, &entry_of(&c), now, &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened), "{opened:?}");
    c
}

fn assert_is(shown: Option<&Challenge>, expected: &Challenge) {
    let shown = shown.expect("a challenge is shown");
    assert!(shown.otp.matches(&expected.otp));
    assert_eq!(format!("{shown:?}"), format!("{expected:?}"));
}

pub(crate) async fn a_try_is_counted_by_user_by_serial_and_by_transaction(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    store.put_token(&token("B", "bob")).await.unwrap();
    let c = open(store, "A", "111", 1, at(0)).await;
    for (n, subject) in [of_user("alice"), of_serial("A"), of_transaction("111")].iter().enumerate() {
        let tried = one_try(store, subject, at(1)).await;
        assert_eq!(tried.admission, Admission::Counted);
        assert_eq!(tried.token.serial, serial("A"));
        assert_eq!(tried.token.fail_count as usize, n + 1, "the count is there before anybody compares");
        assert_eq!(fail_count(store, "A").await as usize, n + 1);
        assert_is(tried.challenge.as_ref(), &c);
    }
    assert_eq!(fail_count(store, "B").await, 0);
}

async fn alice_has(store: &Arc<dyn Store>, names: &[&str]) {
    for name in names {
        store.put_token(&token(name, "alice")).await.unwrap();
    }
}

fn serials(tried: &[Tried]) -> Vec<&str> {
    tried.iter().map(|tried| tried.token.serial.as_str()).collect()
}

pub(crate) async fn a_try_is_counted_on_every_token_of_the_user(store: &Arc<dyn Store>) {
    alice_has(store, &["C", "A"]).await;
    store.put_token(&Token { max_fail: 1, ..token("B", "alice") }).await.unwrap();
    store.put_token(&Token { active: false, ..token("D", "alice") }).await.unwrap();
    store.put_token(&token("X", "bob")).await.unwrap();
    let c = open(store, "C", "111", 1, at(0)).await;
    for n in 1..=2 {
        let tried = store.begin_try(&of_user("alice"), at(n)).await.unwrap();
        assert_eq!(serials(&tried), ["A", "B", "C", "D"]);
        let admissions: Vec<Admission> = tried.iter().map(|tried| tried.admission).collect();
        let second = if n == 1 { Admission::Counted } else { Admission::Locked };
        assert_eq!(admissions, [Admission::Counted, second, Admission::Counted, Admission::Inactive]);
        assert_is(tried[2].challenge.as_ref(), &c);
        assert!(tried[0].challenge.is_none());
    }
    for (name, fails) in [("A", 2), ("B", 1), ("C", 2), ("D", 0), ("X", 0)] {
        assert_eq!(fail_count(store, name).await, fails, "{name}");
    }
}

pub(crate) async fn a_root_names_all_its_challenges(store: &Arc<dyn Store>) {
    alice_has(store, &["A", "B", "C"]).await;
    let first = open(store, "A", "55.01", 1, at(0)).await;
    let third = open(store, "C", "55.03", 1, at(0)).await;
    open(store, "B", "56.01", 1, at(0)).await;
    let tried = store.begin_try(&of_transaction("55"), at(1)).await.unwrap();
    assert_eq!(serials(&tried), ["A", "C"], "one that is missing between them hides nothing");
    assert_is(tried[0].challenge.as_ref(), &first);
    assert_is(tried[1].challenge.as_ref(), &third);
    assert_eq!(serials(&store.begin_try(&of_transaction("55.03"), at(1)).await.unwrap()), ["C"]);
    for nobody in ["5", "55.02", "55.", "55.0", "055"] {
        assert!(store.begin_try(&of_transaction(nobody), at(1)).await.unwrap().is_empty(), "{nobody}");
    }
}

pub(crate) async fn a_code_that_is_used_up_closes_its_siblings_and_clears_their_tries(
    store: &Arc<dyn Store>,
) {
    alice_has(store, &["A", "B", "C", "D", "E"]).await;
    open(store, "A", "55.01", 1, at(0)).await;
    open(store, "B", "55.02", 1, at(0)).await;
    open(store, "E", "55.03", 1, at(0)).await;
    let other = open(store, "C", "555.01", 1, at(0)).await;
    store.begin_try(&of_user("alice"), at(1)).await.unwrap();
    let others = [serial("B"), serial("C")];
    assert!(!store.consume(&serial("A"), &transaction("55.02"), &others, at(2)).await.unwrap());
    assert_eq!(fail_count(store, "B").await, 1, "a code that is not used up changes nothing");
    assert!(store.consume(&serial("A"), &transaction("55.01"), &others, at(2)).await.unwrap());
    for (name, fails) in [("A", 0), ("B", 0), ("C", 0), ("D", 1), ("E", 1)] {
        assert_eq!(fail_count(store, name).await, fails, "{name}");
    }
    for (name, id) in [("B", "55.02"), ("E", "55.03")] {
        assert!(
            !store.consume(&serial(name), &transaction(id), &[], at(3)).await.unwrap(),
            "{id} was closed"
        );
    }
    let still = one_try(store, &of_serial("C"), at(3)).await;
    assert_is(still.challenge.as_ref(), &other);
    assert!(store.consume(&serial("C"), &transaction("555.01"), &[serial("gone")], at(3)).await.unwrap());
    assert!(store.token(&serial("gone")).await.unwrap().is_none(), "nobody is made by being cleared");
}

pub(crate) async fn tries_end_at_the_maximum(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 3, ..token("A", "alice") }).await.unwrap();
    let c = open(store, "A", "111", 1, at(0)).await;
    for n in 1..=3 {
        let tried = one_try(store, &of_user("alice"), at(0)).await;
        assert_eq!((tried.admission, tried.token.fail_count), (Admission::Counted, n));
    }
    for _ in 0..3 {
        let tried = one_try(store, &of_user("alice"), at(0)).await;
        assert_eq!((tried.admission, tried.token.fail_count), (Admission::Locked, 3));
        assert_is(tried.challenge.as_ref(), &c);
    }
    assert_eq!(fail_count(store, "A").await, 3);
    // The administrator's change is the way out; the new maximum counts from then on.
    store.put_token(&Token { max_fail: 2, ..token("A", "alice") }).await.unwrap();
    for admission in [Admission::Counted, Admission::Counted, Admission::Locked] {
        assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, admission);
    }
    assert_eq!(fail_count(store, "A").await, 2);
}

pub(crate) async fn an_inactive_token_counts_nothing_and_opens_nothing(store: &Arc<dyn Store>) {
    store.put_token(&Token { active: false, fail_count: 2, ..token("A", "alice") }).await.unwrap();
    let tried = one_try(store, &of_user("alice"), at(0)).await;
    assert_eq!((tried.admission, tried.token.fail_count), (Admission::Inactive, 2));
    let c = challenge("A", "111", at(0));
    let opened = store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)));
    assert_eq!(store.token(&serial("A")).await.unwrap().unwrap().counter, 0);
    assert_eq!(store.depth().await.unwrap(), 0);
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(0)).await.unwrap());
    // Also when it is locked, and when it has no tries at all.
    store.put_token(&Token { active: false, max_fail: 0, ..token("A", "alice") }).await.unwrap();
    assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, Admission::Inactive);
}

pub(crate) async fn forgiving_takes_back_one_and_never_below_none(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    for _ in 0..3 {
        one_try(store, &of_user("alice"), at(0)).await;
    }
    for left in [2, 1, 0, 0, 0] {
        store.forgive(&serial("A")).await.unwrap();
        assert_eq!(fail_count(store, "A").await, left);
    }
}

pub(crate) async fn forgiving_takes_back_no_wrong_try(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 3, ..token("A", "alice") }).await.unwrap();
    // One right PIN is under way while two wrong ones come: then it is locked.
    for _ in 0..3 {
        assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, Admission::Counted);
    }
    assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, Admission::Locked);
    store.forgive(&serial("A")).await.unwrap();
    assert_eq!(fail_count(store, "A").await, 2, "the two wrong ones stay counted");
    // The third wrong one locks it for good, whatever was right before.
    assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, Admission::Counted);
    assert_eq!(one_try(store, &of_user("alice"), at(0)).await.admission, Admission::Locked);
}

pub(crate) async fn a_challenge_opens_with_its_job_in_one_step(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    one_try(store, &of_user("alice"), at(0)).await;
    let c = challenge("A", "111", at(0));
    let opened = store.open_challenge(&c, 1, &entry_of(&c), at(5_000), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened));
    let kept = store.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 0), "the counter moves, the try is forgiven");
    assert_eq!(store.depth().await.unwrap(), 1);
    assert!(store.lease(at(4_999), at(9_000), 10).await.unwrap().is_empty());
    assert_eq!(store.lease(at(5_000), at(9_000), 10).await.unwrap(), [entry_of(&c)]);
    assert_is(one_try(store, &of_user("alice"), at(1)).await.challenge.as_ref(), &c);
}

pub(crate) async fn a_later_challenge_ends_the_earlier(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    open(store, "A", "111", 1, at(0)).await;
    let second = open(store, "A", "222", 2, at(31_000)).await;
    let tried = one_try(store, &of_user("alice"), at(32_000)).await;
    assert_is(tried.challenge.as_ref(), &second);
    // The earlier transaction still leads to the token, where the try counts; it opens nothing.
    let tried = one_try(store, &of_transaction("111"), at(32_000)).await;
    assert_is(tried.challenge.as_ref(), &second);
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(32_000)).await.unwrap());
    assert!(store.consume(&serial("A"), &transaction("222"), &[], at(32_000)).await.unwrap());
    assert_eq!(store.depth().await.unwrap(), 2, "both jobs were promised");
}

pub(crate) async fn an_overtaken_trigger_changes_nothing_and_learns_what_is_open(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    for _ in 0..2 {
        one_try(store, &of_user("alice"), at(0)).await;
    }
    let first = open(store, "A", "111", 1, at(0)).await;
    for (counter, now) in [(1, at(0)), (0, at(1)), (3, at(299_999))] {
        store.begin_try(&of_user("alice"), now).await.unwrap();
        let c = challenge("A", "222", now);
        let opened = store.open_challenge(&c, counter, &entry_of(&c), now, &asked_of(&c)).await.unwrap();
        let Opened::Overtaken(open) = opened else { panic!("{opened:?}") };
        assert_is(open.as_ref(), &first);
    }
    let kept = store.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 1), "each overtaken trigger forgave its own try");
    assert_eq!(store.depth().await.unwrap(), 1);
    assert!(store.begin_try(&of_transaction("222"), at(0)).await.unwrap().is_empty());
    // What has expired is not open any more, nor is what was used up.
    let late = challenge("A", "333", at(300_000));
    let opened =
        store.open_challenge(&late, 1, &entry_of(&late), at(300_000), &asked_of(&late)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)), "{opened:?}");
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    let c = challenge("A", "444", at(2));
    let opened = store.open_challenge(&c, 1, &entry_of(&c), at(2), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)), "{opened:?}");
}

pub(crate) async fn a_code_is_used_up_once(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    open(store, "A", "111", 1, at(0)).await;
    for _ in 0..4 {
        one_try(store, &of_user("alice"), at(1)).await;
    }
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(2)).await.unwrap());
    assert_eq!(fail_count(store, "A").await, 0);
    one_try(store, &of_user("alice"), at(2)).await;
    for _ in 0..3 {
        assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(2)).await.unwrap());
    }
    assert_eq!(fail_count(store, "A").await, 1, "a refused one resets nothing");
    assert_eq!(store.token(&serial("A")).await.unwrap().unwrap().counter, 1);
}

pub(crate) async fn only_the_open_challenge_of_the_token_is_used_up(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    store.put_token(&token("B", "bob")).await.unwrap();
    open(store, "A", "111", 1, at(0)).await;
    open(store, "B", "222", 1, at(0)).await;
    for (name, id) in [("A", "222"), ("B", "111"), ("A", "112"), ("C", "111")] {
        assert!(!store.consume(&serial(name), &transaction(id), &[], at(1)).await.unwrap(), "{name} {id}");
    }
    store.put_token(&Token { active: false, ..token("B", "bob") }).await.unwrap();
    assert!(!store.consume(&serial("B"), &transaction("222"), &[], at(1)).await.unwrap());
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    // A transaction id that comes a second time belongs to the token that was given it last.
    open(store, "A", "333", 2, at(2)).await;
    store.put_token(&token("B", "bob")).await.unwrap();
    open(store, "B", "333", 4, at(2)).await;
    assert!(one_try(store, &of_user("alice"), at(3)).await.challenge.is_none());
    assert!(!store.consume(&serial("A"), &transaction("333"), &[], at(3)).await.unwrap());
    assert!(store.consume(&serial("B"), &transaction("333"), &[], at(3)).await.unwrap());
}

pub(crate) async fn a_code_counts_until_its_expiry_and_not_at_it(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = open(store, "A", "111", 1, at(0)).await;
    for late in [c.expires_at, c.expires_at + SignedDuration::from_hours(99), Timestamp::MAX] {
        assert!(!store.consume(&serial("A"), &transaction("111"), &[], late).await.unwrap(), "{late}");
    }
    let in_time = c.expires_at - SignedDuration::from_micros(1);
    assert!(store.consume(&serial("A"), &transaction("111"), &[], in_time).await.unwrap());
}

pub(crate) async fn the_last_try_may_be_the_right_one(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 1, ..token("A", "alice") }).await.unwrap();
    open(store, "A", "111", 1, at(0)).await;
    assert_eq!(one_try(store, &of_user("alice"), at(1)).await.admission, Admission::Counted);
    assert!(store.token(&serial("A")).await.unwrap().unwrap().is_locked());
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
    assert_eq!(one_try(store, &of_user("alice"), at(2)).await.admission, Admission::Counted);
}

pub(crate) async fn an_expired_challenge_is_shown_and_a_used_one_is_not(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = open(store, "A", "111", 1, at(0)).await;
    let tried = one_try(store, &of_user("alice"), at(301_000)).await;
    assert_is(tried.challenge.as_ref(), &c);
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(301_000)).await.unwrap());

    open(store, "A", "222", 2, at(302_000)).await;
    assert!(store.consume(&serial("A"), &transaction("222"), &[], at(303_000)).await.unwrap());
    assert!(one_try(store, &of_user("alice"), at(303_000)).await.challenge.is_none());
    // A used transaction still leads to its token: trying it again counts.
    let tried = one_try(store, &of_transaction("222"), at(303_000)).await;
    assert_eq!((tried.admission, tried.challenge.is_none()), (Admission::Counted, true));
}

pub(crate) async fn a_clock_that_goes_backwards_brings_nothing_back(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 3, ..token("A", "alice") }).await.unwrap();
    let hour = 3_600_000;
    open(store, "A", "111", 1, at(hour)).await;
    for now in [at(hour), at(0), at(-hour)] {
        one_try(store, &of_user("alice"), now).await;
    }
    assert_eq!(one_try(store, &of_user("alice"), at(-hour)).await.admission, Admission::Locked);
    // Opened "in the future", it counts; used up, it never comes back.
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(0)).await.unwrap());
    for now in [at(hour), at(0), at(-hour)] {
        assert!(!store.consume(&serial("A"), &transaction("111"), &[], now).await.unwrap());
    }
    // The next one is the open one although it looks older, and its own life counts.
    let second = open(store, "A", "222", 2, at(0)).await;
    assert_is(one_try(store, &of_user("alice"), at(hour)).await.challenge.as_ref(), &second);
    assert!(!store.consume(&serial("A"), &transaction("222"), &[], at(hour)).await.unwrap());
    assert!(store.consume(&serial("A"), &transaction("222"), &[], at(1)).await.unwrap());
}
