//! Every branch as a table, and all sequences of verdicts as a property.

use proptest::prelude::*;

use super::*;

fn pools(names: &[&str]) -> Vec<Pool> {
    names.iter().map(|n| n.parse().unwrap()).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

/// A job in pool `a` of the route `a`, alone, 300 s before its death, after `in_pool` tries.
fn standing<'a>(route: &'a [Pool], in_pool: u32, unknowns: u32, rule: UnknownRule) -> Standing<'a> {
    let attempts = Attempts { total: in_pool, in_pool };
    Standing { pool: &route[0], route, deadline: at(300), now: at(0), attempts, unknowns, rule, shut: None }
}

fn busy(after: Option<u64>) -> Verdict {
    Verdict::Retry { code: ReportCode::GatewayBusy, after: after.map(Duration::from_secs), detail: None }
}

fn refused(about: About) -> Verdict {
    Verdict::Rejected { about, code: ReportCode::GatewayRejected, detail: None }
}

fn silence() -> Verdict {
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: None }
}

fn end(step: &Step) -> Option<(Outcome, ReportCode)> {
    match step {
        Step::Report(f) => Some((f.outcome, f.code)),
        Step::Again { .. } | Step::GiveBack => None,
    }
}

fn again(step: &Step) -> Option<(&str, u64, u32, Unknown)> {
    match step {
        Step::Report(_) | Step::GiveBack => None,
        Step::Again { again, unknown } => {
            Some((again.pool.as_str(), again.after.as_secs(), again.attempts.in_pool, *unknown))
        }
    }
}

#[test]
fn a_failure_is_tried_again_after_1_3_10_30_and_60_seconds_and_then_exhausted() {
    let route = pools(&["a"]);
    for (tries, seconds) in [1, 3, 10, 30, 60].into_iter().enumerate() {
        let tries = u32::try_from(tries).unwrap();
        let step = standing(&route, tries, 0, UnknownRule::Resend).after_hand_over(busy(None), 0.5);
        assert_eq!(again(&step), Some(("a", seconds, tries + 1, Unknown::No)));
    }
    let step = standing(&route, 5, 0, UnknownRule::Resend).after_hand_over(busy(None), 0.5);
    assert_eq!(end(&step), Some((Outcome::Rejected, ReportCode::AttemptsExhausted)));
    let Step::Report(end) = step else { unreachable!() };
    assert_eq!((end.attempts, end.detail), (6, Some(Detail::own("last: gateway_busy"))));
}

#[test]
fn waits_are_spread_by_a_fifth() {
    let route = pools(&["a"]);
    let wait = |chance| match standing(&route, 2, 0, UnknownRule::Resend).after_hand_over(busy(None), chance)
    {
        Step::Again { again, .. } => again.after.as_millis(),
        Step::Report(_) | Step::GiveBack => unreachable!(),
    };
    assert_eq!((wait(0.0), wait(0.5), wait(1.0)), (8_000, 10_000, 12_000));
}

#[test]
fn a_gateway_that_asks_for_more_patience_gets_it_and_one_that_asks_for_less_does_not() {
    let route = pools(&["a"]);
    let at_first = standing(&route, 0, 0, UnknownRule::Resend);
    assert_eq!(again(&at_first.after_hand_over(busy(Some(120)), 0.5)).unwrap().1, 120);
    let third = standing(&route, 2, 0, UnknownRule::Resend);
    assert_eq!(again(&third.after_hand_over(busy(Some(1)), 0.5)).unwrap().1, 10);
}

#[test]
fn no_try_is_planned_that_cannot_happen_before_the_deadline() {
    let (alone, pair) = (pools(&["a"]), pools(&["a", "b"]));
    let first = |route| standing(route, 0, 0, UnknownRule::Resend);
    assert_eq!(again(&first(&alone).after_hand_over(busy(Some(299)), 0.5)).unwrap().1, 299);
    let late = first(&alone).after_hand_over(busy(Some(300)), 0.5);
    assert_eq!(end(&late), Some((Outcome::Expired, ReportCode::GatewayBusy)));
    let late = first(&pair).after_hand_over(busy(Some(300)), 0.5);
    assert_eq!(again(&late), Some(("b", 0, 0, Unknown::No)));
    let dead = Standing { now: at(300), ..first(&pair) };
    assert_eq!(
        end(&dead.after_hand_over(busy(None), 0.5)),
        Some((Outcome::Expired, ReportCode::GatewayBusy))
    );
    let endless = first(&alone).after_hand_over(busy(Some(u64::MAX)), 0.5);
    assert_eq!(end(&endless), Some((Outcome::Expired, ReportCode::GatewayBusy)));
}

#[test]
fn the_next_pool_gets_the_job_after_the_second_failure() {
    let route = pools(&["a", "b"]);
    let first = standing(&route, 0, 0, UnknownRule::Resend).after_hand_over(busy(None), 0.5);
    assert_eq!(again(&first), Some(("a", 1, 1, Unknown::No)));
    let second = standing(&route, 1, 0, UnknownRule::Resend).after_hand_over(busy(None), 0.5);
    assert_eq!(again(&second), Some(("b", 0, 0, Unknown::No)));
    let in_last = Standing { pool: &route[1], ..standing(&route, 1, 0, UnknownRule::Resend) };
    assert_eq!(again(&in_last.after_hand_over(busy(None), 0.5)).unwrap().0, "b");
}

#[test]
fn a_refusal_goes_to_the_next_pool_at_once_unless_it_is_about_the_number() {
    let route = pools(&["a", "b"]);
    let first = standing(&route, 0, 0, UnknownRule::Resend);
    assert_eq!(again(&first.after_hand_over(refused(About::Gateway), 0.5)), Some(("b", 0, 0, Unknown::No)));
    assert_eq!(again(&first.after_hand_over(refused(About::Job), 0.5)), Some(("b", 0, 0, Unknown::No)));
    let rejected = Some((Outcome::Rejected, ReportCode::GatewayRejected));
    assert_eq!(end(&first.after_hand_over(refused(About::Number), 0.5)), rejected);
    let last = Standing { pool: &route[1], ..first.clone() };
    assert_eq!(end(&last.after_hand_over(refused(About::Gateway), 0.5)), rejected);
    let late = Standing { now: at(300), ..first };
    assert_eq!(end(&late.after_hand_over(refused(About::Gateway), 0.5)), rejected);
}

#[test]
fn a_pool_outside_of_the_route_hands_on_to_its_head() {
    let (route, other) = (pools(&["a", "b"]), pools(&["z"]));
    let outside = Standing { pool: &other[0], ..standing(&route, 0, 0, UnknownRule::Resend) };
    assert_eq!(again(&outside.after_hand_over(refused(About::Gateway), 0.5)).unwrap().0, "a");
    let no_route = Standing { pool: &other[0], route: &[], ..standing(&route, 0, 0, UnknownRule::Resend) };
    assert!(end(&no_route.after_hand_over(refused(About::Gateway), 0.5)).is_some());
}

#[test]
fn silence_is_answered_by_the_rule_of_the_pool() {
    let route = pools(&["a", "b"]);
    let after =
        |rule, tries, unknowns| standing(&route, tries, unknowns, rule).after_hand_over(silence(), 0.5);
    let unknown = Some((Outcome::Unknown, ReportCode::NoAnswer));
    assert_eq!(end(&after(UnknownRule::Never, 0, 0)), unknown);
    assert_eq!(again(&after(UnknownRule::Resend, 0, 0)), Some(("a", 1, 1, Unknown::Yes)));
    assert_eq!(end(&after(UnknownRule::Resend, 1, 1)), unknown);
    assert_eq!(again(&after(UnknownRule::Idempotent, 1, 1)), Some(("a", 3, 2, Unknown::Yes)));
    assert_eq!(end(&after(UnknownRule::Idempotent, 5, 5)), unknown);
    let late = Standing { now: at(299), ..standing(&route, 0, 0, UnknownRule::Resend) };
    assert_eq!(end(&late.after_hand_over(silence(), 0.5)), unknown);
}

#[test]
fn after_a_hand_over_of_unknown_outcome_no_report_says_that_nothing_was_sent() {
    let route = pools(&["a"]);
    let unknown = Some((Outcome::Unknown, ReportCode::NoAnswer));
    let last = standing(&route, 5, 1, UnknownRule::Resend);
    assert_eq!(end(&last.after_hand_over(busy(None), 0.5)), unknown);
    assert_eq!(end(&last.after_hand_over(refused(About::Gateway), 0.5)), unknown);
    assert_eq!(end(&last.after_hand_over(busy(Some(1000)), 0.5)), unknown);
    let number = Some((Outcome::Rejected, ReportCode::GatewayRejected));
    assert_eq!(end(&last.after_hand_over(refused(About::Number), 0.5)), number);
}

#[test]
fn before_the_hand_over_the_deadline_and_lost_senders_are_looked_at() {
    let route = pools(&["a", "b"]);
    let before = |s: Standing| s.before_hand_over().map(|f| (f.outcome, f.code));
    let fresh = standing(&route, 0, 0, UnknownRule::Never);
    assert_eq!(before(fresh.clone()), None);
    let last_moment = at(300).saturating_sub(Duration::from_millis(1)).unwrap();
    assert_eq!(before(Standing { now: last_moment, ..fresh.clone() }), None);
    assert_eq!(
        before(Standing { now: at(300), ..fresh.clone() }),
        Some((Outcome::Expired, ReportCode::Expired))
    );
    let lost = Some((Outcome::Unknown, ReportCode::SenderLost));
    assert_eq!(before(Standing { unknowns: 1, ..fresh.clone() }), lost);
    let resend = standing(&route, 1, 1, UnknownRule::Resend);
    assert_eq!(before(resend.clone()), None);
    assert_eq!(before(Standing { unknowns: 2, ..resend.clone() }), lost);
    let no_answer = Some((Outcome::Unknown, ReportCode::NoAnswer));
    assert_eq!(before(Standing { now: at(300), ..resend }), no_answer);
    // pool `b` never sends what may have gone out, and pool `a` had no answer
    let handed_on = Standing { pool: &route[1], attempts: Attempts { total: 2, in_pool: 0 }, ..fresh };
    assert_eq!(before(Standing { unknowns: 1, ..handed_on }), no_answer);
}

#[derive(Debug, Clone)]
enum Event {
    Says(Verdict),
    /// The sender dies in the middle of the hand-over.
    Lost,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Says(Verdict::Accepted { gateway_id: None, detail: None })),
        6 => proptest::option::of(0_u64..400).prop_map(|after| Event::Says(busy(after))),
        1 => Just(Event::Says(refused(About::Number))),
        3 => Just(Event::Says(refused(About::Gateway))),
        4 => Just(Event::Says(silence())),
        2 => Just(Event::Lost),
    ]
}

fn rule() -> impl Strategy<Value = UnknownRule> {
    prop_oneof![Just(UnknownRule::Resend), Just(UnknownRule::Idempotent), Just(UnknownRule::Never)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_sequence_of_verdicts_ends_in_one_report_within_tries_and_deadline(
        events in proptest::collection::vec((event(), 0_u64..25, 0.0..1.0), 200),
        route_length in 1_usize..4,
        rule in rule(),
        life in 1_i64..2000,
    ) {
        let route = &pools(&["a", "b", "c"])[..route_length];
        let mut s = Standing { deadline: at(life), ..standing(route, 0, 0, rule) };
        let (mut hand_overs, mut maybe_sent, mut certain) = (0_u32, 0_u32, true);
        let mut events = events.into_iter();
        let end = loop {
            if let Some(end) = s.before_hand_over() {
                break end;
            }
            prop_assert!(s.now < s.deadline, "handed over after the deadline");
            hand_overs += 1;
            let (event, took, chance) = events.next().expect("it ends long before the 200th event");
            s.now = s.now.saturating_add(Duration::from_secs(took)).unwrap();
            let verdict = match event {
                Event::Says(verdict) => verdict,
                Event::Lost => {
                    (maybe_sent, certain, s.unknowns) = (maybe_sent + 1, false, s.unknowns + 1);
                    continue;
                }
            };
            let accepted = matches!(verdict, Verdict::Accepted { .. });
            let number = matches!(verdict, Verdict::Rejected { about: About::Number, .. });
            let unknown = matches!(verdict, Verdict::Unknown { .. });
            maybe_sent += u32::from(accepted || unknown);
            certain &= !unknown;
            match s.after_hand_over(verdict, chance) {
                Step::Report(end) => {
                    prop_assert_eq!(accepted, end.outcome == Outcome::Accepted);
                    prop_assert!(!number || end.outcome == Outcome::Rejected);
                    prop_assert!(number || certain || accepted || end.outcome == Outcome::Unknown);
                    break end;
                }
                Step::Again { again, unknown: counted } => {
                    prop_assert!(!accepted && !number);
                    prop_assert_eq!(unknown, counted == Unknown::Yes);
                    s.unknowns += u32::from(counted == Unknown::Yes);
                    s.now = s.now.saturating_add(again.after).unwrap();
                    s.attempts = again.attempts;
                    s.pool = route.iter().find(|p| **p == again.pool).expect("in the route");
                }
                Step::GiveBack => prop_assert!(false, "a hand-over always leads on"),
            }
        };
        prop_assert!(end.outcome.is_final());
        prop_assert!(end.attempts <= hand_overs);
        // two tries in each pool but the last, six there; a rule's resends and lost senders come on top
        let tries = 2 * (u32::try_from(route_length).unwrap() - 1) + 6;
        prop_assert!(hand_overs <= tries + s.unknowns, "{} of {}", hand_overs, tries);
        let duplicates = match rule {
            UnknownRule::Never => 0,
            UnknownRule::Resend => 1,
            UnknownRule::Idempotent => tries_in_pool(),
        };
        prop_assert!(maybe_sent <= 1 + duplicates);
    }
}

fn shut<'a>(route: &'a [Pool], in_pool: u32, unknowns: u32, rule: UnknownRule, seconds: u64) -> Standing<'a> {
    Standing { shut: Some(Duration::from_secs(seconds)), ..standing(route, in_pool, unknowns, rule) }
}

#[test]
fn while_the_breaker_is_open_a_job_goes_on_and_no_try_is_counted() {
    let route = pools(&["a", "b"]);
    for while_open in [WhileOpen::Rest, WhileOpen::MoveAlong] {
        let step = shut(&route, 1, 1, UnknownRule::Resend, 5).while_shut(while_open, 0.5);
        let Step::Again { again, unknown } = step else { panic!("{step:?}") };
        let attempts = Attempts { total: 1, in_pool: 0 };
        assert_eq!((again.pool.as_str(), again.after, again.attempts), ("b", Duration::ZERO, attempts));
        assert_eq!(unknown, Unknown::No);
    }
}

#[test]
fn a_job_without_another_way_waits_for_the_breaker_or_goes_back() {
    let route = pools(&["a"]);
    let standing = shut(&route, 2, 0, UnknownRule::Resend, 7);
    assert_eq!(standing.while_shut(WhileOpen::Rest, 0.5), Step::GiveBack);
    let step = standing.while_shut(WhileOpen::MoveAlong, 0.5);
    assert_eq!(again(&step), Some(("a", 7, 2, Unknown::No)));
    let half_open = shut(&route, 0, 0, UnknownRule::Resend, 0);
    for while_open in [WhileOpen::Rest, WhileOpen::MoveAlong] {
        let step = half_open.while_shut(while_open, 0.5);
        assert_eq!(again(&step), Some(("a", 1, 0, Unknown::No)), "beside a probe nobody turns in circles");
    }
    let dying = Standing { deadline: at(3), ..standing };
    let step = dying.while_shut(WhileOpen::MoveAlong, 0.5);
    assert_eq!(again(&step), Some(("a", 3, 2, Unknown::No)), "it comes back to be reported expired");
}

#[test]
fn a_job_that_only_its_own_gateway_knows_again_goes_nowhere_else() {
    let route = pools(&["a", "b"]);
    let standing = shut(&route, 1, 1, UnknownRule::Idempotent, 5);
    assert_eq!(standing.while_shut(WhileOpen::Rest, 0.5), Step::GiveBack);
    assert_eq!(end(&standing.too_late()), Some((Outcome::Unknown, ReportCode::NoAnswer)));
}

#[test]
fn a_failure_that_opened_the_breaker_goes_on_at_once() {
    let route = pools(&["a", "b"]);
    let step = shut(&route, 0, 0, UnknownRule::Resend, 5).after_hand_over(busy(None), 0.5);
    assert_eq!(again(&step), Some(("b", 0, 0, Unknown::No)));
    let alone = pools(&["a"]);
    let step = shut(&alone, 0, 0, UnknownRule::Resend, 5).after_hand_over(busy(None), 0.5);
    assert_eq!(again(&step), Some(("a", 1, 1, Unknown::No)), "nowhere to go");
}

#[test]
fn a_turn_that_comes_too_late_is_another_pools_or_the_end() {
    let (route, alone) = (pools(&["a", "b"]), pools(&["a"]));
    let step = standing(&route, 0, 0, UnknownRule::Resend).too_late();
    assert_eq!(again(&step), Some(("b", 0, 0, Unknown::No)));
    let step = standing(&alone, 1, 0, UnknownRule::Resend).too_late();
    assert_eq!(end(&step), Some((Outcome::Expired, ReportCode::Expired)));
    let step = standing(&alone, 1, 1, UnknownRule::Resend).too_late();
    assert_eq!(
        end(&step).map(|(outcome, _)| outcome),
        Some(Outcome::Unknown),
        "the first SMS may have arrived"
    );
}

#[test]
fn a_code_that_is_too_short_lived_for_this_gateway_ends_at_once_or_goes_on_and_no_try_is_counted() {
    let expired = || Verdict::Retry { code: ReportCode::Expired, after: None, detail: None };
    let alone = pools(&["a"]);
    let step = standing(&alone, 1, 0, UnknownRule::Resend).after_hand_over(expired(), 0.5);
    let Step::Report(finding) = &step else { panic!("{step:?}") };
    assert_eq!((finding.outcome, finding.attempts), (Outcome::Expired, 1));
    let two = pools(&["a", "b"]);
    let step = standing(&two, 0, 0, UnknownRule::Resend).after_hand_over(expired(), 0.5);
    assert_eq!(again(&step), Some(("b", 0, 0, Unknown::No)));
}

#[test]
fn a_job_that_its_gateway_would_know_again_goes_to_no_other_after_a_failure_either() {
    let route = pools(&["a", "b"]);
    for verdict in [busy(None), refused(About::Gateway)] {
        for tries in 0..6 {
            let step =
                standing(&route, tries, 1, UnknownRule::Idempotent).after_hand_over(verdict.clone(), 0.5);
            assert!(again(&step).is_none_or(|(pool, ..)| pool == "a"), "{tries}: {step:?}");
        }
    }
}
