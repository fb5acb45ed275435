//! Every fault of the simulator, before the set-up and at a submission: the outcome is typed and true, and the modem comes back.

use std::time::Duration;

use mtan_sender::Verdict;
use mtan_sender_modem::at::AtError;
use mtan_sender_modem::codes::Care;
use mtan_sender_modem::set_up::{Facts, Reports, Trouble, clean_memory};
use mtan_sender_modem::submit::{HandOver, Mode};
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use tokio::task::{JoinSet, LocalSet};

use crate::bench::{
    assert_honest, assert_silent, brought_back, hands, number, opened, ready, set_up_once, wishes,
};

/// A fault's number in the catalogue, for numbers that tell the cases apart.
fn catalogue() -> Vec<(u32, ModemFault)> {
    (0..).zip(ModemFault::catalogue()).collect()
}

const SHORT: &str = "748391";

/// Two parts.
fn long() -> String {
    format!("{SHORT} ").repeat(30).trim_end().to_owned()
}

/// So many at once, for they wait more than they work. Each simulator takes one of the 128 inotify instances that a user has.
const AT_ONCE: usize = 24;

async fn all<F: Future<Output = ()> + 'static>(cases: impl IntoIterator<Item = F>) {
    let here = LocalSet::new();
    let together = async {
        let (mut cases, mut running) = (cases.into_iter(), JoinSet::new());
        cases.by_ref().take(AT_ONCE).for_each(|case| drop(running.spawn_local(case)));
        while let Some(ended) = running.join_next().await {
            ended.unwrap();
            cases.next().map(|case| running.spawn_local(case));
        }
    };
    here.run_until(together).await;
}

/// Afterwards an SMS goes, once, and nothing of before goes with it.
async fn assert_sends(what: &str, sim: &ModemSim, modem: &mut crate::bench::Modem, facts: &Facts) {
    let to = number(99_999);
    let mut handed = hands(modem, facts, &to, SHORT).await;
    if handed.care == Care::CleanMemory {
        clean_memory(modem).await.unwrap();
        handed = hands(modem, facts, &to, SHORT).await;
    }
    assert!(matches!(handed.verdict, Verdict::Accepted { .. }), "{what}: {handed:?}");
    assert_honest(what, sim, &handed, &to, SHORT);
}

#[tokio::test]
async fn a_fault_before_the_set_up_costs_no_more_than_another_set_up() {
    all(catalogue().into_iter().map(|(_, fault)| before_the_set_up(fault))).await;
}

async fn before_the_set_up(fault: ModemFault) {
    let what = format!("{fault:?} before the set-up");
    let sim = ModemSim::start(SimRules::default()).await;
    sim.next(1, fault.clone());
    let mut modem = opened(&sim).await;
    match (set_up_once(&mut modem, &wishes()).await, &fault) {
        (Err(Trouble::NoSim), ModemFault::NoSim) | (Err(Trouble::PukNeeded), ModemFault::PukNeeded) => {}
        (Err(Trouble::At(_)), ModemFault::Silent | ModemFault::Dies | ModemFault::Reboots) => {}
        (Err(Trouble::At(_)), ModemFault::HangsUntilCfun | ModemFault::HangsUntilReopened) => {}
        (Ok(_), _) => {}
        (Err(trouble), _) => panic!("{what}: {trouble}"),
    }
    let (mut modem, facts) = brought_back(&what, &sim, modem).await;
    sim.recover();
    assert_sends(&what, &sim, &mut modem, &facts).await;
}

#[tokio::test]
async fn a_fault_at_a_submission_is_told_as_it_was_and_nothing_goes_twice() {
    let short = catalogue().into_iter().map(|(case, fault)| at_a_submission(case, fault, SHORT.to_owned()));
    all(short).await;
}

#[tokio::test]
async fn a_fault_at_a_text_of_two_parts_is_told_as_it_was_and_nothing_goes_twice() {
    let long = catalogue().into_iter().map(|(case, fault)| at_a_submission(case, fault, long()));
    all(long).await;
}

async fn at_a_submission(case: u32, fault: ModemFault, text: String) {
    let what = format!("{fault:?} at {} letters", text.len());
    let sim = ModemSim::start(SimRules::default()).await;
    let (mut modem, facts) = ready(&sim).await;
    let to = number(case);
    sim.next_at("AT+CMGS", 1, fault.clone());
    let handed = hands(&mut modem, &facts, &to, &text).await;
    assert_honest(&what, &sim, &handed, &to, &text);
    assert_eq!(kind(&handed), expected(&fault, text.len() > 160), "{what}: {handed:?}");
    sim.recover();
    let (mut modem, facts) = brought_back(&what, &sim, modem).await;
    assert_sends(&what, &sim, &mut modem, &facts).await;
    assert_honest(&what, &sim, &handed, &to, &text);
}

fn kind(handed: &HandOver) -> &'static str {
    match &handed.verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Retry { .. } => "retry",
        Verdict::Rejected { .. } => "rejected",
        Verdict::Unknown { .. } => "unknown",
    }
}

/// What each fault must come to at the first `AT+CMGS`.
fn expected(fault: &ModemFault, two_parts: bool) -> &'static str {
    use ModemFault::*;
    match fault {
        // The SIM was busy, and the same again went.
        Cms(314) | Cme(14 | 515) => "accepted",
        Cms(1 | 8 | 21 | 28) => "rejected",
        // The network may have taken it and its answer been lost.
        Cms(332) => "unknown",
        Cms(_) | Cme(_) | Error | RefusesPrompt(_) => "retry",
        NoSim | PukNeeded | NotRegistered | RegistrationDenied | StorageFull | LosesNetwork => "retry",
        Silent | EndlessLine | Dies | Reboots | HangsUntilCfun | HangsUntilReopened | NoPrompt => "retry",
        LeftInPduEntry => "retry",
        SilentButSent | SilentNotSent | OkThoughFailed | DiesButSent | DiesNotSent => "unknown",
        DiesBetweenParts if two_parts => "unknown",
        _ => "accepted",
    }
}

#[tokio::test]
async fn a_modem_that_always_has_an_oddity_sends_all_the_same() {
    use ModemFault::*;
    let oddities = [
        vec![Late(Duration::from_millis(20))],
        vec![OkMissing],
        vec![Noise, Fragments, LfOnly, EchoStays],
        vec![Noise, Fragments, CrCrLf, EchoStays, EchoDrops],
        vec![Noise, Garbage],
        vec![BarePrompt, Noise],
        vec![ReferenceWithoutOk],
        vec![Roaming],
        vec![RefusesCnmi],
        vec![RefusesPduMode],
        vec![ReportTwice, ReportBeforeOk],
    ];
    all(oddities.into_iter().map(always)).await;
}

async fn always(faults: Vec<ModemFault>) {
    let what = format!("always {faults:?}");
    let sim = ModemSim::start(SimRules::default()).await;
    for fault in &faults {
        match fault {
            // Without a final result at all nothing can be told from silence.
            ModemFault::OkMissing => ["AT+CPIN?", "AT+CMGS", "AT+CPMS?"]
                .into_iter()
                .for_each(|command| sim.always_at(command, fault.clone())),
            fault => sim.always(fault.clone()),
        }
    }
    let mut modem = opened(&sim).await;
    let facts =
        set_up_once(&mut modem, &wishes()).await.unwrap_or_else(|trouble| panic!("{what}: {trouble}"));
    let text_mode = faults.contains(&ModemFault::RefusesPduMode);
    assert_eq!(facts.mode != Mode::Pdu, text_mode, "{what}");
    assert_eq!(facts.reports == Reports::Off, faults.contains(&ModemFault::RefusesCnmi), "{what}");
    let texts = [SHORT.to_owned(), long()];
    for (case, text) in (0..).zip(texts).take(if text_mode { 1 } else { 2 }) {
        let to = number(case);
        let handed = hands(&mut modem, &facts, &to, &text).await;
        assert_honest(&what, &sim, &handed, &to, &text);
        assert_eq!(kind(&handed), "accepted", "{what}: {handed:?}");
    }
    assert_eq!(sim.bytes_lost(), 0, "{what}");
}

#[tokio::test]
async fn any_command_of_the_set_up_may_fail_and_the_next_set_up_is_whole() {
    let sim = ModemSim::start(SimRules::default()).await;
    drop(ready(&sim).await);
    let mut commands = sim.commands();
    commands.sort();
    commands.dedup();
    let faults = [
        ModemFault::Silent,
        ModemFault::Error,
        ModemFault::Cms(500),
        ModemFault::Cme(100),
        ModemFault::Garbage,
        ModemFault::Noise,
        ModemFault::OkMissing,
        ModemFault::Dies,
        ModemFault::LeftInPduEntry,
    ];
    let cases = commands
        .iter()
        .flat_map(|command| faults.iter().map(|fault| at_a_command(command.clone(), fault.clone())));
    all(cases).await;
}

async fn at_a_command(command: String, fault: ModemFault) {
    let what = format!("{fault:?} at {command}");
    let sim = ModemSim::start(SimRules::default()).await;
    sim.next_at(&command, 1, fault.clone());
    let mut modem = opened(&sim).await;
    if let Err(trouble) = set_up_once(&mut modem, &wishes()).await {
        let typed = matches!(
            trouble,
            Trouble::At(AtError::Gone | AtError::TimedOut { .. }) | Trouble::Sim(_) | Trouble::NoSms
        );
        assert!(typed, "{what}: {trouble}");
        assert_silent(&trouble.to_string(), &number(0), SHORT);
    }
    let (mut modem, facts) = brought_back(&what, &sim, modem).await;
    assert_eq!((facts.mode, facts.reports), (Mode::Pdu, Reports::Direct), "{what}");
    assert_sends(&what, &sim, &mut modem, &facts).await;
}
