//! Whether time tells who has a token: `cargo xtask timing`. Asks `/validate/check` for a user who does not exist, for one without a
//! token here, with a wrong PIN, for a locked and for a disabled token, in an order drawn by lot, and compares how long the answers took.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use clap::{Parser, ValueEnum};
use mtan_embedded::Embedded;
use mtan_jobs::{PublishError, Publisher, SendJob, SystemClock};
use mtan_otp_api::{OtpApi, Settings};
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;
use mtan_testkit::redis::RedisServer;
use mtan_verifier::{NewToken, Pin, Random as _, Serial, Store, SystemRandom, UserRef, Verifier};
use tower::ServiceExt as _;

/// How far the chance that one answer is faster than another may be from one half. Someone who guesses has ten tries for each
/// token; to see this much he needs hundreds.
const MOST: f64 = 0.05;

/// Users of each class; a request takes any of them.
const USERS: usize = 50;

/// Calls that are made before the first one that counts.
const WARM_UP: usize = 5_000;

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Parser)]
#[command(name = "timing", about = "Whether time tells who has a token")]
struct Arguments {
    /// Calls that are measured, of all classes together
    #[arg(long, default_value_t = 120_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    calls: u32,
    /// Over which store
    #[arg(long, value_enum, default_value_t = Kind::Redis)]
    store: Kind,
    /// `cargo bench` says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Redis,
    Embedded,
}

/// Who asks for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    WrongPin,
    UnknownUser,
    NoToken,
    Locked,
    Disabled,
    /// The control: an SMS is under way already. It takes longer, and a measurement that does not see that sees nothing.
    RightPin,
}

impl Class {
    const ALL: [Class; 6] = [
        Class::WrongPin,
        Class::UnknownUser,
        Class::NoToken,
        Class::Locked,
        Class::Disabled,
        Class::RightPin,
    ];

    fn name(self) -> &'static str {
        match self {
            Class::WrongPin => "wrong PIN",
            Class::UnknownUser => "unknown user",
            Class::NoToken => "no token in that realm",
            Class::Locked => "locked",
            Class::Disabled => "disabled",
            Class::RightPin => "right PIN (control)",
        }
    }

    /// All forms are of one length.
    fn form(self, number: usize) -> String {
        let (letter, realm, pass) = match self {
            Class::WrongPin => ('w', "default", "9999"),
            Class::UnknownUser => ('x', "default", "9999"),
            Class::NoToken => ('w', "another", "9999"),
            Class::Locked => ('l', "default", "1234"),
            Class::Disabled => ('d', "default", "1234"),
            Class::RightPin => ('r', "default", "1234"),
        };
        format!("user={letter}{number:02}&realm={realm}&pass={pass}")
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measured(&arguments))
}

async fn measured(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let (mut server, mut file) = (None, None);
    let store: Arc<dyn Store> = match arguments.store {
        Kind::Redis => {
            let server = server.insert(RedisServer::start().await);
            mtan_store::redis(&format!("{}?timeout_ms=5000", server.url()))?
        }
        Kind::Embedded => mtan_store::embedded(file.insert(Embedded::open(&folder.path().join("t.redb"))?)),
    };
    let router = prepared(store).await?;
    let lot = Lot(SystemRandom);
    for _ in 0..WARM_UP.min(arguments.calls as usize) {
        let class = Class::ALL[lot.below(Class::ALL.len())];
        ask(&router, class, lot.below(USERS)).await?;
    }
    let mut nanos: BTreeMap<Class, Vec<u64>> = BTreeMap::new();
    for _ in 0..arguments.calls {
        let class = Class::ALL[lot.below(Class::ALL.len())];
        let form = lot.below(USERS);
        nanos.entry(class).or_default().push(ask(&router, class, form).await?);
    }
    report(&nanos)
}

/// Tokens as the classes want them.
async fn prepared(store: Arc<dyn Store>) -> anyhow::Result<Router> {
    let mut settings = Settings::default();
    settings.policies =
        settings.policies.each(|policy| policy.blocking = std::time::Duration::from_secs(86_400));
    settings.policies =
        settings.policies.each(|policy| policy.validity = std::time::Duration::from_secs(86_400));
    let clock = Arc::new(SystemClock);
    let verifier = Arc::new(Verifier::new(
        store.clone(),
        Arc::new(Nowhere),
        clock.clone(),
        Arc::new(SystemRandom),
        ServerKey::generate(),
        settings.policies.clone(),
    ));
    for letter in ['w', 'l', 'd', 'r'] {
        for number in 0..USERS {
            let serial: Serial = format!("TIME{letter}{number:03}").to_uppercase().parse()?;
            let new = NewToken {
                serial: Some(serial.clone()),
                user: Some(UserRef::new(&format!("{letter}{number:02}"), "default")?),
                ..NewToken::new(PhoneNumber::parse("+491701234567")?, Pin::new("1234"))
            };
            verifier.enrol(new).await?;
            let mut token = store.token(&serial).await?.context("it was enrolled")?;
            token.max_fail = if letter == 'l' { 1 } else { u32::MAX };
            token.active = letter != 'd';
            ensure!(store.put_token(&token).await?);
        }
    }
    let router = OtpApi::new(verifier, &settings, clock).router();
    for number in 0..USERS {
        for (letter, pass) in [('l', "9999"), ('r', "1234")] {
            let form = format!("user={letter}{number:02}&realm=default&pass={pass}");
            send(&router, form).await?;
        }
    }
    Ok(router)
}

/// How long the answer took, in nanoseconds.
async fn ask(router: &Router, class: Class, number: usize) -> anyhow::Result<u64> {
    let form = class.form(number);
    let begun = Instant::now();
    let body = send(router, form).await?;
    let took = begun.elapsed();
    let challenged = body.contains("challenge already submitted");
    ensure!(challenged == (class == Class::RightPin), "{}: {body}", class.name());
    ensure!(body.contains(r#""value":false"#), "{}: {body}", class.name());
    Ok(u64::try_from(took.as_nanos())?)
}

async fn send(router: &Router, form: String) -> anyhow::Result<String> {
    let request = Request::builder().method(Method::POST).uri("/validate/check").header("content-type", FORM);
    let response = router.clone().oneshot(request.body(Body::from(form))?).await?;
    let body = to_bytes(response.into_body(), 65_536).await?;
    Ok(String::from_utf8(body.to_vec())?)
}

/// Prints medians and the rank test, and says by its code whether time tells.
fn report(nanos: &BTreeMap<Class, Vec<u64>>) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let basis = nanos.get(&Class::WrongPin).context("no calls")?;
    writeln!(
        out,
        "| asked | calls | lower quartile | median | upper quartile | slower than a wrong PIN | z |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    let mut good = true;
    for (class, took) in nanos {
        let (chance, z) = rank_test(took, basis);
        let mut sorted = took.clone();
        sorted.sort_unstable();
        let at = |part: usize| micros(sorted[(sorted.len() - 1) * part / 4]);
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.1} % | {z:.1} |",
            class.name(),
            took.len(),
            at(1),
            at(2),
            at(3),
            chance * 100.0
        )?;
        let told_apart = (chance - 0.5).abs() > MOST;
        good &= told_apart == (*class == Class::RightPin);
    }
    // every second call of a class against the others: what chance alone does
    let half = |from: usize| basis.iter().copied().skip(from).step_by(2).collect::<Vec<u64>>();
    writeln!(out, "\nwrong PIN against itself: {:.1} %", rank_test(&half(0), &half(1)).0 * 100.0)?;
    writeln!(
        out,
        "50 % tells nothing; allowed are {:.0} to {:.0} %, and the control must lie outside: {}",
        (0.5 - MOST) * 100.0,
        (0.5 + MOST) * 100.0,
        if good { "one time class" } else { "TIME TELLS" }
    )?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn micros(nanos: u64) -> String {
    format!("{}.{} µs", nanos / 1_000, nanos % 1_000 / 100)
}

/// Mann and Whitney: the chance that one of `these` is greater than one of `those`, and how many standard deviations its rank sum is
/// from that of equal ones. Ties count half.
fn rank_test(these: &[u64], those: &[u64]) -> (f64, f64) {
    let mut sorted = those.to_vec();
    sorted.sort_unstable();
    let wins: f64 = these
        .iter()
        .map(|value| {
            let below = sorted.partition_point(|other| other < value);
            let equal = sorted.partition_point(|other| other <= value) - below;
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    let (n, m) = (these.len() as f64, those.len() as f64);
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (wins / (n * m), (wins - n * m / 2.0) / deviation)
}

struct Lot(SystemRandom);

impl Lot {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_ne_bytes(bytes) as usize % limit
    }
}

/// A queue that takes everything and sends nothing.
struct Nowhere;

#[async_trait]
impl Publisher for Nowhere {
    async fn publish(&self, _: &SendJob) -> Result<(), PublishError> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
