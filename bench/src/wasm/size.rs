//! Owns sizes as they go over a network.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The size of a file, or of all files of a folder.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) bytes: u64,
    pub(super) gzipped_bytes: u64,
}

impl Size {
    pub(super) fn without(self, part: Self) -> Self {
        Self { bytes: self.bytes - part.bytes, gzipped_bytes: self.gzipped_bytes - part.gzipped_bytes }
    }
}

/// The size of a file.
pub(super) fn gzipped(path: &Path) -> Result<Size> {
    let bytes = fs::metadata(path).with_context(|| path.display().to_string())?.len();
    let gzip = Command::new("gzip").args(["-9", "--stdout"]).arg(path).stderr(Stdio::inherit()).output();
    let gzip = gzip.context("run gzip")?;
    ensure!(gzip.status.success(), "gzip {} failed", path.display());
    Ok(Size { bytes, gzipped_bytes: gzip.stdout.len() as u64 })
}

/// The size of everything below a folder that a browser fetches: not what is there compressed already, nor types.
pub(super) fn folder_gzipped(folder: &Path) -> Result<Size> {
    let mut sum = Size::default();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(".gz") || name.ends_with(".d.ts") {
            continue;
        }
        let size = if path.is_dir() { folder_gzipped(&path)? } else { gzipped(&path)? };
        sum = Size { bytes: sum.bytes + size.bytes, gzipped_bytes: sum.gzipped_bytes + size.gzipped_bytes };
    }
    Ok(sum)
}
