//! The demo's token: there while no gateway is configured, switched off as soon as one is.

use anyhow::Context;
use mtan_sms::PhoneNumber;
use mtan_verifier::{EnrolError, NewToken, Pin, Serial, Store, UserRef, Verifier};

/// The demo's user.
pub(crate) const USER: &str = "demo";
/// Its PIN. No secret: the banner prints it, and the token works in the demo only.
pub(crate) const PIN: &str = "1234";
/// A number that North America keeps free for fiction.
const PHONE: &str = "+12025550123";
const SERIAL: &str = "DEMO0001";

fn serial() -> Serial {
    SERIAL.parse().expect("letters and digits")
}

/// Makes the token if it is not there; a failed demo login of yesterday does not lock out today's.
pub(crate) async fn provide(verifier: &Verifier, realm: &str) -> anyhow::Result<()> {
    let phone = PhoneNumber::parse(PHONE).expect("an E.164 number");
    let token = NewToken {
        serial: Some(serial()),
        user: Some(UserRef::new(USER, realm).context("otp_api.default_realm")?),
        description: "demo".to_owned(),
        ..NewToken::new(phone, Pin::new(PIN))
    };
    match verifier.enrol(token).await {
        Ok(_) | Err(EnrolError::TooManyTokens) => Ok(()),
        Err(e) => Err(e).context("the demo token"),
    }
}

/// Switches the token off where a former demo has left it: everybody knows its PIN.
pub(crate) async fn retire(store: &dyn Store) -> anyhow::Result<()> {
    let Some(mut token) = store.token(&serial()).await.context("the demo token")? else { return Ok(()) };
    if token.active && token.phone.expose() == PHONE {
        token.active = false;
        store.put_token(&token).await.context("the demo token")?;
        tracing::info!(serial = %token.serial, "a gateway is configured: the demo token is switched off");
    }
    Ok(())
}
