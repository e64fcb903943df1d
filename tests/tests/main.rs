//! The integration tests: every table against every driver, what all stores have in common, databases of other versions and programs.

mod tables;
