//! The real server under load, killed at random moments, and its disk after a power cut at any: whatever was acknowledged must be there, and nothing
//! by halves. Owns the clients, what they remember, and how a store is held to it; knows of the server its flags, its wire and how a store is read as a
//! whole.

pub mod book;
pub mod kills;
pub mod load;
pub mod power;
pub mod report;
pub mod whole;
