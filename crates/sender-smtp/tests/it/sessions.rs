//! Connections are kept, reused without asking, and given up politely.

use std::time::{Duration, Instant};

use mtan_sender::Provider;
use mtan_testkit::gateway::Hold;
use mtan_testkit::smtp::{Act, Offer, SmtpSink, Stage};
use serde_json::json;

use crate::support::{TEXT, in_time, job, provider, send, word};

#[tokio::test]
async fn a_connection_carries_one_mail_after_the_other_without_a_question_between() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    let started = Instant::now();
    for n in 1..=100 {
        assert_eq!(word(&send(&provider).await), format!("accepted SINK{n}"));
    }
    // with Nagle's algorithm each would wait 40 ms for a delayed acknowledgement
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!((sink.connections(), sink.count("EHLO"), sink.count("MAIL")), (1, 1, 100));
    assert_eq!((sink.count("NOOP"), sink.count("RSET")), (0, 0));
}

#[tokio::test]
async fn there_are_no_more_connections_than_hand_overs_at_a_time() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    for round in 1..=2 {
        let hold = Hold::new();
        sink.always(Stage::Dot, Act::ordinary().held_by(&hold));
        let job = job(TEXT);
        let sends = (0..10).map(|_| provider.send(&job, in_time(Duration::from_secs(60))));
        let all = futures_util::future::join_all(sends);
        let release = async {
            hold.wait_for(10).await;
            hold.release();
        };
        let (verdicts, ()) = tokio::join!(all, release);
        assert!(verdicts.iter().all(|verdict| word(verdict).starts_with("accepted")), "{verdicts:?}");
        assert_eq!((sink.connections(), sink.mails().len()), (10, 10 * round));
    }
}

#[tokio::test]
async fn a_broken_off_transaction_is_wiped_before_the_next() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    for (stage, code) in [(Stage::Mail, 451), (Stage::Recipient, 550), (Stage::Data, 451), (Stage::Dot, 554)]
    {
        sink.next(1, stage, Act::answer(code, "no"));
        assert!(!word(&send(&provider).await).starts_with("accepted"));
        assert!(word(&send(&provider).await).starts_with("accepted"), "{stage:?}");
    }
    assert_eq!((sink.count("RSET"), sink.connections()), (4, 1));
    sink.next(1, Stage::Mail, Act::answer(451, "no"));
    sink.next(1, Stage::Reset, Act::answer(502, "what?"));
    send(&provider).await;
    assert!(word(&send(&provider).await).starts_with("accepted"));
    assert_eq!(sink.connections(), 2, "what cannot be wiped is not used again");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_costs_nothing() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    for n in 1..=10 {
        assert_eq!(word(&send(&provider).await), format!("accepted SINK{n}"));
        sink.hang_up().await;
    }
    assert_eq!((sink.connections(), sink.mails().len()), (10, 10));
}

#[tokio::test]
async fn a_connection_that_turns_out_to_be_closed_is_replaced_once() {
    for act in [Act::close(), Act::reset(), Act::answer(421, "4.4.2 idle too long").then_close()] {
        let sink = SmtpSink::start(Offer::plain()).await;
        let provider = provider(&sink, json!({}));
        assert_eq!(word(&send(&provider).await), "accepted SINK1");
        sink.next(1, Stage::Mail, act.clone());
        assert_eq!(word(&send(&provider).await), "accepted SINK2", "{act:?}");
        assert_eq!(sink.connections(), 2);
        sink.next(2, Stage::Mail, act.clone());
        assert!(word(&send(&provider).await).starts_with("retry"), "{act:?}");
        assert_eq!((sink.connections(), sink.mails().len()), (3, 2), "once, not for ever");
    }
}

#[tokio::test]
async fn a_mail_whose_fate_is_unknown_is_not_sent_again_by_itself() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    send(&provider).await;
    sink.next(1, Stage::Dot, Act::close());
    assert_eq!(word(&send(&provider).await), "unknown no_answer");
    assert_eq!((sink.mails().len(), sink.connections()), (2, 1));
}

#[tokio::test]
async fn an_idle_connection_gets_its_farewell() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({}));
    send(&provider).await;
    sink.wait_for_command(1, "QUIT").await;
    sink.wait_for_open(0).await;
    assert_eq!(word(&send(&provider).await), "accepted SINK2");
    drop(provider);
    sink.wait_for_command(2, "QUIT").await;
}
