//! The Resonate protocol of today.
