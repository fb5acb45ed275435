//! Texts of every length and alphabet arrive as they were, in as many parts as promised.

use std::time::Duration;

use mtan_sender::Verdict;
use mtan_sms::SmsText;
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules, Validity};

use crate::bench::{ANSWER, assert_honest, hands, number, opened, parts, ready, set_up_once, wishes};

fn texts() -> Vec<String> {
    let lengths = [1, 70, 71, 160, 161, 306, 307];
    let gsm = lengths.map(|units| "a1".repeat(units).chars().take(units).collect());
    let cyrillic = lengths.map(|units| "Ж9".repeat(units).chars().take(units).collect());
    let extension: String = "€[]{}~|^\\".to_owned();
    let odd = [
        extension.clone(),
        extension.repeat(17), // 306 septets in two parts, but for what no part may cut
        // An escape at the end of a part of 153 septets, and one that just fits.
        format!("{}€{}", "a".repeat(152), "b".repeat(20)),
        format!("{}€{}", "a".repeat(151), "b".repeat(20)),
        format!("{}€", "a".repeat(158)),
        format!("{}€", "a".repeat(159)),
        "Grüße, Ω@£$¥ èéùìòÇØø ÅåΔ_Φ ÆæßÉ 123456".to_owned(),
        "Код: 123456".to_owned(),
        "🔑 123456 👩\u{200d}👩\u{200d}👧 🇩🇪".to_owned(),
        // A surrogate pair, and a family, at the end of a part of 67 units.
        format!("{}🔑{}", "Ж".repeat(66), "Ж".repeat(20)),
        format!("{}👩\u{200d}👩\u{200d}👧{}", "Ж".repeat(63), "Ж".repeat(20)),
        "🔑".repeat(35),
        "🔑".repeat(36),
        "two\nlines\r\nand more".to_owned(),
    ];
    gsm.into_iter().chain(cyrillic).chain(odd).collect()
}

#[tokio::test]
async fn texts_of_every_length_and_alphabet_arrive_as_they_were() {
    let sim = ModemSim::start(SimRules { first_reference: 240, ..SimRules::default() }).await;
    let (mut modem, facts) = ready(&sim).await;
    for (case, text) in (0..).zip(texts()) {
        let to = number(case);
        let handed = hands(&mut modem, &facts, &to, &text).await;
        assert!(matches!(handed.verdict, Verdict::Accepted { .. }), "{text:?}: {handed:?}");
        assert_honest("a text", &sim, &handed, &to, &text);
        let sent = sim.sms_to(to.expose()).remove(0);
        assert_eq!(sent.parts, usize::from(SmsText::new(text.as_str()).unwrap().segments()), "{text:?}");
        assert_eq!(sent.validity, Some(Validity::Relative(Duration::from_secs(300))));
        assert!(sent.wants_report && !sent.rejects_duplicates);
    }
    assert_eq!((sim.bad_pdus().len(), sim.bytes_lost()), (0, 0));
}

#[tokio::test]
async fn a_modem_that_refuses_pdus_gets_what_fits_into_one_sms_as_text() {
    let sim = ModemSim::start(SimRules::default()).await;
    sim.always(ModemFault::RefusesPduMode);
    let mut modem = opened(&sim).await;
    let facts = set_up_once(&mut modem, &wishes()).await.unwrap();
    for (case, text) in (0..).zip(["123456", "Код: 123456 🔑", "€[]{}~|^\\"]) {
        let to = number(case);
        let handed = hands(&mut modem, &facts, &to, text).await;
        assert!(matches!(handed.verdict, Verdict::Accepted { .. }), "{handed:?}");
        assert_honest(text, &sim, &handed, &to, text);
        let sent = sim.sms_to(to.expose()).remove(0);
        assert_eq!(sent.validity, Some(Validity::Relative(Duration::from_secs(300))), "{text}");
        assert!(sent.wants_report, "{text}");
    }
    let (to, text) = (number(77), "a".repeat(161));
    let handed = hands(&mut modem, &facts, &to, &text).await;
    assert!(matches!(handed.verdict, Verdict::Rejected { .. }), "{handed:?}");
    assert_honest("two parts", &sim, &handed, &to, &text);
}

#[tokio::test]
async fn a_dead_code_is_not_begun_and_a_prompt_that_came_too_late_is_left() {
    let sim = ModemSim::start(SimRules::default()).await;
    let (mut modem, facts) = ready(&sim).await;
    let (to, text) = (number(1), SmsText::new("123456").unwrap());
    let parts = parts(&to, &text);
    let message = mtan_sender_modem::submit::Message { to: &to, text: &text, parts: &parts };
    for looks in [0, 1] {
        let left = std::sync::atomic::AtomicUsize::new(looks);
        let alive = || left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let manner = facts.manner(ANSWER);
        let handed = mtan_sender_modem::submit::hand_over(&mut modem, message, &manner, &alive).await;
        assert!(matches!(handed.verdict, Verdict::Retry { .. }), "{handed:?}");
    }
    let handed = hands(&mut modem, &facts, &to, "654321").await;
    assert_honest("after it", &sim, &handed, &to, "654321");
    assert_eq!((sim.parts().len(), sim.bad_pdus().len()), (1, 0));
}

use std::sync::atomic::Ordering::SeqCst;
