use super::*;

fn job() -> SendJob {
    let body = serde_json::json!({ "id": "1", "to": "+491701234567", "text": "Your code is 123456", "otp": "123456" });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

fn reply(code: u16, words: &str) -> Reply {
    Reply { code, lines: words.lines().map(str::to_owned).collect() }
}

fn of(outcome: Result<Reply, Failure>, recipient: Recipient) -> String {
    match verdict(outcome, recipient, &job(), &Secrets::default()) {
        Verdict::Accepted { gateway_id, .. } => format!("accepted {}", gateway_id.as_deref().unwrap_or("-")),
        Verdict::Retry { code, .. } => format!("retry {code}"),
        Verdict::Rejected { about, code, .. } => format!("rejected {about:?} {code}"),
        Verdict::Unknown { code, .. } => format!("unknown {code}"),
    }
}

#[test]
fn every_answer_at_every_step_has_its_verdict() {
    use Recipient::{Gateway, Number};
    for (step, code, words, recipient, expected) in [
        (Step::Greeting, 421, "too many", Gateway, "retry gateway_busy"),
        (Step::Greeting, 554, "no mail here", Gateway, "rejected Gateway gateway_rejected"),
        (Step::Hello, 451, "later", Gateway, "retry gateway_error"),
        (Step::Hello, 550, "who?", Gateway, "rejected Gateway gateway_rejected"),
        (Step::StartTls, 454, "not now", Gateway, "retry gateway_error"),
        (Step::StartTls, 354, "what?", Gateway, "retry gateway_error"),
        (Step::Auth, 454, "later", Gateway, "retry gateway_error"),
        (Step::Auth, 535, "no", Gateway, "rejected Gateway gateway_auth_failed"),
        (Step::Auth, 534, "weak", Gateway, "rejected Gateway gateway_auth_failed"),
        (Step::Auth, 504, "which?", Gateway, "rejected Gateway gateway_auth_failed"),
        (Step::Mail, 530, "authenticate", Gateway, "rejected Gateway gateway_auth_failed"),
        (Step::Mail, 538, "encrypt", Number, "rejected Gateway gateway_auth_failed"),
        (Step::Mail, 451, "later", Gateway, "retry gateway_error"),
        (Step::Mail, 452, "full", Gateway, "retry gateway_busy"),
        (Step::Mail, 550, "not you", Number, "rejected Gateway gateway_rejected"),
        (Step::Recipient, 450, "greylisted", Number, "retry gateway_busy"),
        (Step::Recipient, 451, "later", Number, "retry gateway_error"),
        (Step::Recipient, 550, "5.1.1 no such user", Number, "rejected Number number_rejected"),
        (Step::Recipient, 551, "not here", Number, "rejected Number number_rejected"),
        (Step::Recipient, 553, "bad mailbox", Number, "rejected Number number_rejected"),
        (Step::Recipient, 550, "5.7.1 relaying denied", Number, "rejected Gateway gateway_rejected"),
        (Step::Recipient, 554, "relaying denied", Number, "rejected Gateway gateway_rejected"),
        (Step::Recipient, 550, "5.1.1 no such user", Gateway, "rejected Gateway gateway_rejected"),
        (Step::Data, 421, "bye", Gateway, "retry gateway_busy"),
        (Step::Data, 554, "no", Gateway, "rejected Gateway gateway_rejected"),
        (Step::Data, 250, "ok?", Gateway, "retry gateway_error"),
        (Step::Dot, 452, "full", Gateway, "retry gateway_busy"),
        (Step::Dot, 451, "later", Gateway, "retry gateway_error"),
        (Step::Dot, 550, "5.1.1 spam", Number, "rejected Gateway gateway_rejected"),
        (Step::Dot, 552, "too big", Gateway, "rejected Gateway gateway_rejected"),
        (Step::Dot, 354, "more?", Gateway, "unknown no_answer"),
    ] {
        let failure = Failure::Refused(step, reply(code, words));
        assert_eq!(of(Err(failure), recipient), expected, "{step} {code} {words}");
    }
}

#[test]
fn without_an_answer_the_final_dot_decides() {
    for step in [Step::Connect, Step::Tls, Step::Greeting, Step::Hello, Step::StartTls, Step::Auth] {
        assert_eq!(of(Err(Failure::Lost(step, "x".into())), Recipient::Gateway), "retry gateway_unreachable");
    }
    for step in [Step::Reset, Step::Mail, Step::Recipient, Step::Data, Step::Content] {
        assert_eq!(of(Err(Failure::TimedOut(step)), Recipient::Number), "retry gateway_unreachable");
        assert_eq!(of(Err(Failure::Lost(step, "x".into())), Recipient::Number), "retry gateway_unreachable");
        assert_eq!(of(Err(Failure::Garbage(step)), Recipient::Number), "retry gateway_error");
    }
    for failure in
        [Failure::Lost(Step::Dot, "x".into()), Failure::TimedOut(Step::Dot), Failure::Garbage(Step::Dot)]
    {
        assert_eq!(of(Err(failure), Recipient::Gateway), "unknown no_answer");
    }
    for (failure, expected) in [
        (Failure::Expired, "retry expired_before_hand_over"),
        (Failure::NoStartTls, "retry gateway_unreachable"),
        (Failure::NoAuth, "rejected Gateway gateway_auth_failed"),
        (Failure::NoEightBit, "rejected Gateway gateway_rejected"),
    ] {
        assert_eq!(of(Err(failure), Recipient::Gateway), expected);
    }
}

#[test]
fn the_server_s_id_of_the_mail_is_found() {
    for (words, expected) in [
        ("2.0.0 Ok: queued as 4XYz12", "accepted 4XYz12"),
        ("OK id=1tEbXq-0001Ab-2C", "accepted 1tEbXq-0001Ab-2C"),
        ("2.0.0 4AOBx9 Message accepted for delivery", "accepted 4AOBx9"),
        ("2.0.0: 8f1f9e2b Message accepted for delivery", "accepted 8f1f9e2b"),
        ("first\n2.0.0 Ok: queued as A-1.", "accepted A-1"),
        ("2.0.0 Ok", "accepted -"),
        ("2.0.0 Ok: queued as 123456", "accepted -"),
        ("2.0.0 Ok: queued as 491701234567", "accepted -"),
        ("2.0.0 Ok: queued as <script>", "accepted -"),
        ("queued as ", "accepted -"),
        ("", "accepted -"),
    ] {
        assert_eq!(of(Ok(reply(250, words)), Recipient::Gateway), expected, "{words}");
    }
}

#[test]
fn a_detail_says_step_and_code_and_nothing_of_the_job() {
    let detail = |step, code, words: &str| {
        let outcome = Err(Failure::Refused(step, reply(code, words)));
        match verdict(outcome, Recipient::Number, &job(), &Secrets::default()) {
            Verdict::Rejected { detail, .. } | Verdict::Retry { detail, .. } => detail.unwrap().to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(detail(Step::Recipient, 550, "5.1.1 no such user"), "RCPT 550: 5.1.1 no such user");
    let echo = detail(Step::Recipient, 550, "<+491701234567@gw>: unknown\nYour code is 123456");
    assert!(echo.starts_with("RCPT 550: <+…@gw>: unknown"), "{echo}");
    assert!(!echo.contains("1234567") && !echo.contains("123456"), "{echo}");
    assert_eq!(detail(Step::Auth, 535, "bad password: hunter2"), "AUTH 535");
}

#[test]
fn a_detail_says_nothing_of_the_login() {
    let mut secrets = Secrets::default();
    secrets.add_login("user-name", "pw1");
    for secret in ["user-name", "pw1", "dXNlci1uYW1lOnB3MQ", "AHVzZXItbmFtZQBwdzE"] {
        let outcome = Err(Failure::Refused(Step::Mail, reply(550, &format!("no {secret} here"))));
        let verdict = verdict(outcome, Recipient::Number, &job(), &secrets);
        let Verdict::Rejected { detail: Some(detail), .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(detail.as_str(), "MAIL 550: no … here", "{secret}");
    }
}

#[test]
fn only_a_connection_that_had_ended_before_is_replaced() {
    for step in [Step::Reset, Step::Mail, Step::Recipient, Step::Data] {
        assert!(Failure::Lost(step, String::new()).is_stale(), "{step}");
        assert!(!Failure::TimedOut(step).is_stale(), "{step}");
    }
    for step in [Step::Content, Step::Dot] {
        assert!(!Failure::Lost(step, String::new()).is_stale(), "{step}");
    }
    assert!(Failure::Refused(Step::Mail, reply(421, "idle too long")).is_stale());
    assert!(!Failure::Refused(Step::Mail, reply(451, "later")).is_stale());
    assert!(!Failure::Refused(Step::Dot, reply(421, "bye")).is_stale());
}
