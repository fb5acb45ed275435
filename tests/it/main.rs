//! Whole stories over real servers and our real processes.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on has failed, and the place is what tells why"
)]

#[macro_use]
mod told;

mod apart;
mod both;
mod demo;
mod deploy;
mod explain;
mod fault_run;
mod gateway_command;
mod house;
mod live;
mod modem;
mod modem_command;
mod pages;
mod refusals;
mod reports;
mod routes;
mod token_command;
mod walls;
