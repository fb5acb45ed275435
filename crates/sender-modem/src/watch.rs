//! Looks for modems: a keeper for each port that is named, and for each that a pattern matches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tracing::error;

use crate::gnokiirc::{Line, Place};
use crate::modem::{Found, Keeper, Shop};
use crate::port;

/// How often ports are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// For ever. Dropped, it takes every keeper with it, and closes the ports.
pub(crate) async fn run(shop: Arc<Shop>) {
    let mut keepers = JoinSet::new();
    let mut named: Vec<PathBuf> = Vec::new();
    for line in &shop.config.lines {
        if !is_pattern(&line.place) {
            if let Place::Port(path) = &line.place {
                named.push(path.into());
            }
            keep_for_ever(&mut keepers, &shop, line);
        }
    }
    let mut found: BTreeMap<PathBuf, AbortHandle> = BTreeMap::new();
    loop {
        found.retain(|_, keeper| !keeper.is_finished());
        for (line, path) in matches(&shop) {
            let real = port::real(&path);
            if found.contains_key(&real) || named.iter().any(|named| port::real(named) == real) {
                continue;
            }
            let place = Place::Port(path.to_string_lossy().into_owned());
            let keeper = Keeper::new(&shop, line, place, Found::ByPattern);
            found.insert(real, keepers.spawn(keeper.run()));
        }
        while let Some(ended) = keepers.try_join_next() {
            if let Err(error) = ended {
                error!(%error, "the keeper of a modem ended by itself");
            }
        }
        sleep(LOOK).await;
    }
}

/// A keeper that panics is followed by another one: its port is named, and somebody must have it.
fn keep_for_ever(keepers: &mut JoinSet<()>, shop: &Arc<Shop>, line: &Line) {
    let (shop, line) = (Arc::clone(shop), line.clone());
    keepers.spawn(async move {
        loop {
            let keeper = Keeper::new(&shop, &line, line.place.clone(), Found::Named);
            let seat = keeper.seat();
            let mut task = JoinSet::new();
            task.spawn(keeper.run());
            let ended = task.join_next().await;
            error!(?ended, "the keeper of a modem ended by itself: another one begins");
            shop.modems.leave(seat);
            sleep(LOOK).await;
        }
    });
}

fn is_pattern(place: &Place) -> bool {
    matches!(place, Place::Port(path) if path.contains(['*', '?', '[']))
}

fn matches(shop: &Shop) -> impl Iterator<Item = (&Line, PathBuf)> {
    let patterns = shop.config.lines.iter().filter(|line| is_pattern(&line.place));
    patterns.flat_map(|line| {
        port::find(&line.place).into_iter().filter_map(move |place| match place {
            Place::Port(path) => Some((line, Path::new(&path).to_owned())),
            Place::Tcp(_) => None,
        })
    })
}
