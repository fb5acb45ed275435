//! Promises to several who ask at once, in hundreds of orders.

use mtan_verifier::{Admission, Answer, Reason};

use crate::broker::Mood;
use crate::scheduler::{Task, together};
use crate::store::Event;
use crate::world::{PIN, World, accepted, rejected};

const ORDERS: std::ops::Range<u64> = 0..300;

fn checks<'a>(world: &'a World, passes: &'a [String]) -> Vec<Task<'a, Answer>> {
    let check = |pass: &'a String| -> Task<'a, Answer> {
        Box::pin(async move { world.verifier.check(Some(&world.alice.subject()), pass, None).await })
    };
    passes.iter().map(check).collect()
}

fn count(answers: &[Answer], what: &Answer) -> usize {
    answers.iter().filter(|answer| *answer == what).count()
}

#[test]
fn of_right_answers_at_once_exactly_one_is_accepted() {
    for seed in ORDERS {
        let world = World::new();
        world.trigger(&world.alice);
        let passes = vec![world.alice.pass(&world.alice.code(1)); 6];
        let answers = together(seed, checks(&world, &passes));
        assert_eq!(count(&answers, &accepted(&world.alice)), 1, "order {seed}: {answers:?}");
    }
}

#[test]
fn of_a_thousand_right_answers_exactly_one_is_accepted() {
    let world = World::new();
    world.trigger(&world.alice);
    let passes = vec![world.alice.pass(&world.alice.code(1)); 1000];
    let answers = together(1, checks(&world, &passes));
    assert_eq!(count(&answers, &accepted(&world.alice)), 1);
}

#[test]
fn of_a_thousand_wrong_answers_ten_are_compared() {
    let world = World::new();
    world.trigger(&world.alice);
    let passes = vec![world.alice.pass("000000"); 1000];
    let answers = together(2, checks(&world, &passes));
    assert_eq!(count(&answers, &rejected(Reason::WrongOtp)), 10);
    assert_eq!(count(&answers, &rejected(Reason::Locked)), 990);
    assert_eq!(world.token(&world.alice).fail_count, 10);
}

#[test]
fn a_right_answer_among_many_wrong_ones_is_accepted_once_or_not_compared() {
    for seed in ORDERS {
        let world = World::new();
        world.trigger(&world.alice);
        let mut passes = vec![world.alice.pass("000000"); 15];
        passes.push(world.alice.pass(&world.alice.code(1)));
        let answers = together(seed, checks(&world, &passes));
        let right = &answers[15];
        assert!(
            *right == accepted(&world.alice) || *right == rejected(Reason::Locked),
            "order {seed}: {right:?}"
        );
    }
}

#[test]
fn triggers_at_once_send_one_sms_and_leave_the_count_alone() {
    for seed in ORDERS {
        let world = World::new();
        if seed % 2 == 0 {
            world.trigger(&world.alice);
            world.later(30);
        }
        world.store.change(&world.alice.serial, |t| t.fail_count = 3);
        let before = world.jobs().len();
        let passes = vec![PIN.to_owned(); 4];
        let answers = together(seed, checks(&world, &passes));
        let sent: Vec<_> = answers
            .iter()
            .map(|answer| match answer {
                Answer::Challenged(sent) => sent,
                other => panic!("order {seed}: {other:?}"),
            })
            .collect();
        assert!(sent.iter().all(|s| s.transaction == sent[0].transaction), "order {seed}");
        assert_eq!(sent.iter().filter(|s| !s.already).count(), 1, "order {seed}");
        assert_eq!(world.jobs().len(), before + 1, "order {seed}");
        assert_eq!(world.token(&world.alice).fail_count, 3, "order {seed}");
    }
}

#[test]
fn an_answer_and_a_new_trigger_at_once_leave_one_code_that_counts() {
    let mut both = [0, 0];
    for seed in ORDERS {
        let world = World::new();
        world.trigger(&world.alice);
        world.later(30);
        let passes = [world.alice.pass(&world.alice.code(1)), PIN.to_owned()];
        let answers = together(seed, checks(&world, &passes));
        assert!(matches!(answers[1], Answer::Challenged(_)), "order {seed}: {answers:?}");
        both[usize::from(answers[0] == accepted(&world.alice))] += 1;
        assert!(matches!(world.check(&world.alice, &passes[0]), Answer::Rejected(_)), "order {seed}");
        let new = world.alice.pass(&world.alice.code(2));
        assert_eq!(world.check(&world.alice, &new), accepted(&world.alice), "order {seed}");
    }
    assert!(both[0] > 0 && both[1] > 0, "both orders were seen: {both:?}");
}

#[test]
fn a_trigger_overtaken_by_one_that_is_answered_already_is_a_no_and_sends_nothing() {
    let mut seen = 0;
    for seed in 0..2000 {
        let world = World::new();
        let slow: Task<'_, Answer> =
            Box::pin(async { world.verifier.smspin(Some(&world.alice.subject()), PIN).await });
        let quick: Task<'_, Answer> = Box::pin(async {
            let first = world.verifier.smspin(Some(&world.alice.subject()), PIN).await;
            let pass = world.alice.pass(&world.alice.code(1));
            match first {
                Answer::Challenged(_) => {
                    world.verifier.check(Some(&world.alice.subject()), &pass, None).await
                }
                other => other,
            }
        });
        let answers = together(seed, vec![slow, quick]);
        assert_eq!(answers[1], accepted(&world.alice), "order {seed}");
        if answers[0] == rejected(Reason::NoChallenge) {
            seen += 1;
            assert_eq!(world.jobs().len(), 1, "order {seed}");
            assert_eq!(world.token(&world.alice).fail_count, 0, "order {seed}");
        }
    }
    assert!(seen > 0, "the order was seen");
}

#[test]
fn a_relay_beside_a_slow_publish_repeats_the_same_job() {
    let mut twice = 0;
    for seed in ORDERS {
        let world = World::new();
        world.broker.be(Mood::Slow);
        let trigger: Task<'_, ()> = Box::pin(async {
            let answer = world.verifier.smspin(Some(&world.alice.subject()), PIN).await;
            assert!(matches!(answer, Answer::Challenged(_)));
        });
        let relay: Task<'_, ()> = Box::pin(async {
            for _ in 0..6 {
                world.later(1);
                world.verifier.relay().await.unwrap();
            }
        });
        together(seed, vec![trigger, relay]);
        let jobs = world.jobs();
        assert!(jobs.iter().all(|job| *job == jobs[0]), "order {seed}: one id, one text");
        twice += usize::from(jobs.len() == 2);
        world.relay();
        assert!(world.store.entries().is_empty(), "order {seed}");
    }
    assert!(twice > 0, "the order was seen");
}

#[test]
fn a_request_that_is_dropped_at_any_step_breaks_no_promise() {
    for steps in 0..12 {
        let world = World::new();
        {
            let subject = world.alice.subject();
            let mut request = Box::pin(world.verifier.smspin(Some(&subject), PIN));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            for _ in 0..steps {
                if request.as_mut().poll(&mut context).is_ready() {
                    break;
                }
            }
        }
        assert!(world.token(&world.alice).fail_count <= 1, "at most its own try stays counted");
        let opened = world.token(&world.alice).counter;
        world.later(5);
        world.relay();
        world.later(10);
        world.relay();
        assert!(world.store.entries().is_empty());
        let jobs = world.jobs();
        assert!(jobs.iter().all(|job| *job == jobs[0]));
        assert_eq!(!jobs.is_empty(), opened == 1, "what was opened is sent, nothing else ({steps})");
    }
}

#[test]
fn what_is_locked_is_never_counted() {
    let world = World::new();
    let passes = vec!["wrong".to_owned(); 50];
    together(3, checks(&world, &passes));
    let mut counted = 0;
    for (_, event) in world.store.history() {
        match event {
            Event::Tried { admission: Admission::Counted, fail_count, .. } => {
                counted += 1;
                assert_eq!(fail_count, counted);
            }
            Event::Tried { fail_count, .. } => assert_eq!(fail_count, 10),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counted, 10);
}
