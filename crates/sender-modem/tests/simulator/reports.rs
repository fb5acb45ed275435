//! Delivery reports reach us in every way that modems have, and say what the network said; USSD answers too.

use std::time::Duration;

use mtan_sender_modem::at::{Command, Urc};
use mtan_sender_modem::set_up::{Facts, Reports};
use mtan_sender_modem::ussd::{UssdError, ussd};
use mtan_sms::{DeliveryStatus, StatusReport};
use mtan_testkit::modem::{self, CnmiSupport, ModemFault, ModemSim, SimRules, UssdForm};
use tokio::time::timeout;

use crate::bench::{Modem, hands, number, ready};

async fn next_report(modem: &mut Modem) -> StatusReport {
    let heard = timeout(Duration::from_secs(30), async {
        loop {
            match modem.listen().await.unwrap() {
                Urc::StatusReport(line) => return line,
                Urc::StatusReportStored { memory, index } => return stored(modem, &memory, index).await,
                _ => {}
            }
        }
    });
    StatusReport::from_hex(&heard.await.expect("a report")).unwrap()
}

async fn stored(modem: &mut Modem, memory: &str, index: u16) -> String {
    modem.command(&Command::new(format!("+CPMS=\"{memory}\"")).named("+CPMS")).await.unwrap();
    let answer = modem.command(&Command::new(format!("+CMGR={index}")).free("+CMGR")).await.unwrap();
    answer.lines()[1].clone()
}

/// Hands over one SMS and checks its report.
async fn assert_reported(sim: &ModemSim, modem: &mut Modem, facts: &Facts, status: DeliveryStatus) {
    let to = number(1);
    let handed = hands(modem, facts, &to, "123456").await;
    let report = next_report(modem).await;
    assert_eq!(handed.references, [Some(report.reference)]);
    assert!(report.recipient.is(&to));
    assert_eq!(report.status, status);
    assert!(report.service_centre_time.is_some() && report.discharge_time.is_some());
    assert_eq!(sim.parts().len(), 1);
}

#[tokio::test]
async fn reports_come_in_every_way_that_the_modem_has() {
    use CnmiSupport::*;
    for (cnmi, expected) in [
        (All, Reports::Direct),
        (Qualcomm, Reports::Stored),
        (DirectOnly, Reports::Direct),
        (CnmiSupport::None, Reports::Off),
    ] {
        let sim = ModemSim::start(SimRules { cnmi, ..SimRules::default() }).await;
        let (mut modem, facts) = ready(&sim).await;
        assert_eq!(facts.reports, expected, "{cnmi:?}");
        if expected != Reports::Off {
            assert_reported(&sim, &mut modem, &facts, DeliveryStatus::Delivered).await;
        }
    }
}

#[tokio::test]
async fn a_report_says_what_the_network_said_also_in_national_form() {
    let reports = modem::Reports { national: true, ..modem::Reports::failed() };
    let sim = ModemSim::start(SimRules { reports, ..SimRules::default() }).await;
    let (mut modem, facts) = ready(&sim).await;
    assert_reported(&sim, &mut modem, &facts, DeliveryStatus::from_code(0x46)).await;
}

#[tokio::test]
async fn a_report_before_the_answer_and_within_noise_is_not_lost_and_a_second_one_is_heard() {
    let sim = ModemSim::start(SimRules::default()).await;
    let (mut modem, facts) = ready(&sim).await;
    sim.always(ModemFault::Noise);
    sim.next(1, ModemFault::ReportBeforeOk);
    assert_reported(&sim, &mut modem, &facts, DeliveryStatus::Delivered).await;
    sim.next(1, ModemFault::ReportTwice);
    let handed = hands(&mut modem, &facts, &number(2), "654321").await;
    for _ in 0..2 {
        assert_eq!([Some(next_report(&mut modem).await.reference)], handed.references[..]);
    }
}

#[tokio::test]
async fn an_ussd_answer_is_read_in_every_form() {
    for ussd_form in [UssdForm::Text, UssdForm::Ucs2Hex, UssdForm::PackedHex] {
        for refuses_pdus in [false, true] {
            let sim = ModemSim::start(SimRules { ussd_form, ..SimRules::default() }).await;
            if refuses_pdus {
                sim.always(ModemFault::RefusesPduMode); // and so its character set is UCS-2
            }
            let (mut modem, facts) = ready(&sim).await;
            let answer = ussd(&mut modem, "*100#", facts.charset).await;
            assert_eq!(answer.as_deref(), Ok("Balance: 12.34 EUR"), "{ussd_form:?}, {refuses_pdus}");
            let refused = ussd(&mut modem, "*999#", facts.charset).await;
            assert!(matches!(refused, Err(UssdError::Refused(_))), "{refused:?}");
        }
    }
}
