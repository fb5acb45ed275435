//! What every book of awaited delivery reports promises.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtan_jobs::{Awaited, DeliveryBook, News, Ticket};

use super::{DeliveryBench, job_id, now, pool};

const LEASE: Duration = Duration::from_secs(10);
const LIFE: SignedDuration = SignedDuration::from_hours(1);

pub(crate) fn awaited(id: &str) -> Awaited {
    Awaited {
        job_id: job_id(id),
        reference: Some("order 7".parse().unwrap()),
        pool: pool("default"),
        provider: "http".to_owned(),
        attempts: 1,
        segments: 1,
        reply_to: None,
    }
}

pub(crate) fn ticket(n: u8) -> Ticket {
    Ticket::new([n; 16])
}

async fn expect(book: &dyn DeliveryBook, id: &str, n: u8, at: Timestamp) -> Ticket {
    book.expect(&awaited(id), &ticket(n), at, at + LIFE).await.unwrap()
}

async fn present(book: &dyn DeliveryBook, id: &str, ticket: &Ticket, at: Timestamp) -> News {
    book.present(&job_id(id), ticket.expose(), at, LEASE).await.unwrap()
}

pub(crate) async fn news_are_heard_once(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let one = expect(book.as_ref(), "one", 1, start).await;
    assert_eq!(present(book.as_ref(), "one", &one, start).await, News::First(awaited("one")));
    book.told(&job_id("one")).await.unwrap();
    for later in [0, 60] {
        assert_eq!(
            present(book.as_ref(), "one", &one, start + SignedDuration::from_secs(later)).await,
            News::Told
        );
    }
}

pub(crate) async fn who_publishes_has_a_lease_and_who_dies_over_it_loses_nothing(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let one = expect(book.as_ref(), "one", 1, start).await;
    assert!(matches!(present(book.as_ref(), "one", &one, start).await, News::First(_)));
    assert_eq!(present(book.as_ref(), "one", &one, start + SignedDuration::from_secs(9)).await, News::Busy);
    let again = present(book.as_ref(), "one", &one, start + SignedDuration::from_secs(10)).await;
    assert_eq!(again, News::First(awaited("one")));
}

pub(crate) async fn a_wrong_ticket_an_unknown_job_and_a_late_comer_are_nobodys(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let one = expect(book.as_ref(), "one", 1, start).await;
    let two = expect(book.as_ref(), "two", 2, start).await;
    assert_eq!(present(book.as_ref(), "one", &two, start).await, News::Nobody);
    assert_eq!(present(book.as_ref(), "three", &one, start).await, News::Nobody);
    assert_eq!(book.present(&job_id("one"), "", start, LEASE).await.unwrap(), News::Nobody);
    assert_eq!(present(book.as_ref(), "one", &one, start + LIFE).await, News::Nobody);
    book.told(&job_id("three")).await.unwrap();
    assert_eq!(book.present(&job_id("three"), "", start, LEASE).await.unwrap(), News::Nobody);
    assert!(
        matches!(present(book.as_ref(), "one", &one, start).await, News::First(_)),
        "nothing of it counted"
    );
}

pub(crate) async fn a_job_handed_over_again_keeps_its_ticket_and_what_was_told(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let first = expect(book.as_ref(), "one", 1, start).await;
    let second = Awaited { attempts: 2, ..awaited("one") };
    let kept = book.expect(&second, &ticket(2), start, start + LIFE).await.unwrap();
    assert_eq!(kept, first);
    assert_eq!(present(book.as_ref(), "one", &first, start).await, News::First(second.clone()));
    book.told(&job_id("one")).await.unwrap();
    book.expect(&second, &ticket(3), start, start + LIFE).await.unwrap();
    assert_eq!(present(book.as_ref(), "one", &first, start).await, News::Told);
}

pub(crate) async fn an_earlier_pools_gateway_speaks_for_no_other(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let first = expect(book.as_ref(), "one", 1, start).await;
    let second = Awaited { attempts: 2, pool: pool("backup"), ..awaited("one") };
    let ticket = book.expect(&second, &ticket(2), start, start + LIFE).await.unwrap();
    assert_ne!(ticket, first);
    assert_eq!(present(book.as_ref(), "one", &first, start).await, News::Nobody);
    assert_eq!(present(book.as_ref(), "one", &ticket, start).await, News::First(second));
}

pub(crate) async fn after_its_time_a_job_begins_anew(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let old = expect(book.as_ref(), "one", 1, start).await;
    book.told(&job_id("one")).await.unwrap();
    let new = expect(book.as_ref(), "one", 2, start + LIFE).await;
    assert_eq!(new, ticket(2));
    assert_eq!(present(book.as_ref(), "one", &old, start + LIFE).await, News::Nobody);
    assert!(matches!(present(book.as_ref(), "one", &new, start + LIFE).await, News::First(_)));
}

pub(crate) async fn of_a_hundred_with_the_same_news_one_is_first(bench: impl DeliveryBench) {
    let (book, start) = (bench.book(), now());
    let one = expect(book.as_ref(), "one", 1, start).await;
    let all = (0..100).map(|_| {
        let (book, one) = (book.clone(), one.clone());
        tokio::spawn(async move { present(book.as_ref(), "one", &one, start).await })
    });
    let mut first = 0;
    for asked in all.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            News::First(_) => first += 1,
            other => assert_eq!(other, News::Busy),
        }
    }
    assert_eq!(first, 1);
}
