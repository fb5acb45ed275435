//! What a process needs around its work: configuration, logs, signals, health and metrics.
