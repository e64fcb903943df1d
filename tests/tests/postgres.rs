//! What is of Postgres alone: how connections are made and lost, and several servers over one database, correct together and through the faults of
//! each other, of the database and of what lies between.
//!
//! Clients write through all of it and remember what they were answered; in the end every server must know exactly that. A fault lasts until its
//! effect is seen or work has gone on beside it; only an outage has a length.

mod background;
mod connections;
mod failover;
mod killed;
mod load;
mod locks;
mod messages;
mod notify;
mod outages;
mod plans;
mod races;
mod skew;
mod tasks;
mod tls;
mod together;

use resonate_process::fleet;
