//! Every fault that the simulator has, one modem each: the work goes on within 30 s, no job is lost, and no SMS goes twice but
//! for an unknown outcome.

use std::sync::Arc;
use std::time::Instant;

use mtan_sender::{Provider, Verdict};
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{LONG, Pool, in_time, job, word};

/// Simulated modems at a time: each watches its port with one of the 128 inotify instances that a user has.
const AT_ONCE: usize = 24;

/// How the loop of all senders treats one job, in short: another try after a failure and after an unknown outcome, an end after
/// acceptance and refusal. The last verdict, and how many unknowns came before it.
async fn sent_by_a_loop(pool: &Pool, id: &str) -> Result<(Verdict, usize), String> {
    let (began, mut unknowns, mut last) = (Instant::now(), 0, "no modem was ready".to_owned());
    while began.elapsed() < LONG {
        let Ok(place) = pool.provider.place(LONG.saturating_sub(began.elapsed())).await else { continue };
        let verdict = pool.provider.send(&job(id), in_time()).await;
        drop(place);
        last = word(&verdict);
        match verdict {
            Verdict::Unknown { .. } => unknowns += 1,
            Verdict::Retry { .. } => {}
            end => return Ok((end, unknowns)),
        }
    }
    Err(format!("job {id} found no end in {LONG:?}: {last}"))
}

/// The whole story of one fault; an error says what went wrong.
async fn outlives(fault: ModemFault) -> Result<(), String> {
    let modem = ModemSim::start(SimRules::default()).await;
    // a minute for the network would be longer than the half of one that a fault may cost
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("gnokiirc");
    std::fs::write(&file, "[global]\nmodel = AT\nconnection = serial\nsmsc_timeout = 5\n").unwrap();
    let pool = Pool::of(&[&modem], json!({ "CONFIGFILE": file.to_str().unwrap() }));
    pool.until_ready().await;
    modem.next(1, fault);
    let (first, unknowns) = sent_by_a_loop(&pool, "first").await?;
    modem.recover();
    let (second, more) = sent_by_a_loop(&pool, "second").await?;
    let (first_sms, second_sms) = (count(&modem, "(first)"), count(&modem, "(second)"));
    let said = format!("{}, {}; {first_sms} and {second_sms} SMS", word(&first), word(&second));
    let accepted = matches!(first, Verdict::Accepted { .. });
    if accepted && first_sms == 0 {
        return Err(format!("accepted and not sent: {said}"));
    }
    if first_sms > usize::from(accepted) + unknowns || second_sms > 1 + more {
        return Err(format!("sent more often than {unknowns} and {more} unknown outcomes allow: {said}"));
    }
    if !matches!(second, Verdict::Accepted { .. }) {
        return Err(format!("the next job suffers: {said}"));
    }
    Ok(())
}

fn count(modem: &ModemSim, words: &str) -> usize {
    modem.sms().iter().filter(|sms| sms.text.contains(words)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_outlived_with_no_job_lost_and_nothing_twice() {
    let (mut stories, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for fault in ModemFault::catalogue() {
        let places = Arc::clone(&places);
        stories.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            outlives(fault.clone()).await.map_err(|why| format!("{fault:?}: {why}"))
        });
    }
    let told = stories.join_all().await;
    assert!(told.len() >= 20, "{} faults", told.len());
    let sad: Vec<String> = told.into_iter().filter_map(Result::err).collect();
    assert!(sad.is_empty(), "{}", sad.join("\n"));
}
