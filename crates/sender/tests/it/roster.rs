//! Pools are exchanged while jobs come, over a real embedded queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_daemon::{Config, Health, PoolConfig};
use mtan_embedded::Embedded;
use mtan_jobs::{Clock, Pool, SendJob, SystemClock};
use mtan_queue::{Books, Queue};
use mtan_seal::ServerKey;
use mtan_sender::{Deliveries, Exchanged, Outfit, Provider, Roster, Verdict, Way};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

/// A way out that notes what it is given, and answers when it may.
#[derive(Clone)]
struct Hatch {
    taken: Arc<Mutex<Vec<String>>>,
    came: Arc<Semaphore>,
    may: Arc<Semaphore>,
    exclusive: bool,
}

impl Hatch {
    fn open() -> Hatch {
        let hatch = Hatch::shut();
        hatch.may.add_permits(100);
        hatch
    }

    fn shut() -> Hatch {
        let none = || Arc::new(Semaphore::new(0));
        Hatch { taken: Arc::default(), came: none(), may: none(), exclusive: false }
    }

    /// Waits for the next job.
    async fn next(&self) {
        timeout(PATIENCE, self.came.acquire()).await.expect("a job comes").unwrap().forget();
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Provider for Hatch {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn time_out(&self) -> Duration {
        PATIENCE
    }

    fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    async fn send(&self, job: &SendJob, _: Timestamp) -> Verdict {
        self.taken.lock().unwrap().push(job.id.to_string());
        self.came.add_permits(1);
        self.may.acquire().await.unwrap().forget();
        Verdict::Accepted { gateway_id: None, detail: None }
    }
}

struct Scene {
    queue: Queue,
    roster: Roster,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("mtan.redb")).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (queue, books) =
            (Queue::embedded(&file, &ServerKey::generate(), clock.clone()), Books::embedded(&file));
        let deliveries = Deliveries::new(&queue, books.deliveries.clone(), clock.clone(), None);
        let (drain, health, stop) = (PATIENCE, Health::default(), CancellationToken::new());
        let outfit = Outfit { queue: queue.clone(), books, deliveries, clock, drain, health };
        Scene { queue, roster: Roster::new(outfit, stop.clone()), stop, _folder: folder }
    }

    async fn publish(&self, pool: &str, id: &str) {
        let pool: Pool = pool.parse().unwrap();
        let job = format!(r#"{{"id": "{id}", "to": "+491701234567", "text": "Hello", "route": ["{pool}"]}}"#);
        let job = SendJob::from_json(job.as_bytes()).unwrap();
        self.queue.publisher(&[pool]).publish(&job).await.unwrap();
    }

    async fn drained(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.roster.wait()).await.expect("it drains").unwrap();
    }
}

/// The pool `name`, as a file with this gateway has it.
fn way(name: &str, gateway: &str, hatch: &Hatch) -> Way {
    let pool: Pool = name.parse().unwrap();
    Way { config: Some(config(name, gateway)), ..Way::new(pool, Arc::new(hatch.clone())) }
}

fn config(name: &str, gateway: &str) -> PoolConfig {
    let text = format!(
        "[pools.{name}]\nSMSProvider = \"HttpSMSProvider\"\nSMSProviderConfig = '{{\"URL\": \"{gateway}\"}}'\n"
    );
    let mut config = Config::parse(&text, std::path::Path::new("."), []).unwrap();
    let pool = mtan_daemon::pools(&mut config).remove(0);
    config.finish().unwrap();
    pool
}

fn pools(names: &[&str]) -> Vec<Pool> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_changed_pool_goes_on_by_its_new_way_while_the_old_one_finishes() {
    let (scene, old, new) = (Scene::new(), Hatch::shut(), Hatch::open());
    let started = scene.roster.exchange(vec![way("a", "http://old", &old)], &[]);
    assert_eq!(started, Exchanged { started: pools(&["a"]), ..Exchanged::default() });
    scene.publish("a", "one").await;
    old.next().await;

    let changed = scene.roster.exchange(vec![way("a", "http://new", &new)], &[]);
    assert_eq!(changed, Exchanged { changed: pools(&["a"]), ..Exchanged::default() });
    scene.publish("a", "two").await;
    new.next().await;
    old.may.add_permits(1);
    scene.drained().await;
    assert_eq!(old.taken(), ["one"], "what it had in hand it finished, and took no more");
    assert_eq!(new.taken(), ["two"], "and nothing of it came again");
}

#[tokio::test]
async fn a_pool_that_is_as_it_was_or_is_to_be_kept_is_left_alone() {
    let (scene, old, other) = (Scene::new(), Hatch::open(), Hatch::open());
    scene.roster.exchange(vec![way("a", "http://same", &old), way("b", "http://b", &old)], &[]);
    assert!(scene.roster.runs(&config("a", "http://same")));
    assert!(!scene.roster.runs(&config("a", "http://other")));
    let exchanged = scene.roster.exchange(vec![way("a", "http://same", &other)], &pools(&["b"]));
    assert!(exchanged.is_nothing(), "{exchanged:?}");
    for (pool, id) in [("a", "one"), ("b", "two")] {
        scene.publish(pool, id).await;
        old.next().await;
    }
    scene.drained().await;
    assert!(other.taken().is_empty());
}

#[tokio::test]
async fn a_pool_that_is_gone_takes_no_more_and_one_that_comes_back_takes_what_waited() {
    let (scene, old, new) = (Scene::new(), Hatch::open(), Hatch::open());
    scene.roster.exchange(vec![way("a", "http://a", &old)], &[]);
    scene.publish("a", "one").await;
    old.next().await;
    let gone = scene.roster.exchange(Vec::new(), &[]);
    assert_eq!(gone.gone, pools(&["a"]));
    assert!(scene.roster.pools().is_empty());
    scene.publish("a", "two").await;
    scene.roster.exchange(vec![way("a", "http://a", &new)], &[]);
    new.next().await;
    scene.drained().await;
    assert_eq!((old.taken(), new.taken()), (vec!["one".to_owned()], vec!["two".to_owned()]));
}

#[tokio::test]
async fn a_way_whose_device_belongs_to_one_waits_for_the_old_one() {
    let (scene, old) = (Scene::new(), Hatch { exclusive: true, ..Hatch::shut() });
    let new = Hatch { exclusive: true, ..Hatch::open() };
    scene.roster.exchange(vec![way("a", "http://old", &old)], &[]);
    scene.publish("a", "one").await;
    old.next().await;
    scene.roster.exchange(vec![way("a", "http://new", &new)], &[]);
    scene.publish("a", "two").await;
    // many turns of the loop, in any of which a second one at the port would have taken the job
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(new.taken().is_empty());
    old.may.add_permits(1);
    new.next().await;
    scene.drained().await;
    assert_eq!(old.taken(), ["one"]);
}

#[tokio::test]
async fn nobody_starts_after_the_stop() {
    let (scene, hatch) = (Scene::new(), Hatch::open());
    scene.stop.cancel();
    assert!(scene.roster.exchange(vec![way("a", "http://a", &hatch)], &[]).is_nothing());
    assert!(scene.roster.pools().is_empty());
    scene.drained().await;
}
