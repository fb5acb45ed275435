//! A minute under load in which the gateway dies and returns, twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mtan_jobs::{Clock, SystemClock};
use mtan_testkit::gateway::{Behaviour, Gateway};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::house::{House, Plan, metric};
use crate::reports::Onlooker;

/// Jobs: 100 a second for a minute.
const JOBS: usize = 6_000;
const EVERY: Duration = Duration::from_millis(10);

/// How long a job may be handed over; an outage is shorter, a backlog after it may be longer.
const LIFE: Duration = Duration::from_secs(20);

/// When the gateway dies and when it returns, in seconds from the start.
const DEATHS: [(u64, u64); 2] = [(12, 18), (35, 50)];

/// What a sender may have in hand at a time, and there are two.
const IN_FLIGHT: u16 = 16;

fn phone(n: usize) -> String {
    format!("+4917{n:08}")
}

/// Publishes all jobs at their pace; when each of them dies.
async fn publish(onlooker: &Onlooker) -> HashMap<String, Instant> {
    let mut deadlines = HashMap::new();
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..JOBS {
        pace.tick().await;
        let (id, dies) = (format!("run-{n}"), Instant::now() + LIFE);
        let expires_at = SystemClock.now().saturating_add(LIFE).unwrap();
        let body = json!({
            "id": id, "to": phone(n), "text": format!("Your code is {n:06}"), "route": ["default"],
            "expires_at": format!("{expires_at:.3}"),
        });
        onlooker.publish("default", &serde_json::to_vec(&body).unwrap()).await;
        deadlines.insert(id, dies);
    }
    deadlines
}

/// The line is torn with everything on it, and later mended; between which times it was torn.
async fn die_and_return(house: &House, start: Instant) -> Vec<(Instant, Instant)> {
    let line = house.apart.as_ref().unwrap().gateway_line.as_ref().unwrap();
    let mut cuts = Vec::new();
    for (dies, returns) in DEATHS {
        sleep_until((start + Duration::from_secs(dies)).into()).await;
        let before = Instant::now();
        line.cut().await;
        cuts.push((before, Instant::now()));
        sleep_until((start + Duration::from_secs(returns)).into()).await;
        line.resume();
    }
    cuts
}

/// Whether a request that came at `arrived` could be without an answer at one of the cuts: the gateway takes 100 ms for it, a
/// loaded machine longer.
fn was_in_flight(arrived: Instant, cuts: &[(Instant, Instant)]) -> bool {
    cuts.iter().any(|(before, after)| arrived <= *after && arrived + Duration::from_secs(2) >= *before)
}

/// The final reports of each job.
async fn reports(onlooker: &mut Onlooker) -> HashMap<String, Vec<Value>> {
    let mut reports: HashMap<String, Vec<Value>> = HashMap::new();
    while reports.len() < JOBS {
        let report = onlooker.next().await;
        reports.entry(report["job_id"].as_str().unwrap().to_owned()).or_default().push(report);
    }
    reports
}

/// Requests of each job, as the gateway got them.
fn sent(gateway: &Gateway) -> HashMap<String, Vec<Instant>> {
    let mut sent: HashMap<String, Vec<Instant>> = HashMap::new();
    for request in gateway.requests() {
        sent.entry(request.parameter("ref").unwrap().to_owned()).or_default().push(request.arrived);
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_twice_under_load_costs_no_report_and_no_second_sms_but_the_unknown_ones() {
    let plan = Plan { max_in_flight: IN_FLIGHT, gateway_line: true, ..Plan::default() };
    let mut house = House::distributed(plan).await;
    let mut other = house.another_sender();
    // so slow that something is in flight whenever it dies
    house.gateway.always(Behaviour::accept().after(Duration::from_millis(100)));
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;

    let start = Instant::now();
    let (deadlines, cuts) = tokio::join!(publish(&onlooker), die_and_return(&house, start));
    let reports = reports(&mut onlooker).await;
    // whatever was still to come of a job comes before the report of a later one
    onlooker.publish("default", br#"{"id":"marker","to":"+491709999999","text":"marker"}"#).await;
    let last = onlooker.next().await;
    assert_eq!(last["job_id"], "marker", "a job got a second report: {last}");

    let mut outcomes: HashMap<&str, usize> = HashMap::new();
    for (id, of_job) in &reports {
        assert_eq!(of_job.len(), 1, "{id} has one report: {of_job:?}");
        *outcomes.entry(of_job[0]["outcome"].as_str().unwrap()).or_default() += 1;
    }
    let sent = sent(&house.gateway);
    for (id, requests) in &sent {
        let late = requests.iter().filter(|&&arrived| deadlines.get(id).is_some_and(|dies| arrived > *dies));
        assert_eq!(late.count(), 0, "{id} was handed over after its deadline");
        assert!(requests.len() <= 2, "{id} was sent {} times", requests.len());
        let twice_for_a_reason = requests.len() < 2 || was_in_flight(requests[0], &cuts);
        assert!(twice_for_a_reason, "{id} was sent twice, and not in flight when the gateway died");
    }
    let accepted = reports.values().filter(|of_job| of_job[0]["outcome"] == "accepted");
    for of_job in accepted {
        let id = of_job[0]["job_id"].as_str().unwrap();
        assert!(sent.contains_key(id), "{id} was reported accepted and never reached the gateway");
    }
    let unknown = "mtan_hand_over_total{pool=\"default\",verdict=\"unknown\"}";
    let unknowns = metric(&mut other, unknown).await + metric(&mut house.apart().sender, unknown).await;
    let twice = sent.values().filter(|requests| requests.len() > 1).count();
    assert!(twice as f64 <= unknowns, "{twice} sent twice, {unknowns} of unknown outcome; {outcomes:?}");
    let in_flight = f64::from(2 * IN_FLIGHT) * DEATHS.len() as f64;
    assert!(
        (1.0..=in_flight).contains(&unknowns),
        "{unknowns} unknown, of at most {in_flight} in flight at the deaths"
    );
    let of = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default();
    assert!(of("accepted") > JOBS / 2, "the gateway was there for most of the time: {outcomes:?}");
    assert_eq!(of("rejected"), 0, "a dead gateway is no refusal: {outcomes:?}");
}
