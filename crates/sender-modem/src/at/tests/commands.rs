use super::*;

fn csq() -> Command {
    Command::new("+CSQ").named("+CSQ")
}

#[tokio::test(start_paused = true)]
async fn every_line_end_echo_and_form_of_result_is_read() {
    let csq = csq();
    for reply in [
        "\r\n+CSQ: 20,99\r\n\r\nOK\r\n",
        "AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n",
        "AT+CSQ\r\n\r\r\n+CSQ: 20,99\r\r\n\r\r\nOK\r\r\n",
        "\n+CSQ: 20,99\n\nOK\n",
        "\r+CSQ:20,99\rOK\r",
        "+CSQ: 20,99\r\n0\r",
        "A+CSQ\r\r\n+CSQ: 20,99\r\nOK\r\n",
        "\0\0\r\n+CSQ: 20,99\r\n\u{1b}OK\r\n",
        "\r\n  +CSQ : 20,99 \r\n OK \r\n",
    ] {
        let answer = answered(&csq, reply).await;
        assert_eq!(answer.unwrap().lines(), ["20,99"], "{reply:?}");
        let (mut dialogue, mut script) = Script::settled().await;
        let (answer, ()) = tokio::join!(dialogue.command(&csq), async {
            script.wait_for("\r").await;
            script.say_in_bytes(reply).await;
        });
        assert_eq!(answer.unwrap().lines(), ["20,99"], "in single bytes: {reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_told() {
    let csq = csq();
    for (reply, refusal) in [
        ("ERROR", Refusal::Error),
        ("4", Refusal::Error),
        ("+CMS ERROR: 38", Refusal::Cms(Some(38))),
        ("+CMS ERROR:SIM busy", Refusal::Cms(Some(314))),
        ("+CME ERROR: 10", Refusal::Cme(Some(10))),
        ("+CME ERROR: SIM PIN required", Refusal::Cme(Some(11))),
        ("+CME ERROR: what?", Refusal::Cme(None)),
        ("COMMAND NOT SUPPORT", Refusal::NotSupported),
        ("MODEM ERROR: 2", Refusal::Error),
    ] {
        let (mut dialogue, mut script) = Script::settled().await;
        let (answer, ()) = tokio::join!(dialogue.command(&csq), async {
            script.wait_for("\r").await;
            script.say(&format!("\r\n{reply}\r\n")).await;
        });
        assert_eq!(answer.unwrap_err().refusal(), Some(refusal), "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_between_answers_nothing_of_ours() {
    for end in ["NO CARRIER", "BUSY", "NO ANSWER", "3"] {
        let (mut dialogue, mut script) = Script::settled().await;
        let name = Command::new("+CGMM").free("+CGMM");
        let (answer, ()) = tokio::join!(dialogue.command(&name), async {
            script.wait_for("\r").await;
            script.say(&format!("\r\nRING\r\n\r\n{end}\r\n\r\nMTAN-SIM\r\n\r\nOK\r\n")).await;
        });
        // numbers are results only as long as no word was heard
        let lines = answer.unwrap();
        assert_eq!(lines.lines().last().map(String::as_str), Some("MTAN-SIM"), "{end}: {:?}", lines.lines());
        assert!(end == "3" || lines.lines().len() == 1, "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_by_itself_is_kept_apart_from_the_answer() {
    let (mut dialogue, mut script) = Script::settled().await;
    let command = Command::new("+CREG?").registration("+CREG");
    let (answer, ()) = tokio::join!(dialogue.command(&command), async {
        script.wait_for("\r").await;
        script.say("\r\n^RSSI:20\r\n+CREG: 1\r\n+CREG: 5,\"00C3\",\"1A\"\r\n+CDS: 4\r\n").await;
        script.say("+CMTI: \"SM\",3\r\n^BOOT:1,0,0,0\r\n+CREG: 0,2\r\n07913366\r\nRDY\r\nhm\r\nOK\r\n").await;
    });
    assert_eq!(answer.unwrap().lines(), ["0,2"]);
    let mut heard = Vec::new();
    while let Some(urc) = dialogue.heard() {
        heard.push(urc);
    }
    let registration = |state| Urc::Registration { domain: Domain::Circuit, state };
    let other = |name: &str| Urc::Other(name.to_owned());
    let stored = Urc::MessageStored { memory: "SM".to_owned(), index: 3 };
    let report = Urc::StatusReport("07913366".to_owned());
    let expected = [
        other("^RSSI"),
        registration(1),
        registration(5),
        stored,
        other("^BOOT"),
        report,
        Urc::Restarted,
        other(""),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test(start_paused = true)]
async fn a_free_answer_is_any_line_but_a_known_word_of_the_modems_own() {
    let command = Command::new("+CGMM").free("+CGMM");
    for (reply, lines) in [
        ("E173\r\nOK\r\n", &["E173"][..]),
        ("+CGMM: \"MC55\"\r\nOK\r\n", &["\"MC55\""]),
        ("^RSSI:9\r\nRING\r\nSIM800\r\n+CMTI: \"SM\",1\r\nOK\r\n", &["SIM800"]),
    ] {
        assert_eq!(answered(&command, reply).await.unwrap().lines(), lines, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_nobodys_and_a_command_after_a_time_out_finds_back() {
    let csq = csq();
    let (mut dialogue, mut script) = Script::settled().await;
    let start = tokio::time::Instant::now();
    let silent = dialogue.command(&self::csq().within(seconds(3))).await;
    assert_eq!(silent, Err(AtError::TimedOut { command: "AT+CSQ".to_owned(), after: seconds(3) }));
    assert_eq!(start.elapsed(), seconds(3));
    let (answer, ()) = tokio::join!(dialogue.command(&csq), async {
        script.wait_for("\u{1b}\r").await;
        script.say("\r\n+CSQ: 1,99\r\n\r\nOK\r\n").await; // to the first one
        script.wait_for("AT\r").await;
        script.say("\r\nOK\r\n").await;
        script.wait_for("AT+CSQ\r").await;
        script.say("\r\n+CSQ: 2,99\r\n\r\nOK\r\n").await;
    });
    assert_eq!(answer.unwrap().lines(), ["2,99"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_dropped_leaves_nothing_behind() {
    let csq = csq();
    let (mut dialogue, mut script) = Script::settled().await;
    let dropped = tokio::time::timeout(seconds(1), dialogue.command(&csq)).await;
    assert!(dropped.is_err());
    script.wait_for("AT+CSQ\r").await;
    let (answer, ()) = tokio::join!(dialogue.command(&csq), async {
        script.wait_for("\u{1b}\r").await;
        script.wait_for("AT\r").await;
        script.say("OK\r\n").await;
        script.wait_for("AT+CSQ\r").await;
        script.say("+CSQ: 2,99\r\nOK\r\n").await;
    });
    assert_eq!(answer.unwrap().lines(), ["2,99"]);
}

#[tokio::test(start_paused = true)]
async fn information_without_ok_is_an_answer_where_some_modems_give_no_more() {
    let csq = csq();
    let command = Command::new("+CPIN?").named("+CPIN").may_lack_ok().within(seconds(20));
    assert_eq!(answered(&command, "\r\n+CPIN: READY\r\n").await.unwrap().first(), "READY");
    assert!(matches!(answered(&csq, "\r\n+CSQ: 1,1\r\n").await, Err(AtError::TimedOut { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_closed_line_is_gone_in_every_state_and_a_deaf_modem_is_deaf() {
    let csq = csq();
    let (ours, end) = duplex(64);
    drop(end);
    let mut dialogue = Dialogue::new(ours);
    assert_eq!(dialogue.command(&csq).await, Err(AtError::Gone));
    assert_eq!(dialogue.escape().await, Err(AtError::Gone));
    assert_eq!(dialogue.listen().await, Err(AtError::Gone));
    let (ours, _end) = duplex(1 << 16);
    assert_eq!(Dialogue::new(ours).command(&csq).await, Err(AtError::Deaf));
    // Nor does a port hang us that takes no bytes.
    let (ours, _end) = duplex(1);
    assert_eq!(Dialogue::new(ours).command(&csq).await, Err(AtError::Deaf));
}

#[tokio::test(start_paused = true)]
async fn silent_results_are_switched_on_again() {
    let (ours, end) = duplex(1 << 16);
    let (mut dialogue, mut script) = (Dialogue::new(ours), Script { end, read: String::new() });
    let (escaped, ()) = tokio::join!(dialogue.escape(), async {
        script.wait_for("ATQ0V1\r").await;
        script.say("OK\r\n").await;
    });
    escaped.unwrap();
}

#[tokio::test(start_paused = true)]
async fn listening_hears_both_lines_and_survives_being_dropped() {
    let (mut dialogue, mut script) = Script::settled().await;
    script.say("\r\n+CDS: 5\r\n0791").await;
    assert!(tokio::time::timeout(seconds(1), dialogue.listen()).await.is_err());
    script.say("336655\r\n+CDS: 6,12,\"+49170\",145,\"a\",\"b\",0\r\n+CMT: ,3\r\n001122\r\n").await;
    script.say("+CMT: \"+49170\",,\"26/11/24\"\r\nOK\r\n+CUSD: 0,\"5 EUR\",15\r\n").await;
    assert_eq!(dialogue.listen().await.unwrap(), Urc::StatusReport("0791336655".to_owned()));
    assert!(matches!(dialogue.listen().await.unwrap(), Urc::TextStatusReport(_)));
    assert_eq!(dialogue.listen().await.unwrap(), Urc::Message);
    assert_eq!(dialogue.listen().await.unwrap(), Urc::Message);
    assert_eq!(dialogue.listen().await.unwrap(), Urc::Ussd("0,\"5 EUR\",15".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_shown() {
    let command = Command::secret("+CPIN=", "4711");
    assert_eq!(format!("{command} {command:?}"), "AT+CPIN=.. Command(AT+CPIN=..)");
    for reply in ["\r\n+CME ERROR: 16\r\n", "AT+CPIN=4711\r\r\n"] {
        let error = answered(&command, reply).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("4711") && shown.contains("AT+CPIN=.."), "{shown}");
    }
    let (mut dialogue, mut script) = Script::settled().await;
    script
        .say("+CDS: 1\r\n0011\r\n+CMT: \"+49170\"\r\n123456\r\n+CLIP: \"+49170\"\r\nyour code is 123456\r\n")
        .await;
    for _ in 0..4 {
        let urc = dialogue.listen().await.unwrap();
        let shown = format!("{urc:?}");
        assert!(!shown.contains("49170") && !shown.contains("123456") && !shown.contains("0011"), "{shown}");
    }
    let answer =
        answered(&Command::new("+CSCA?").named("+CSCA"), "+CSCA: \"+49170\"\r\nOK\r\n").await.unwrap();
    assert_eq!(format!("{answer:?}"), "Answer(1 lines)");
}

#[tokio::test(start_paused = true)]
async fn after_a_result_in_words_a_digit_is_information() {
    let (mut dialogue, mut script) = Script::settled().await;
    let e0 = Command::new("E0");
    for reply in ["0\r", "\r\nOK\r\n"] {
        let (done, ()) = tokio::join!(dialogue.command(&e0), async {
            script.wait_for("\r").await;
            script.say(reply).await;
        });
        assert_eq!(done.unwrap(), Answer::default());
    }
    let command = Command::new("+CGMM").free("+CGMM");
    let (answer, ()) = tokio::join!(dialogue.command(&command), async {
        script.wait_for("\r").await;
        script.say("0\r\nOK\r\n").await;
    });
    assert_eq!(answer.unwrap().lines(), ["0"]);
}
