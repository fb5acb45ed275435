//! Delivery reports: which way they come, and how they go wrong.

use mtan_testkit::modem::{CnmiSupport, ModemFault, ModemSim, Reports, SimRules};

use crate::client::{Client, SUBMIT, SUBMIT_LENGTH};

/// The same with TP-SRR.
fn wanted() -> String {
    SUBMIT.replacen("0011", "0031", 1)
}

async fn ready(sim: &ModemSim, routing: &str) -> Client {
    let mut client = Client::open(sim);
    client.ask("ATE0;+CMEE=1;+CMGF=0").await;
    assert_eq!(client.ask(&format!("AT+CNMI={routing}")).await, "\r\nOK\r\n");
    client
}

async fn send(client: &mut Client, pdu: &str) -> String {
    assert_eq!(client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await, "\r\n> ");
    client.say(&format!("{pdu}\u{1a}")).await
}

#[tokio::test]
async fn a_report_comes_with_reference_recipient_and_status() {
    let sim = ModemSim::start(SimRules {
        first_reference: 0x2a,
        reports: Reports::failed(),
        ..SimRules::default()
    })
    .await;
    let mut client = ready(&sim, "2,1,0,1").await;
    send(&mut client, &wanted()).await;
    let report = client.until(|text| text.matches("\r\n").count() == 3).await;
    assert!(report.starts_with("\r\n+CDS: 25\r\n0791947101670000062A0C91942143658709"), "{report}");
    assert!(report.ends_with("46\r\n"), "{report}");
    send(&mut client, SUBMIT).await;
    assert!(client.is_silent().await, "nobody asked for a report");
}

#[tokio::test]
async fn a_report_may_be_doubled_early_national_or_lost() {
    let sim = ModemSim::start(SimRules::default()).await;
    let mut client = ready(&sim, "2,1,0,1").await;
    sim.next(1, ModemFault::ReportTwice);
    send(&mut client, &wanted()).await;
    client.until(|text| text.matches("+CDS: 25").count() == 2 && text.matches("\r\n").count() == 6).await;
    sim.next(1, ModemFault::ReportBeforeOk);
    let early = send(&mut client, &wanted()).await;
    assert!(
        early.starts_with("\r\n+CDS: 25\r\n") && early.ends_with("\r\n+CMGS: 1\r\n\r\nOK\r\n"),
        "{early}"
    );
    sim.next(1, ModemFault::ReportLost);
    send(&mut client, &wanted()).await;
    assert!(client.is_silent().await);
    sim.change(|rules| rules.reports.national = true);
    send(&mut client, &wanted()).await;
    let national = client.until(|text| text.matches("\r\n").count() == 3).await;
    assert!(national.contains("06030B81"), "reference 3, 11 digits, unknown kind: {national}");
    assert_eq!(sim.planned(), 0);
}

#[tokio::test]
async fn a_report_that_nobody_acknowledges_is_the_last() {
    let never = std::time::Duration::ZERO;
    let sim = ModemSim::start(SimRules { acknowledge_within: never, ..SimRules::default() }).await;
    let mut client = ready(&sim, "2,1,0,1").await;
    assert_eq!(client.ask("AT+CNMA").await, "\r\n+CMS ERROR: 340\r\n", "nothing is to be acknowledged");
    assert_eq!(client.ask("AT+CSMS=1").await, "\r\n+CSMS: 1,1,1\r\n\r\nOK\r\n");
    for _ in 0..2 {
        send(&mut client, &wanted()).await;
        client.until(|text| text.matches("\r\n").count() == 3).await;
        assert_eq!(client.ask("AT+CNMA").await, "\r\nOK\r\n");
    }
    send(&mut client, &wanted()).await;
    client.until(|text| text.matches("\r\n").count() == 3).await;
    send(&mut client, &wanted()).await;
    assert!(client.is_silent().await);
    assert_eq!(client.ask("AT+CNMI?").await, "\r\n+CNMI: 2,0,0,0,0\r\n\r\nOK\r\n");
}

#[tokio::test]
async fn a_modem_that_refuses_direct_reports_stores_them() {
    let sim = ModemSim::start(SimRules { cnmi: CnmiSupport::Qualcomm, ..SimRules::default() }).await;
    let mut client = ready(&sim, "2,1,0,0").await;
    assert!(client.ask("AT+CNMI=?").await.contains("(0-2)"), "it lists what it refuses");
    assert_eq!(client.ask("AT+CNMI=2,1,0,1").await, "\r\n+CMS ERROR: 303\r\n");
    assert_eq!(client.ask("AT+CNMI=2,1,0,2").await, "\r\nOK\r\n");
    send(&mut client, &wanted()).await;
    assert_eq!(client.until(|text| text.ends_with("\",1\r\n")).await, "\r\n+CDSI: \"SR\",1\r\n");
    assert_eq!(client.ask("AT+CMGR=1").await, "\r\n+CMS ERROR: 321\r\n", "it is in SR");
    client.ask("AT+CPMS=\"SR\"").await;
    assert!(client.ask("AT+CMGR=1").await.starts_with("\r\n+CMGR: 0,,25\r\n0791947101670000060"));
    assert_eq!(client.ask("AT+CMGD=1").await, "\r\nOK\r\n");
    assert_eq!(client.ask("AT+CMGR=1").await, "\r\n+CMS ERROR: 321\r\n");
}
