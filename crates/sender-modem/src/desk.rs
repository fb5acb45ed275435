//! For the person with the stick in hand: finds modems, looks at one, sends one SMS by it, and says in plain words what is wrong.

mod delivery;
mod look;
mod ports;
mod problem;
mod scan;
mod send;
mod status;
mod words;

pub use delivery::Delivery;
pub use ports::{BY_ID, everywhere, ports, ports_of};
pub use problem::Problem;
pub use scan::{Found, scan};
pub use send::{Letter, Sent, send};
pub use status::{Status, Visit, status};
pub use words::{masked, network, number_free, signal};

#[cfg(test)]
mod tests;
