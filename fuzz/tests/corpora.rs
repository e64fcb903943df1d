//! Every input that is kept goes through its target: those that a fuzzer begins with, and those that once found something.

use std::fs;
use std::path::Path;

use resonate_fuzz::TARGETS;

#[test]
fn no_input_that_is_kept_does_what_none_may() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, target) in TARGETS {
        let mut count = 0;
        for kept in ["corpus", "regressions"] {
            let Ok(files) = fs::read_dir(here.join(kept).join(name)) else { continue };
            for file in files {
                let file = file.expect("a folder that can be read").path();
                println!("{}", file.display());
                target(&fs::read(&file).expect("a file"));
                count += 1;
            }
        }
        assert!(count > 0, "{name} has no corpus");
    }
}
