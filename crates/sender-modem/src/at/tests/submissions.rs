use super::*;

fn cmgs() -> Command {
    Command::new("+CMGS=22").named("+CMGS").within(seconds(60))
}

const PDU: &str = "0011000C911326880736F40000A70B";

/// The modem says `before` to the command and `after` to Ctrl-Z.
async fn submitted(before: &str, after: &str) -> Result<Answer, SubmitError> {
    let (mut dialogue, mut script) = Script::settled().await;
    let us = async {
        let prompt = dialogue.prompt(&cmgs()).await.map_err(SubmitError::Before)?;
        prompt.submit(&cmgs(), PDU).await
    };
    let modem = async {
        script.wait_for("AT+CMGS=22\r").await;
        script.say_in_bytes(before).await;
        script.wait_for(&format!("{PDU}\u{1a}")).await;
        script.say_in_bytes(after).await;
        std::future::pending::<()>().await;
    };
    tokio::select! { result = us => result, () = modem => unreachable!() }
}

#[tokio::test(start_paused = true)]
async fn the_reference_decides_and_not_the_ok() {
    for (before, after) in [
        ("\r\n> ", "\r\n+CMGS: 7\r\n\r\nOK\r\n"),
        (">", "+CMGS: 7\r\nOK\r\n"),
        ("> ", "\n+CMGS:7\n\nOK\n"),
        ("AT+CMGS=22\r\r\n> ", "0011000C911326880736F40000A70B\u{1a}\r\n+CMGS: 7\r\n0\r\n"),
        ("AT+CMGS=22\r\r\n> ", "0011000C911326880736F4000A70B\u{1a}\r\n+CMGS: 7\r\nOK\r\n"),
        (
            "\r\n^RSSI:9\r\n+CREG: 1\r\n> ",
            "+CDS: 3\r\n^RSSI:4\r\n+CMGS: 7\r\n001122\r\n+CMTI: \"SM\",1\r\nOK\r\n",
        ),
        ("\r\n> ", "\r\n+CMGS: 7\r\n"),
        ("\r\n> ", "\r\n+CMGS: 7\r\nERROR\r\n"),
    ] {
        let answer = submitted(before, after).await;
        assert_eq!(answer.unwrap().first(), "7", "{before:?} {after:?}");
    }
    assert_eq!(submitted("\r\n> ", "\r\nOK\r\n").await.unwrap(), Answer::default());
}

#[tokio::test(start_paused = true)]
async fn silence_after_ctrl_z_is_told_from_a_refusal_and_from_silence_before() {
    assert!(matches!(submitted("> ", "").await, Err(SubmitError::After(AtError::TimedOut { .. }))));
    assert!(matches!(
        submitted("> ", "\r\n+CMS ERROR: 38\r\n").await,
        Err(SubmitError::Refused(AtError::Refused { refusal: Refusal::Cms(Some(38)), .. }))
    ));
    assert!(matches!(submitted("", "").await, Err(SubmitError::Before(AtError::TimedOut { .. }))));
    assert!(matches!(
        submitted("+CMS ERROR: 310\r\n", "").await,
        Err(SubmitError::Before(AtError::Refused { .. }))
    ));
    assert_eq!(
        submitted("\r\nOK\r\n", "").await.unwrap_err(),
        SubmitError::Before(AtError::Refused {
            command: "AT+CMGS=22".to_owned(),
            refusal: Refusal::NoPrompt
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_prompt_stands_at_the_start_of_a_line_and_only_where_it_is_awaited() {
    for before in ["\r\n+COPS: 0,0,\"a>b\"\r\n", "AT>\r\n", "x> ", "\r\n+CMS ERROR: 500> "] {
        let result = submitted(before, "").await;
        assert!(matches!(result, Err(SubmitError::Before(AtError::TimedOut { .. }))), "{before:?}");
    }
    // One that nobody awaits is noise, and does not stand in the way of the next.
    let (mut dialogue, mut script) = Script::settled().await;
    script.say("\r\n> ").await;
    assert!(tokio::time::timeout(seconds(1), dialogue.listen()).await.is_err());
    let (prompt, ()) = tokio::join!(async { dialogue.prompt(&cmgs()).await.map(drop) }, async {
        script.wait_for("\r").await;
        script.say("> ").await;
    });
    assert_eq!(prompt, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_fails_is_followed_by_esc() {
    let (mut dialogue, mut script) = Script::settled().await;
    assert!(dialogue.prompt(&cmgs()).await.is_err());
    script.wait_for("AT+CMGS=22\r\u{1b}").await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_dropped_or_cancelled_is_left_with_esc_and_never_with_ctrl_z() {
    for cancels in [true, false] {
        let (mut dialogue, mut script) = Script::settled().await;
        let us = async {
            let cmgs = cmgs();
            if cancels {
                return dialogue.prompt(&cmgs).await.unwrap().cancel().await;
            }
            assert!(dialogue.prompt(&cmgs).await.is_ok());
            dialogue.command(&Command::new("E0")).await.map(drop)
        };
        let (done, ()) = tokio::join!(us, async {
            script.wait_for("AT+CMGS=22\r").await;
            script.say("\r\n> ").await;
            script.wait_for("\u{1b}\rAT\r").await;
            script.say("\r\nOK\r\n").await;
            if !cancels {
                script.wait_for("ATE0\r").await;
                script.say("\r\nOK\r\n").await;
            }
        });
        assert_eq!(done, Ok(()), "{cancels}");
        assert!(!script.read.contains('\u{1a}'));
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_never_shows() {
    for after in ["", "\r\n+CMS ERROR: 500\r\n"] {
        let error = submitted("> ", after).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("0011000C"), "{error:?}");
    }
}
