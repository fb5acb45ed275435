//! What administrators set.

use std::collections::BTreeSet;
use std::sync::Arc;

use mtan_seal::ServerKey;
use mtan_verifier::{SealedChange, SettingsBook, Store};
use zeroize::Zeroizing;

use crate::fixtures::together;

fn set(name: &str, value: &[u8]) -> SealedChange {
    SealedChange { name: name.to_owned(), value: Some(value.to_vec()) }
}

fn gone(name: &str) -> SealedChange {
    SealedChange { name: name.to_owned(), value: None }
}

pub(crate) async fn an_empty_store_has_no_settings(store: &Arc<dyn Store>) {
    let settings = store.settings().await.unwrap();
    assert_eq!((settings.revision, settings.values.len()), (0, 0));
    assert_eq!(store.settings_revision().await.unwrap(), 0);
}

pub(crate) async fn what_was_set_comes_back_byte_for_byte(store: &Arc<dyn Store>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let changes = [set("a", &every_byte), set("provider/ü:{x}", b"two")];
    assert_eq!(store.change_settings(0, &changes).await.unwrap(), Some(1));
    let settings = store.settings().await.unwrap();
    assert_eq!(settings.revision, 1);
    assert_eq!(settings.values["a"], every_byte);
    assert_eq!(settings.values["provider/ü:{x}"], b"two");
    assert_eq!(store.settings_revision().await.unwrap(), 1);
}

pub(crate) async fn changes_are_made_together_and_the_last_of_a_name_stays(store: &Arc<dyn Store>) {
    store.change_settings(0, &[set("a", b"1"), set("b", b"2")]).await.unwrap();
    let changes = [gone("a"), set("b", b"3"), gone("never"), set("c", b"4"), set("c", b"5")];
    assert_eq!(store.change_settings(1, &changes).await.unwrap(), Some(2));
    let settings = store.settings().await.unwrap();
    let values: Vec<(&str, &[u8])> = settings.values.iter().map(|(n, v)| (n.as_str(), &v[..])).collect();
    assert_eq!(values, [("b", &b"3"[..]), ("c", &b"5"[..])]);
}

pub(crate) async fn a_change_of_what_somebody_else_has_changed_is_none(store: &Arc<dyn Store>) {
    store.change_settings(0, &[set("a", b"1")]).await.unwrap();
    for seen in [0, 2, u64::MAX] {
        assert_eq!(store.change_settings(seen, &[set("a", b"2"), gone("a")]).await.unwrap(), None, "{seen}");
    }
    let settings = store.settings().await.unwrap();
    assert_eq!((settings.revision, &settings.values["a"][..]), (1, &b"1"[..]));
}

pub(crate) async fn of_many_changes_at_once_each_revision_is_given_once(store: &Arc<dyn Store>) {
    let revisions = together(40, |n| {
        let store = store.clone();
        async move {
            loop {
                let seen = store.settings_revision().await.unwrap();
                let change = [set(&format!("name {n}"), b"x")];
                if let Some(revision) = store.change_settings(seen, &change).await.unwrap() {
                    return revision;
                }
            }
        }
    })
    .await;
    assert_eq!(revisions.into_iter().collect::<BTreeSet<_>>(), (1..=40).collect());
    assert_eq!(store.settings().await.unwrap().values.len(), 40, "no change was lost");
}

pub(crate) async fn a_value_lies_there_sealed_and_opens_in_its_place_only(store: &Arc<dyn Store>) {
    let book = SettingsBook::new(store.clone(), ServerKey::generate());
    let secret = |text: &str| Some(Zeroizing::new(text.to_owned()));
    let changes = [("a".to_owned(), secret("hush-hush")), ("b".to_owned(), secret("plain"))];
    assert_eq!(book.change(0, &changes).await.unwrap(), Some(1));
    let sealed = store.settings().await.unwrap();
    assert!(!sealed.values["a"].windows(4).any(|bytes| bytes == b"hush"));
    let open = book.read().await.unwrap();
    assert_eq!(open.values["a"].as_str(), "hush-hush");
    assert!(!format!("{open:?}{sealed:?}").contains("hush"));

    store.change_settings(1, &[set("b", &sealed.values["a"])]).await.unwrap();
    let open = book.read().await.unwrap();
    assert_eq!(open.unreadable, ["b"], "moved to another place");
    assert_eq!(open.values["a"].as_str(), "hush-hush", "one that does not open takes no other with it");
    let other = SettingsBook::new(store.clone(), ServerKey::generate());
    assert_eq!(other.read().await.unwrap().unreadable, ["a", "b"]);
}
