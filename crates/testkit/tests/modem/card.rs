//! The SIM's PIN, its tries, and what waits for it.

use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};

use crate::client::Client;

#[tokio::test]
async fn a_wrong_pin_costs_a_try_and_three_need_the_puk() {
    let sim = ModemSim::start(SimRules { pin: Some("4711".to_owned()), ..SimRules::default() }).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0;+CMEE=1").await;
    assert_eq!(client.ask("AT+CPIN?").await, "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    assert_eq!(client.ask("AT+CSCA?").await, "\r\n+CMS ERROR: 311\r\n");
    assert_eq!(client.ask("AT+CIMI").await, "\r\n+CME ERROR: 11\r\n");
    assert_eq!(client.ask("AT+CREG?").await, "\r\n+CREG: 0,0\r\n\r\nOK\r\n");
    for left in [2, 1, 0] {
        assert_eq!(client.ask("AT+CPIN=\"0000\"").await, "\r\n+CME ERROR: 16\r\n");
        assert_eq!(sim.pin_tries(), left);
        let counted = if left == 0 { "6983".to_owned() } else { format!("63C{left}") };
        let answer = client.ask("AT+CSIM=10,\"0020000100\"").await;
        assert_eq!(answer, format!("\r\n+CSIM: 4,\"{counted}\"\r\n\r\nOK\r\n"));
        assert!(client.ask("AT+CPINR").await.contains(&format!("+CPINR: SIM PIN,{left},3")));
    }
    assert_eq!(client.ask("AT+CPIN?").await, "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n");
    assert_eq!(client.ask("AT+CPIN=\"4711\"").await, "\r\n+CME ERROR: 12\r\n");
    assert_eq!(client.ask("AT+CPIN=\"12345678\",\"1111\"").await, "\r\nOK\r\n");
    assert_eq!(client.ask("AT+CPIN?").await, "\r\n+CPIN: READY\r\n\r\nOK\r\n");
}

#[tokio::test]
async fn a_reset_takes_settings_and_pin_but_not_lost_tries() {
    let sim = ModemSim::start(SimRules { pin: Some("4711".to_owned()), ..SimRules::default() }).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0;+CMEE=1").await;
    client.ask("AT+CPIN=0000").await;
    assert_eq!(client.ask("AT+CPIN=\"4711\"").await, "\r\nOK\r\n");
    assert_eq!(sim.pin_tries(), 3, "a right PIN gives the tries back");
    assert_eq!(client.ask("AT+CREG?").await, "\r\n+CREG: 0,1\r\n\r\nOK\r\n");
    assert_eq!(client.ask("AT+CFUN=1,1").await, "\r\nOK\r\n");
    assert!(client.is_gone().await);
    mtan_testkit::wait_until("the modem", std::time::Duration::from_secs(10), async || {
        sim.tty().map(drop).ok_or("away".to_owned())
    })
    .await;
    let mut client = Client::open(&sim);
    assert!(client.ask("AT+CPIN?").await.contains("SIM PIN"));
    assert_eq!(sim.boots(), 2);
    sim.next(1, ModemFault::NoSim);
    assert!(client.ask("AT+CPIN?").await.ends_with("ERROR\r\n"), "without CMEE it has no number");
}
