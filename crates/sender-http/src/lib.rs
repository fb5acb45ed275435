//! The way out through an HTTP SMS gateway.
