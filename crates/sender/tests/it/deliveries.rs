//! Callbacks of gateways: each piece of news is reported once, and nothing that comes does harm.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::Timestamp;
use mtan_jobs::{Awaited, ClaimError, DeliveryBook, JobId, News, Outcome, Pool, ReplyTo, Ticket};
use mtan_sender::{Callback, CallbackState, Deliveries, ReadCallback, Readers, delivery_router};
use tower::ServiceExt;

use crate::world::{Mood, Moody, World};

const TICKET: &str = "abcdefghijklmnopqrstuvwxyz";
const WRONG: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzz";

/// One awaited job.
#[derive(Clone, Default)]
struct Book {
    busy_until: Arc<Mutex<Option<Timestamp>>>,
    told: Arc<Mutex<bool>>,
    mood: Moody,
}

fn awaited() -> Awaited {
    Awaited {
        job_id: "one".parse().unwrap(),
        reference: Some("order 1".parse().unwrap()),
        pool: Pool::default_pool(),
        provider: "script".to_owned(),
        attempts: 2,
        segments: 1,
        reply_to: Some(ReplyTo { queue: "mine".to_owned(), correlation_id: None }),
    }
}

#[async_trait]
impl DeliveryBook for Book {
    async fn expect(
        &self,
        _: &Awaited,
        fresh: &Ticket,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Ticket, ClaimError> {
        Ok(fresh.clone())
    }

    async fn present(
        &self,
        id: &JobId,
        ticket: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<News, ClaimError> {
        self.mood.feel().await.map_err(|()| ClaimError("away".to_owned()))?;
        if id.as_str() != "one" || ticket != TICKET {
            return Ok(News::Nobody);
        }
        if *self.told.lock().unwrap() {
            return Ok(News::Told);
        }
        let mut busy = self.busy_until.lock().unwrap();
        if busy.is_some_and(|until| until > now) {
            return Ok(News::Busy);
        }
        *busy = Some(now + lease);
        Ok(News::First(awaited()))
    }

    async fn told(&self, _: &JobId) -> Result<(), ClaimError> {
        *self.told.lock().unwrap() = true;
        Ok(())
    }
}

/// The query itself is the state.
struct Words;

impl ReadCallback for Words {
    fn read(&self, callback: &Callback) -> CallbackState {
        let last = |outcome| CallbackState::Final {
            outcome,
            word: "seen".to_owned(),
            gateway_id: Some("g1".to_owned()),
        };
        match callback.query.as_str() {
            "delivered" => last(Outcome::Delivered),
            "failed" => last(Outcome::Undelivered),
            "sent" => CallbackState::UnderWay,
            _ => CallbackState::Unreadable,
        }
    }
}

struct Door {
    world: World,
    book: Book,
    router: axum::Router,
}

impl Door {
    fn new() -> Door {
        let (world, book) = (World::new(), Book::default());
        let words: Arc<dyn ReadCallback> = Arc::new(Words);
        let readers = Readers::default();
        readers.insert(Pool::default_pool(), words);
        let router = delivery_router(Deliveries {
            book: Arc::new(book.clone()),
            reports: Arc::new(world.reports.clone()),
            clock: world.clock.clone(),
            base_url: "http://sms.example".to_owned(),
            readers,
        });
        Door { world, book, router }
    }

    async fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> StatusCode {
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn call(&self, state: &str) -> StatusCode {
        self.ask("GET", &format!("/dlr/default/one/{TICKET}?{state}"), Vec::new()).await
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.world.published().iter().map(|report| report.outcome).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_final_news_are_the_report_and_all_others_change_nothing() {
    let door = Door::new();
    for state in ["sent", "nonsense", ""] {
        assert_eq!(door.call(state).await, StatusCode::OK, "{state}");
    }
    assert_eq!(door.outcomes(), []);
    for state in ["failed", "delivered", "failed", "sent"] {
        assert_eq!(door.call(state).await, StatusCode::OK, "{state}");
    }
    assert_eq!(door.outcomes(), [Outcome::Undelivered]);
    let (report, reply_to) = door.world.reports.published.lock().unwrap()[0].clone();
    assert_eq!((report.job_id.as_str(), report.attempts, report.segments), ("one", 2, 1));
    assert_eq!((report.detail.as_deref(), report.gateway_id.as_deref()), (Some("seen"), Some("g1")));
    assert_eq!(report.reference.unwrap().as_str(), "order 1");
    assert_eq!(reply_to.unwrap().queue, "mine");
}

#[tokio::test(start_paused = true)]
async fn what_is_nobodys_is_welcome_and_without_effect() {
    let door = Door::new();
    for path in
        [format!("/dlr/default/one/{WRONG}?delivered"), format!("/dlr/default/two/{TICKET}?delivered")]
    {
        assert_eq!(door.ask("POST", &path, Vec::new()).await, StatusCode::OK, "{path}");
    }
    for path in [
        "/",
        "/dlr/default/one/short?delivered",
        "/dlr/other/one/abcdefghijklmnopqrstuvwxyz?delivered",
        "/dlr/default/one?delivered",
        "/healthz",
    ] {
        assert_eq!(door.ask("GET", path, Vec::new()).await, StatusCode::NOT_FOUND, "{path}");
    }
    let one = format!("/any/prefix/dlr/default/one/{TICKET}?delivered");
    assert_eq!(door.ask("DELETE", &one, Vec::new()).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(door.ask("POST", &one, vec![b'x'; 65 * 1024]).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(door.outcomes(), []);
    assert_eq!(door.ask("POST", &one, vec![b'x'; 64 * 1024]).await, StatusCode::OK);
    assert_eq!(door.outcomes(), [Outcome::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn news_that_could_not_be_stored_are_asked_for_again() {
    let door = Door::new();
    door.book.mood.set(Mood::Fails);
    assert_eq!(door.call("delivered").await, StatusCode::SERVICE_UNAVAILABLE);
    door.book.mood.set(Mood::Works);
    door.world.reports.mood.set(Mood::FailsOnce);
    assert_eq!(door.call("delivered").await, StatusCode::OK, "a hiccup is the sender's own business");
    assert_eq!(door.outcomes(), [Outcome::Delivered]);

    let door = Door::new();
    door.world.reports.mood.set(Mood::Fails);
    assert_eq!(door.call("delivered").await, StatusCode::SERVICE_UNAVAILABLE);
    door.world.reports.mood.set(Mood::Works);
    assert_eq!(door.call("delivered").await, StatusCode::SERVICE_UNAVAILABLE, "the first may still be at it");
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(door.call("delivered").await, StatusCode::OK);
    assert_eq!(door.outcomes(), [Outcome::Delivered]);
}
