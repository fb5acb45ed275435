//! Whatever the server does, it becomes the right verdict.

use std::time::{Duration, Instant};

use mtan_sender::Provider;
use mtan_sender_smtp::SmtpProvider;
use mtan_testkit::free_port;
use mtan_testkit::gateway::Hold;
use mtan_testkit::smtp::{Act, Offer, SmtpSink, Stage};
use serde_json::json;

use crate::support::{
    NUMBER, SetClock, TEXT, config, in_time, job, provider, provider_at, send, send_text, word,
};

/// What one act at one stage becomes, with the number in `mailto` or not.
async fn verdict_of(stage: Stage, act: Act, mailto: &str) -> (String, usize) {
    let sink = SmtpSink::start(Offer::plain()).await;
    sink.always(stage, act);
    let verdict = send(&provider(&sink, json!({ "mailto": mailto }))).await;
    assert!(sink.mails().len() <= 1, "one job, one mail");
    (word(&verdict), sink.mails().len())
}

#[tokio::test]
async fn every_answer_at_every_stage_has_its_verdict() {
    let (fixed, phone) = ("sms@gateway.test", "<phone>@gateway.test");
    for (stage, code, words, mailto, expected) in [
        (Stage::Greeting, 421, "4.7.0 too many", fixed, "retry gateway_busy"),
        (Stage::Greeting, 554, "5.7.1 go away", fixed, "rejected gateway_rejected"),
        (Stage::Ehlo, 451, "4.3.0 later", fixed, "retry gateway_error"),
        (Stage::Ehlo, 550, "5.7.1 who?", fixed, "rejected gateway_rejected"),
        (Stage::Mail, 421, "4.3.2 bye", fixed, "retry gateway_busy"),
        (Stage::Mail, 450, "4.2.0 busy", fixed, "retry gateway_busy"),
        (Stage::Mail, 452, "4.3.1 full", fixed, "retry gateway_busy"),
        (Stage::Mail, 451, "4.3.0 later", fixed, "retry gateway_error"),
        (Stage::Mail, 530, "5.7.0 log in", fixed, "rejected gateway_auth_failed"),
        (Stage::Mail, 550, "5.7.1 not you", phone, "rejected gateway_rejected"),
        (Stage::Recipient, 450, "4.2.0 greylisted", phone, "retry gateway_busy"),
        (Stage::Recipient, 550, "5.1.1 who?", phone, "rejected number number_rejected"),
        (Stage::Recipient, 551, "5.1.6 moved", phone, "rejected number number_rejected"),
        (Stage::Recipient, 553, "5.1.3 bad", phone, "rejected number number_rejected"),
        (Stage::Recipient, 550, "5.7.1 no relay", phone, "rejected gateway_rejected"),
        (Stage::Recipient, 550, "5.1.1 who?", fixed, "rejected gateway_rejected"),
        (Stage::Data, 451, "4.3.0 later", fixed, "retry gateway_error"),
        (Stage::Data, 554, "5.3.0 no", fixed, "rejected gateway_rejected"),
        (Stage::Data, 250, "2.0.0 what?", fixed, "retry gateway_error"),
    ] {
        let outcome = verdict_of(stage, Act::answer(code, words), mailto).await;
        assert_eq!(outcome, (expected.to_owned(), 0), "{stage:?} {code} {words} {mailto}");
    }
    for (code, words, expected) in [
        (250, "2.0.0 Ok: queued as 4XYz", "accepted 4XYz"),
        (251, "fine", "accepted -"),
        (421, "4.3.2 bye", "retry gateway_busy"),
        (451, "4.3.0 later", "retry gateway_error"),
        (452, "4.3.1 full", "retry gateway_busy"),
        (550, "5.7.1 spam", "rejected gateway_rejected"),
        (554, "5.6.0 bad", "rejected gateway_rejected"),
        (354, "more?", "unknown no_answer"),
    ] {
        let outcome = verdict_of(Stage::Dot, Act::answer(code, words), phone).await;
        assert_eq!(outcome, (expected.to_owned(), 1), "dot {code} {words}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_has_got_nothing_until_the_final_dot() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Recipient, Stage::Data] {
        for act in [Act::close(), Act::reset(), Act::answer(421, "4.3.2 bye").then_close()] {
            let (word, mails) = verdict_of(stage, act.clone(), "sms@gateway.test").await;
            let expected = ["retry gateway_unreachable", "retry gateway_busy"];
            assert!(expected.contains(&word.as_str()) && mails == 0, "{stage:?} {act:?}: {word}");
        }
    }
    let (word, mails) =
        verdict_of(Stage::Data, Act::answer(354, "go").then_reset(), "sms@gateway.test").await;
    assert!(
        ["retry gateway_unreachable", "unknown no_answer"].contains(&word.as_str()) && mails == 0,
        "{word}"
    );
    for stage in [Stage::Content, Stage::Dot] {
        for act in [Act::close(), Act::reset()] {
            let (word, _) = verdict_of(stage, act.clone(), "sms@gateway.test").await;
            assert_eq!(word, "unknown no_answer", "{stage:?} {act:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_smtp_is_no_answer_only_after_the_final_dot() {
    for bytes in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "25", "2xx ok\r\n", "\u{0}\u{ff}\r\n"] {
        for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Recipient, Stage::Data] {
            let act = Act::raw(bytes).then_close();
            let (word, _) = verdict_of(stage, act, "sms@gateway.test").await;
            assert!(word.starts_with("retry gateway_"), "{stage:?} {bytes:?}: {word}");
        }
        let (word, _) = verdict_of(Stage::Dot, Act::raw(bytes).then_close(), "sms@gateway.test").await;
        assert_eq!(word, "unknown no_answer", "{bytes:?}");
    }
    for (stage, expected) in [(Stage::Mail, "retry gateway_error"), (Stage::Dot, "unknown no_answer")] {
        for line in ["250-and more\r\n", "2 without an end "] {
            let (word, _) = verdict_of(stage, Act::endless(line), "sms@gateway.test").await;
            assert_eq!(word, expected, "{stage:?} {line:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_given_up_in_time() {
    let time_out = Duration::from_millis(500);
    for (stage, expected) in [
        (Stage::Greeting, "retry gateway_unreachable"),
        (Stage::Ehlo, "retry gateway_unreachable"),
        (Stage::Mail, "retry gateway_unreachable"),
        (Stage::Recipient, "retry gateway_unreachable"),
        (Stage::Data, "retry gateway_unreachable"),
        (Stage::Dot, "unknown no_answer"),
    ] {
        for act in [Act::silence(), Act::dribble(Duration::from_millis(100))] {
            let sink = SmtpSink::start(Offer::plain()).await;
            sink.always(stage, act);
            let provider = provider(&sink, json!({ "TIMEOUT": "0.4,0.5" }));
            let started = Instant::now();
            assert_eq!(word(&send(&provider).await), expected, "{stage:?}");
            assert!(
                started.elapsed() >= time_out && started.elapsed() < time_out * 8,
                "{:?}",
                started.elapsed()
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_reached_has_got_nothing() {
    let sink = SmtpSink::start(Offer::plain()).await;
    sink.refuse().await;
    for server in [
        sink.address().to_string(),
        format!("[::1]:{}", free_port()),
        "no-such-host.invalid".to_owned(),
        "192.0.2.1:2525".to_owned(),
    ] {
        let verdict = send(&provider_at(&server, json!({ "TIMEOUT": "0.5,5" }))).await;
        assert_eq!(word(&verdict), "retry gateway_unreachable", "{server}: {verdict:?}");
    }
    sink.listen();
    assert_eq!(word(&send(&provider(&sink, json!({}))).await), "accepted SINK1");
}

#[tokio::test]
async fn one_refused_number_blocks_nobody_else() {
    let sink = SmtpSink::start(Offer::plain()).await;
    sink.for_recipient(format!("{NUMBER}@gw.test"), Act::answer(550, "5.1.1 no such user"));
    let provider = provider(&sink, json!({ "mailto": "<phone>@gw.test" }));
    let other = json!({ "id": "job-2", "to": "+4917699999999", "text": TEXT });
    let other = mtan_jobs::SendJob::from_json(other.to_string().as_bytes()).unwrap();
    for n in 1..=3 {
        assert_eq!(word(&send(&provider).await), "rejected number number_rejected");
        let verdict = provider.send(&other, in_time(Duration::from_secs(60))).await;
        assert_eq!(word(&verdict), format!("accepted SINK{n}"));
    }
    assert_eq!((sink.connections(), sink.count("RSET")), (1, 3));
}

#[tokio::test]
async fn a_code_that_dies_in_the_dialogue_does_not_go_out() {
    for stage in [Stage::Greeting, Stage::Mail, Stage::Data] {
        let sink = SmtpSink::start(Offer::plain()).await;
        sink.always(stage, Act::silence());
        let provider = provider(&sink, json!({}));
        let started = Instant::now();
        let verdict = provider.send(&job(TEXT), in_time(Duration::from_millis(300))).await;
        assert_eq!(word(&verdict), "retry expired_before_hand_over", "{stage:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        let dead = provider.send(&job(TEXT), in_time(Duration::ZERO)).await;
        assert_eq!(word(&dead), "retry expired_before_hand_over");
        assert_eq!((sink.mails().len(), sink.connections()), (0, 1));
    }
}

#[tokio::test]
async fn the_clock_is_asked_right_before_the_content() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let (hold, clock) = (Hold::new(), SetClock::new(1_000));
    sink.always(Stage::Data, Act::ordinary().held_by(&hold));
    let provider = SmtpProvider::new(config(&sink.address().to_string(), json!({})), clock.clone());
    let job = job(TEXT);
    let sending = provider.send(&job, jiff::Timestamp::from_second(1_100).unwrap());
    let dying = async {
        hold.wait_for(1).await;
        clock.set(1_100);
        hold.release();
    };
    let (verdict, ()) = tokio::join!(sending, dying);
    assert_eq!(word(&verdict), "retry expired_before_hand_over");
    sink.wait_for_open(0).await;
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn an_answer_to_the_final_dot_is_waited_for_past_the_code_s_death() {
    let sink = SmtpSink::start(Offer::plain()).await;
    sink.always(Stage::Dot, Act::ordinary().after(Duration::from_millis(600)));
    let verdict = provider(&sink, json!({})).send(&job(TEXT), in_time(Duration::from_millis(400))).await;
    assert_eq!(word(&verdict), "accepted SINK1");
}

#[tokio::test]
async fn an_echo_of_the_job_does_not_come_back_in_a_detail() {
    let echo = "refused: Your code is 123456 to +491701234567 (0170 1234567), code=123456";
    for (stage, code) in
        [(Stage::Recipient, 550), (Stage::Recipient, 450), (Stage::Dot, 554), (Stage::Dot, 250)]
    {
        let sink = SmtpSink::start(Offer::plain()).await;
        sink.always(stage, Act::answer(code, echo));
        let verdict = format!("{:?}", send_text(&provider(&sink, json!({})), TEXT).await);
        assert!(verdict.contains("refused") && !verdict.contains("123456"), "{verdict}");
        assert!(!verdict.contains("1234567") && !verdict.contains("Your code"), "{verdict}");
    }
}
