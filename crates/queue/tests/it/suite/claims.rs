//! What every claim book promises. Leases run on the time that is handed in, so no test waits for one.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtan_jobs::{Claim, ClaimBook, Owner, Unknown};
use mtan_testkit::wait_until;

use super::{ClaimBench, PATIENCE, job_id, now, report};

const LEASE: Duration = Duration::from_secs(10);

/// The book, seen by several owners who all ask for the same job.
struct Asking {
    book: Arc<dyn ClaimBook>,
    start: Timestamp,
}

impl Asking {
    fn new(bench: &impl ClaimBench) -> Asking {
        Asking { book: bench.book(), start: now() }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.start + SignedDuration::from_secs(seconds)
    }

    fn keep_until(&self) -> Timestamp {
        self.at(3600)
    }

    async fn claim(&self, name: &str, seconds: i64) -> Claim {
        let keep = self.keep_until();
        self.book.claim(&job_id("one"), &owner(name), self.at(seconds), LEASE, keep).await.unwrap()
    }

    async fn renew(&self, name: &str, seconds: i64) -> bool {
        self.book.renew(&job_id("one"), &owner(name), self.at(seconds), LEASE).await.unwrap()
    }

    async fn release(&self, name: &str, unknown: Unknown) {
        self.book.release(&job_id("one"), &owner(name), unknown).await.unwrap();
    }

    /// Busy until the lease that began at `seconds` ends.
    fn busy_since(&self, seconds: i64) -> Claim {
        Claim::Busy { until: self.at(seconds) + LEASE }
    }
}

fn owner(name: &str) -> Owner {
    Owner(name.to_owned())
}

fn taken(unknowns: u32) -> Claim {
    Claim::Taken { unknowns }
}

pub(crate) async fn a_job_is_one_owners_at_a_time(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    assert_eq!(asking.claim("a", 0).await, taken(0));
    assert_eq!(asking.claim("b", 1).await, asking.busy_since(0));
    assert_eq!(asking.claim("b", 9).await, asking.busy_since(0), "asking alone changes nothing");
    let (two, b) = (job_id("two"), owner("b"));
    let other = asking.book.claim(&two, &b, asking.at(1), LEASE, asking.keep_until()).await;
    assert_eq!(other.unwrap(), taken(0), "another job is another job");
}

pub(crate) async fn an_owner_that_asks_twice_has_one_claim(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    assert_eq!(asking.claim("a", 0).await, taken(0));
    assert_eq!(asking.claim("a", 1).await, taken(0), "its first answer may have been lost on the way");
    assert_eq!(asking.claim("b", 2).await, asking.busy_since(1));
}

pub(crate) async fn a_lapsed_lease_counts_an_unknown_and_passes_on(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    assert_eq!(asking.claim("a", 0).await, taken(0));
    assert_eq!(asking.claim("b", 10).await, taken(1));
    assert_eq!(asking.claim("a", 11).await, asking.busy_since(10));
    assert_eq!(asking.claim("c", 20).await, taken(2));
}

pub(crate) async fn a_renewed_lease_holds_and_only_for_its_owner(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    assert!(!asking.renew("a", 0).await, "nobody has it");
    assert_eq!(asking.claim("a", 0).await, taken(0));
    assert!(!asking.renew("b", 1).await);
    assert_eq!(asking.claim("b", 1).await, asking.busy_since(0));
    assert!(asking.renew("a", 9).await);
    assert_eq!(asking.claim("b", 18).await, asking.busy_since(9));
    assert!(asking.renew("a", 30).await, "it lapsed, but nobody took it");
    assert_eq!(asking.claim("b", 40).await, taken(1));
    assert!(!asking.renew("a", 40).await, "it passed on");
    asking.release("b", Unknown::No).await;
    assert!(!asking.renew("b", 41).await, "it was released");
}

pub(crate) async fn a_release_counts_an_unknown_only_where_it_says_so(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    assert_eq!(asking.claim("a", 0).await, taken(0));
    asking.release("a", Unknown::No).await;
    assert_eq!(asking.claim("b", 1).await, taken(0));
    asking.release("b", Unknown::Yes).await;
    assert_eq!(asking.claim("c", 2).await, taken(1));
    asking.release("c", Unknown::Yes).await;
    assert_eq!(asking.claim("d", 60).await, taken(2), "no lease was running");
}

pub(crate) async fn only_the_owner_releases(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    asking.release("a", Unknown::Yes).await;
    assert_eq!(asking.claim("a", 0).await, taken(0), "a release of nothing is nothing");
    asking.release("b", Unknown::Yes).await;
    assert_eq!(asking.claim("b", 1).await, asking.busy_since(0));
    assert_eq!(asking.claim("b", 10).await, taken(1));
    asking.release("a", Unknown::Yes).await;
    assert_eq!(asking.claim("a", 11).await, asking.busy_since(10));
}

pub(crate) async fn the_first_report_settles_the_job_for_good(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    let (first, second) = (report("one", "first"), report("one", "second"));
    assert_eq!(asking.claim("a", 0).await, taken(0));
    asking.book.settle(&first, asking.keep_until()).await.unwrap();
    asking.book.settle(&second, asking.keep_until()).await.unwrap();
    let settled = Claim::Settled { report: first, reported: false };
    assert_eq!(asking.claim("b", 1).await, settled);
    assert_eq!(asking.claim("a", 3000).await, settled, "no lease brings it back");
}

pub(crate) async fn a_job_that_was_never_claimed_can_be_settled(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    let report = report("one", "its deadline had passed");
    asking.book.settle(&report, asking.keep_until()).await.unwrap();
    assert_eq!(asking.claim("a", 0).await, Claim::Settled { report, reported: false });
}

pub(crate) async fn a_settled_job_is_nobodys_to_hold(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    let report = report("one", "");
    assert_eq!(asking.claim("a", 0).await, taken(0));
    asking.book.settle(&report, asking.keep_until()).await.unwrap();
    assert!(!asking.renew("a", 1).await);
    asking.release("a", Unknown::Yes).await;
    assert_eq!(asking.claim("a", 2).await, Claim::Settled { report, reported: false });
}

pub(crate) async fn a_report_is_marked_as_published(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    let report = report("one", "");
    asking.book.reported(&[job_id("one")]).await.unwrap();
    assert_eq!(asking.claim("a", 0).await, taken(0), "a mark on nothing is nothing");
    asking.book.reported(&[job_id("one")]).await.unwrap();
    asking.book.settle(&report, asking.keep_until()).await.unwrap();
    assert_eq!(asking.claim("b", 1).await, Claim::Settled { report: report.clone(), reported: false });
    asking.book.reported(&[job_id("one")]).await.unwrap();
    assert_eq!(asking.claim("b", 1).await, Claim::Settled { report, reported: true });
}

pub(crate) async fn the_reports_of_many_jobs_are_marked_in_one_call(bench: impl ClaimBench) {
    let asking = Asking::new(&bench);
    let settled = ["two", "three", "five"];
    for id in settled {
        asking.book.settle(&report(id, ""), asking.keep_until()).await.unwrap();
    }
    assert_eq!(asking.claim("a", 0).await, taken(0), "claimed, without a report");
    asking.book.reported(&[]).await.unwrap();
    let called = ["two", "nobody-knows-it", "one", "three", "two"].map(job_id);
    asking.book.reported(&called).await.unwrap();
    for (id, marked) in settled.into_iter().zip([true, true, false]) {
        let keep = asking.keep_until();
        let claim = asking.book.claim(&job_id(id), &owner("b"), asking.at(1), LEASE, keep).await.unwrap();
        assert!(matches!(claim, Claim::Settled { reported, .. } if reported == marked), "{id}: {claim:?}");
    }
    assert_eq!(asking.claim("b", 1).await, asking.busy_since(0), "the mark changes no claim");
}

/// The one promise about the real time: a book may forget by the clock of its own server.
pub(crate) async fn an_entry_is_forgotten_after_its_time(bench: impl ClaimBench) {
    let book = bench.book();
    let soon = now() + SignedDuration::from_millis(1500);
    let long = Duration::from_secs(600);
    let claimed = book.claim(&job_id("claimed"), &owner("a"), now(), long, soon).await.unwrap();
    assert_eq!(claimed, taken(0));
    book.settle(&report("settled", ""), soon).await.unwrap();
    let later = soon + SignedDuration::from_hours(1);
    for (id, first, second) in [("lengthened", soon, later), ("not-shortened", later, soon)] {
        for keep_until in [first, second] {
            book.settle(&report(id, ""), keep_until).await.unwrap();
        }
    }
    for id in ["claimed", "settled"] {
        wait_until("the entry to be forgotten", PATIENCE, async || {
            let asked_at = now();
            match book.claim(&job_id(id), &owner("b"), asked_at, long, soon).await.unwrap() {
                Claim::Taken { unknowns } => {
                    assert_eq!(unknowns, 0, "what was forgotten counts no more");
                    assert!(now() >= soon, "{id} was forgotten before its time");
                    Ok(())
                }
                other => Err(format!("{id}: {other:?}")),
            }
        })
        .await;
    }
    for id in ["lengthened", "not-shortened"] {
        let kept = book.claim(&job_id(id), &owner("b"), now(), long, soon).await.unwrap();
        assert!(matches!(kept, Claim::Settled { .. }), "{id}: the longest time counts: {kept:?}");
    }
}

pub(crate) async fn of_a_hundred_claimers_one_wins(bench: impl ClaimBench) {
    let asking = Arc::new(Asking::new(&bench));
    let claiming: Vec<_> = (0..100)
        .map(|n| {
            let asking = Arc::clone(&asking);
            tokio::spawn(async move { asking.claim(&format!("owner-{n}"), 0).await })
        })
        .collect();
    let mut winners = 0;
    for claim in claiming {
        match claim.await.unwrap() {
            Claim::Taken { unknowns: 0 } => winners += 1,
            other => assert_eq!(other, asking.busy_since(0)),
        }
    }
    assert_eq!(winners, 1);
}
