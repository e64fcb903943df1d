//! The files of the playground inside of the binary, as a file system that is only read.

use std::future::{Ready, ready};
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rust_embed::{EmbeddedFile, RustEmbed};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File, Metadata};

/// What `make playground` has built. A build for debugging reads it where it was, each time.
#[derive(RustEmbed)]
#[folder = "../target/playground"]
struct Files;

/// The files.
#[derive(Clone, Debug)]
pub(super) struct BuiltIn;

/// One of them, being read.
#[derive(Debug)]
pub(super) struct Open {
    bytes: Cursor<std::borrow::Cow<'static, [u8]>>,
    about: About,
}

/// What is to be known of a file or a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    length_bytes: u64,
    modified: Option<SystemTime>,
    is_folder: bool,
}

impl About {
    const FOLDER: Self = Self { length_bytes: 0, modified: None, is_folder: true };

    fn of(file: &EmbeddedFile) -> Self {
        let modified = file.metadata.last_modified().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        Self { length_bytes: file.data.len() as u64, modified, is_folder: false }
    }
}

/// The name of a file by its path; those above it are folders.
fn name(path: &Path) -> String {
    let parts = path.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Backend for BuiltIn {
    type File = Open;
    type Metadata = About;
    type OpenFuture = Ready<io::Result<Open>>;
    type MetadataFuture = Ready<io::Result<About>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        ready(Files::get(&name(&path)).ok_or_else(not_found).map(|file| {
            let about = About::of(&file);
            Open { bytes: Cursor::new(file.data), about }
        }))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let name = name(&path);
        if let Some(file) = Files::get(&name) {
            return ready(Ok(About::of(&file)));
        }
        let is_folder = name.is_empty() || Files::iter().any(|file| file.starts_with(&format!("{name}/")));
        ready(if is_folder { Ok(About::FOLDER) } else { Err(not_found()) })
    }
}

impl Metadata for About {
    fn is_dir(&self) -> bool {
        self.is_folder
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.modified.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
    }

    fn len(&self) -> u64 {
        self.length_bytes
    }
}

impl File for Open {
    type Metadata = About;
    type MetadataFuture<'a> = Ready<io::Result<About>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.about))
    }
}

impl AsyncRead for Open {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(cx, into)
    }
}

impl AsyncSeek for Open {
    fn start_seek(mut self: Pin<&mut Self>, to: io::SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.bytes).start_seek(to)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.bytes).poll_complete(cx)
    }
}
