//! One installation: Alice's token with the PIN 1234, and requests to it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use mtan_embedded::Embedded;
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_jobs::{Clock, Outcome, ReportCode, SendJob, SendReport};
use mtan_otp_api::{Credentials, OtpApi, ProviderCheck, Reach, Settings, System, check_provider};
use mtan_queue::Queue;
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;
use mtan_testkit::redis::RedisServer;
use mtan_verifier::{NewToken, Pin, Policy, Store, SystemRandom, Token, TokenStore as _, UserRef, Verifier};
use serde_json::Value;
use tower::ServiceExt;

use crate::hand::{Door, HandClock, Moody, Recorder};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const SERIAL: &str = "LSSM0068DCD9";
pub(crate) const PHONE: &str = "+491701234567";

/// Alice's seed: RFC 4226, appendix D.
pub(crate) const SEED: &[u8] = b"12345678901234567890";

pub(crate) struct House {
    pub(crate) api: OtpApi,
    pub(crate) router: Router,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) store: Arc<Door>,
    pub(crate) queue: Arc<Recorder>,
    pub(crate) clock: Arc<HandClock>,
    /// What the store lives in.
    _place: Box<dyn Any + Send + Sync>,
}

/// Each of these promises, kept over both stores. A promise is given a house.
macro_rules! on_both {
    ($($promise:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise(crate::house::House::new().await).await;
            })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise(crate::house::House::over_redis().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// `result.value`, of an answer with status 200 and LinOTP's envelope.
    pub(crate) fn value(&self) -> bool {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()["result"]["value"].as_bool().unwrap_or_else(|| panic!("a boolean is expected: {self:?}"))
    }

    pub(crate) fn transaction(&self) -> String {
        self.json()["detail"]["transactionid"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers[header::CONTENT_TYPE].to_str().unwrap()
    }
}

impl House {
    pub(crate) async fn new() -> House {
        House::with(Settings::default()).await
    }

    /// With the administrator `admin`, password `s3cret`.
    pub(crate) async fn with_admin() -> House {
        let admin = Credentials { username: "admin".into(), password: "s3cret".into() };
        House::with(Settings { admin: Some(admin), ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> House {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("mtan.redb")).unwrap();
        House::over(settings, mtan_store::embedded(&file), Box::new(folder)).await
    }

    /// With the administrator `admin`, password `s3cret`, and /system.
    pub(crate) async fn with_system() -> House {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("mtan.redb")).unwrap();
        let admin = Credentials { username: "admin".into(), password: "s3cret".into() };
        let pools = vec![mtan_jobs::Pool::default_pool()];
        let policies = Policy::default().into();
        let settings = Settings { admin: Some(admin), pools, policies, ..Settings::default() };
        let mut house = House::over(settings.clone(), mtan_store::embedded(&file), Box::new(folder)).await;
        let (key, clock) = (ServerKey::generate(), house.clock.clone());
        let queue = Queue::embedded(&file, &key, clock.clone());
        let check: ProviderCheck = Arc::new(check_provider);
        let (store, verifier) = (house.store.clone(), house.verifier.clone());
        let system = System::new(store, key, queue, verifier.clone(), &settings, Reach::Senders, check);
        system.refresh().await.unwrap();
        house.api = OtpApi::with_system(verifier, &settings, clock, Some(system));
        house.router = house.api.router();
        house
    }

    /// With a Redis of its own.
    pub(crate) async fn over_redis() -> House {
        House::over_redis_with(Settings::default()).await
    }

    /// With a Redis of its own and the administrator `admin`, password `s3cret`.
    pub(crate) async fn with_admin_over_redis() -> House {
        let admin = Credentials { username: "admin".into(), password: "s3cret".into() };
        House::over_redis_with(Settings { admin: Some(admin), ..Settings::default() }).await
    }

    async fn over_redis_with(settings: Settings) -> House {
        let server = RedisServer::start().await;
        // patient: what is tested is what is said, not how fast a loaded machine says it
        let store = mtan_store::redis(&format!("{}?timeout_ms=20000", server.url())).unwrap();
        House::over(settings, store, Box::new(server)).await
    }

    async fn over(settings: Settings, store: Arc<dyn Store>, place: Box<dyn Any + Send + Sync>) -> House {
        let house = House::empty(settings, store, place);
        house.enrol(SERIAL, "alice", "1234").await;
        house
    }

    fn empty(settings: Settings, real: Arc<dyn Store>, place: Box<dyn Any + Send + Sync>) -> House {
        let store = Arc::new(Door { store: real, mood: Moody::well() });
        let (queue, clock) = (Arc::new(Recorder::new()), Arc::new(HandClock::new()));
        let verifier = Arc::new(Verifier::new(
            store.clone(),
            queue.clone(),
            clock.clone(),
            Arc::new(SystemRandom),
            ServerKey::generate(),
            settings.policies.clone(),
        ));
        let api = OtpApi::new(verifier.clone(), &settings, clock.clone());
        House { router: api.router(), api, verifier, store, queue, clock, _place: place }
    }

    /// A token for somebody of the default realm.
    pub(crate) async fn enrol(&self, serial: &str, user: &str, pin: &str) {
        self.enrol_as(NewToken {
            serial: Some(serial.parse().unwrap()),
            user: Some(UserRef::new(user, "default").unwrap()),
            description: if serial == SERIAL { "Alice's phone".into() } else { String::new() },
            ..NewToken::new(PhoneNumber::parse(PHONE).unwrap(), Pin::new(pin))
        })
        .await;
    }

    /// A token with the first characters of its serial as its seed; Alice's has the RFC's.
    pub(crate) async fn enrol_as(&self, token: NewToken) {
        let serial = token.serial.clone().expect("a serial");
        let seed = match serial.as_str() {
            SERIAL => SEED.to_vec(),
            other => other.as_bytes().iter().copied().cycle().take(20).collect(),
        };
        let secret = token.secret.or_else(|| Secret::new(seed).ok());
        self.verifier.enrol(NewToken { secret, ..token }).await.unwrap();
    }

    /// Changes the rules of every realm.
    pub(crate) fn rule(&self, change: impl Fn(&mut Policy)) {
        let policies = self.verifier.policies().as_ref().clone();
        self.verifier.set_policies(policies.each(change));
    }

    pub(crate) async fn send(&self, request: Request) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// A form by POST.
    pub(crate) async fn post(&self, path: &str, form: impl Into<Body>) -> Reply {
        self.post_with(path, &[("content-type", FORM)], form).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(Method::POST).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Reply {
        self.send(Request::builder().uri(path_and_query).body(Body::empty()).unwrap()).await
    }

    /// A form by POST, by the administrator.
    pub(crate) async fn admin(&self, path: &str, form: &str) -> Reply {
        let headers = [("content-type", FORM), ("authorization", "Bearer s3cret")];
        self.post_with(path, &headers, form.to_owned()).await
    }

    /// By GET, by the administrator.
    pub(crate) async fn admin_get(&self, path_and_query: &str) -> Reply {
        let request = Request::builder().uri(path_and_query).header("authorization", "Bearer s3cret");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Alice's PIN by /validate/check; the transaction and the code of the SMS.
    pub(crate) async fn trigger(&self) -> (String, String) {
        let reply = self.post("/validate/check", "user=alice&pass=1234").await;
        (reply.transaction(), self.code())
    }

    /// The code of the last SMS.
    pub(crate) fn code(&self) -> String {
        self.queue.last().otp.expect("our jobs name the code")
    }

    pub(crate) async fn fail_count(&self) -> u32 {
        self.token(SERIAL).await.fail_count
    }

    pub(crate) async fn token(&self, serial: &str) -> Token {
        self.verifier.token(&serial.parse().unwrap()).await.unwrap().expect("the token is there")
    }

    /// As an administrator changes it: a lock ends with it.
    pub(crate) async fn change(&self, serial: &str, change: impl FnOnce(&mut Token)) {
        let mut token = self.token(serial).await;
        change(&mut token);
        assert!(self.store.put_token(&token).await.unwrap());
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
    }

    /// A report on `job`.
    pub(crate) fn report(&self, job: &SendJob, outcome: Outcome, code: ReportCode) -> SendReport {
        SendReport {
            job_id: job.id.clone(),
            reference: job.reference.clone(),
            pool: job.first_pool(),
            provider: "http".into(),
            outcome,
            code,
            detail: None,
            gateway_id: None,
            attempts: 1,
            segments: 1,
            at: self.clock.now(),
        }
    }
}

/// The code of Alice's seed at that counter, made without the verifier.
pub(crate) fn code_at(counter: u64) -> String {
    code_of(SEED, counter)
}

pub(crate) fn code_of(seed: &[u8], counter: u64) -> String {
    let secret = Secret::new(seed.to_vec()).unwrap();
    mtan_hotp::generate(&secret, counter, Algorithm::Sha1, Digits::default()).expose().to_owned()
}

/// A code of the same length that is another one.
pub(crate) fn other_than(code: &str) -> String {
    let last = code.as_bytes()[code.len() - 1];
    let other = if last == b'9' { '0' } else { char::from(last + 1) };
    format!("{}{other}", &code[..code.len() - 1])
}
