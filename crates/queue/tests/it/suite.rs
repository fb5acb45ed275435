//! The suite that both pass.
