//! The rules of durable promises.
