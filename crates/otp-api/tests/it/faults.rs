//! Store, queue and the work itself fail: an honest no within a second, and work goes on afterwards.

use std::time::{Duration, Instant};

use mtan_testkit::wait_until;

use crate::hand::Mood;
use crate::house::{House, Reply};

const ENDPOINTS: [&str; 3] = ["/validate/check", "/validate/smspin", "/validate/simplecheck"];

async fn assert_quick_no(house: &House, form: &str) {
    for path in ENDPOINTS {
        let begun = Instant::now();
        let reply = house.post(path, form.to_owned()).await;
        assert!(begun.elapsed() < Duration::from_millis(1_500), "{path}: {:?}", begun.elapsed());
        assert!(is_plain_no(&reply), "{path}: {reply:?}");
    }
}

fn is_plain_no(reply: &Reply) -> bool {
    reply.status == 200
        && (reply.body == ":-(" || reply.body.ends_with(r#""result":{"status":true,"value":false},"id":0}"#))
}

#[tokio::test]
async fn a_store_that_is_away_or_silent_is_a_no_and_comes_back() {
    for mood in [Mood::Away, Mood::Silent, Mood::Broken] {
        let house = House::new().await;
        let (id, code) = house.trigger().await;
        house.store.mood.set(mood);
        assert_quick_no(&house, "user=alice&pass=1234").await;
        assert_quick_no(&house, &format!("user=alice&pass={code}&state={id}")).await;
        house.store.mood.set(Mood::Well);
        let right = format!("user=alice&pass={code}&state={id}");
        assert!(house.post("/validate/check", right).await.value(), "{mood:?}");
    }
}

#[tokio::test]
async fn a_queue_that_is_away_or_silent_is_a_no_and_comes_back() {
    for mood in [Mood::Away, Mood::Silent, Mood::Broken] {
        let house = House::new().await;
        house.queue.mood.set(mood);
        let reply = house.post("/validate/check", "user=alice&pass=1234").await;
        assert!(is_plain_no(&reply), "{mood:?}: {reply:?}");
        house.queue.mood.set(Mood::Well);
        house.clock.turn(Duration::from_secs(31));
        assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value(), "{mood:?}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_has_its_try_counted() {
    let house = House::new().await;
    house.store.mood.set(Mood::Well);
    let mut request = Box::pin(house.post("/validate/check", "user=alice&pass=wrong"));
    // One poll begins the work; then the client is gone.
    let pending =
        std::future::poll_fn(|context| std::task::Poll::Ready(request.as_mut().poll(context).is_pending()))
            .await;
    assert!(pending, "the answer does not come within one poll");
    drop(request);
    wait_until("the try to be counted", Duration::from_secs(5), async || match house.fail_count().await {
        1 => Ok(()),
        count => Err(format!("fail count {count}")),
    })
    .await;
}
