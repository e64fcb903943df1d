//! A part of the torture that is small enough for every run of the tests.

mod book;
mod kills;
mod power;
