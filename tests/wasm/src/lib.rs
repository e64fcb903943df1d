//! Drives the module.
