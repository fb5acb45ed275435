//! The sections that this process reads, checked: `[otp_api]`, `[admin]`, `[token]`, and the rules out of `[sms]`, `[routing]`,
//! `[policy]` and `[realms.*]`.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use mtan_daemon::{Config, PoolConfig};
use mtan_hotp::Digits;
use mtan_jobs::Pool;
use mtan_verifier::{PinScheme, Policies, Policy, Template, UserRef};
use serde::Deserialize;

use crate::audit::AuditSection;
use crate::users::Users;

/// The longest time that a request may wait for a report, in milliseconds: less than the 10 s after which a stop cuts
/// requests off.
const LONGEST_WAIT: u64 = 9_000;

/// The longest time for which an SMS can be explained, in hours: thirty days.
const LONGEST_MEMORY: u32 = 30 * 24;

/// `[otp_api]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtpApiSection {
    /// Where requests are taken: an address or a host name, a colon and a port. Default `127.0.0.1:8080`.
    pub listen: String,
    /// Whose habits the answers follow. Default `linotp`.
    pub compat: Compat,
    /// Whether simplecheck answers a challenge with a bare `:-(`: the C PAM module aborts on the longer form. Default false.
    pub simplecheck_bare: bool,
    /// Milliseconds that a fresh trigger waits for the final report of its SMS; 0 = it does not. Default 0, at most 9000.
    pub report_wait_ms: u64,
    /// Hours after a code's expiry, and after a report, in which the SMS can be explained. Default 48, from 1 to 720.
    pub explain_hours: u32,
    /// Whether the sample pages under `/auth` are served. Default true; false in production.
    pub pages: bool,
    /// The realm of a user without one. Default `default`.
    pub default_realm: String,
    /// Whether `user@realm` is a user and a realm, LinOTP's `splitAtSign`. Default true.
    pub split_at_sign: bool,
}

/// Whose habits the answers follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// smspin repeats its detail in `id`, where old LinOTP clients look.
    Linotp,
    /// `id` is always a number.
    Plain,
}

/// `[admin]`: without both keys the admin face is off.
#[derive(Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSection {
    /// The administrator's name.
    pub username: Option<String>,
    /// The administrator's password; also the token of `Authorization: Bearer`.
    pub password: Option<String>,
}

/// `[token]`: what new tokens get.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSection {
    /// Tries without success that lock a token. Default 10.
    #[serde(rename = "MaxFailCount")]
    pub max_fail_count: u32,
    /// Digits of a code: 6, 7 or 8. Default 6.
    #[serde(rename = "DefaultOtpLen")]
    pub default_otp_len: u8,
    /// How PINs are kept: `keyed` (under the server key; default) or `argon2id` (that, and slow: for pass phrases).
    pub pin_hash: PinHashName,
}

/// How the PINs of new tokens are kept; those of older tokens stay as they are until they are set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinHashName {
    /// HMAC-SHA-256 under the server key.
    Keyed,
    /// Argon2id over that.
    Argon2id,
}

/// Everything that the HTTP face and its verifier are told by the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[otp_api]`
    pub otp_api: OtpApiSection,
    /// `[admin]`, if both keys are there.
    pub admin: Option<Credentials>,
    /// The verifier's rules; their routes are empty if no pool is configured.
    pub policies: Policies,
    /// Every configured pool: the publisher must know them.
    pub pools: Vec<Pool>,
    /// `[audit]`
    pub audit: AuditSection,
    /// Who the users of realms are.
    pub users: Users,
    /// `sms.allow_long_validity`: codes may count for more than ten minutes.
    pub long_validity: bool,
    /// The route is a stand-in, and gives way to the first provider that is set.
    pub provisional_route: bool,
}

/// The administrator's name and password; `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Settings {
    /// Reads the sections; whatever is wrong becomes a fault of `config`.
    pub fn read(config: &mut Config) -> Settings {
        let pools = mtan_daemon::pools(config);
        let otp_api = otp_api(config);
        let policy = Policy { remembered: remembered(&otp_api), ..policy(config, &pools) };
        let long_validity = mtan_daemon::sms(config).allow_long_validity;
        let (policies, users) = crate::policies::policies(config, policy, &pools, long_validity);
        Settings {
            otp_api,
            admin: admin(config),
            policies,
            pools: names(&pools),
            audit: audit(config),
            users,
            long_validity,
            provisional_route: false,
        }
    }
}

fn otp_api(config: &mut Config) -> OtpApiSection {
    let section: OtpApiSection = config.section("otp_api");
    if !can_be_listened_on(&section.listen) {
        config.fault("otp_api.listen", "address:port or host:port is expected, such as 127.0.0.1:8080");
    }
    if section.report_wait_ms > LONGEST_WAIT {
        config.fault("otp_api.report_wait_ms", format!("at most {LONGEST_WAIT} milliseconds are expected: 10 seconds after a stop requests are cut off"));
    }
    if !(1..=LONGEST_MEMORY).contains(&section.explain_hours) {
        config.fault("otp_api.explain_hours", format!("1 to {LONGEST_MEMORY} hours are expected"));
    }
    if UserRef::new("user", &section.default_realm).is_err() {
        config.fault(
            "otp_api.default_realm",
            "a name of 1 to 255 characters without control characters is expected",
        );
    }
    section
}

fn audit(config: &mut Config) -> AuditSection {
    let section: AuditSection = config.section("audit");
    if section.keep_entries == 0 {
        config.fault("audit.keep_entries", "at least 1 is expected");
    }
    section
}

fn remembered(section: &OtpApiSection) -> Duration {
    Duration::from_secs(u64::from(section.explain_hours) * 60 * 60)
}

/// Whether [`mtan_daemon::listen`] takes a text of this form; whether the host is known shows when it does.
fn can_be_listened_on(text: &str) -> bool {
    let named = |(host, port): (&str, &str)| port.parse::<u16>().is_ok() && is_host(host);
    text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(named)
}

/// A name, or an IPv6 address without brackets, perhaps with the name of its interface.
fn is_host(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _interface)| address);
    let of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    address.parse::<Ipv6Addr>().is_ok() || (!text.is_empty() && text.chars().all(of_a_name))
}

fn admin(config: &mut Config) -> Option<Credentials> {
    let AdminSection { username, password } = config.section("admin");
    if username.is_some() != password.is_some() {
        let missing = if username.is_some() { "admin.password" } else { "admin.username" };
        config.fault(missing, "is missing: username and password are expected, or neither");
    }
    for (key, value) in [("admin.username", &username), ("admin.password", &password)] {
        if value.as_ref().is_some_and(String::is_empty) {
            config.fault(key, "must not be empty");
        }
    }
    if username.as_ref().is_some_and(|name| name.contains(':')) {
        config.fault("admin.username", "a name without a colon is expected: HTTP Basic ends the name there");
    }
    Some(Credentials { username: username?, password: password? })
}

fn policy(config: &mut Config, pools: &[PoolConfig]) -> Policy {
    let sms = mtan_daemon::sms(config);
    let token: TokenSection = config.section("token");
    let digits = Digits::new(token.default_otp_len).unwrap_or_else(|e| {
        config.fault("token.DefaultOtpLen", e.to_string());
        Digits::default()
    });
    if token.max_fail_count == 0 {
        config.fault("token.MaxFailCount", "at least 1 is expected: with 0 every token is locked");
    }
    let sms_text = Template::new(&sms.smstext).unwrap_or_else(|e| {
        config.fault("sms.smstext", e.to_string());
        Template::default()
    });
    if sms.sms_challenge_prompt.chars().any(char::is_control) {
        config.fault("sms.SMS_CHALLENGE_PROMPT", "one line without control characters is expected");
    }
    let route = mtan_daemon::routing(config, pools);
    Policy {
        validity: Duration::from_secs(sms.sms_provider_timeout),
        blocking: Duration::from_secs(sms.sms_blocking_timeout),
        max_fail_count: token.max_fail_count,
        digits,
        pin_scheme: match token.pin_hash {
            PinHashName::Keyed => PinScheme::Keyed,
            PinHashName::Argon2id => PinScheme::Argon2id,
        },
        sms_text,
        prompt: sms.sms_challenge_prompt,
        route: route.iter().filter_map(|name| name.parse().ok()).collect(),
        ..Policy::default()
    }
}

/// Names that are none were made faults by [`mtan_daemon::pools`].
fn names(pools: &[PoolConfig]) -> Vec<Pool> {
    pools.iter().filter_map(|pool| pool.name.parse().ok()).collect()
}

impl Default for OtpApiSection {
    fn default() -> OtpApiSection {
        OtpApiSection {
            listen: "127.0.0.1:8080".to_owned(),
            compat: Compat::Linotp,
            simplecheck_bare: false,
            report_wait_ms: 0,
            explain_hours: 48,
            pages: true,
            default_realm: "default".to_owned(),
            split_at_sign: true,
        }
    }
}

impl Default for TokenSection {
    fn default() -> TokenSection {
        TokenSection { max_fail_count: 10, default_otp_len: 6, pin_hash: PinHashName::Keyed }
    }
}

impl Default for Settings {
    /// What an empty configuration says.
    fn default() -> Settings {
        Settings {
            otp_api: OtpApiSection::default(),
            admin: None,
            policies: Policy { route: Vec::new(), ..Policy::default() }.into(),
            pools: Vec::new(),
            audit: AuditSection::default(),
            users: Users::default(),
            long_validity: false,
            provisional_route: false,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl fmt::Debug for AdminSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSection(..)")
    }
}
