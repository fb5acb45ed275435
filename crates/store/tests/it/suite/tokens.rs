//! Tokens: kept, changed, owned.

use std::sync::Arc;

use mtan_hotp::{Algorithm, Digits};
use mtan_sms::PhoneNumber;
use mtan_verifier::{Admission, MOST_TOKENS, Opened, PinHash, Store, Subject, Token};

use crate::fixtures::{asked_of, at, challenge, entry_of, job_id, of_user, serial, token, transaction, user};

fn assert_same(left: &Token, right: &Token) {
    assert_eq!(left.pin.to_text(), right.pin.to_text());
    assert_eq!(left.secret, right.secret);
    assert_eq!(left.phone.expose(), right.phone.expose());
    // The rest is in `Debug`.
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
}

pub(crate) async fn a_token_comes_back_as_it_was_put(store: &Arc<dyn Store>) {
    let full = Token {
        user: Some(user("Älice\u{2028}{mtan}", "Some:Realm")),
        description: "\"quoted\" \\ \u{1F4F1}\n\0".to_owned(),
        algorithm: Algorithm::Sha512,
        digits: Digits::new(8).unwrap(),
        max_fail: u32::MAX,
        counter: 7,
        fail_count: 3,
        active: false,
        created_at: "2026-01-02T03:04:05.123456789Z".parse().unwrap(),
        ..token("aZ09_-", "x")
    };
    let bare = Token { user: None, description: String::new(), max_fail: 0, ..token("bare", "x") };
    for put in [full, bare] {
        assert!(store.put_token(&put).await.unwrap());
        assert_same(&store.token(&put.serial).await.unwrap().unwrap(), &put);
        let tried = store.begin_try(&Subject::Serial(put.serial.clone()), at(0)).await.unwrap();
        assert_same(&tried[0].token, &put);
    }
}

pub(crate) async fn counters_are_exact_over_their_whole_range(store: &Arc<dyn Store>) {
    // 2^53 + 1 is the first whole number that a double cannot hold.
    for (n, counter) in [0, (1 << 53) + 1, u64::MAX - 1].into_iter().enumerate() {
        let name = format!("T{n}");
        store.put_token(&Token { counter, user: None, ..token(&name, "x") }).await.unwrap();
        let c = challenge(&name, &format!("10{n}"), at(0));
        let opened = store.open_challenge(&c, counter, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
        assert!(matches!(opened, Opened::Overtaken(None)), "{opened:?}");
        let opened =
            store.open_challenge(&c, counter + 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
        assert!(matches!(opened, Opened::Opened), "{opened:?}");
        assert_eq!(store.token(&serial(&name)).await.unwrap().unwrap().counter, counter + 1);
    }
}

pub(crate) async fn an_owner_has_sixteen_tokens_and_no_more(store: &Arc<dyn Store>) {
    let name = |n: usize| format!("T{n:02}");
    for n in (0..MOST_TOKENS).rev() {
        assert!(store.put_token(&token(&name(n), "alice")).await.unwrap(), "{n}");
    }
    assert!(!store.put_token(&token("X", "alice")).await.unwrap());
    assert!(store.token(&serial("X")).await.unwrap().is_none(), "nothing was changed");
    // Nor may an existing token come to them.
    assert!(store.put_token(&token("X", "bob")).await.unwrap());
    assert!(!store.put_token(&Token { max_fail: 99, ..token("X", "alice") }).await.unwrap());
    assert_same(&store.token(&serial("X")).await.unwrap().unwrap(), &token("X", "bob"));
    assert!(store.put_token(&token("T03", "alice")).await.unwrap(), "one of them may be changed");
    let found = store.begin_try(&of_user("alice"), at(0)).await.unwrap();
    let found: Vec<String> = found.iter().map(|tried| tried.token.serial.to_string()).collect();
    assert_eq!(found, (0..MOST_TOKENS).map(name).collect::<Vec<_>>(), "in the order of their serials");
    assert_eq!(store.begin_try(&of_user("bob"), at(0)).await.unwrap()[0].token.serial, serial("X"));
    // Tokens of nobody do not get into each other's way.
    for n in 0..=MOST_TOKENS {
        assert!(store.put_token(&Token { user: None, ..token(&format!("N{n}"), "x") }).await.unwrap());
    }
}

pub(crate) async fn owners_that_look_alike_are_different(store: &Arc<dyn Store>) {
    let owners = [
        ("a", "b:c"),
        ("a:b", "c"),
        ("b:c", "a"),
        ("A", "b:c"),
        ("a", "b:c:"),
        ("1:a", "b"),
        ("a", "1:b"),
        ("{a}", "b"),
        ("a ", "b"),
        ("a", "b "),
        ("a@b", "c"),
        ("a", "b@c"),
        ("*", "b"),
        ("ä", "b"),
    ];
    for (n, (name, realm)) in owners.into_iter().enumerate() {
        let put = Token { user: Some(user(name, realm)), ..token(&format!("T{n}"), "x") };
        assert!(store.put_token(&put).await.unwrap(), "{name} {realm}");
    }
    for (n, (name, realm)) in owners.into_iter().enumerate() {
        let found = store.begin_try(&Subject::User(user(name, realm)), at(0)).await.unwrap();
        assert_eq!(found[0].token.serial, serial(&format!("T{n}")), "{name} {realm}");
    }
}

pub(crate) async fn a_token_may_change_hands(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    assert!(store.put_token(&token("A", "bob")).await.unwrap());
    assert!(store.begin_try(&of_user("alice"), at(0)).await.unwrap().is_empty());
    assert_eq!(store.begin_try(&of_user("bob"), at(0)).await.unwrap().len(), 1);
    assert!(store.put_token(&token("B", "alice")).await.unwrap(), "she is free for another");
    assert!(store.put_token(&Token { user: None, ..token("A", "x") }).await.unwrap());
    assert!(store.begin_try(&of_user("bob"), at(0)).await.unwrap().is_empty());
    assert!(store.token(&serial("A")).await.unwrap().unwrap().user.is_none());
}

pub(crate) async fn a_token_put_again_moves_its_counter_and_loses_its_challenge(store: &Arc<dyn Store>) {
    store.put_token(&Token { counter: 5, ..token("A", "alice") }).await.unwrap();
    let c = challenge("A", "111", at(0));
    store.open_challenge(&c, 6, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    store.begin_try(&of_user("alice"), at(0)).await.unwrap();

    let again = Token {
        phone: PhoneNumber::parse("+4930123456").unwrap(),
        description: "another".to_owned(),
        // Argon2id this time: both kinds of hash are kept
        pin: PinHash::from_text(
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        )
        .unwrap(),
        digits: Digits::new(7).unwrap(),
        algorithm: Algorithm::Sha256,
        max_fail: 3,
        active: false,
        counter: 0,
        fail_count: 0,
        created_at: at(99_000),
        ..token("A", "alice")
    };
    assert!(store.put_token(&again).await.unwrap());
    let expected = Token { counter: 7, fail_count: 0, created_at: at(0), ..again.clone() };
    assert_same(&store.token(&again.serial).await.unwrap().unwrap(), &expected);

    store.put_token(&Token { active: true, ..again }).await.unwrap();
    let tried = store.begin_try(&of_user("alice"), at(1)).await.unwrap();
    assert_eq!(tried[0].admission, Admission::Counted);
    assert!(tried[0].challenge.is_none());
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());

    // A trigger that had read the token between the two changes comes too late: it knows the old number and secret.
    let late = challenge("A", "222", at(1));
    let opened = store.open_challenge(&late, 8, &entry_of(&late), at(1), &asked_of(&late)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)), "{opened:?}");
}

pub(crate) async fn an_empty_store_knows_nobody(store: &Arc<dyn Store>) {
    store.ping().await.unwrap();
    assert!(store.token(&serial("A")).await.unwrap().is_none());
    let nobody = [
        of_user("alice"),
        Subject::Serial(serial("A")),
        Subject::Transaction(transaction("12345678901234567.01")),
    ];
    for subject in nobody {
        assert!(store.begin_try(&subject, at(0)).await.unwrap().is_empty(), "{subject:?}");
    }
    store.forgive(&serial("A")).await.unwrap();
    assert!(!store.consume(&serial("A"), &transaction("111"), &[], at(0)).await.unwrap());
    let c = challenge("A", "111", at(0));
    let opened = store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert!(matches!(opened, Opened::Overtaken(None)));
    assert_eq!(store.depth().await.unwrap(), 0);
    assert!(store.lease(at(0), at(1), 10).await.unwrap().is_empty());
    assert!(store.entry(&job_id("j"), at(0)).await.unwrap().is_none());
    assert!(store.token(&serial("A")).await.unwrap().is_none(), "asking made nothing");
}
