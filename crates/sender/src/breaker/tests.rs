//! The breaker's promises, as a story each and over all sequences of what can happen.

use proptest::prelude::*;

use super::*;

const FAILED: Sign = Sign::Failed(None);
const RULES: BreakerRules = BreakerRules { failures: 5, open: Duration::from_secs(5) };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn machine() -> (Machine, Instant) {
    (Machine::new(RULES), Instant::now())
}

/// A hand-over that ends at once.
fn hand_over(machine: &mut Machine, sign: Sign, now: Instant) -> bool {
    let leave = machine.enter(now);
    if let Some(leave) = leave {
        machine.leave(leave, sign, now);
    }
    leave.is_some()
}

/// The machine opened at the time that is given back.
fn opened() -> (Machine, Instant) {
    let (mut machine, now) = machine();
    for _ in 0..5 {
        assert!(hand_over(&mut machine, FAILED, now));
    }
    assert_eq!(machine.stand(now), Stand::Open { until: now + seconds(5) });
    (machine, now)
}

#[test]
fn only_failures_in_a_row_open_it() {
    let (mut machine, now) = machine();
    for _ in 0..10 {
        for _ in 0..4 {
            assert!(hand_over(&mut machine, FAILED, now));
        }
        assert!(hand_over(&mut machine, Sign::Alive, now));
    }
    assert_eq!(machine.stand(now), Stand::Closed);
}

#[test]
fn open_it_lets_nothing_through_and_then_one_probe() {
    let (mut machine, now) = opened();
    assert_eq!(machine.enter(now + seconds(4)), None);
    assert_eq!(machine.enter(now + seconds(5)), Some(Leave::Probe(1)));
    assert_eq!(machine.enter(now + seconds(500)), None, "one at a time");
    machine.leave(Leave::Probe(1), Sign::Alive, now + seconds(501));
    assert_eq!(machine.enter(now + seconds(501)), Some(Leave::Ordinary));
}

#[test]
fn failing_probes_double_its_time_up_to_a_quarter_of_a_minute_and_a_success_forgets_that() {
    let (mut machine, mut now) = opened();
    now += seconds(5);
    for open in [10, 15, 15] {
        assert!(hand_over(&mut machine, FAILED, now));
        assert_eq!(machine.stand(now), Stand::Open { until: now + seconds(open) });
        now += seconds(open);
    }
    assert!(hand_over(&mut machine, Sign::Alive, now));
    for _ in 0..5 {
        assert!(hand_over(&mut machine, FAILED, now));
    }
    assert_eq!(machine.stand(now), Stand::Open { until: now + seconds(5) });
}

#[test]
fn a_gateway_that_asks_for_patience_gets_it_up_to_a_minute() {
    for (asked, got) in [(2, 5), (30, 30), (3600, 60)] {
        let (mut machine, now) = machine();
        for _ in 0..5 {
            hand_over(&mut machine, Sign::Failed(Some(seconds(asked))), now);
        }
        assert_eq!(machine.stand(now), Stand::Open { until: now + seconds(got) });
    }
}

#[test]
fn what_began_before_it_opened_neither_prolongs_it_nor_is_taken_for_the_probe() {
    let (mut machine, now) = opened();
    machine.leave(Leave::Ordinary, FAILED, now + seconds(1));
    assert_eq!(machine.stand(now), Stand::Open { until: now + seconds(5) });
    assert_eq!(machine.enter(now + seconds(5)), Some(Leave::Probe(1)));
    machine.leave(Leave::Ordinary, FAILED, now + seconds(6));
    assert_eq!(machine.stand(now + seconds(6)), Stand::HalfOpen { probing: true });
    machine.leave(Leave::Ordinary, Sign::Alive, now + seconds(7));
    assert_eq!(machine.stand(now + seconds(7)), Stand::Closed, "but it lives");
}

#[test]
fn a_probe_that_handed_nothing_over_makes_room_for_another() {
    let (mut machine, now) = opened();
    assert_eq!(machine.enter(now + seconds(5)), Some(Leave::Probe(1)));
    machine.abandon(Leave::Ordinary);
    assert_eq!(machine.enter(now + seconds(5)), None);
    machine.abandon(Leave::Probe(1));
    assert_eq!(machine.enter(now + seconds(5)), Some(Leave::Probe(2)));
}

#[derive(Debug, Clone)]
enum Event {
    Wait(u64),
    Enter,
    /// The oldest hand-over that is out ends: `None` = nothing was handed over.
    End(Option<Sign>),
}

fn event() -> impl Strategy<Value = Event> {
    let patience = prop::option::of((0_u64..1000).prop_map(Duration::from_secs));
    let sign = prop_oneof![Just(Sign::Alive), patience.prop_map(Sign::Failed)];
    prop_oneof![
        (0_u64..30).prop_map(Event::Wait),
        Just(Event::Enter),
        prop::option::of(sign).prop_map(Event::End)
    ]
}

proptest! {
    #[test]
    fn it_is_never_stuck_and_never_has_two_probes_out(
        failures in 1_u32..6,
        events in prop::collection::vec(event(), 0..200),
    ) {
        let rules = BreakerRules { failures, ..RULES };
        let (mut machine, mut now) = (Machine::new(rules), Instant::now());
        let mut out: Vec<Leave> = Vec::new();
        for event in events {
            match event {
                Event::Wait(s) => now += seconds(s),
                Event::Enter => out.extend(machine.enter(now)),
                Event::End(_) if out.is_empty() => {}
                Event::End(Some(sign)) => machine.leave(out.remove(0), sign, now),
                Event::End(None) => machine.abandon(out.remove(0)),
            }
            let probing = machine.stand(now) == Stand::HalfOpen { probing: true };
            let current = out.iter().filter(|leave| **leave == Leave::Probe(machine.probe)).count();
            prop_assert!(!probing || current == 1, "a probe that nobody has");
            prop_assert!(current <= 1, "two probes at a time");
        }
        for leave in out {
            machine.abandon(leave);
        }
        prop_assert!(machine.enter(now + MOST_PATIENCE).is_some(), "a minute later somebody may try");
    }
}

#[test]
fn what_the_death_of_a_code_has_ended_says_nothing_about_the_gateway() {
    let silent = Verdict::Unknown { code: ReportCode::NoAnswer, detail: None };
    let expired = Verdict::Retry { code: ReportCode::Expired, after: None, detail: None };
    assert_eq!(Sign::of(&expired, false), None);
    assert_eq!(Sign::of(&silent, true), None);
    assert_eq!(Sign::of(&silent, false), Some(FAILED));
    let accepted = Verdict::Accepted { gateway_id: None, detail: None };
    assert_eq!(Sign::of(&accepted, true), Some(Sign::Alive));
}

#[test]
fn a_refusal_says_that_the_gateway_lives_unless_it_was_never_asked() {
    let refused = |about| Verdict::Rejected { about, code: ReportCode::GatewayRejected, detail: None };
    assert_eq!(Sign::of(&refused(About::Number), false), Some(Sign::Alive));
    assert_eq!(Sign::of(&refused(About::Gateway), false), Some(Sign::Alive));
    assert_eq!(Sign::of(&refused(About::Job), false), None);
}
