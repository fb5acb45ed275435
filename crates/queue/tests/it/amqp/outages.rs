//! Brokers that die, freeze, and lines that are cut.
