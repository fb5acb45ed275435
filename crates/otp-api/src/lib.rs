//! The HTTP face: /validate, /admin, health.
