//! What is of Postgres alone: how connections are made and lost, and what servers over one database tell each other.

mod notify;
mod tls;
mod together;
