//! The checker of histories is checked: what no order explains is caught and named, what some order explains passes.

mod past;
mod random;
mod right;
mod wrong;
