//! stories

