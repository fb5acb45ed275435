//! Sets one modem up as the daemon does, and tells everything about it.

use std::time::Duration;

use super::look::look;
use super::problem::Problem;
use super::scan::Found;
use crate::at::{AtError, Dialogue};
use crate::config::ModemConfig;
use crate::gnokiirc::Line;
use crate::pins::Pins;
use crate::port::Port;
use crate::set_up::{Facts, Trouble, Wishes, set_up};
use crate::ussd::{UssdError, ussd};

/// How a modem is set up by hand: as its configuration says, but with a person waiting.
pub struct Visit<'a> {
    /// PIN, service centre, delivery reports, and where refused PINs are remembered.
    pub config: &'a ModemConfig,
    /// How long the network may take to register the modem.
    pub register_within: Duration,
}

impl Visit<'_> {
    /// The daemon's own: a PIN that either has seen refused is not tried again by the other.
    pub(super) fn memory(&self) -> Pins {
        Pins::new(&self.config.state)
    }

    pub(super) fn wishes(&self) -> Wishes<'_> {
        Wishes {
            pin: self.config.pin.as_ref().map(|pin| pin.as_str()),
            smsc: self.config.smsc.as_ref(),
            reports: self.config.status_reports,
            register_within: self.register_within,
        }
    }
}

/// Everything about one modem.
#[derive(Debug, Clone)]
pub struct Status {
    /// The modem, and what keeps it from sending.
    pub found: Found,
    /// The network's words about the card's balance; `None` where nobody asked, or could.
    pub balance: Option<Result<String, UssdError>>,
}

/// Looks at the modem behind `line`, sets it up, and asks for the balance where the configuration has a code for it.
pub async fn status(visit: &Visit<'_>, line: &Line) -> Status {
    match tell(visit, line).await {
        Ok(status) => status,
        Err(problem) => Status { found: Found::nothing(&line.place, problem), balance: None },
    }
}

async fn tell(visit: &Visit<'_>, line: &Line) -> Result<Status, Problem> {
    let mut dialogue = Dialogue::new(Port::open(line, &line.place).await?);
    let (seen, trouble) = look(&mut dialogue).await?;
    let status = |facts: Facts, problem| Status {
        found: Found { ports: vec![line.place.clone()], facts: Some(facts), problem },
        balance: None,
    };
    if let Some(trouble) = trouble.filter(|trouble| !helps_with(trouble, visit)) {
        return Ok(status(seen, Some(trouble.into())));
    }
    let facts = match set_up(&mut dialogue, &visit.wishes(), &visit.memory()).await {
        Ok(facts) => facts,
        // what was seen is worth telling, whatever came after
        Err(trouble) => return Ok(status(with_network(seen, &trouble), Some(trouble.into()))),
    };
    let balance = balance(&mut dialogue, visit, &facts).await;
    Ok(Status { balance, ..status(facts, None) })
}

/// Whether a set-up may put it right.
fn helps_with(trouble: &Trouble, visit: &Visit<'_>) -> bool {
    match trouble {
        Trouble::PinNeeded => visit.config.pin.is_some(),
        Trouble::NoSim | Trouble::PukNeeded | Trouble::Locked(_) => false,
        _ => true,
    }
}

/// What the set-up learned last.
fn with_network(mut facts: Facts, trouble: &Trouble) -> Facts {
    if let Trouble::NotRegistered { state, .. } = trouble {
        facts.registration = *state;
    }
    facts
}

async fn balance(
    dialogue: &mut Dialogue<Port>,
    visit: &Visit<'_>,
    facts: &Facts,
) -> Option<Result<String, UssdError>> {
    let code = visit.config.balance.as_deref()?;
    Some(match ussd(dialogue, code, facts.charset).await {
        Err(UssdError::At(AtError::Deaf)) => Err(UssdError::Silence),
        other => other,
    })
}
