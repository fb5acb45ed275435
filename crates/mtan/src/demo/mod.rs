//! The demo: a token to try and a page that stands in for the phone. This binary only; a configured gateway replaces it.

mod banner;
mod page;
mod phone;
mod token;

pub(crate) use banner::print;
pub(crate) use page::router;
pub(crate) use phone::Phone;
pub(crate) use token::{PIN, USER, provide, retire};
