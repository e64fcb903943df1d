//! The values of the keys that take one of a few names.
//!
//! Each name is written once: the key table, the parser and the printed form share it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every name, in the order of the variants.
            pub const NAMES: &[&str] = &[$($text),+];

            /// The name, as it is configured.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choice! {
    /// The least severe log level that is written.
    Level {
        /// What stops the server or loses something.
        Error = "error",
        /// What an operator should look at.
        Warn = "warn",
        /// What happens once in a while.
        Info = "info",
        /// One line a request.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// The shape of a log line.
    LogFormat {
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object.
        Json = "json",
        /// For people at a terminal.
        Pretty = "pretty",
    }
}

choice! {
    /// The store.
    StorageType {
        /// A file, or memory, in this process.
        Sqlite = "sqlite",
        /// A database that several servers may share.
        Postgres = "postgres",
    }
}

choice! {
    /// SQLite's `synchronous` setting.
    Synchronous {
        /// Waits for the disk at every commit.
        Full = "full",
        /// Waits at checkpoints: a power cut can lose acknowledged commits.
        Normal = "normal",
        /// Never waits: a power cut can also damage the file.
        Off = "off",
        /// Waits for the directory too.
        Extra = "extra",
    }
}

choice! {
    /// How a push delivery proves itself.
    PushAuthMode {
        /// It does not.
        None = "none",
        /// With a fixed token.
        Bearer = "bearer",
    }
}
