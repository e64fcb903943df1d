//! Every table against every driver that it is for.

use std::path::{Path, PathBuf};

use resonate_tests::drivers::Kind;
use resonate_tests::table;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tables")
}

macro_rules! tables {
    ($($name:ident: $($holds:ident $kind:ident),+;)*) => {
        $(mod $name {
            use super::*;
            $(#[test]
            fn $holds() {
                table::run(&folder().join(concat!(stringify!($name), ".txt")), Kind::$kind);
            })+
        })*

        #[test]
        fn every_table_is_run() {
            let mut files: Vec<String> = std::fs::read_dir(folder())
                .expect("the tables")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            files.sort();
            let mut run = [$(concat!(stringify!($name), ".txt")),*];
            run.sort_unstable();
            assert_eq!(files, run);
        }
    };
}

tables! {
    bad_input: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    create: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    ids: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    search: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    settle: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    values: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http, holds_over_grpc Grpc;
    protocol_both: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_envelopes: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_machine: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_pitfalls: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_promises: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_purge: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_schedules: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_tags: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
    protocol_tasks: holds_for_memory Memory, holds_for_sqlite Sqlite, holds_for_postgres Postgres, holds_in_wasm Wasm, holds_over_http Http;
}
