//! A whole house for one story: our real processes, a gateway that is not real, and in the distributed form a real Redis
//! and a vhost of a real RabbitMQ. Both forms offer the same, so that a story is told once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use mtan_testkit::gateway::{Gateway, Request};
use mtan_testkit::modem::{ModemSim, SimRules};
use mtan_testkit::process::Process;
use mtan_testkit::proxy::Proxy;
use mtan_testkit::rabbit::{self, RabbitServer};
use mtan_testkit::redis::RedisServer;
use mtan_testkit::{free_port, wait_until};
use serde_json::Value;
use tempfile::TempDir;

/// Patience for things that take their own time: boots, reconnects, leases.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PASSWORD: &str = "an-administrators-password-1f7a";

/// What a story may decide.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// `SMSProviderTimeout`, seconds.
    pub(crate) validity: u64,
    /// `SMSBlockingTimeout`, seconds.
    pub(crate) blocking: u64,
    /// `max_in_flight` of the pool.
    pub(crate) max_in_flight: u16,
    /// Whether the distributed form's senders reach the gateway over a line that can be cut.
    pub(crate) gateway_line: bool,
    /// Whether the gateway is asked to report delivery.
    pub(crate) delivery: bool,
    /// A mail server that makes a second pool, `mail`, behind the first.
    pub(crate) mail: Option<SocketAddr>,
    /// So many modems send the SMS, in place of the gateway.
    pub(crate) modems: usize,
    /// How long each of them takes for an SMS.
    pub(crate) time_per_part: Duration,
    /// Whether the file has a pool; else an administrator has to set one.
    pub(crate) pool: bool,
    /// Whether the senders have the provider key of the API; else one of their own.
    pub(crate) same_provider_key: bool,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            validity: 300,
            blocking: 30,
            max_in_flight: 32,
            gateway_line: false,
            delivery: false,
            mail: None,
            modems: 0,
            time_per_part: Duration::ZERO,
            pool: true,
            same_provider_key: true,
        }
    }
}

/// All processes of an installation, and the world around them.
pub(crate) struct House {
    pub(crate) gateway: Gateway,
    /// In place of the gateway, where the plan has them.
    pub(crate) modems: Vec<ModemSim>,
    /// `mtan up`, or `mtan-otp-api`.
    pub(crate) api: Process,
    /// The distributed form's own things.
    pub(crate) apart: Option<Apart>,
    url: String,
    client: reqwest::Client,
    folder: TempDir,
}

/// What only separate processes have.
pub(crate) struct Apart {
    /// `mtan-sender-http`, or `mtan-sender-modem`.
    pub(crate) sender: Process,
    pub(crate) redis: RedisServer,
    /// The broker itself, for everybody who looks on from outside.
    pub(crate) amqp_url: String,
    /// The API's line to the broker, to be cut and paused.
    pub(crate) api_amqp: Proxy,
    /// The sender's lines.
    pub(crate) sender_amqp: Proxy,
    pub(crate) sender_redis: Proxy,
    /// The senders' line to the gateway, if the plan has one.
    pub(crate) gateway_line: Option<Proxy>,
    /// `mtan-sender-smtp`, if there is a pool for it.
    pub(crate) _mail_sender: Option<Process>,
    /// A broker of this house's own, where the story breaks it.
    pub(crate) broker: Option<RabbitServer>,
}

impl House {
    /// `mtan up` over the embedded file.
    pub(crate) async fn all_in_one(plan: Plan) -> House {
        let gateway = Gateway::start().await;
        let folder = tempfile::tempdir().unwrap();
        let modems = plug_in(plan, folder.path()).await;
        let provider = provider(gateway.address(), plan);
        let config = config_file(folder.path(), "mtan.toml", &configuration(&provider, plan, "", ""));
        let mut api = start(folder.path(), "mtan", &config);
        let url = address(&mut api).await;
        House { gateway, modems, api, apart: None, url, client: client(), folder }
    }

    /// `mtan-otp-api` and `mtan-sender-http` over Redis and RabbitMQ, each with lines of its own.
    pub(crate) async fn distributed(plan: Plan) -> House {
        let vhost = rabbit::shared().await;
        House::over(plan, vhost.url, None).await
    }

    /// The same with a broker that may be killed.
    pub(crate) async fn with_own_broker(plan: Plan) -> House {
        let broker = RabbitServer::start().await;
        let url = broker.vhost().url;
        House::over(plan, url, Some(broker)).await
    }

    async fn over(plan: Plan, amqp_url: String, broker: Option<RabbitServer>) -> House {
        let (gateway, redis) = (Gateway::start().await, RedisServer::start().await);
        let folder = tempfile::tempdir().unwrap();
        for file in ["server.key", "provider.key", "other.key"] {
            let arguments = ["key", "new", "--out", file];
            let made = Process::start_in(folder.path(), binary("mtan"), &arguments, &[]).wait(PATIENCE).await;
            assert!(made.success());
        }

        let amqp = url_parts(&amqp_url);
        let api_amqp = Proxy::start(amqp.address).await;
        let sender_amqp = Proxy::start(amqp.address).await;
        let sender_redis = Proxy::start(("127.0.0.1", redis.port())).await;
        let gateway_line = match plan.gateway_line {
            true => Some(Proxy::start(gateway.address()).await),
            false => None,
        };
        let to_gateway = gateway_line.as_ref().map_or(gateway.address(), Proxy::address);
        let modems = plug_in(plan, folder.path()).await;
        let senders_key = if plan.same_provider_key { "provider.key" } else { "other.key" };
        let written = |name: &str, amqp_line: &Proxy, redis_port: u16, provider_key: &str| {
            let queue = format!("amqp://guest:guest@{}/{}", amqp_line.address(), amqp.vhost);
            let store = format!("redis://127.0.0.1:{redis_port}/");
            // on top, where the backends stand
            let store = format!("{store}\"\nprovider_key_file = \"{provider_key}");
            config_file(
                folder.path(),
                name,
                &configuration(&provider(to_gateway, plan), plan, &store, &queue),
            )
        };
        let api_config = written("api.toml", &api_amqp, redis.port(), "provider.key");
        let sender_config = written("sender.toml", &sender_amqp, sender_redis.port(), senders_key);

        let mut api = start(folder.path(), "mtan-otp-api", &api_config);
        let sender = start(folder.path(), sender_program(plan), &sender_config);
        let url = address(&mut api).await;
        let _mail_sender = plan.mail.map(|_| start(folder.path(), "mtan-sender-smtp", &sender_config));
        let apart = Apart {
            sender,
            _mail_sender,
            redis,
            amqp_url,
            api_amqp,
            sender_amqp,
            sender_redis,
            gateway_line,
            broker,
        };
        let house = House { gateway, modems, api, apart: Some(apart), url, client: client(), folder };
        house.ready().await;
        house
    }

    pub(crate) fn apart(&mut self) -> &mut Apart {
        self.apart.as_mut().expect("a story of separate processes")
    }

    /// What `mtan` with these arguments prints about this house; it must succeed.
    pub(crate) async fn mtan(&self, arguments: &[&str]) -> String {
        let config = if self.apart.is_some() { "api.toml" } else { "mtan.toml" };
        let common = ["--config", config];
        let server = [("MTAN_SERVER", self.url.as_str())];
        let arguments = [&common, arguments].concat();
        let mut process = Process::start_in(self.folder.path(), binary("mtan"), &arguments, &server);
        let status = process.wait(PATIENCE).await;
        let printed = process.lines().join("\n");
        assert!(status.success(), "mtan {arguments:?}: {printed}");
        printed
    }

    /// The process that talks to the gateway.
    pub(crate) fn sending(&mut self) -> &mut Process {
        match &mut self.apart {
            Some(apart) => &mut apart.sender,
            None => &mut self.api,
        }
    }

    /// Starts the killed or stopped sending process again.
    pub(crate) async fn start_sending(&mut self) {
        self.sending().restart();
        if self.apart.is_none() {
            self.url = address(&mut self.api).await;
        }
        self.ready().await;
    }

    /// Starts the killed API again.
    pub(crate) async fn start_api(&mut self) {
        self.api.restart();
        self.url = address(&mut self.api).await;
    }

    /// A second sender beside the first.
    pub(crate) fn another_sender(&self) -> Process {
        let config = self.folder.path().join("sender.toml");
        start(self.folder.path(), "mtan-sender-http", &config)
    }

    /// Waits until `/readyz` says 200.
    pub(crate) async fn ready(&self) {
        wait_until("/readyz", PATIENCE, async || match self.get("/readyz").await {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status} {body}")),
        })
        .await;
    }

    /// Enrols an SMS token over `/admin/init`; the serial.
    pub(crate) async fn enrol(&self, user: &str, phone: &str, pin: &str) -> String {
        self.init(&[("type", "sms"), ("user", user), ("phone", phone), ("pin", pin), ("genkey", "1")]).await
    }

    /// The same for a token that is there.
    pub(crate) async fn enrol_again(&self, serial: &str, user: &str, phone: &str, pin: &str) {
        let form = [
            ("type", "sms"),
            ("serial", serial),
            ("user", user),
            ("phone", phone),
            ("pin", pin),
            ("genkey", "1"),
        ];
        assert_eq!(self.init(&form).await, serial);
    }

    async fn init(&self, form: &[(&str, &str)]) -> String {
        let request = self.client.post(format!("{}/admin/init", self.url));
        let reply = request.basic_auth("admin", Some(PASSWORD)).form(form).send().await.unwrap();
        let reply: Value = reply.json().await.unwrap();
        assert_eq!(reply["result"]["value"], true, "{reply}");
        reply["detail"]["serial"].as_str().unwrap().to_owned()
    }

    /// `POST path` as the administrator, the parsed envelope.
    pub(crate) async fn administer(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}{path}", self.url));
        let reply = request.basic_auth("admin", Some(PASSWORD)).form(form).send().await.unwrap();
        reply.json().await.unwrap()
    }

    /// The status of `GET path` as the administrator.
    pub(crate) async fn administer_by_get(&self, path: &str) -> u16 {
        let request = self.client.get(format!("{}{path}", self.url)).basic_auth("admin", Some(PASSWORD));
        request.send().await.unwrap().status().as_u16()
    }

    /// Where files of this house lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file that the sending process reads.
    pub(crate) fn senders_file(&self) -> PathBuf {
        self.folder.path().join(if self.apart.is_some() { "sender.toml" } else { "mtan.toml" })
    }

    /// `POST path`, the parsed envelope; a request that gets no answer is a failure of the story.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}{path}", self.url)).form(form);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200, "/validate always answers 200");
        reply.json().await.unwrap()
    }

    /// `/validate/check` with user and pass: the value.
    pub(crate) async fn check(&self, user: &str, pass: &str) -> bool {
        let reply = self.post("/validate/check", &[("user", user), ("pass", pass)]).await;
        reply["result"]["value"].as_bool().unwrap()
    }

    /// `/validate/smspin`: the value.
    pub(crate) async fn smspin(&self, user: &str, pin: &str) -> bool {
        let reply = self.post("/validate/smspin", &[("user", user), ("pass", pin)]).await;
        reply["result"]["value"].as_bool().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        match self.client.get(format!("{}{path}", self.url)).send().await {
            Ok(reply) => (reply.status().as_u16(), reply.text().await.unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }

    /// The first `n` SMS to a number; waits for them.
    pub(crate) async fn sms_to(&self, phone: &str, n: usize) -> Vec<Request> {
        self.gateway.wait_for_sms_to(phone, n).await
    }

    /// Waits until a metric line of the sending process that begins with `start` has the value `value`.
    pub(crate) async fn wait_for_metric(&mut self, start: &str, value: &str) {
        let url = match &mut self.apart {
            Some(apart) => format!("http://{}/metrics", listening(&mut apart.sender).await),
            None => format!("{}/metrics", self.url),
        };
        let client = self.client.clone();
        wait_until(start, PATIENCE, async || {
            let reply = client.get(&url).send().await.map_err(|e| e.to_string())?;
            let text = reply.text().await.map_err(|e| e.to_string())?;
            let line = text.lines().find(|line| line.starts_with(start)).unwrap_or("no such line").to_owned();
            if line.ends_with(&format!(" {value}")) { Ok(()) } else { Err(line) }
        })
        .await;
    }

    /// `http://127.0.0.1:PORT`, where the API is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything that our processes have printed since their last start.
    pub(crate) fn printed(&self) -> String {
        let mut lines = self.api.lines();
        if let Some(apart) = &self.apart {
            lines.extend(apart.sender.lines());
        }
        lines.join("\n")
    }
}

/// The value of the metric line of `process` that begins with `start`; 0 if there is none.
pub(crate) async fn metric(process: &mut Process, start: &str) -> f64 {
    let url = format!("http://{}/metrics", listening(process).await);
    let text = client().get(&url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(start));
    line.map_or(0.0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

/// The code in an SMS as the gateway got it.
pub(crate) fn code(sms: &Request) -> String {
    let text = sms.parameter("text").expect("the text's parameter");
    let code: String = text.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "one code of six digits in the text");
    code
}

/// Where one of our binaries lies: beside the folder of this test's own. `cargo xtask test` has built them.
pub(crate) fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let file = here.parent().unwrap().parent().unwrap().join(name);
    assert!(
        file.exists(),
        "{} is not built: run `cargo xtask test`, or `cargo build --workspace` first",
        file.display()
    );
    file
}

pub(crate) fn client() -> reqwest::Client {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// How this gateway tells of delivery.
const DLR: &str = r#", "HEADERS": {"X-Report-To": "<dlr_url>"},
    "DLR": {"id": "id", "state": "state", "delivered": ["DELIVRD"], "undelivered": ["UNDELIV", "EXPIRED"]}"#;

/// The seed's gnokiirc with the port replaced; with several modems their ports stand beside it.
async fn plug_in(plan: Plan, folder: &Path) -> Vec<ModemSim> {
    let rules = SimRules { time_per_part: plan.time_per_part, ..SimRules::default() };
    let modems = ModemSim::start_many(plan.modems, rules).await;
    if let Some(modem) = modems.first() {
        let port = modem.path().display();
        let file = format!("[global]\nmodel = AT\nport = {port}\nconnection = serial\n");
        std::fs::write(folder.join("gnokiirc"), file).unwrap();
        let ports: Vec<_> = modems.iter().map(|modem| modem.path().to_str().unwrap()).collect();
        let keys = match modems.len() {
            1 => serde_json::json!({ "CONFIGFILE": "gnokiirc" }),
            _ => serde_json::json!({ "CONFIGFILE": "gnokiirc", "PORTS": ports }),
        };
        std::fs::write(folder.join("modems.json"), keys.to_string()).unwrap();
    }
    modems
}

fn sender_program(plan: Plan) -> &'static str {
    if plan.modems > 0 { "mtan-sender-modem" } else { "mtan-sender-http" }
}

/// Class and configuration of the provider, as they stand in `[sms]`.
fn provider(gateway: SocketAddr, plan: Plan) -> String {
    if !plan.pool {
        return String::new();
    }
    if plan.modems > 0 {
        let class = "smsprovider.DeviceSMSProvider.DeviceSMSProvider";
        return format!("SMSProvider = \"{class}\"\nSMSProviderConfig = {{ file = \"modems.json\" }}");
    }
    let json = gateway_json(gateway, if plan.delivery { DLR } else { "" });
    let class = "smsprovider.HttpSMSProvider.HttpSMSProvider";
    format!("SMSProvider = \"{class}\"\nSMSProviderConfig = '''{json}'''")
}

/// `SMSProviderConfig` of a gateway; `more` is `, "KEY": …`.
pub(crate) fn gateway_json(gateway: SocketAddr, more: &str) -> String {
    format!(
        r#"{{"URL": "http://{gateway}/send", "PARAMETER": {{"from": "mtan", "ref": "<id>"}}, "SMS_TEXT_KEY": "text",
            "SMS_PHONENUMBER_KEY": "to", "HTTP_Method": "POST", "RETURN_SUCCESS": "ID"{more}}}"#
    )
}

fn configuration(provider: &str, plan: Plan, store: &str, queue: &str) -> String {
    let backends = match store {
        "" => String::new(),
        _ => format!("store = \"{store}\"\nqueue = {queue:?}\nserver_key_file = \"server.key\"\n"),
    };
    let delivery = match plan.delivery {
        // a proxy in front of it keeps its prefix
        true => format!(
            "dlr_listen = \"127.0.0.1:{0}\"\ndlr_url = \"http://127.0.0.1:{0}/behind/a-proxy/\"",
            free_port()
        ),
        false => String::new(),
    };
    let mail = plan.mail.map_or_else(String::new, |server| {
        let keys = r#""mailsender": "mtan@example.com", "mailto": "<phone>@gw.example", "subject": "SMS", "body": "<text>""#;
        format!(
            "[pools.mail]\nSMSProvider = \"SmtpSMSProvider\"\nSMSProviderConfig = '{{\"mailserver\": \"{server}\", {keys}}}'\n\
             [routing]\ndefault = [\"default\", \"mail\"]\n"
        )
    });
    let Plan { validity, blocking, max_in_flight, .. } = plan;
    format!(
        r#"{backends}
[otp_api]
listen = "127.0.0.1:0"

[admin]
username = "admin"
password = "{PASSWORD}"

[sender]
http_listen = "127.0.0.1:0"
smtp_listen = "127.0.0.1:0"
modem_listen = "127.0.0.1:0"
{delivery}

[log]
level = "debug"

[sms]
{provider}
SMSProviderTimeout = {validity}
SMSBlockingTimeout = {blocking}
smstext = "Your code is <otp>"
max_in_flight = {max_in_flight}

{mail}"#
    )
}

fn config_file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn start(folder: &Path, program: &str, config: &Path) -> Process {
    Process::start_in(folder, binary(program), &["--config", config.to_str().unwrap()], &[])
}

/// `http://127.0.0.1:PORT` of a process that has just been started.
async fn address(process: &mut Process) -> String {
    format!("http://{}", listening(process).await)
}

/// The address in the line in which a process says that it listens.
async fn listening(process: &mut Process) -> String {
    let line = process.wait_for_line("address=127.0.0.1:").await;
    let at = line.find("address=").unwrap() + "address=".len();
    line[at..].split_whitespace().next().unwrap().to_owned()
}

struct AmqpUrl<'a> {
    address: &'a str,
    vhost: &'a str,
}

fn url_parts(url: &str) -> AmqpUrl<'_> {
    let (address, vhost) = url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    AmqpUrl { address, vhost }
}
