use super::*;
use crate::submit::{Mode, TextCharset};
use mtan_sms::TerminalCharset;

async fn facts(table: Table, wishes: &Wishes<'_>) -> (Result<Facts, Trouble>, Vec<String>) {
    set_up_with(table, wishes, &Notes::default()).await
}

#[tokio::test(start_paused = true)]
async fn a_healthy_modem_tells_who_it_is() {
    let (facts, _) = facts(Table::healthy(), &WISHES).await;
    let facts = facts.unwrap();
    assert_eq!((&*facts.manufacturer, &*facts.model), ("huawei", "E173"));
    assert_eq!((&*facts.imei, &*facts.iccid), ("353284020415431", "8949020000012345678"));
    assert_eq!((facts.registration, facts.signal), (Registration::Home, Some(-73)));
    assert_eq!((&*facts.operator, facts.mode, facts.reports), ("Test Net", Mode::Pdu, Reports::Direct));
    assert_eq!((facts.memory, facts.charset), (Some((3, 25)), TerminalCharset::Gsm));
    assert_eq!(facts.smsc, Address::parse("+491710760000").ok());
    assert!(!facts.entered_pin);
    assert!(!format!("{facts:?}").contains("26201"));
}

#[tokio::test(start_paused = true)]
async fn text_mode_is_for_modems_that_refuse_pdus() {
    let mut table = Table::healthy().says("AT+CMGF=1", "").says("AT+CSCS=\"UCS2\"", "");
    table.0.remove("AT+CMGF=0");
    let ucs2 = table.says("AT+CSCA?", "+CSCA: \"002B003400390031\",145");
    let found = facts(ucs2, &WISHES).await.0.unwrap();
    assert_eq!((found.mode, found.charset), (Mode::Text(TextCharset::Ucs2), TerminalCharset::Ucs2));
    let mut table = Table::healthy().says("AT+CMGF=1", "");
    table.0.remove("AT+CMGF=0");
    assert_eq!(facts(table, &WISHES).await.0.unwrap().mode, Mode::Text(TextCharset::Plain));
    let mut table = Table::healthy();
    table.0.remove("AT+CMGF=0");
    assert_eq!(facts(table, &WISHES).await.0, Err(Trouble::NoSms));
    // Busy is not refused.
    let table = Table::healthy().replies("AT+CMGF=0", &["\r\n+CMS ERROR: 314\r\n", "\r\nOK\r\n"]);
    assert_eq!(facts(table, &WISHES).await.0.unwrap().mode, Mode::Pdu);
}

#[tokio::test(start_paused = true)]
async fn reports_come_in_the_best_way_that_the_modem_takes() {
    let mut table = Table::healthy().says("AT+CNMI=2,1,0,2,0", "");
    table.0.remove("AT+CNMI=2,1,0,1,0");
    assert_eq!(facts(table, &WISHES).await.0.unwrap().reports, Reports::Stored);
    let mut table = Table::healthy();
    table.0.remove("AT+CNMI=2,1,0,1,0");
    assert_eq!(facts(table, &WISHES).await.0.unwrap().reports, Reports::Off);
    let (found, commands) = facts(Table::healthy(), &Wishes { reports: false, ..WISHES }).await;
    assert_eq!(found.unwrap().reports, Reports::Off);
    assert!(commands.contains(&"AT+CNMI=2,1,0,0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn registration_is_waited_for_and_home_roaming_and_lte_will_do() {
    let searching = "\r\n+CREG: 2\r\n+CREG: 1,2\r\n\r\nOK\r\n";
    let table = Table::healthy().replies("AT+CREG?", &[searching, searching, "\r\n+CREG: 1,5\r\n\r\nOK\r\n"]);
    assert_eq!(facts(table, &WISHES).await.0.unwrap().registration, Registration::Roaming);
    let lte = Table::healthy().says("AT+CREG?", "+CREG: 0,0").says("AT+CEREG?", "+CEREG: 0,1");
    assert_eq!(facts(lte, &WISHES).await.0.unwrap().registration, Registration::Home);
    let after = WISHES.register_within;
    for (answer, state) in
        [("1,3", Registration::Denied), ("1,2", Registration::Searching), ("1,4", Registration::Unknown)]
    {
        let table = Table::healthy().says("AT+CREG?", &format!("+CREG: {answer}"));
        assert_eq!(facts(table, &WISHES).await.0, Err(Trouble::NotRegistered { state, after }));
    }
    let (off, commands) = facts(Table::healthy().says("AT+CREG?", "+CREG: 1,0"), &WISHES).await;
    assert_eq!(off, Err(Trouble::NotRegistered { state: Registration::Off, after }));
    assert_eq!(commands.iter().filter(|command| *command == "AT+COPS=0").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_centre_is_set_or_goes_into_each_pdu() {
    let centre = Address::parse("+491760000443").unwrap();
    let wishes = Wishes { smsc: Some(&centre), ..WISHES };
    let table = Table::healthy().says("AT+CSCA=\"+491760000443\",145", "");
    let found = facts(table, &wishes).await.0.unwrap();
    assert_eq!((found.smsc, found.smsc_in_pdu), (Some(centre.clone()), None));
    let found = facts(Table::healthy(), &wishes).await.0.unwrap();
    assert_eq!(found.manner(crate::submit::ANSWER).smsc, Some(centre.clone()));
    let empty = Table::healthy().says("AT+CSCA?", "+CSCA: \"\",129");
    assert_eq!(facts(empty, &WISHES).await.0.unwrap().smsc, None);
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_is_off_is_switched_on() {
    let table = Table::healthy().says("AT+CFUN?", "+CFUN: 4").says("AT+CFUN=1", "");
    let (found, commands) = facts(table, &WISHES).await;
    assert!(found.is_ok() && commands.contains(&"AT+CFUN=1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_falls_silent_or_goes_is_told_from_one_that_refuses() {
    for command in ["AT+CGMM", "AT+CPIN?", "AT+CMGF=0", "AT+CREG?", "AT+CSQ"] {
        let (trouble, _) = facts(Table::healthy().replies(command, &[""]), &WISHES).await;
        assert!(matches!(trouble, Err(Trouble::At(AtError::TimedOut { .. }))), "{command}: {trouble:?}");
    }
    let (ours, theirs) = tokio::io::duplex(64);
    drop(theirs);
    let gone = set_up(&mut Dialogue::new(ours), &WISHES, &Notes::default()).await;
    assert_eq!(gone, Err(Trouble::At(AtError::Gone)));
}
