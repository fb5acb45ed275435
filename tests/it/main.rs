//! Whole stories over real servers and our real processes.

mod apart;
mod both;
mod demo;
mod house;
mod refusals;
mod reports;
mod walls;
