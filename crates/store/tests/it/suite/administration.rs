//! Administration: tokens listed, changed, removed.

use std::sync::Arc;

use mtan_hotp::{Algorithm, Digits};
use mtan_sms::PhoneNumber;
use mtan_verifier::{Changed, End, MOST_TOKENS, Opened, Store, Token, TokenChange, TrailOf};

use crate::fixtures::{
    asked_of, at, challenge, entry_of, of_serial, of_transaction, of_user, serial, together, token,
    transaction, user,
};

fn names(tokens: &[Token]) -> Vec<&str> {
    tokens.iter().map(|token| token.serial.as_str()).collect()
}

async fn open(store: &Arc<dyn Store>, name: &str, id: &str, counter: u64) {
    let c = challenge(name, id, at(0));
    let opened = store.open_challenge(&c, counter, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Opened));
}

pub(crate) async fn tokens_are_listed_once_in_the_order_of_their_serials(store: &Arc<dyn Store>) {
    assert!(store.tokens(None, 10).await.unwrap().is_empty());
    for name in ["b", "B", "a-1", "A", "_", "a", "Z9", "-"] {
        store.put_token(&Token { user: None, ..token(name, "x") }).await.unwrap();
    }
    store.put_token(&token("A", "alice")).await.unwrap();
    let sorted = ["-", "A", "B", "Z9", "_", "a", "a-1", "b"];
    assert_eq!(names(&store.tokens(None, 100).await.unwrap()), sorted);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.tokens(after.as_ref(), 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.serial.clone());
        paged.extend(page);
    }
    assert_eq!(names(&paged), sorted);
    assert_eq!(names(&store.tokens(Some(&serial("Zz")), 2).await.unwrap()), ["_", "a"], "also after none");
}

pub(crate) async fn the_tokens_of_a_user_are_listed(store: &Arc<dyn Store>) {
    for (name, owner) in [("C", "alice"), ("A", "alice"), ("B", "bob")] {
        store.put_token(&token(name, owner)).await.unwrap();
    }
    assert_eq!(names(&store.tokens_of(&user("alice", "home")).await.unwrap()), ["A", "C"]);
    assert!(store.tokens_of(&user("alice", "work")).await.unwrap().is_empty());
    store.change_token(&serial("A"), &owned_by(Some("bob")), at(1)).await.unwrap();
    assert_eq!(names(&store.tokens_of(&user("bob", "home")).await.unwrap()), ["A", "B"]);
    store.change_token(&serial("B"), &owned_by(None), at(1)).await.unwrap();
    assert_eq!(names(&store.tokens_of(&user("bob", "home")).await.unwrap()), ["A"]);
    assert_eq!(store.begin_try(&of_user("bob"), at(1)).await.unwrap().len(), 1);
    assert!(store.token(&serial("B")).await.unwrap().unwrap().user.is_none());
}

fn owned_by(name: Option<&str>) -> TokenChange {
    TokenChange { owner: Some(name.map(|name| user(name, "home"))), ..TokenChange::default() }
}

pub(crate) async fn a_change_touches_what_it_names_and_nothing_else(store: &Arc<dyn Store>) {
    let before = Token { counter: 41, fail_count: 3, ..token("A", "alice") };
    store.put_token(&before).await.unwrap();
    let harmless = TokenChange {
        description: Some("new words".into()),
        max_fail: Some(4),
        active: Some(true),
        ..TokenChange::default()
    };
    let wide = TokenChange {
        phone: Some(PhoneNumber::parse("+4930123456").unwrap()),
        algorithm: Some(Algorithm::Sha256),
        digits: Some(Digits::new(7).unwrap()),
        reset: true,
        ..TokenChange::default()
    };
    let mut expected = before;
    for change in [TokenChange::default(), harmless, wide] {
        assert_eq!(store.change_token(&serial("A"), &change, at(5)).await.unwrap(), Changed::Done);
        change.apply(&mut expected);
        let found = store.token(&serial("A")).await.unwrap().unwrap();
        assert_eq!(found.phone.expose(), expected.phone.expose());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
    assert_eq!((expected.counter, expected.fail_count), (42, 0), "overtakes a trigger with the old number");
    for tries in 1..=4 {
        assert_eq!(store.begin_try(&of_serial("A"), at(6)).await.unwrap()[0].token.fail_count, tries);
    }
    assert_eq!(
        store.begin_try(&of_serial("A"), at(6)).await.unwrap()[0].token.fail_count,
        4,
        "the new maximum counts"
    );
    assert_eq!(
        store.change_token(&serial("B"), &TokenChange::default(), at(5)).await.unwrap(),
        Changed::Unknown
    );
}

pub(crate) async fn a_change_that_matters_ends_the_challenge_and_takes_its_job_away(store: &Arc<dyn Store>) {
    let off = TokenChange { active: Some(false), ..TokenChange::default() };
    let phone = PhoneNumber::parse("+4930123456").ok();
    for (n, change) in
        [off, owned_by(None), TokenChange { phone, ..TokenChange::default() }].into_iter().enumerate()
    {
        let (name, id) = (format!("T{n}"), format!("11{n}"));
        store.put_token(&token(&name, &format!("user-{n}"))).await.unwrap();
        open(store, &name, &id, 1).await;
        assert_eq!(store.depth().await.unwrap(), 1);
        let words = TokenChange { description: Some("x".into()), reset: true, ..TokenChange::default() };
        store.change_token(&serial(&name), &words, at(1)).await.unwrap();
        assert_eq!(store.depth().await.unwrap(), 1, "words end nothing");
        assert_eq!(store.change_token(&serial(&name), &change, at(2)).await.unwrap(), Changed::Done);
        assert_eq!(store.depth().await.unwrap(), 0);
        assert!(!store.consume(&serial(&name), &transaction(&id), &[], at(3)).await.unwrap());
        let trail = store.trails(&TrailOf::Transaction(transaction(&id)), at(3), 1).await.unwrap();
        assert_eq!(trail[0].end, Some((End::Changed, at(2))));
        // A trigger that read the token before the change comes too late.
        let late = challenge(&name, &format!("22{n}"), at(3));
        let opened = store.open_challenge(&late, 2, &entry_of(&late), at(3), &asked_of(&late)).await.unwrap();
        assert!(matches!(opened, Opened::Overtaken(None)), "{opened:?}");
    }
    let on = TokenChange { active: Some(true), ..TokenChange::default() };
    store.change_token(&serial("T0"), &on, at(4)).await.unwrap();
    assert!(!store.consume(&serial("T0"), &transaction("110"), &[], at(5)).await.unwrap(), "dead stays dead");
    open(store, "T0", "330", 3).await;
}

pub(crate) async fn a_new_owner_has_a_bounded_number_of_tokens(store: &Arc<dyn Store>) {
    for n in 0..MOST_TOKENS {
        store.put_token(&token(&format!("T{n:02}"), "alice")).await.unwrap();
    }
    store.put_token(&token("X", "bob")).await.unwrap();
    let to_alice = owned_by(Some("alice"));
    assert_eq!(store.change_token(&serial("X"), &to_alice, at(1)).await.unwrap(), Changed::TooManyTokens);
    assert_eq!(store.token(&serial("X")).await.unwrap().unwrap().user, Some(user("bob", "home")));
    assert_eq!(store.change_token(&serial("T00"), &to_alice, at(1)).await.unwrap(), Changed::Done);
    store.remove_token(&serial("T00"), at(1)).await.unwrap();
    assert_eq!(store.change_token(&serial("X"), &to_alice, at(1)).await.unwrap(), Changed::Done);
}

pub(crate) async fn a_counter_moves_only_from_where_it_is(store: &Arc<dyn Store>) {
    // 2^53 + 1 is the first whole number that a double cannot hold.
    let from = (1 << 53) + 1;
    store.put_token(&Token { counter: from, ..token("A", "alice") }).await.unwrap();
    let moved = |is, becomes| TokenChange { counter: Some((is, becomes)), ..TokenChange::default() };
    for wrong in [from - 1, from + 1, 0] {
        let change = moved(wrong, from + 9);
        assert_eq!(store.change_token(&serial("A"), &change, at(1)).await.unwrap(), Changed::Overtaken);
    }
    assert_eq!(store.change_token(&serial("A"), &moved(from, from + 6), at(1)).await.unwrap(), Changed::Done);
    assert_eq!(store.token(&serial("A")).await.unwrap().unwrap().counter, from + 6);
}

pub(crate) async fn a_removed_token_lets_nobody_in_and_leaves_nothing_behind(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    open(store, "A", "111", 1).await;
    assert!(store.remove_token(&serial("A"), at(1)).await.unwrap());
    assert!(!store.remove_token(&serial("A"), at(1)).await.unwrap());
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(2)).await.unwrap());
    assert_eq!(store.depth().await.unwrap(), 0);
    for subject in [of_user("alice"), of_serial("A"), of_transaction("111")] {
        assert!(store.begin_try(&subject, at(2)).await.unwrap().is_empty(), "{subject:?}");
    }
    store.forgive(&serial("A")).await.unwrap();
    let late = challenge("A", "222", at(2));
    let opened = store.open_challenge(&late, 2, &entry_of(&late), at(2), &asked_of(&late)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)));
    assert!(store.token(&serial("A")).await.unwrap().is_none());
    assert!(store.tokens(None, 10).await.unwrap().is_empty());
    assert!(store.tokens_of(&user("alice", "home")).await.unwrap().is_empty());
    let trail = store.trails(&TrailOf::Transaction(transaction("111")), at(3), 1).await.unwrap();
    assert_eq!(trail[0].end, Some((End::Changed, at(1))), "what happened is still known");
}

pub(crate) async fn of_many_changes_at_once_none_is_lost(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let changes: [TokenChange; 4] = [
        TokenChange { description: Some("many".into()), ..TokenChange::default() },
        TokenChange { max_fail: Some(7), ..TokenChange::default() },
        TokenChange { digits: Digits::new(8).ok(), ..TokenChange::default() },
        owned_by(Some("bob")),
    ];
    let done = together(4, |n| {
        let (store, change) = (store.clone(), changes[n].clone());
        async move { store.change_token(&serial("A"), &change, at(1)).await.unwrap() }
    });
    assert_eq!(done.await, [Changed::Done; 4]);
    let found = store.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((found.description.as_str(), found.max_fail, found.digits.get()), ("many", 7, 8));
    assert_eq!((found.user, found.counter), (Some(user("bob", "home")), 2));
}
