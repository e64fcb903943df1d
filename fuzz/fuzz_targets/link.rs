#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resonate_fuzz::meet("link", input));
