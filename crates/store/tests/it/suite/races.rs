//! Many at once.

use std::collections::HashSet;
use std::sync::Arc;

use mtan_jobs::Outcome;
use mtan_verifier::{Admission, Applied, MOST_TOKENS, Opened, Store, Token};

use crate::fixtures::{
    asked_of, at, challenge, entry_of, job_id, of_user, report, serial, settled, together, token, transaction,
};

const MANY: usize = 1000;

pub(crate) async fn of_a_thousand_right_answers_one_wins(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = challenge("A", "111", at(0));
    store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    let wins = together(MANY, |_| {
        let store = store.clone();
        async move { store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap() }
    })
    .await;
    assert_eq!(wins.into_iter().filter(|won| *won).count(), 1);
}

pub(crate) async fn of_a_thousand_wrong_tries_as_many_as_allowed_are_compared(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 7, ..token("A", "alice") }).await.unwrap();
    let admitted = together(MANY, |_| {
        let store = store.clone();
        async move {
            let tried = store.begin_try(&of_user("alice"), at(0)).await.unwrap();
            (tried[0].admission, tried[0].token.fail_count)
        }
    })
    .await;
    let mut counted: Vec<u32> =
        admitted.iter().filter(|(a, _)| *a == Admission::Counted).map(|(_, n)| *n).collect();
    counted.sort_unstable();
    assert_eq!(counted, [1, 2, 3, 4, 5, 6, 7], "each is shown a count of its own");
    assert!(admitted.iter().all(|(a, n)| *a == Admission::Counted || (*a, *n) == (Admission::Locked, 7)));
    assert_eq!(store.token(&serial("A")).await.unwrap().unwrap().fail_count, 7);
}

pub(crate) async fn a_thousand_triggers_open_one_challenge_with_one_job(store: &Arc<dyn Store>) {
    store.put_token(&Token { max_fail: 2 * MANY as u32, ..token("A", "alice") }).await.unwrap();
    let opened = together(MANY, |n| {
        let store = store.clone();
        async move {
            store.begin_try(&of_user("alice"), at(0)).await.unwrap();
            let c = challenge("A", &format!("1{n:05}"), at(0));
            match store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap() {
                Opened::Opened => (true, c.transaction),
                Opened::Overtaken(open) => (false, open.expect("the winner's").transaction),
            }
        }
    })
    .await;
    assert_eq!(opened.iter().filter(|(won, _)| *won).count(), 1);
    let told: HashSet<_> = opened.iter().map(|(_, id)| id).collect();
    assert_eq!(told.len(), 1, "all are told of the same challenge");
    assert_eq!(store.depth().await.unwrap(), 1);
    let kept = store.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 0), "every right PIN was forgiven");
}

pub(crate) async fn of_many_tokens_for_one_owner_sixteen_are_kept(store: &Arc<dyn Store>) {
    let kept = together(50, |n| {
        let store = store.clone();
        async move { store.put_token(&token(&format!("T{n}"), "alice")).await.unwrap() }
    })
    .await;
    assert_eq!(kept.iter().filter(|kept| **kept).count(), MOST_TOKENS);
    for (n, kept) in kept.iter().enumerate() {
        let name = format!("T{n}");
        assert_eq!(store.token(&serial(&name)).await.unwrap().is_some(), *kept, "{name}");
    }
    let found = store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    assert_eq!(found.len(), MOST_TOKENS);
}

pub(crate) async fn of_many_reports_one_is_new(store: &Arc<dyn Store>) {
    let applied = together(100, |n| {
        let store = store.clone();
        async move {
            let report = report("j", Outcome::Accepted, &n.to_string());
            store.apply(&report, at(1_000)).await.unwrap()
        }
    })
    .await;
    assert_eq!(applied.iter().filter(|a| **a == Applied::New).count(), 1);
    let winner = applied.iter().position(|a| *a == Applied::New).unwrap();
    let entry = store.entry(&job_id("j"), at(0)).await.unwrap().unwrap();
    assert_eq!(entry.outcome.unwrap().detail, Some(winner.to_string()));
}

pub(crate) async fn relays_share_the_outbox_and_nothing_is_leased_twice(store: &Arc<dyn Store>) {
    const JOBS: u64 = 200;
    store.put_token(&token("A", "alice")).await.unwrap();
    for n in 1..=JOBS {
        let c = challenge("A", &format!("1{n:05}"), at(0));
        store.open_challenge(&c, n, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    }
    let leased = together(8, |_| {
        let store = store.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let some = store.lease(at(0), at(10_000), 7).await.unwrap();
                if some.is_empty() {
                    return mine;
                }
                let ids: Vec<_> = some.into_iter().map(|entry| entry.job_id).collect();
                let done: Vec<_> = ids.iter().map(|id| settled(id, None)).collect();
                store.settle(&done).await.unwrap();
                mine.extend(ids);
            }
        }
    })
    .await;
    let all: Vec<_> = leased.into_iter().flatten().collect();
    assert_eq!(all.len() as u64, JOBS);
    assert_eq!(all.iter().collect::<HashSet<_>>().len() as u64, JOBS);
    assert_eq!(store.depth().await.unwrap(), 0);
    assert!(store.lease(at(99_000), at(100_000), 10).await.unwrap().is_empty());
}
