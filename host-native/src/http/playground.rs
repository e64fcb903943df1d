//! `/playground`: the files of the playground, from a folder or out of the binary. Owns where they come from and which headers go with them;
//! knows nothing of what they do.
//!
//! The files are the same for everybody and hold nothing of this server, so that no token is asked for. What the page in them asks of the server
//! needs one as ever.

#[cfg(feature = "playground")]
mod built_in;

use std::path::{Path, PathBuf};

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode, Uri};
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, DefaultServeDirFallback};

use super::respond::{error, no_method};

/// The page and everything below it.
const PATH: &str = "/playground";
/// How to come by the files.
const CURE: &str =
    "build it with `make playground`, then start the server with --server-playground-dir target/playground";

/// Everything comes from this server and nothing is inline. `wasm-unsafe-eval` permits to compile WebAssembly, and no text.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What goes with every file. A browser asks each time whether a file has changed: they change together, and their names do not.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-cache"),
];

/// Where the files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playground {
    /// From a folder.
    Folder(PathBuf),
    /// Out of the binary.
    #[cfg(feature = "playground")]
    BuiltIn,
    /// Nowhere.
    Absent,
}

impl Playground {
    /// What `server.playground_dir` says; unset, the files of this build, if it has any.
    ///
    /// # Errors
    /// When there is no page in the folder: what is missing, and how to come by it.
    pub fn open(folder: Option<&str>) -> Result<Self, String> {
        let Some(folder) = folder else { return Ok(Self::of_this_build()) };
        let path = Path::new(folder);
        let missing = match (path.is_dir(), path.join("index.html").is_file()) {
            (true, true) => return Ok(Self::Folder(path.to_owned())),
            (true, false) => "has no index.html",
            (false, _) => "is no folder that can be read",
        };
        Err(format!("server.playground_dir: {folder:?} {missing}: {CURE}, or unset the key"))
    }

    #[cfg(feature = "playground")]
    fn of_this_build() -> Self {
        Self::BuiltIn
    }

    #[cfg(not(feature = "playground"))]
    fn of_this_build() -> Self {
        Self::Absent
    }

    /// Adds the files to a router.
    pub fn serve_by(self, router: Router) -> Router {
        match self {
            Self::Folder(folder) => mount(router, ServeDir::new(folder)),
            #[cfg(feature = "playground")]
            Self::BuiltIn => mount(router, ServeDir::with_backend("", built_in::BuiltIn)),
            Self::Absent => {
                let below = ["", "/", "/{*file}"].map(|below| format!("{PATH}{below}"));
                below.iter().fold(router, |router, path| router.route(path, any(absent)))
            }
        }
    }
}

fn mount<B: Backend>(router: Router, files: ServeDir<DefaultServeDirFallback, B>) -> Router {
    let files = files.precompressed_gzip().redirect_path_prefix(PATH);
    let files = files.fallback(no_file.into_service()).call_fallback_on_method_not_allowed(true);
    let files = Router::new().fallback_service(files).layer(map_response(with_headers));
    router.route(PATH, get(to_the_page).fallback(no_method)).nest(&format!("{PATH}/"), files)
}

/// The names of the files in the page are relative to it, as is the way there: somebody may serve this server below a path of their own.
async fn to_the_page() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("playground/"));
    response
}

async fn with_headers(mut response: Response) -> Response {
    let headers = HEADERS.map(|(name, text)| (name, HeaderValue::from_static(text)));
    response.headers_mut().extend(headers);
    response
}

async fn no_file(method: Method, below: Uri) -> Response {
    let path = format!("{PATH}{}", below.path());
    if matches!(method, Method::GET | Method::HEAD) {
        return error(StatusCode::NOT_FOUND, &format!("there is nothing at {path}"));
    }
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} does not go with {path}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
    response
}

async fn absent() -> Response {
    error(
        StatusCode::NOT_FOUND,
        &format!("this server has no playground: {CURE}; or build a server that holds it with `make dist`"),
    )
}
