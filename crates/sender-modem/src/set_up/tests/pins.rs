use super::*;

const PIN: Wishes<'_> = Wishes { pin: Some("4711"), ..WISHES };
const ENTRY: &str = "AT+CPIN=\"4711\"";
const SIM: &str = "8949020000012345678";
const WAITS: &str = "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n";
const READY: &str = "\r\n+CPIN: READY\r\n\r\nOK\r\n";
const OK: &str = "\r\nOK\r\n";

fn locked() -> Table {
    Table::healthy()
        // asked again in its turn, for another port of the stick may have entered it meanwhile
        .replies("AT+CPIN?", &[WAITS, WAITS, "\r\n+CME ERROR: 14\r\n", READY])
        .says("AT+CPINR", "+CPINR: SIM PIN,3,3")
        .replies(ENTRY, &[OK])
}

fn entries(commands: &[String]) -> usize {
    commands.iter().filter(|command| command.starts_with("AT+CPIN=")).count()
}

#[tokio::test(start_paused = true)]
async fn a_right_pin_is_entered_once_and_leaves_no_trace() {
    let notes = Notes::default();
    let (facts, commands) = set_up_with(locked(), &PIN, &notes).await;
    assert!(facts.unwrap().entered_pin);
    assert_eq!(entries(&commands), 1);
    assert_eq!(notes.past(SIM, "4711").unwrap(), PinPast::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_pin_is_not_entered_when_one_try_or_none_is_left_by_any_way_of_telling() {
    for (way, one, none, three) in [
        ("AT+CPINR", "+CPINR: SIM PIN,1,3", "+CPINR: SIM PIN,0,3", "+CPINR: \"SIM PIN\", 3, 3"),
        (
            "AT^CPIN?",
            "^CPIN: SIM PIN,1,10,1,10,3",
            "^CPIN: SIM PIN,0,10,0,10,3",
            "^CPIN: SIM PIN,3,10,3,10,3",
        ),
        ("AT+SPIC", "+SPIC: 1,10,0,10", "+SPIC: 0,10,0,10", "+SPIC: 3,10,0,10"),
        ("AT^SPIC", "^SPIC: 1", "^SPIC: 0", "^SPIC: 3"),
        ("AT+CSIM=10,\"0020000100\"", "+CSIM: 4,\"63C1\"", "+CSIM: 4,\"6983\"", "+CSIM: 4,\"63c3\""),
    ] {
        let table = |answer| {
            let mut table = locked();
            table.0.remove("AT+CPINR");
            table.says(way, answer)
        };
        let (trouble, commands) = set_up_with(table(one), &PIN, &Notes::default()).await;
        assert_eq!((trouble.unwrap_err(), entries(&commands)), (Trouble::LastTry(1), 0), "{way}");
        let (trouble, commands) = set_up_with(table(none), &PIN, &Notes::default()).await;
        assert_eq!((trouble.unwrap_err(), entries(&commands)), (Trouble::PukNeeded, 0), "{way}");
        let (facts, commands) = set_up_with(table(three), &PIN, &Notes::default()).await;
        assert_eq!((facts.is_ok(), entries(&commands)), (true, 1), "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_pin_is_never_entered_again_and_another_one_is() {
    let notes = Notes::default();
    for (turn, expected) in [Trouble::PinRefused, Trouble::PinTriedBefore].into_iter().enumerate() {
        let table = locked().replies(ENTRY, &["\r\n+CME ERROR: 16\r\n"]);
        let (trouble, commands) = set_up_with(table, &PIN, &notes).await;
        assert_eq!((trouble.unwrap_err(), entries(&commands)), (expected, 1 - turn));
    }
    let other = Wishes { pin: Some("0815"), ..WISHES };
    let table = locked().replies("AT+CPIN=\"0815\"", &[OK]);
    assert!(set_up_with(table, &other, &notes).await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_pin_whose_answer_got_lost_is_entered_again_only_if_no_try_is_missing() {
    let notes = Notes::default();
    let (trouble, commands) = set_up_with(locked().replies(ENTRY, &[""]), &PIN, &notes).await;
    assert!(matches!(trouble, Err(Trouble::At(AtError::TimedOut { .. }))));
    assert_eq!((entries(&commands), notes.past(SIM, "4711").unwrap()), (1, PinPast::Entered));
    let two = locked().says("AT+CPINR", "+CPINR: SIM PIN,2,3");
    let (trouble, commands) = set_up_with(two, &PIN, &notes).await;
    assert_eq!((trouble.unwrap_err(), entries(&commands)), (Trouble::PinTriedBefore, 0));
    let mut silent = locked();
    silent.0.remove("AT+CPINR");
    let (trouble, commands) = set_up_with(silent, &PIN, &notes).await;
    assert_eq!((trouble.unwrap_err(), entries(&commands)), (Trouble::PinTriedBefore, 0));
    let (facts, commands) = set_up_with(locked(), &PIN, &notes).await;
    assert_eq!((facts.is_ok(), entries(&commands)), (true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_cannot_be_written_down_is_not_entered() {
    let notes = Notes { is_read_only: true, ..Notes::default() };
    let (trouble, commands) = set_up_with(locked(), &PIN, &notes).await;
    assert!(matches!(trouble, Err(Trouble::PinMemory(_))));
    assert_eq!(entries(&commands), 0);
}

#[tokio::test(start_paused = true)]
async fn every_state_of_a_sim_has_its_trouble() {
    for (reply, expected) in [
        ("+CPIN: SIM PIN", Trouble::PinNeeded),
        ("+CPIN: SIM PUK", Trouble::PukNeeded),
        ("+CPIN: PH-NET PIN", Trouble::Locked("PH-NET PIN".to_owned())),
        ("!+CME ERROR: 10", Trouble::NoSim),
        ("!+CME ERROR: SIM not inserted", Trouble::NoSim),
    ] {
        let (trouble, _) =
            set_up_with(Table::healthy().says("AT+CPIN?", reply), &WISHES, &Notes::default()).await;
        assert_eq!(trouble.unwrap_err(), expected, "{reply}");
    }
    let table = Table::healthy().says("AT+CPIN?", "!+CME ERROR: 13");
    assert!(matches!(set_up_with(table, &WISHES, &Notes::default()).await.0, Err(Trouble::Sim(_))));
    for reply in ["+CPIN: \"READY\"", "!+CPIN: READY", "!ERROR"] {
        let (facts, _) =
            set_up_with(Table::healthy().says("AT+CPIN?", reply), &WISHES, &Notes::default()).await;
        assert!(facts.is_ok(), "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_trouble_shows_the_pin_and_each_has_advice() {
    for reply in ["\r\n+CME ERROR: 16\r\n", "\r\n+CME ERROR: 12\r\n", "", "AT+CPIN=\"4711\"\r\r\nERROR\r\n"] {
        let table = locked().replies("AT+CPIN?", &[WAITS, WAITS, WAITS]).replies(ENTRY, &[reply]);
        let (trouble, _) = set_up_with(table, &PIN, &Notes::default()).await;
        let trouble = trouble.unwrap_err();
        let shown = format!("{trouble} {trouble:?} {}", trouble.advice());
        assert!(!shown.contains("4711") && !trouble.advice().is_empty(), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_another_port_entered_meanwhile_is_not_entered_again() {
    let notes = Notes::default();
    let other_port = notes.turn().lock().await;
    let table = locked().replies("AT+CPIN?", &[WAITS, READY]);
    let ((facts, commands), ()) = tokio::join!(set_up_with(table, &PIN, &notes), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(other_port);
    });
    assert!(!facts.unwrap().entered_pin);
    assert_eq!(entries(&commands), 0);
}

#[tokio::test(start_paused = true)]
async fn only_what_says_that_the_pin_is_wrong_is_remembered_as_that() {
    let wrong = "\r\n+CME ERROR: 16\r\n";
    for (reply, states, past) in [
        (wrong, [WAITS, WAITS, WAITS], PinPast::Refused),
        ("\r\nERROR\r\n", [WAITS, WAITS, WAITS], PinPast::Refused),
        ("\r\n+CME ERROR: 3\r\n", [WAITS, WAITS, READY], PinPast::Clean),
        ("\r\n+CME ERROR: 14\r\n", [WAITS, WAITS, WAITS], PinPast::Clean),
    ] {
        let notes = Notes::default();
        let table = locked().replies("AT+CPIN?", &states).replies(ENTRY, &[reply]);
        let (facts, commands) = set_up_with(table, &PIN, &notes).await;
        assert_eq!((entries(&commands), notes.past(SIM, "4711").unwrap()), (1, past), "{reply}");
        assert_eq!(facts.is_ok(), states[2] == READY, "{reply}");
    }
}
