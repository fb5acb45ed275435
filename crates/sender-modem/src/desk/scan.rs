//! Looks at many ports at once, and puts the ports of one stick together.

use tokio::task::JoinSet;

use super::look::look;
use super::problem::Problem;
use crate::at::{AtError, Dialogue};
use crate::gnokiirc::{Line, Place};
use crate::port::Port;
use crate::set_up::Facts;

/// A modem, or a port where none could be spoken to.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its ports that answer, the one to use first.
    pub ports: Vec<Place>,
    /// What it says of itself; `None` where nothing could be asked.
    pub facts: Option<Facts>,
    /// What keeps it from sending as it stands.
    pub problem: Option<Problem>,
}

impl Found {
    pub(super) fn nothing(port: &Place, problem: Problem) -> Found {
        Found { ports: vec![port.clone()], facts: None, problem: Some(problem) }
    }

    /// The port to use.
    pub fn port(&self) -> &Place {
        self.ports.first().expect("a port was looked at")
    }

    /// Whether this is a port of a stick beside the one that answers, or no modem's at all.
    pub fn is_silent(&self) -> bool {
        self.problem == Some(Problem::Silent)
    }
}

/// Looks at every port at once; `looked` is called after each. Enters no PIN and changes nothing that lasts. Modems come
/// first, those that can send before others, then ports that cannot be opened, then those where nothing answers.
pub async fn scan(ports: Vec<Line>, looked: impl Fn()) -> Vec<Found> {
    let mut tasks = JoinSet::new();
    for (place_in_row, line) in ports.into_iter().enumerate() {
        tasks.spawn(async move { (place_in_row, visit(&line).await) });
    }
    let mut found = Vec::new();
    while let Some(done) = tasks.join_next().await {
        looked();
        found.extend(done.ok());
    }
    found.sort_by_key(|(place_in_row, _)| *place_in_row);
    joined(found.into_iter().map(|(_, found)| found))
}

async fn visit(line: &Line) -> Found {
    match open_and_look(line).await {
        Ok(found) => found,
        Err(problem) => Found::nothing(&line.place, problem),
    }
}

async fn open_and_look(line: &Line) -> Result<Found, Problem> {
    let mut dialogue = Dialogue::new(Port::open(line, &line.place).await?);
    let (facts, trouble) = look(&mut dialogue).await.map_err(|error| match error {
        // it said OK once and no more: no modem to work with, and nobody's fault
        AtError::Deaf => Problem::Silent,
        other => other.into(),
    })?;
    Ok(Found { ports: vec![line.place.clone()], facts: Some(facts), problem: trouble.map(Problem::from) })
}

/// Ports with one IMEI are one stick's.
pub(super) fn joined(found: impl Iterator<Item = Found>) -> Vec<Found> {
    let mut modems: Vec<Found> = Vec::new();
    for one in found {
        let same = modems.iter_mut().find(|modem| is_one_stick(modem, &one));
        match same {
            Some(modem) => modem.ports.extend(one.ports),
            None => modems.push(one),
        }
    }
    modems.sort_by_key(|found| match (&found.facts, &found.problem) {
        (Some(_), None) => 0,
        (Some(_), Some(_)) => 1,
        (None, _) if !found.is_silent() => 2,
        (None, _) => 3,
    });
    modems
}

fn is_one_stick(a: &Found, b: &Found) -> bool {
    let imei =
        |found: &Found| found.facts.as_ref().map(|facts| facts.imei.clone()).filter(|imei| !imei.is_empty());
    imei(a).is_some() && imei(a) == imei(b)
}
